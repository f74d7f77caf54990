import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Changes,
  Defaulted,
  Id,
  Instant,
  Language,
  Line,
  Nullable,
  named,
  OneOf,
  Page,
  PageInfo,
  Parameters,
  pageQuery,
  Text,
  Version,
  Word
} from '../http/schemas.ts'
import {
  contributorKinds,
  decisions,
  feedbackOutcomes,
  reportReasons,
  strategyFlags,
  strategyStatuses,
  strategyVisibilities,
  whereUsable
} from './vocabulary.ts'

const Minutes = (description: string) => Type.Integer({ minimum: 1, maximum: 1440, description, examples: [5] })

const Link = Type.Object(
  {
    title: Line(200),
    url: Type.String({ format: 'https-url', maxLength: 2000, examples: ['https://example.org/box-breathing'] })
  },
  { title: 'StrategyLink', additionalProperties: false }
)

/** What a card says. */
export const described = {
  title: Line(120, { examples: ['Box breathing'] }),
  summary: Nullable(Text(500, { description: 'What it is, in a sentence or two.' })),
  when_it_helps: Nullable(Text(500, { description: 'When to reach for it.' })),
  steps: Type.Array(Text(500), {
    maxItems: 30,
    description: 'What to do, in order: specific enough to be followed under stress.'
  }),
  minutes: Nullable(Minutes('How long it takes.')),
  where_usable: Type.Array(OneOf(whereUsable), {
    maxItems: 7,
    uniqueItems: true,
    description: 'Where it can be used; `anywhere` stands for all the others.'
  }),
  topics: Type.Array(Word, { maxItems: 20, uniqueItems: true, description: 'What it is good against.' }),
  category: Nullable({ ...Word, description: 'A key of `/v1/strategy-categories`.', examples: ['breathing'] }),
  language: { ...Language, description: 'The language of the card (BCP 47): how its words are searched.' },
  links: Type.Array(Link, { maxItems: 10 }),
  source: Nullable(Line(300, { description: 'Who described it: a book, a manual, a person’s own.' }))
}

const Visibility = OneOf(strategyVisibilities, {
  description:
    '`private`: only whoever wrote it down. `group`: the facilitators of the group and those who moderate. `organization`: everybody here. `public`: everybody here, and it may appear in a directory; for moderators to give.'
})

export const Contributor = Type.Object(
  {
    kind: OneOf(contributorKinds, {
      description: '`anonymous`: nobody can tell who it is, not even an administrator.'
    }),
    person_id: Nullable({ ...Id, description: 'Null for whoever does not see the person.' }),
    display_name: Nullable(Type.String({ description: 'Null for whoever does not see the person.' })),
    nickname: Nullable(Type.String())
  },
  { title: 'Contributor', description: 'Who shared it.' }
)

const ContributorGiven = Type.Object(
  {
    kind: OneOf(contributorKinds),
    person_id: Type.Optional({
      ...Id,
      description:
        'Whom it is by: required for `person`. For `anonymous` it may be given, is sealed with `contributor_secret` and seen by nobody.'
    }),
    nickname: Type.Optional(Line(100, { description: 'Required for `nickname`: a name that says nothing.' }))
  },
  { title: 'ContributorGiven', additionalProperties: false }
)
export type ContributorGiven = Static<typeof ContributorGiven>

const card = {
  id: Id,
  ...described,
  contributor: Contributor,
  group_id: Nullable({ ...Id, description: 'Null for whoever does not see the group.' }),
  session_id: Nullable({ ...Id, description: 'Where it was shared; null for whoever does not see the group.' }),
  visibility: Visibility,
  status: OneOf(strategyStatuses, {
    description:
      'Everybody who may read it sees it when it is `published`; otherwise those who moderate, and whoever wrote it down. `hidden`: reported, and not decided yet.'
  }),
  flags: Nullable(
    Type.Array(OneOf(strategyFlags), {
      description: 'What a rule noticed, for the reviewer; null for all others.'
    })
  ),
  mine: Type.Boolean({ description: 'Whether whoever asks wrote it down.' }),
  helped_count: Type.Integer({ minimum: 0, description: 'So many of those who tried it say that it helped.' }),
  tried_count: Type.Integer({ minimum: 0, description: 'Everybody who said anything of it.' }),
  version: Version,
  created_at: { ...Instant, description: 'Of an anonymous card only the day.' },
  updated_at: { ...Instant, description: 'Of an anonymous card only the day.' }
}

