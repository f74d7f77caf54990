import { sql } from 'drizzle-orm'
import { check, date, foreignKey, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { instant, tenant, versioned } from '../database/columns.ts'
import { people } from '../people/tables.ts'
import { strategies } from '../strategies/tables.ts'

/** The cards that a person keeps, in their order. */
export const toolboxCards = pgTable(
  'toolbox_cards',
  {
    organization_id: uuid().notNull(),
    person_id: uuid().notNull(),
    strategy_id: uuid().notNull(),
    position: integer().notNull(),
    added_at: instant().notNull().default(sql`now()`)
  },
  t => [
    primaryKey({ name: 'toolbox_cards_pkey', columns: [t.organization_id, t.person_id, t.strategy_id] }),
    foreignKey({
      name: 'toolbox_cards_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    foreignKey({
      name: 'toolbox_cards_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    })
  ]
)

/** A person did what a card says. */
export const practices = pgTable(
  'practices',
  {
    ...tenant(),
    person_id: uuid().notNull(),
    strategy_id: uuid().notNull(),
    practiced_at: instant().notNull(),
    rating: integer(),
    /** It was logged by mistake; null: it counts. */
    voided_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'practices_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'practices_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    foreignKey({
      name: 'practices_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    index('practices_of_person').on(t.organization_id, t.person_id, t.practiced_at, t.id).where(sql`voided_at is null`),
    check('practices_rating', sql`${t.rating} between 1 and 5`)
  ]
)

/** When a person wants to be reminded of a card: a rule and a wall-clock time. */
export const practiceReminders = pgTable(
  'practice_reminders',
  {
    ...tenant(),
    person_id: uuid().notNull(),
    strategy_id: uuid().notNull(),
    starts_on: date().notNull(),
    time: text().notNull(),
    time_zone: text().notNull(),
    rrule: text().notNull(),
    ended_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'practice_reminders_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'practice_reminders_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    foreignKey({
      name: 'practice_reminders_strategy',
      columns: [t.organization_id, t.strategy_id],
      foreignColumns: [strategies.organization_id, strategies.id]
    }),
    index('practice_reminders_of_person').on(t.organization_id, t.person_id, t.id)
  ]
)
