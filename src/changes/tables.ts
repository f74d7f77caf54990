import { sql } from 'drizzle-orm'
import { foreignKey, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { bytes, instant, tenant } from '../database/columns.ts'
import { organizations } from '../organizations/tables.ts'

/** Who did what to which object, when, in which request: ids only, never a name. Rows can be added and read, not changed. */
export const auditEntries = pgTable(
  'audit_entries',
  {
    ...tenant(),
    at: instant().notNull().default(sql`now()`),
    api_key_id: uuid(),
    staff_id: uuid(),
    operation: text().notNull(),
    object_type: text().notNull(),
    object_id: uuid().notNull(),
    request_id: text().notNull()
  },
  t => [
    primaryKey({ name: 'audit_entries_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'audit_entries_organization',
      columns: [t.organization_id],
      foreignColumns: [organizations.id]
    }),
    index('audit_entries_in_order').on(t.organization_id, t.at, t.id)
  ]
)

/** What the world may be told happened, once the transaction has committed: type, object and version, nothing else. */
export const outboxEvents = pgTable(
  'outbox_events',
  {
    ...tenant(),
    at: instant().notNull().default(sql`now()`),
    type: text().notNull(),
    object_type: text().notNull(),
    object_id: uuid().notNull(),
    object_version: integer().notNull()
  },
  t => [
    primaryKey({ name: 'outbox_events_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'outbox_events_organization',
      columns: [t.organization_id],
      foreignColumns: [organizations.id]
    }),
    index('outbox_events_in_order').on(t.organization_id, t.at, t.id)
  ]
)

/** The first answer to a request that carried an Idempotency-Key, sealed: it may hold names or a secret. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    organization_id: uuid().notNull(),
    /** Whose key it is: two actors may use the same text. */
    api_key_id: uuid().notNull(),
    key: text().notNull(),
    fingerprint: bytes().notNull(),
    status: integer(),
    answer_sealed: bytes(),
    created_at: instant().notNull().default(sql`now()`)
  },
  t => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [t.organization_id, t.api_key_id, t.key] }),
    foreignKey({
      name: 'idempotency_keys_organization',
      columns: [t.organization_id],
      foreignColumns: [organizations.id]
    }),
    index('idempotency_keys_by_age').on(t.organization_id, t.created_at)
  ]
)
