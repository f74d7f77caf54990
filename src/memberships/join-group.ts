import type { PgInsertValue } from 'drizzle-orm/pg-core'
import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { lockGroup } from '../groups/queries.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { assertNotTooFarAhead } from './days.ts'
import { findStanding, type GroupToJoin, type Standing } from './line-queries.ts'
import { offerSeats } from './offer-seats.ts'
import { findMembership, findPersonToJoin } from './queries.ts'
import type { JoinRequest, Membership, MembershipCreate } from './schemas.ts'
import { membershipOf, sealMessage } from './sealed-message.ts'
import { seatFor } from './seats.ts'
import { memberships } from './tables.ts'

type Columns = PgInsertValue<typeof memberships>

/**
 * Makes a person a member of a group, from a local day of the group on, or lets them wait in line where every seat is taken.
 * Coming back after leaving makes another episode.
 *
 * @param force also beyond the capacity
 * @throws Problem 409 `group_archived`, `group_closed`, `membership_overlaps`, `already_requested`; 422 `too_far_ahead`, and
 *   `unknown_reference` for whom the actor does not see, whether or not they exist
 */
export async function createMembership(
  tx: Tx,
  vault: Vault,
  group_id: string,
  { person_id, joined_on }: MembershipCreate,
  force: boolean,
  now = new Date()
): Promise<Answered<Membership>> {
  const group = await lockToJoin(tx, group_id, person_id)
  const today = localDateOf(now, group.time_zone)
  assertNotTooFarAhead(joined_on, today, '#/joined_on')
  const way = wayIn(group, await newcomer(tx, group_id, person_id), force, joined_on ?? today)
  return await insert(tx, vault, way.stage === 'member' ? 'created' : 'waitlisted', {
    organization_id: tx.actor.organization_id,
    id: uuid(),
    group_id,
    person_id,
    ...way
  })
}

/** Writes down that a person asks to join a group: they have no seat and no place in line until somebody approves. */
export async function requestToJoin(
  tx: Tx,
  vault: Vault,
  group_id: string,
  { person_id, message }: JoinRequest
): Promise<Answered<Membership>> {
  await lockToJoin(tx, group_id, person_id)
  await newcomer(tx, group_id, person_id)
  const { organization_id } = tx.actor
  const id = uuid()
  return await insert(tx, vault, 'requested', {
    organization_id,
    id,
    group_id,
    person_id,
    stage: 'requested',
    message_sealed: message == null ? null : sealMessage(vault, organization_id, id, message)
  })
}

/** @throws Problem 409 where nobody joins any more */
export function assertTakesMembers({ archived_at, status }: Pick<GroupToJoin, 'archived_at' | 'status'>): void {
  if (archived_at !== null) throw conflict('group_archived', 'The group is archived; restore it first.')
  if (status === 'closed') throw conflict('group_closed', 'The group is closed: nobody joins it any more.')
}

/** A member, or one who waits at the end of the line, by the seats there are. */
export function wayIn(group: GroupToJoin, standing: Standing, force: boolean, joined_on: string) {
  const seat = seatFor(group, standing, force)
  return seat === 'none'
    ? { stage: 'waitlisted' as const, place: standing.next_place }
    : { stage: 'member' as const, joined_on, over_capacity: seat === 'extra' }
}

async function lockToJoin(tx: Tx, group_id: string, person_id: string): Promise<GroupToJoin> {
  const [group] = await tx.run(lockGroup, { group_id })
  if (group === undefined) throw notFound()
  assertTakesMembers(group)
  const [person] = await tx.run(findPersonToJoin, { person_id })
  if (person === undefined) {
    throw unprocessable('unknown_reference', '#/person_id', 'There is no such person that you can see.')
  }
  return group
}

/** How a group stands to somebody who is new to it, once those who wait have been offered what seats are free. */
async function newcomer(tx: Tx, group_id: string, person_id: string): Promise<Standing> {
  await offerSeats(tx, group_id)
  const [standing] = await tx.run(findStanding, { group_id, person_id })
  if (standing!.belongs) throw conflict('membership_overlaps', 'The person belongs to the group already.')
  if (standing!.asked) throw conflict('already_requested', 'The person has asked to join already, or waits.')
  return standing!
}

async function insert(tx: Tx, vault: Vault, type: string, columns: Columns): Promise<Answered<Membership>> {
  await tx.db.insert(memberships).values(columns)
  const [row] = await tx.run(findMembership, { membership_id: columns.id as string })
  // The door closed meanwhile.
  if (row === undefined) throw notFound()
  recordChange(tx, `membership.${type}`, row)
  return created('/v1/memberships', membershipOf(vault, tx.actor.organization_id, row))
}
