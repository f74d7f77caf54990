import { foreignKey, index, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { staff } from '../access/tables.ts'
import { bytes, tenant, versioned } from '../database/columns.ts'
import { organizations } from '../organizations/tables.ts'

/** One human in one organization, maybe pseudonymous: only a name to be called by is required. */
export const people = pgTable(
  'people',
  {
    ...tenant(),
    display_name: text().notNull(),
    /** The name folded (lower case, no accents), for search by prefix and for order. */
    name_key: text().notNull(),
    /** Contact details as JSON, sealed with the person's own key; the key sealed with the master key. */
    contact_sealed: bytes(),
    contact_key_sealed: bytes(),
    /** Blind indexes: HMAC of the normalized value under the organization's index key. */
    email_index: bytes(),
    phone_index: bytes(),
    /** Who wrote the person down: a facilitator sees them for a day, whatever groups they join. */
    created_by_staff_id: uuid(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'people_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({ name: 'people_organization', columns: [t.organization_id], foreignColumns: [organizations.id] }),
    foreignKey({
      name: 'people_created_by',
      columns: [t.organization_id, t.created_by_staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    index('people_created_by_staff').on(t.organization_id, t.created_by_staff_id),
    index('people_by_name').on(t.organization_id, t.name_key, t.id),
    index('people_by_email').on(t.organization_id, t.email_index),
    index('people_by_phone').on(t.organization_id, t.phone_index)
  ]
)

/** What other systems call a person: one person per system and value. */
export const personExternalIds = pgTable(
  'person_external_ids',
  { organization_id: uuid().notNull(), system: text().notNull(), value: text().notNull(), person_id: uuid().notNull() },
  t => [
    primaryKey({ name: 'person_external_ids_one_person', columns: [t.organization_id, t.system, t.value] }),
    foreignKey({
      name: 'person_external_ids_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    index('person_external_ids_of_person').on(t.organization_id, t.person_id)
  ]
)
