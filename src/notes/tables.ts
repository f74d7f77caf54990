import { boolean, check, foreignKey, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { staff } from '../access/tables.ts'
import { bytes, oneOf, tenant, versioned } from '../database/columns.ts'
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
