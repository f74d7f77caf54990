import { sql } from 'drizzle-orm'
import { check, date, foreignKey, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { people } from '../people/tables.ts'
import { leaveReasons } from './vocabulary.ts'

/** A dated episode of belonging. Rejoining makes a new one; the migration refuses two at once. */
export const memberships = pgTable(
  'memberships',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    person_id: uuid().notNull(),
    joined_on: date().notNull(),
    left_on: date(),
    left_reason: text({ enum: leaveReasons }),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'memberships_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'memberships_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'memberships_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    index('memberships_of_group').on(t.organization_id, t.group_id, t.joined_on, t.id),
    index('memberships_of_person').on(t.organization_id, t.person_id, t.joined_on, t.id),
    check('memberships_left_reason', oneOf(t.left_reason, leaveReasons)),
    check('memberships_order', sql`${t.left_on} >= ${t.joined_on}`),
    check('memberships_reason_of_leaving', sql`${t.left_reason} is null or ${t.left_on} is not null`)
  ]
)
