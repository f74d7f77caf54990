import { sql } from 'drizzle-orm'
import { check, foreignKey, index, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytes, instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { organizations } from '../organizations/tables.ts'
import { roles, type Scope } from './roles.ts'

/** The people who run groups: never those who come. */
export const staff = pgTable(
  'staff',
  {
    ...tenant(),
    display_name: text().notNull(),
    email: text(),
    role: text({ enum: roles }).notNull(),
    deactivated_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'staff_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({ name: 'staff_organization', columns: [t.organization_id], foreignColumns: [organizations.id] }),
    uniqueIndex('staff_email').on(t.organization_id, sql`lower(${t.email})`),
    check('staff_role', oneOf(t.role, roles))
  ]
)

/** A key is kept as the SHA-256 of its text: 190 random bits need no slow hash. */
export const apiKeys = pgTable(
  'api_keys',
  {
    ...tenant(),
    name: text().notNull(),
    secret_hash: bytes().notNull(),
    scopes: text().array().$type<Scope[]>().notNull(),
    staff_id: uuid(),
    expires_at: instant(),
    revoked_at: instant(),
    last_used_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'api_keys_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({ name: 'api_keys_organization', columns: [t.organization_id], foreignColumns: [organizations.id] }),
    foreignKey({
      name: 'api_keys_staff',
      columns: [t.organization_id, t.staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    uniqueIndex('api_keys_secret').on(t.secret_hash),
    index('api_keys_of_staff').on(t.organization_id, t.staff_id),
    check('api_keys_secret_hash', sql`length(${t.secret_hash}) = 32`)
  ]
)