export const Strategy = Answer('Strategy', card, {
  description: 'A coping strategy that helped somebody: a treasure map for the next.'
})
export type Strategy = Static<typeof Strategy>

export const StrategyCreated = Answer(
  'StrategyCreated',
  {
    ...card,
    contributor_secret: Nullable(
      Type.String({
        description:
          'For the anonymous contributor, shown this once and kept nowhere: whoever has it may lift the anonymity. Null for all others, and in a replay.'
      })
    )
  },
  { description: 'The new card.' }
)
export type StrategyCreated = Static<typeof StrategyCreated>

export const StrategyChanged = Answer(
  'StrategyChanged',
  {
    ...card,
    contributor_secret: Nullable(
      Type.String({
        description: 'As in the answer to a new card, where this change made the contributor anonymous; null otherwise.'
      })
    )
  },
  { description: 'The card as it is now.' }
)
export type StrategyChanged = Static<typeof StrategyChanged>

export const StrategyCreate = Body(
  'StrategyCreate',
  {
    title: described.title,
    summary: Defaulted(described.summary, null),
    when_it_helps: Defaulted(described.when_it_helps, null),
    steps: Defaulted(described.steps, []),
    minutes: Defaulted(described.minutes, null),
    where_usable: Defaulted(described.where_usable, []),
    topics: Defaulted(described.topics, []),
    category: Defaulted(described.category, null),
    language: Type.Optional(described.language),
    links: Defaulted(described.links, []),
    source: Defaulted(described.source, null),
    contributor: Defaulted(ContributorGiven, { kind: 'anonymous' }),
    group_id: Type.Optional({ ...Id, description: 'The group whose card it is, or where it was shared.' }),
    session_id: Type.Optional({ ...Id, description: 'Where it was shared; the group is then that session’s.' }),
    visibility: Defaulted(Visibility, 'organization'),
    draft: Defaulted(
      Type.Boolean({ description: 'Not yet for others than its writer and those who moderate; `submit` it later.' }),
      false
    )
  },
  {
    description:
      'The language is the organization’s unless given. What a facilitator writes is `in_review` until a moderator publishes it, unless the organization publishes at once; a card that seems to name a person or to give a dose is always reviewed.',
    examples: [
      {
        title: 'Box breathing',
        when_it_helps: 'When panic rises and there is a wall to look at.',
        steps: ['Breathe in for four.', 'Hold for four.', 'Breathe out for four.', 'Hold for four.'],
        minutes: 5,
        where_usable: ['anywhere'],
        topics: ['panic', 'anxiety'],
        category: 'breathing',
        contributor: { kind: 'nickname', nickname: 'Robin' }
      }
    ]
  }
)
export type StrategyCreate = Static<typeof StrategyCreate>

export const StrategyPatch = Changes(
  'StrategyPatch',
  {
    ...described,
    contributor: ContributorGiven,
    visibility: Visibility,
    group_id: Nullable(Id),
    session_id: Nullable({ ...Id, description: 'Where it was shared; the group is then that session’s.' })
  },
  {
    description:
      'For whoever wrote it down, and those who moderate. A published card that its writer changes is reviewed again. A contributor may become anonymous; an anonymous one stays so, but by their secret.',
    examples: [{ minutes: 4, topics: ['panic'] }]
  }
)
export type StrategyPatch = Static<typeof StrategyPatch>

