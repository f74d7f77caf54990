import type { Tx } from '../database/database.ts'
import { insufficientScope, unauthorized } from '../problems.ts'
import { holdMaker, holdStaff } from './queries.ts'
import type { Scope } from './roles.ts'
import { effectiveScopes, type Width } from './width.ts'

/**
 * How wide the key that asks is, looked at again inside the transaction and held, with the role behind it: one that was
 * revoked or narrowed a moment ago, and is still remembered by the sign-in, makes no other.
 *
 * @throws Problem 401, 403
 */
export async function holdMakerWith(tx: Tx, scope: Scope): Promise<Width> {
  // The staff first, then the key: the order of a deactivation.
  if (tx.actor.staff_id !== null) await tx.run(holdStaff, { staff_id: tx.actor.staff_id })
  const [key] = await tx.run(holdMaker, {})
  if (key === undefined) throw unauthorized()
  const scopes = effectiveScopes(key.scopes, key.role, tx.actor.staff_id === null ? 'integration' : 'staff')
  if (!scopes.includes(scope)) throw insufficientScope(scope)
  return { scopes, expires_at: key.expires_at }
}
