import { sql } from 'drizzle-orm'
import { check, foreignKey, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { staff } from '../access/tables.ts'
import { instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { facilitatorRoles } from './vocabulary.ts'

/** Who facilitates a group, from when to when: history keeps who led. */
export const groupFacilitators = pgTable(
  'group_facilitators',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    staff_id: uuid().notNull(),
    role: text({ enum: facilitatorRoles }).notNull(),
    starts_at: instant().notNull(),
    ends_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'group_facilitators_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'group_facilitators_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'group_facilitators_staff',
      columns: [t.organization_id, t.staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    index('group_facilitators_of_staff').on(t.organization_id, t.staff_id, t.group_id),
    index('group_facilitators_of_group').on(t.organization_id, t.group_id, t.starts_at, t.id),
    check('group_facilitators_role', oneOf(t.role, facilitatorRoles)),
    check('group_facilitators_order', sql`${t.ends_at} >= ${t.starts_at}`)
  ]
)
