import { and, eq, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound } from '../problems.ts'
import { hashOf, newApiKey } from './api-key.ts'
import { shownOnce } from './create-api-key.ts'
import { holdMakerWith } from './maker.ts'
import { findApiKey, lockApiKey } from './queries.ts'
import type { ApiKey, ApiKeyWithSecret } from './schemas.ts'
import { apiKeys } from './tables.ts'
import { assertNotWider } from './width.ts'

async function update(tx: Tx, api_key_id: string, columns: PgUpdateSetSource<typeof apiKeys>): Promise<ApiKey> {
  await tx.db
    .update(apiKeys)
    .set({ ...columns, ...nextVersion(apiKeys) })
    .where(and(eq(apiKeys.organization_id, tx.actor.organization_id), eq(apiKeys.id, api_key_id)))
  const [key] = await tx.run(findApiKey, { api_key_id })
  return key!
}

/** For good. Twice is once. Whoever may write keys may revoke any, a wider one too: in doubt a key goes. */
export async function revokeApiKey(tx: Tx, api_key_id: string, ifMatch: string | undefined): Promise<Answered<ApiKey>> {
  const [before] = await tx.run(lockApiKey, { api_key_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  if (before.revoked_at !== null) return done(before)
  const key = await update(tx, api_key_id, { revoked_at: sql`now()` })
  recordChange(tx, 'api_key.revoked', key)
  return done(key)
}

/**
 * A new secret for the same key, which the answer alone holds; the old one is dead with the commit.
 *
 * @throws Problem 403 `wider_than_maker`, 409 `key_revoked`, `key_expired`
 */
export async function rotateApiKey(
  tx: Tx,
  api_key_id: string,
  ifMatch: string | undefined
): Promise<Answered<ApiKeyWithSecret>> {
  const maker = await holdMakerWith(tx, 'api_keys:write')
  const [before] = await tx.run(lockApiKey, { api_key_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  // Who rotates a key holds its secret: as good as having made it.
  assertNotWider(before, maker)
  if (before.revoked_at !== null) throw conflict('key_revoked', 'A revoked key has no new secret: make another key.')
  if (before.expired) throw conflict('key_expired', 'The key has expired: make another one.')
  const secret = newApiKey()
  const key = await update(tx, api_key_id, { secret_hash: hashOf(secret) })
  recordChange(tx, 'api_key.rotated', key)
  return shownOnce(done({ ...key, secret }))
}
