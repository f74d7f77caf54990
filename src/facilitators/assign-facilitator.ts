import { sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { lockGroup } from '../groups/queries.ts'
import { notFound, unprocessable } from '../problems.ts'
import { findFacilitator, lockActiveStaff } from './queries.ts'
import type { Facilitator, FacilitatorAssign } from './schemas.ts'
import { groupFacilitators } from './tables.ts'

/**
 * Lets a member of staff facilitate a group. Access begins and ends at these instants by itself.
 *
 * @throws Problem 422 `unknown_reference` for staff who are not there or were deactivated, `ends_before_start`;
 *   409 `already_assigned`
 */
export async function assignFacilitator(
  tx: Tx,
  group_id: string,
  { staff_id, role, starts_at, ends_at }: FacilitatorAssign,
  now = new Date()
): Promise<Answered<Facilitator>> {
  const [group] = await tx.run(lockGroup, { group_id })
  if (group === undefined) throw notFound()
  const [staff] = await tx.run(lockActiveStaff, { staff_id })
  if (staff === undefined) {
    throw unprocessable('unknown_reference', '#/staff_id', 'There is no such member of staff at work here.')
  }
  if (ends_at !== null && Date.parse(ends_at) <= (starts_at === undefined ? now.getTime() : Date.parse(starts_at))) {
    throw unprocessable('ends_before_start', '#/ends_at', 'An assignment ends after it begins.')
  }
  const id = uuid()
  await tx.db.insert(groupFacilitators).values({
    organization_id: tx.actor.organization_id,
    id,
    group_id: group.id,
    staff_id,
    role,
    starts_at: starts_at ?? sql`date_trunc('milliseconds', now())`,
    ends_at
  })
  const [facilitator] = await tx.run(findFacilitator, { group_id, facilitator_id: id })
  recordChange(tx, 'facilitator.assigned', facilitator!)
  return created(`/v1/groups/${group.id}/facilitators`, facilitator!)
}
