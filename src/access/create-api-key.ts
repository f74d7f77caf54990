import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { unprocessable } from '../problems.ts'
import { hashOf, newApiKey } from './api-key.ts'
import { holdMakerWith } from './maker.ts'
import { findApiKey, holdStaff } from './queries.ts'
import type { ApiKeyCreate, ApiKeyWithSecret, Staff } from './schemas.ts'
import { apiKeys } from './tables.ts'
import { assertExpiresLater, assertNotWider, effectiveScopes } from './width.ts'

/** An answer that holds a secret: nobody on the way keeps it. */
export const shownOnce = <T>(answer: Answered<T>): Answered<T> => ({
  ...answer,
  headers: { ...answer.headers, 'cache-control': 'no-store' }
})

/**
 * Makes a key, no wider than the one that asks; the answer alone holds its secret.
 *
 * @throws Problem 403 `wider_than_maker`, 422 `unknown_reference`, `expires_in_the_past`, `no_scopes`
 */
export async function createApiKey(
  tx: Tx,
  { name, staff_id, ...given }: ApiKeyCreate,
  now = new Date()
): Promise<Answered<ApiKeyWithSecret>> {
  const maker = await holdMakerWith(tx, 'api_keys:write')
  const owner = staff_id === null ? undefined : await activeStaff(tx, staff_id)
  // A maker that expires makes keys that expire with it, unless it says sooner.
  const expires_at = given.expires_at === undefined ? maker.expires_at : millisecondsOf(given.expires_at)
  if (expires_at !== null) assertExpiresLater(expires_at, now)
  const scopes = given.scopes ?? effectiveScopes(maker.scopes, owner?.role ?? 'admin', owner ? 'staff' : 'integration')
  if (scopes.length === 0) {
    throw unprocessable('no_scopes', '#/scopes', 'Your key has no scope that this role could use.')
  }
  assertNotWider({ scopes, expires_at }, maker)

  const id = uuid()
  const secret = newApiKey()
  await tx.db.insert(apiKeys).values({
    organization_id: tx.actor.organization_id,
    id,
    name,
    secret_hash: hashOf(secret),
    scopes,
    staff_id,
    expires_at
  })
  const [key] = await tx.run(findApiKey, { api_key_id: id })
  recordChange(tx, 'api_key.created', key!)
  return shownOnce(created('/v1/api-keys', { ...key!, secret }))
}

async function activeStaff(tx: Tx, staff_id: string): Promise<Staff> {
  const [staff] = await tx.run(holdStaff, { staff_id })
  if (staff === undefined || staff.deactivated_at !== null) {
    throw unprocessable('unknown_reference', '#/staff_id', 'There is no such member of staff at work here.')
  }
  return staff
}

/** Cut to what is kept: rounding up could outlive the maker. */
const millisecondsOf = (instant: string | null) => (instant === null ? null : new Date(instant).toISOString())
