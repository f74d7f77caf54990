import { forbidden, unprocessable } from '../problems.ts'
import { type Role, type Scope, scopesOf, staffScopes } from './roles.ts'

/** How much a key may do, and until when. */
export interface Width {
  scopes: readonly Scope[]
  /** null: for ever. */
  expires_at: string | null
}

/** What a key may do with that role behind it: its own scopes, as far as the role goes; of an integration, less. */
export const effectiveScopes = (scopes: readonly Scope[], role: Role, of: 'staff' | 'integration'): Scope[] =>
  scopes.filter(scope => scopesOf[role].has(scope) && (of === 'staff' || !staffScopes.has(scope)))

/**
 * A key is never wider than its maker, and outlives nobody who made it. Where a role stands behind the key, its scopes
 * are compared as they are kept, not as the role narrows them today: roles change.
 *
 * @throws Problem 403 `wider_than_maker`
 */
export function assertNotWider(key: Width, maker: Width): void {
  if (!key.scopes.every(scope => maker.scopes.includes(scope))) {
    throw forbidden('wider_than_maker', 'The key has scopes that yours does not have.')
  }
  const lasts = ({ expires_at }: Width) => (expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at))
  if (lasts(key) > lasts(maker)) {
    throw forbidden('wider_than_maker', 'The key would be good for longer than yours.')
  }
}

/**
 * A new role lets the keys of that member of staff do more; never what whoever gives the role may not do. Who was a
 * facilitator gains the whole organization: all that a key may do then is more than before, the same scopes too.
 *
 * @throws Problem 403 `wider_than_maker`
 */
export function assertRoleWithin(keys: readonly Width[], before: Role, after: Role, maker: Width): void {
  const reachesFurther = before === 'facilitator' && after !== 'facilitator'
  const gained = keys
    .flatMap(key => effectiveScopes(key.scopes, after, 'staff'))
    .filter(scope => reachesFurther || !scopesOf[before].has(scope))
  if (!gained.every(scope => maker.scopes.includes(scope))) {
    throw forbidden('wider_than_maker', 'With this role a key of theirs could do what yours cannot.')
  }
}

/** @throws Problem 422 `expires_in_the_past` */
export function assertExpiresLater(expires_at: string, now: Date): void {
  if (Date.parse(expires_at) <= now.getTime()) {
    throw unprocessable('expires_in_the_past', '#/expires_at', 'A key expires at some time to come.')
  }
}
