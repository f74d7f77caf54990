import { and, eq, sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange, recordChangesNow } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { holdGroup } from '../groups/queries.ts'
import { assertVersion } from '../http/etag.ts'
import { forbidden, notFound, unprocessable } from '../problems.ts'
import { findClosure, lockClosure, restoreSessions, suppressSessions } from './closure-queries.ts'
import { lockCalendar } from './queries.ts'
import type { Closure, ClosureCreate } from './schemas.ts'
import { closures } from './tables.ts'

/** The longest closure, in days. */
const longest = 400

/**
 * Closes days: sessions on them that are to come are cancelled, and so are those that are made later, unless somebody holds
 * one anyway.
 *
 * @throws Problem 403 `not_permitted`, 422 `ends_before_start`, `too_long`, `unknown_reference`
 */
export async function closeDays(tx: Tx, given: ClosureCreate): Promise<Answered<Closure>> {
  const { starts_on, ends_on = starts_on, name } = given
  const group_id = given.group_id ?? null
  if (ends_on < starts_on)
    throw unprocessable('ends_before_start', '#/ends_on', 'A closure ends on its first day or later.')
  if (Date.parse(ends_on) - Date.parse(starts_on) >= longest * 86_400_000) {
    throw unprocessable('too_long', '#/ends_on', `A closure has at most ${longest} days; to end a series, end it.`)
  }
  if (group_id === null) assertReachesAll(tx)
  else if ((await tx.run(holdGroup, { group_id })).length === 0) {
    throw unprocessable('unknown_reference', '#/group_id', 'There is no such group.')
  }
  await tx.run(lockCalendar, {})
  const id = uuid()
  await tx.db
    .insert(closures)
    .values({ organization_id: tx.actor.organization_id, id, group_id, starts_on, ends_on, name })
  await recordChangesNow(tx, 'session.cancelled', await tx.run(suppressSessions, { closure_id: id }))
  const [closure] = await tx.run(findClosure, { closure_id: id })
  recordChange(tx, 'closure.created', closure!)
  return created('/v1/closures', closure!)
}

/**
 * Opens the days again: the sessions to come that this closure cancelled are as they were, unless another closes their day.
 * Twice is the same as once.
 *
 * @throws Problem 403 `not_permitted`, 404, 412, 428
 */
export async function removeClosure(
  tx: Tx,
  closure_id: string,
  ifMatch: string | undefined
): Promise<Answered<Closure>> {
  // Before the row: whoever closes days takes it first, too.
  await tx.run(lockCalendar, {})
  const [before] = await tx.run(lockClosure, { closure_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  if (before.group_id === null) assertReachesAll(tx)
  if (before.removed_at === null) {
    await tx.db
      .update(closures)
      .set({ removed_at: sql`now()`, ...nextVersion(closures) })
      .where(and(eq(closures.organization_id, tx.actor.organization_id), eq(closures.id, closure_id)))
    await recordChangesNow(tx, 'session.reinstated', await tx.run(restoreSessions, { closure_id }))
  }
  const [closure] = await tx.run(findClosure, { closure_id })
  if (before.removed_at === null) recordChange(tx, 'closure.removed', closure!)
  return done(closure!)
}

function assertReachesAll({ actor }: Tx): void {
  if (actor.reach === 'organization') return
  throw forbidden('not_permitted', 'The whole organization is closed by those who reach all of it.')
}
