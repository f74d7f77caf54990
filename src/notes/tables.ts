import { sql } from 'drizzle-orm'
import { boolean, check, foreignKey, index, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { staff } from '../access/tables.ts'
import { bytes, oneOf, tenant, versioned } from '../database/columns.ts'
import { people } from '../people/tables.ts'
import { sessions } from '../sessions/tables.ts'
import { followUps } from './vocabulary.ts'

/** What a facilitator wrote down about a session: how the group went, apart from who came. Sealed. */
export const notes = pgTable(
  'notes',
  {
    ...tenant(),
    session_id: uuid().notNull(),
    written_by_staff_id: uuid().notNull(),
    text_sealed: bytes().notNull(),
    for_handover: boolean().notNull(),
    follow_up: text({ enum: followUps }),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'notes_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'notes_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    }),
    foreignKey({
      name: 'notes_written_by',
      columns: [t.organization_id, t.written_by_staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    index('notes_of_session').on(t.organization_id, t.session_id, t.id),
    check('notes_follow_up', oneOf(t.follow_up, followUps))
  ]
)

/** What one member of staff wrote down about one person's attendance at a session: apart from the sheet. Sealed. */
export const attendanceNotes = pgTable(
  'attendance_notes',
  {
    ...tenant(),
    session_id: uuid().notNull(),
    person_id: uuid().notNull(),
    /** Null where it came with a sheet that a key without a member of staff had put. */
    written_by_staff_id: uuid(),
    text_sealed: bytes(),
    /** Of a note that came with a sheet, while there were notes on sheets, until it is written again: a migration has no key to seal it. */
    text_plain: text(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'attendance_notes_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'attendance_notes_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    }),
    foreignKey({
      name: 'attendance_notes_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    foreignKey({
      name: 'attendance_notes_written_by',
      columns: [t.organization_id, t.written_by_staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    unique('attendance_notes_one_each')
      .on(t.organization_id, t.session_id, t.person_id, t.written_by_staff_id)
      .nullsNotDistinct(),
    index('attendance_notes_of_session').on(t.organization_id, t.session_id, t.id),
    check('attendance_notes_one_text', sql`(${t.text_sealed} is null) <> (${t.text_plain} is null)`),
    check('attendance_notes_somebodys', sql`${t.written_by_staff_id} is not null or ${t.text_plain} is not null`)
  ]
)
