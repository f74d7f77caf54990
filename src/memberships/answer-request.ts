import type { Answered } from '../changes/change.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { conflict } from '../problems.ts'
import { giveUp } from './answer-offer.ts'
import { changeMembership, lockWithGroup } from './change-membership.ts'
import { assertNotTooFarAhead } from './days.ts'
import { assertTakesMembers, wayIn } from './join-group.ts'
import { findStanding } from './line-queries.ts'
import { offerSeats } from './offer-seats.ts'
import type { Membership, MembershipBegin } from './schemas.ts'

/**
 * Lets in whoever asked to join, or lets them wait at the end of the line where every seat is taken.
 *
 * @param force also beyond the capacity; then also somebody who waits in line already
 * @throws Problem 409 `not_requested`, `group_archived`, `group_closed`; 422 `too_far_ahead`
 */
export async function approveRequest(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined,
  { joined_on }: MembershipBegin,
  force: boolean
): Promise<Answered<Membership>> {
  const { group, before } = await lockWithGroup(tx, membership_id, ifMatch)
  if (before.status !== 'requested' && !(before.status === 'waitlisted' && force)) throw notRequested()
  assertTakesMembers(group)
  assertNotTooFarAhead(joined_on, before.today, '#/joined_on')
  await offerSeats(tx, group.id)
  const [standing] = await tx.run(findStanding, { group_id: group.id, person_id: before.person_id })
  const way = wayIn(group, standing!, force, joined_on ?? before.today)
  return await changeMembership(tx, vault, membership_id, 'approved', { ...way, offer_expires_at: null })
}

/** @throws Problem 409 `not_requested` */
export async function refuseRequest(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined
): Promise<Answered<Membership>> {
  const { group, before } = await lockWithGroup(tx, membership_id, ifMatch)
  if (before.status !== 'requested') throw notRequested()
  return await giveUp(tx, vault, membership_id, 'refused', group.id)
}

const notRequested = () => conflict('not_requested', 'Nobody asks to join here, or they were answered.')
