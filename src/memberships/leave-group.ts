import type { Answered } from '../changes/change.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { conflict, unprocessable } from '../problems.ts'
import { changeMembership, lockWithGroup, notAMember } from './change-membership.ts'
import { assertNotTooFarAhead } from './days.ts'
import { offerSeats } from './offer-seats.ts'
import type { Membership, MembershipLeave } from './schemas.ts'

/**
 * Ends a membership with its last day, which still counts. From that day on, its seat is for the next in line.
 *
 * @throws Problem 409 `already_left`, `not_a_member`; 422 `left_before_joining`, `too_far_ahead`
 */
export async function leaveMembership(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined,
  { left_on, reason }: MembershipLeave
): Promise<Answered<Membership>> {
  const { group, before } = await lockWithGroup(tx, membership_id, ifMatch)
  if (before.joined_on === null) throw notAMember()
  if (before.left_on !== null) throw conflict('already_left', 'This membership has its last day already.')
  assertNotTooFarAhead(left_on, before.today, '#/left_on')
  const last = left_on ?? before.today
  if (last < before.joined_on) {
    throw unprocessable('left_before_joining', '#/left_on', 'The last day cannot lie before the first.')
  }
  const left = await changeMembership(tx, vault, membership_id, 'ended', { left_on: last, left_reason: reason ?? null })
  await offerSeats(tx, group.id)
  return left
}
