import { type SQL, sql } from 'drizzle-orm'
import {
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid
} from 'drizzle-orm/pg-core'
import { apiKeys, staff } from '../access/tables.ts'
import { bytes, instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { organizations } from '../organizations/tables.ts'
import { people } from '../people/tables.ts'
import { sessions } from '../sessions/tables.ts'
import {
  contributorKinds,
  decisions,
  feedbackOutcomes,
  reportReasons,
  strategyStatuses,
  strategyVisibilities
} from './vocabulary.ts'

const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })

/**
 * The categories of an organization: those it made or renamed, and of the seeded ones (`vocabulary.ts`) those that a card
 * has. The rest of the seeded ones are as good as here.
 */
export const strategyCategories = pgTable(
  'strategy_categories',
  {
    organization_id: uuid().notNull(),
    key: text().notNull(),
    name: text().notNull(),
    retired_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'strategy_categories_pkey', columns: [t.organization_id, t.key] }),
    foreignKey({
      name: 'strategy_categories_organization',
      columns: [t.organization_id],
      foreignColumns: [organizations.id]
    })
  ]
)

/** A coping strategy that helped somebody, as a card that helps the next. */
export const strategies = pgTable(
  'strategies',
  {
    ...tenant(),
    title: text().notNull(),
    summary: text(),
    when_it_helps: text(),
    steps: text().array().notNull(),
    minutes: integer(),
    where_usable: text().array().notNull(),
    topics: text().array().notNull(),
    category: text(),
    language: text().notNull(),
    links: jsonb().$type<{ title: string; url: string }[]>().notNull(),
    source: text(),
    contributor_kind: text({ enum: contributorKinds }).notNull(),
    contributor_person_id: uuid(),
    contributor_nickname: text(),
    /** Who an anonymous contributor is, sealed with a secret that only they were given (`contributor.ts`). */
    contributor_sealed: bytes(),
    contributor_secret_hash: bytes(),
    /** Whose card it is, or in which group it was shared. */
    group_id: uuid(),
    session_id: uuid(),
    visibility: text({ enum: strategyVisibilities }).notNull(),
    status: text({ enum: strategyStatuses }).notNull(),
    flags: text().array().notNull(),
    /** Since when somebody must decide; null: nothing is to be decided. */
    review_since: instant(),
    /** Retired, and nothing was held against it: in the logs of those who read it then, it keeps its title. */
    stays_in_logs: boolean().notNull().default(false),
    /** Which card of the starter set it is: switched on twice, it is there once. */
    starter_key: text(),
    created_by_staff_id: uuid(),
    created_by_key_id: uuid(),
    helped_count: integer().notNull().default(0),
    tried_count: integer().notNull().default(0),
    /** The lower bound of Wilson's interval for helped among tried (95 %), in millionths. */
    helpfulness: integer()
      .notNull()
      .generatedAlwaysAs((): SQL => sql`strategy_helpfulness(helped_count, tried_count)`),
    /**
     * The words of the card as its language stems them, `a:` in the title, `b:` there or in when it helps, summary or topics,
     * `c:` anywhere; and what it can be filtered by as `#topic:grief`.
     */
    document: tsvector()
      .notNull()
      .generatedAlwaysAs(
        (): SQL =>
          sql`strategy_document(language, title, when_it_helps, summary, steps, topics, where_usable, category)`
      ),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'strategies_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({ name: 'strategies_organization', columns: [t.organization_id], foreignColumns: [organizations.id] }),
    foreignKey({
      name: 'strategies_category',
      columns: [t.organization_id, t.category],
      foreignColumns: [strategyCategories.organization_id, strategyCategories.key]
    }),
    foreignKey({
      name: 'strategies_contributor_person',
      columns: [t.organization_id, t.contributor_person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    foreignKey({
      name: 'strategies_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'strategies_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    }),
    foreignKey({
      name: 'strategies_created_by_staff',
      columns: [t.organization_id, t.created_by_staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    foreignKey({
      name: 'strategies_created_by_key',
      columns: [t.organization_id, t.created_by_key_id],
      foreignColumns: [apiKeys.organization_id, apiKeys.id]
    }),
    uniqueIndex('strategies_starter').on(t.organization_id, t.starter_key),
    index('strategies_by_helpfulness').on(t.organization_id, t.status, t.helpfulness, t.id),
    index('strategies_to_review').on(t.organization_id, t.review_since, t.id).where(sql`review_since is not null`),
    check('strategies_contributor_kind', oneOf(t.contributor_kind, contributorKinds)),
    check(
      'strategies_contributor',
      sql`(${t.contributor_kind} = 'person') = (${t.contributor_person_id} is not null)
        and (${t.contributor_kind} = 'nickname') = (${t.contributor_nickname} is not null)
        and (${t.contributor_kind} = 'anonymous') = (${t.contributor_secret_hash} is not null)
        and (${t.contributor_kind} = 'anonymous' or ${t.contributor_sealed} is null)`
    ),
    check('strategies_visibility', oneOf(t.visibility, strategyVisibilities)),
    check('strategies_status', oneOf(t.status, strategyStatuses)),
    check('strategies_of_a_group', sql`${t.visibility} <> 'group' or ${t.group_id} is not null`),
    check('strategies_minutes', sql`${t.minutes} between 1 and 1440`),
    check('strategies_counts', sql`${t.helped_count} between 0 and ${t.tried_count}`)
  ]
)

/** The words of published cards: what a mistyped word may have been meant to be, for those whom they reach. */
export const strategyWords = pgTable(
  'strategy_words',
  {
    organization_id: uuid().notNull(),
    /** The organization, the group, or the writer (a member of staff, or a key with none behind it). */
    reach: uuid().notNull(),
    is_private: boolean().notNull(),
    word: text().notNull()
  },
  t => [
    primaryKey({ name: 'strategy_words_pkey', columns: [t.organization_id, t.reach, t.word] }),
    foreignKey({
      name: 'strategy_words_organization',
      columns: [t.organization_id],
      foreignColumns: [organizations.id]
    })
  ]
)

/** What a card said in each of its versions. Who contributed it is not part of that: it may be lifted, and never told again. */
export const strategyVersions = pgTable(
  'strategy_versions',
  {
    organization_id: uuid().notNull(),
    strategy_id: uuid().notNull(),
    version: integer().notNull(),
    changed_at: instant().notNull().default(sql`now()`),
    changed_by_key: uuid(),
    changed_by_staff: uuid(),
    /** As it was then: what was private stays with its writer. */
    visibility: text({ enum: strategyVisibilities }).notNull(),
    content: jsonb().notNull()
  },
  t => [
    primaryKey({ name: 'strategy_versions_pkey', columns: [t.organization_id, t.strategy_id, t.version] }),
    foreignKey({
      name: 'strategy_versions_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    check('strategy_versions_visibility', oneOf(t.visibility, strategyVisibilities))
  ]
)

/** Did it help? One answer a person. */
export const strategyFeedback = pgTable(
  'strategy_feedback',
  {
    organization_id: uuid().notNull(),
    strategy_id: uuid().notNull(),
    person_id: uuid().notNull(),
    outcome: text({ enum: feedbackOutcomes }).notNull(),
    topic: text(),
    created_at: instant().notNull().default(sql`now()`),
    updated_at: instant().notNull().default(sql`now()`)
  },
  t => [
    primaryKey({ name: 'strategy_feedback_pkey', columns: [t.organization_id, t.strategy_id, t.person_id] }),
    foreignKey({
      name: 'strategy_feedback_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    foreignKey({
      name: 'strategy_feedback_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    check('strategy_feedback_outcome', oneOf(t.outcome, feedbackOutcomes))
  ]
)

/** What a moderator or the writer decided about a card, and why. Added to, never changed. */
export const strategyDecisions = pgTable(
  'strategy_decisions',
  {
    ...tenant(),
    strategy_id: uuid().notNull(),
    decision: text({ enum: decisions }).notNull(),
    reason: text(),
    decided_at: instant().notNull().default(sql`now()`),
    decided_by_key: uuid(),
    decided_by_staff: uuid()
  },
  t => [
    primaryKey({ name: 'strategy_decisions_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'strategy_decisions_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    index('strategy_decisions_of_strategy').on(t.organization_id, t.strategy_id, t.id),
    check('strategy_decisions_decision', oneOf(t.decision, decisions))
  ]
)

/** Somebody says that a card may harm, tells who somebody is, or does not belong here. */
export const strategyReports = pgTable(
  'strategy_reports',
  {
    ...tenant(),
    strategy_id: uuid().notNull(),
    reason: text({ enum: reportReasons }).notNull(),
    note: text(),
    reported_at: instant().notNull().default(sql`now()`),
    reported_by_key: uuid(),
    reported_by_staff: uuid(),
    /** The decision that answered it; null: it is open. */
    decision_id: uuid()
  },
  t => [
    primaryKey({ name: 'strategy_reports_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'strategy_reports_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    foreignKey({
      name: 'strategy_reports_decision',
      columns: [t.organization_id, t.decision_id],
      foreignColumns: [strategyDecisions.organization_id, strategyDecisions.id]
    }),
    index('strategy_reports_of_strategy').on(t.organization_id, t.strategy_id, t.id),
    check('strategy_reports_reason', oneOf(t.reason, reportReasons))
  ]
)

/** A link under which somebody without a key reads one card, for a while. */
export const strategyShareLinks = pgTable(
  'strategy_share_links',
  {
    ...tenant(),
    strategy_id: uuid().notNull(),
    secret_hash: bytes().notNull(),
    expires_at: instant().notNull(),
    revoked_at: instant(),
    created_by_key: uuid(),
    created_by_staff: uuid(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'strategy_share_links_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'strategy_share_links_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    // Across organizations, for it is looked up before anybody knows whose it is; a hash of 256 random bits.
    uniqueIndex('strategy_share_links_secret').on(t.secret_hash),
    index('strategy_share_links_of_strategy').on(t.organization_id, t.strategy_id, t.id),
    check('strategy_share_links_secret_hash', sql`length(${t.secret_hash}) = 32`)
  ]
)
