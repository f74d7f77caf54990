import type { Answered } from '../changes/change.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { conflict } from '../problems.ts'
import { changeMembership, lockWithGroup } from './change-membership.ts'
import { assertNotTooFarAhead } from './days.ts'
import { assertTakesMembers } from './join-group.ts'
import { findStanding } from './line-queries.ts'
import { offerSeats } from './offer-seats.ts'
import type { MembershipRow } from './queries.ts'
import type { Membership, MembershipBegin } from './schemas.ts'

/**
 * Takes the seat that is offered; it was kept, however many there are by now.
 *
 * @throws Problem 409 `offer_expired`, `not_offered`, `group_archived`, `group_closed`; 422 `too_far_ahead`
 */
export async function acceptOffer(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined,
  { joined_on }: MembershipBegin
): Promise<Answered<Membership>> {
  const { group, before } = await lockWithGroup(tx, membership_id, ifMatch)
  assertOffered(before)
  assertTakesMembers(group)
  assertNotTooFarAhead(joined_on, before.today, '#/joined_on')
  // The capacity may have been lowered meanwhile; where it is soft, there may never have been a seat.
  const [standing] = await tx.run(findStanding, { group_id: group.id, person_id: before.person_id })
  return await changeMembership(tx, vault, membership_id, 'accepted', {
    stage: 'member',
    joined_on: joined_on ?? before.today,
    over_capacity: group.capacity !== null && standing!.taken >= group.capacity,
    offer_expires_at: null
  })
}

/** Leaves the seat that is offered to the next in line. @throws Problem 409 `offer_expired`, `not_offered` */
export async function declineOffer(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined
): Promise<Answered<Membership>> {
  const { group, before } = await lockWithGroup(tx, membership_id, ifMatch)
  assertOffered(before)
  return await giveUp(tx, vault, membership_id, 'declined', group.id)
}

/** Takes back a request, a place in line or an offer. @throws Problem 409 `not_pending` */
export async function withdrawMembership(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined
): Promise<Answered<Membership>> {
  const { group, before } = await lockWithGroup(tx, membership_id, ifMatch)
  if (!['requested', 'waitlisted', 'offered'].includes(before.status)) {
    throw conflict('not_pending', 'There is no request, place in line or offer to take back.')
  }
  return await giveUp(tx, vault, membership_id, 'withdrawn', group.id)
}

/** Ends what somebody waits for; the next in line is offered what it leaves. */
export async function giveUp(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  not_joined_reason: 'refused' | 'declined' | 'withdrawn',
  group_id: string
): Promise<Answered<Membership>> {
  const given = await changeMembership(tx, vault, membership_id, not_joined_reason, {
    stage: 'not_joined',
    not_joined_reason,
    offer_expires_at: null
  })
  await offerSeats(tx, group_id)
  return given
}

function assertOffered({ status, not_joined_reason }: MembershipRow): void {
  if (not_joined_reason === 'expired') throw conflict('offer_expired', 'The seat was kept until then, and no longer.')
  if (status !== 'offered') throw conflict('not_offered', 'No seat is offered.')
}
