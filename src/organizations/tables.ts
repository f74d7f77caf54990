import { jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { bytes, versioned } from '../database/columns.ts'
import type { OrganizationSettings } from './settings.ts'

/** The tenant. Its slug is its own affair and not unique: a refusal would tell of another organization. */
export const organizations = pgTable('organizations', {
  id: uuid().primaryKey(),
  name: text().notNull(),
  slug: text().notNull(),
  time_zone: text().notNull(),
  language: text().notNull(),
  settings: jsonb().$type<OrganizationSettings>().notNull(),
  /** The key of the blind indexes over contact details, sealed with the master key. */
  index_key_sealed: bytes().notNull(),
  ...versioned()
})

/** The master keys that have sealed something here, by fingerprint: a service that lacks one refuses to start. */
export const encryptionKeys = pgTable('encryption_keys', {
  id: text().primaryKey(),
  check_sealed: bytes().notNull()
})