const Segment = Type.Object(
  { text: Type.String(), match: Type.Boolean({ description: 'Whether these are words that were searched.' }) },
  { title: 'HighlightSegment' }
)
const Highlight = Type.Object(
  {
    field: OneOf(['title', 'when_it_helps', 'steps']),
    segments: Type.Array(Segment, { description: 'The text in pieces, in order.' })
  },
  { title: 'Highlight' }
)
export type Highlight = Static<typeof Highlight>

export const FoundStrategy = Answer(
  'FoundStrategy',
  {
    ...card,
    highlights: Type.Array(Highlight, {
      description:
        'Where the words of `q` stand, as pieces of text and not as markup; empty without `q`, and where only the summary or the topics have them.'
    })
  },
  { description: 'A card of a search.' }
)
export type FoundStrategy = Static<typeof FoundStrategy>

export const StrategyPage = Answer(
  'StrategyPage',
  {
    data: Type.Array(named(FoundStrategy)),
    page: PageInfo,
    corrected_q: Nullable(
      Type.String({
        description: 'What was searched instead, where no card has the words of `q` as they were typed.'
      })
    )
  },
  { description: 'A page of a search.' }
)

export const SimilarStrategies = Answer(
  'SimilarStrategies',
  { data: Type.Array(named(Strategy), { description: 'At most ten, the most similar first.' }) },
  { description: 'Cards like this one.' }
)

export const StrategyPath = Parameters({ strategy_id: Id })

const wanted = {
  topic: Type.Optional({ ...Word, description: 'Cards that are good against this.', examples: ['panic'] }),
  language: Type.Optional({ ...Language, description: 'Cards in this language, and how `q` is read.' }),
  where: Type.Optional(OneOf(whereUsable, { description: 'Where one is: cards that can be used there, or anywhere.' }))
}

export const StrategyQuery = Parameters({
  ...pageQuery,
  q: Type.Optional(
    Line(200, {
      description:
        'Words that must all occur; case, accents and endings do not matter, and mistyped words are put right. Cards with them in the title come first, then those with them in when it helps, summary or topics, then the steps.'
    })
  ),
  ...wanted,
  category: Type.Optional({ ...Word, description: 'Cards of this category.', examples: ['breathing'] }),
  minutes_max: Type.Optional(Minutes('Cards that take no longer.')),
  status: Defaulted(
    OneOf(strategyStatuses, {
      description: 'Others than `published` are listed for those who moderate, and one’s own.'
    }),
    'published'
  )
})

export const SuggestionQuery = Parameters({
  ...pageQuery,
  topic: Word,
  minutes: Type.Optional(Minutes('How long there is.')),
  where: wanted.where,
  language: wanted.language
})

export const ReviewQuery = Parameters(pageQuery)

const Author = Type.Object(
  {
    staff_id: Nullable(Id),
    api_key_id: Nullable(Id),
    display_name: Nullable(Type.String())
  },
  { title: 'StrategyActor', description: 'The member of staff, or the key where none stands behind it.' }
)

const report = {
  id: Id,
  reason: OneOf(reportReasons),
  note: Nullable(Type.String()),
  reported_at: Instant,
  reported_by: Author
}

export const StrategyReview = Answer(
  'StrategyReview',
  {
    id: Id,
    waiting_since: { ...Instant, description: 'Of an anonymous card that was handed in, only the day.' },
    strategy: named(Strategy),
    reports: Type.Array(Type.Object(report, { title: 'OpenStrategyReport' }), {
      description: 'What was reported and not answered yet, the oldest first.'
    })
  },
  { description: 'A card about which somebody must decide. Its id is the card’s.' }
)
export type StrategyReview = Static<typeof StrategyReview>
export const StrategyReviewPage = Page('StrategyReviewPage', StrategyReview)

