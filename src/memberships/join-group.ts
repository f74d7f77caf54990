import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import { holdGroup } from '../groups/queries.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { assertNotTooFarAhead } from './days.ts'
import { findMembership, holdPerson } from './queries.ts'
import type { Membership, MembershipCreate } from './schemas.ts'
import { memberships } from './tables.ts'

/**
 * Makes a person a member of a group, from a local day of the group on. Coming back after leaving makes another episode.
 *
 * @throws Problem 409 `group_archived`, `group_closed`, `membership_overlaps`; 422 `too_far_ahead`, and
 *   `unknown_reference` for whom the actor does not see, whether or not they exist
 */
export async function createMembership(
  tx: Tx,
  group_id: string,
  { person_id, joined_on }: MembershipCreate,
  now = new Date()
): Promise<Answered<Membership>> {
  const [group] = await tx.run(holdGroup, { group_id })
  if (group === undefined) throw notFound()
  if (group.archived_at !== null) throw conflict('group_archived', 'The group is archived; restore it first.')
  if (group.status === 'closed') throw conflict('group_closed', 'The group is closed: nobody joins it any more.')
  const [person] = await tx.run(holdPerson, { person_id })
  if (person === undefined) {
    throw unprocessable('unknown_reference', '#/person_id', 'There is no such person that you can see.')
  }
  const today = localDateOf(now, group.time_zone)
  assertNotTooFarAhead(joined_on, today, '#/joined_on')
  const id = uuid()
  await tx.db
    .insert(memberships)
    .values({ organization_id: tx.actor.organization_id, id, group_id, person_id, joined_on: joined_on ?? today })
  const [membership] = await tx.run(findMembership, { membership_id: id })
  recordChange(tx, 'membership.created', membership!)
  return created('/v1/memberships', membership!)
}
