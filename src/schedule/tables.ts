import { sql } from 'drizzle-orm'
import {
  type AnyPgColumn,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid
} from 'drizzle-orm/pg-core'
import { instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { type Location, modes } from '../groups/vocabulary.ts'
import { organizations } from '../organizations/tables.ts'

/** The recurrence rule and the wall-clock time that make sessions. */
export const series = pgTable(
  'series',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    starts_on: date().notNull(),
    /** Local, `HH:MM`. */
    start_time: text().notNull(),
    duration_minutes: integer().notNull(),
    time_zone: text().notNull(),
    rrule: text().notNull(),
    topic: text(),
    mode: text({ enum: modes }),
    /** Where it meets, if not where the group does. */
    location: jsonb().$type<Location>(),
    online_url: text(),
    /** The series of which it is the rest, since somebody changed that one from a day on. */
    continues_series_id: uuid(),
    /** The last local day on which it may still have a session. */
    ends_on: date(),
    /** Its sessions exist before this local day. */
    extended_until: date().notNull(),
    /** Which import keeps it up to date, if any. */
    source: text(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'series_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'series_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'series_continues',
      columns: [t.organization_id, t.group_id, t.continues_series_id],
      foreignColumns: [t.organization_id, t.group_id, t.id] as [AnyPgColumn, AnyPgColumn, AnyPgColumn]
    }),
    unique('series_with_group').on(t.organization_id, t.group_id, t.id),
    index('series_of_group').on(t.organization_id, t.group_id, t.starts_on, t.id),
    index('series_to_extend')
      .on(t.organization_id, t.extended_until)
      .where(sql`${t.ends_on} is null or ${t.ends_on} >= ${t.extended_until}`),
    check('series_mode', oneOf(t.mode, modes)),
    check('series_start_time', sql`${t.start_time} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'`),
    check('series_duration', sql`${t.duration_minutes} between 5 and 1440`)
  ]
)

/**
 * Days on which nothing is held: of the whole organization, or of one group. The sessions that it suppressed name it, so that
 * they come back when it is removed.
 */
export const closures = pgTable(
  'closures',
  {
    ...tenant(),
    group_id: uuid(),
    /** Local days, both of them closed. */
    starts_on: date().notNull(),
    ends_on: date().notNull(),
    name: text().notNull(),
    /** What the calendar that it came from calls it. */
    uid: text(),
    removed_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'closures_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({ name: 'closures_organization', columns: [t.organization_id], foreignColumns: [organizations.id] }),
    foreignKey({
      name: 'closures_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    index('closures_in_order').on(t.organization_id, t.starts_on, t.id),
    check('closures_days', sql`${t.ends_on} >= ${t.starts_on}`)
  ]
)