export const StrategyReportCreate = Body(
  'StrategyReportCreate',
  { reason: OneOf(reportReasons), note: Defaulted(Nullable(Text(1000)), null) },
  { examples: [{ reason: 'harmful', note: 'Fasting is no help for somebody who does not eat.' }] }
)
export type StrategyReportCreate = Static<typeof StrategyReportCreate>
export const StrategyReport = Answer(
  'StrategyReport',
  { id: Id, strategy_id: Id, reason: report.reason, note: report.note, reported_at: Instant },
  { description: 'That a card may harm, tells who somebody is, or does not belong here.' }
)
export type StrategyReport = Static<typeof StrategyReport>

export const StrategyDecide = Body(
  'StrategyDecide',
  { reason: Text(1000, { description: 'Why; kept with the decision.' }) },
  { examples: [{ reason: 'Names somebody in step 2.' }] }
)

export const StrategyDecision = Answer(
  'StrategyDecision',
  {
    decision: OneOf(decisions),
    reason: Nullable(Type.String()),
    decided_at: { ...Instant, description: 'Of an anonymous card only the day.' },
    decided_by: Author
  },
  {
    description:
      'What was decided about a card, and why. `decided_by` is who decided, also where the contributor is anonymous: that may be who wrote the card down.'
  }
)
export type StrategyDecision = Static<typeof StrategyDecision>
export const StrategyDecisionPage = Page('StrategyDecisionPage', StrategyDecision)
export const StrategyDecisionQuery = Parameters(pageQuery)

export const StrategyVersion = Answer(
  'StrategyVersion',
  {
    strategy_id: Id,
    version: Version,
    changed_at: { ...Instant, description: 'Of an anonymous card only the day.' },
    changed_by: Author,
    content: Type.Object(described, { title: 'StrategyContent' })
  },
  {
    description:
      'What a card said before. `changed_by` is who wrote it down, also where the contributor is anonymous; who contributed it is not part of it.'
  }
)
export type StrategyVersion = Static<typeof StrategyVersion>
export const StrategyVersionPage = Page('StrategyVersionPage', StrategyVersion)
export const StrategyHistoryQuery = Parameters(pageQuery)

export const FeedbackPath = Parameters({ strategy_id: Id, person_id: Id })
export const FeedbackPut = Body(
  'FeedbackPut',
  {
    outcome: OneOf(feedbackOutcomes, { description: '`tried`: tried it, and nothing to say of it.' }),
    topic: Defaulted(Nullable({ ...Word, description: 'Against what it was tried.' }), null)
  },
  { examples: [{ outcome: 'helped', topic: 'panic' }] }
)
export type FeedbackPut = Static<typeof FeedbackPut>
export const Feedback = Answer(
  'Feedback',
  {
    strategy_id: Id,
    person_id: Id,
    outcome: Nullable(OneOf(feedbackOutcomes, { description: 'Null once withdrawn.' })),
    topic: Nullable(Type.String()),
    updated_at: Nullable(Instant),
    helped_count: card.helped_count,
    tried_count: card.tried_count
  },
  { description: 'Whether it helped somebody, and how many it helped.' }
)
export type Feedback = Static<typeof Feedback>

export const AnonymityLift = Body(
  'AnonymityLift',
  {
    secret: Type.String({ pattern: '^ck_contributor_[A-Za-z0-9]{43}$', description: 'The `contributor_secret`.' }),
    kind: OneOf(['person', 'nickname'], { description: 'As whom: the person who was sealed, or a name.' }),
    nickname: Type.Optional(Line(100))
  },
  {
    examples: [{ secret: `ck_contributor_${'x'.repeat(43)}`, kind: 'nickname', nickname: 'Robin' }]
  }
)
export type AnonymityLift = Static<typeof AnonymityLift>

