import { and, eq } from 'drizzle-orm'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { localDateOf } from '../clock/time-zones.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { assertNotTooFarAhead } from './days.ts'
import { findMembership, lockMembership } from './queries.ts'
import type { Membership, MembershipLeave } from './schemas.ts'
import { memberships } from './tables.ts'

/**
 * Ends a membership with its last day, which still counts.
 *
 * @throws Problem 409 `already_left`; 422 `left_before_joining`, `too_far_ahead`
 */
export async function leaveMembership(
  tx: Tx,
  membership_id: string,
  ifMatch: string | undefined,
  { left_on, reason }: MembershipLeave,
  now = new Date()
): Promise<Answered<Membership>> {
  const [before] = await tx.run(lockMembership, { membership_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  if (before.left_on !== null) throw conflict('already_left', 'This membership has its last day already.')
  const today = localDateOf(now, before.time_zone)
  assertNotTooFarAhead(left_on, today, '#/left_on')
  if ((left_on ?? today) < before.joined_on) {
    throw unprocessable('left_before_joining', '#/left_on', 'The last day cannot lie before the first.')
  }
  await tx.db
    .update(memberships)
    .set({ left_on: left_on ?? today, left_reason: reason ?? null, ...nextVersion(memberships) })
    .where(and(eq(memberships.organization_id, tx.actor.organization_id), eq(memberships.id, membership_id)))
  const [membership] = await tx.run(findMembership, { membership_id })
  recordChange(tx, 'membership.ended', membership!)
  return done(membership!)
}
