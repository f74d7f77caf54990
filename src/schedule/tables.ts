import { sql } from 'drizzle-orm'
import { check, date, foreignKey, index, integer, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { modes } from '../groups/vocabulary.ts'

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
