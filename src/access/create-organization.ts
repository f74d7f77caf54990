import { v7 as uuid } from 'uuid'
import { recordChange } from '../changes/record.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database, Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { type Keyring, newSecret } from '../database/keyring.ts'
import { defaultSettings } from '../organizations/settings.ts'
import { organizations } from '../organizations/tables.ts'
import { hashOf, newApiKey } from './api-key.ts'
import { scopes } from './roles.ts'
import { apiKeys, staff } from './tables.ts'

export interface NewOrganization {
  name: string
  /** The administrator's key; a random one unless given. */
  api_key?: string
}

/** Makes an organization with its first administrator, and a key that reaches all of it. The key is shown this once. */
export async function createOrganization(
  db: Database,
  keyring: Keyring,
  given: NewOrganization
): Promise<{ id: string; api_key: string }> {
  const id = uuid()
  const api_key = await db.write(serviceActor(id, uuid()), tx => addOrganization(tx, keyring, given))
  return { id, api_key }
}

/** The same inside a transaction that speaks for the organization to be; answers the key. */
export async function addOrganization(
  tx: Tx,
  keyring: Keyring,
  { name, api_key = newApiKey() }: NewOrganization
): Promise<string> {
  const id = tx.actor.organization_id
  await tx.db.insert(organizations).values({
    id,
    name,
    slug:
      fold(name)
        .replace(/[^a-z0-9]+/g, '-')
        .slice(0, 80)
        .replace(/^-|-$/g, '') || 'organization',
    time_zone: 'UTC',
    language: 'en',
    settings: defaultSettings,
    index_key_sealed: keyring.seal(newSecret(), `${id}|organizations|index_key`)
  })
  recordChange(tx, 'organization.created', { id, version: 1 })
  await addAdministratorKey(tx, await addAdministrator(tx), api_key)
  return api_key
}

/** The first administrator is a member of staff like any other; the name may be changed. */
export async function addAdministrator(tx: Tx): Promise<string> {
  const id = uuid()
  await tx.db
    .insert(staff)
    .values({ organization_id: tx.actor.organization_id, id, display_name: 'Administrator', role: 'admin' })
  recordChange(tx, 'staff.created', { id, version: 1 })
  return id
}

export async function addAdministratorKey(tx: Tx, staff_id: string, api_key: string): Promise<void> {
  const id = uuid()
  await tx.db.insert(apiKeys).values({
    organization_id: tx.actor.organization_id,
    id,
    name: 'Administrator',
    secret_hash: hashOf(api_key),
    scopes,
    staff_id
  })
  recordChange(tx, 'api_key.created', { id, version: 1 })
}