export const StrategyCategory = Answer(
  'StrategyCategory',
  {
    key: Word,
    name: Type.String(),
    retired: Type.Boolean({ description: 'Cards keep it; no other gets it.' }),
    version: { ...Version, description: '0 for one that nobody here has touched.' }
  },
  { description: 'A category of cards.' }
)
export type StrategyCategory = Static<typeof StrategyCategory>
export const StrategyCategoryList = Answer(
  'StrategyCategoryList',
  {
    data: Type.Array(named(StrategyCategory), { description: 'All of them: those that come with the service first.' })
  },
  { description: 'The categories of the organization.' }
)
export const CategoryPath = Parameters({ key: Word })
export const StrategyCategoryPut = Body(
  'StrategyCategoryPut',
  { name: Line(100), retired: Defaulted(Type.Boolean(), false) },
  { examples: [{ name: 'Music' }] }
)
export type StrategyCategoryPut = Static<typeof StrategyCategoryPut>

export const StarterSetResult = Answer(
  'StarterSetResult',
  {
    added: Type.Integer({ minimum: 0, description: 'Cards that were not there.' }),
    already_there: Type.Integer({ minimum: 0, description: 'Whatever became of them since.' })
  },
  { description: 'What switching on the starter set did.' }
)
export type StarterSetResult = Static<typeof StarterSetResult>

export const ShareLinkPath = Parameters({ strategy_id: Id, share_link_id: Id })
export const ShareLinkCreate = Body(
  'ShareLinkCreate',
  { expires_at: { ...Instant, description: 'At most 90 days from now.' } },
  { examples: [{ expires_at: '2026-12-24T18:00:00Z' }] }
)
export type ShareLinkCreate = Static<typeof ShareLinkCreate>

const link = {
  id: Id,
  strategy_id: Id,
  expires_at: Instant,
  revoked_at: Nullable(Instant),
  version: Version,
  created_at: Instant,
  updated_at: Instant
}
export const ShareLink = Answer('ShareLink', link, {
  description:
    'Lets whoever has it read one card, for a while. What it opens is shown when it is made, and never again.'
})
export type ShareLink = Static<typeof ShareLink>
export const ShareLinkCreated = Answer(
  'ShareLinkCreated',
  {
    ...link,
    url: Type.String({
      description: 'Where the card is read, shown this once.',
      examples: [`/shared/strategies/ck_share_${'x'.repeat(43)}`]
    })
  },
  { description: 'The new link.' }
)
export type ShareLinkCreated = Static<typeof ShareLinkCreated>
export const ShareLinkPage = Page('ShareLinkPage', ShareLink)
export const ShareLinkQuery = Parameters(pageQuery)

export const SharedPath = Parameters({ secret: Type.String({ pattern: '^ck_share_[A-Za-z0-9]{43}$' }) })
export const SharedStrategy = Answer(
  'SharedStrategy',
  {
    ...described,
    contributor: Type.Object(
      { kind: Contributor.properties.kind, nickname: Contributor.properties.nickname },
      { title: 'SharedContributor', description: 'Nobody on record is told by a link.' }
    ),
    helped_count: card.helped_count,
    tried_count: card.tried_count
  },
  { description: 'A card, for whoever was given a link.' }
)
export type SharedStrategy = Static<typeof SharedStrategy>

export const schemas = [
  ShareLinkCreate,
  ShareLink,
  ShareLinkCreated,
  ShareLinkPage,
  SharedStrategy,
  Strategy,
  StrategyCreated,
  StrategyChanged,
  StrategyCreate,
  StrategyPatch,
  FoundStrategy,
  StrategyPage,
  SimilarStrategies,
  StrategyReview,
  StrategyReviewPage,
  StrategyReportCreate,
  StrategyReport,
  StrategyDecide,
  StrategyDecision,
  StrategyDecisionPage,
  StrategyVersion,
  StrategyVersionPage,
  FeedbackPut,
  Feedback,
  AnonymityLift,
  StrategyCategory,
  StrategyCategoryList,
  StrategyCategoryPut,
  StarterSetResult
]
