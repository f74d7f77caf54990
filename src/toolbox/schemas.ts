import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Defaulted,
  Id,
  Instant,
  Nullable,
  named,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  TimeZone,
  Version
} from '../http/schemas.ts'
import { RRule, StartsOn, StartTime } from '../schedule/schemas.ts'
import { Strategy } from '../strategies/schemas.ts'

export const ToolboxCard = Answer(
  'ToolboxCard',
  {
    strategy: named(Strategy),
    added_at: Instant,
    practiced_count: Type.Integer({ minimum: 0, description: 'How often the log has it.' }),
    last_practiced_at: Nullable(Instant),
    average_rating: Nullable(
      Type.Number({ minimum: 1, maximum: 5, description: 'Of the times that were rated; null where none was.' })
    )
  },
  { description: 'A card that somebody keeps.' }
)
export type ToolboxCard = Static<typeof ToolboxCard>

export const Toolbox = Answer(
  'Toolbox',
  {
    person_id: Id,
    data: Type.Array(named(ToolboxCard), {
      description:
        'All of them, in the order in which the person has them. A card that whoever asks does not read (it was hidden or retired, or is another group’s) keeps its place and is left out.'
    })
  },
  { description: 'The cards that a person keeps.' }
)
export type Toolbox = Static<typeof Toolbox>

export const ToolboxPath = Parameters({ person_id: Id, strategy_id: Id })
export const ToolboxPut = Body(
  'ToolboxPut',
  {
    after: Type.Optional(
      Nullable({
        ...Id,
        description:
          'The card of the toolbox behind which it stands; null: it is the first. Absent: a new one is the last, and one that is there stays where it is.'
      })
    )
  },
  { examples: [{ after: null }] }
)
export type ToolboxPut = Static<typeof ToolboxPut>

const exampleId = '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60'

const Rating = Type.Integer({
  minimum: 1,
  maximum: 5,
  description: 'How it was: 1 did no good at all, 5 did a lot of good.',
  examples: [4]
})
const PracticedAt = { ...Instant, description: 'When it was done.' }

export const Practice = Answer(
  'Practice',
  {
    id: Id,
    person_id: Id,
    strategy_id: Id,
    strategy_title: Type.String(),
    practiced_at: PracticedAt,
    rating: Nullable(Rating),
    voided_at: Nullable({ ...Instant, description: 'It was logged by mistake; null: it counts.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'A person did what a card says.' }
)
export type Practice = Static<typeof Practice>

export const PracticeCreate = Body(
  'PracticeCreate',
  {
    strategy_id: Id,
    practiced_at: Type.Optional({ ...PracticedAt, description: 'When it was done; now unless given, and not later.' }),
    rating: Defaulted(Nullable(Rating), null)
  },
  { examples: [{ strategy_id: exampleId, rating: 4 }] }
)
export type PracticeCreate = Static<typeof PracticeCreate>
export const PracticePath = Parameters({ practice_id: Id })
export const PracticePage = Page('PracticePage', Practice)
export const PracticeQuery = Parameters({
  ...pageQuery,
  strategy_id: Type.Optional({ ...Id, description: 'Of this card alone.' })
})

const reminder = {
  starts_on: StartsOn,
  time: StartTime,
  time_zone: TimeZone,
  rrule: RRule
}

export const PracticeReminder = Answer(
  'PracticeReminder',
  {
    id: Id,
    person_id: Id,
    strategy_id: Id,
    strategy_title: Type.String(),
    ...reminder,
    ended_at: Nullable({ ...Instant, description: 'It reminds of nothing any more; null: it does.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'When a person wants to be reminded of a card.' }
)
export type PracticeReminder = Static<typeof PracticeReminder>

export const PracticeReminderCreate = Body(
  'PracticeReminderCreate',
  {
    strategy_id: Id,
    rrule: reminder.rrule,
    time: reminder.time,
    starts_on: Type.Optional(reminder.starts_on),
    time_zone: Type.Optional(reminder.time_zone)
  },
  {
    description: 'It begins today and in the organization’s time zone, unless given.',
    examples: [{ strategy_id: exampleId, rrule: 'FREQ=DAILY', time: '08:30', time_zone: 'America/New_York' }]
  }
)
export type PracticeReminderCreate = Static<typeof PracticeReminderCreate>
export const PracticeReminderPath = Parameters({ practice_reminder_id: Id })
export const PracticeReminderPage = Page('PracticeReminderPage', PracticeReminder)
export const PracticeReminderQuery = Parameters({
  ...pageQuery,
  ended: Type.Optional(Type.Boolean({ description: 'Only those that ended, or only those that did not.' }))
})

const FeedItem = Type.Object(
  {
    kind: OneOf(['practice_reminder'], { description: 'More kinds may be added.' }),
    at: Instant,
    local_date: Type.String({ format: 'date' }),
    local_time: Type.String(),
    time_zone: TimeZone,
    practice_reminder_id: Id,
    strategy_id: Id,
    title: Type.String(),
    done: Type.Boolean({ description: 'Whether the log has the card on that local day.' })
  },
  { title: 'FeedItem', description: 'Something that comes up for a person.' }
)
export const Feed = Answer(
  'Feed',
  { data: Type.Array(FeedItem, { description: 'By time, all of them.' }) },
  { description: 'What comes up for a person.' }
)
export type Feed = Static<typeof Feed>
export const FeedQuery = Parameters({
  from: Type.Optional({
    ...Instant,
    description: 'From this instant on, at most 400 days back and two years ahead; now unless given.'
  }),
  until: Type.Optional({ ...Instant, description: 'Before this instant, at most 31 days later; a week unless given.' })
})

export const schemas = [
  ToolboxCard,
  Toolbox,
  ToolboxPut,
  Practice,
  PracticeCreate,
  PracticePage,
  PracticeReminder,
  PracticeReminderCreate,
  PracticeReminderPage,
  Feed
]
