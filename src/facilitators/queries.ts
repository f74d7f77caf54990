import { sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { conflict, unprocessable } from '../problems.ts'
import type { Facilitator } from './schemas.ts'

const columns = sql.raw(
  `a.id, a.group_id, a.staff_id, s.display_name, a.role, a.starts_at, a.ends_at, a.version, a.created_at, a.updated_at`
)
const withStaff = sql`group_facilitators a join staff s on s.organization_id = a.organization_id and s.id = a.staff_id`

/** By beginning, those of the past included. */
export const listFacilitators = statement<Facilitator, Asked & { group_id: string; at?: string; active?: boolean }>(
  'list_facilitators',
  shape => sql`
    select ${columns} from ${withStaff}
    where a.organization_id = ${asker.organization_id} and a.group_id = ${value('group_id')} and ${behindDoor(shape, sql`a.group_id`)}
      ${shape.has('at') ? sql`and tstzrange(a.starts_at, a.ends_at) @> ${value('at')}::timestamptz` : sql``}
      ${shape.has('active') ? sql`and (tstzrange(a.starts_at, a.ends_at) @> now()) = ${value('active')}::boolean` : sql``}
      ${shape.has('after_1') ? sql`and (a.starts_at, a.id) > (${value('after_0')}::timestamptz, ${value('after_1')}::uuid)` : sql``}
    order by a.starts_at, a.id limit ${value('limit')}`
)

export const findFacilitator = quickStatement<Facilitator, { group_id: string; facilitator_id: string }>(
  'find_facilitator',
  shape => sql`
    select ${columns} from ${withStaff}
    where a.organization_id = ${asker.organization_id} and a.group_id = ${value('group_id')} and a.id = ${value('facilitator_id')}
      and ${behindDoor(shape, sql`a.group_id`)}`
)

/** The assignment, held still until the transaction ends, and whether it is over: it has ended, or never begins. */
export const lockFacilitator = statement<
  Facilitator & { is_over: boolean },
  { group_id: string; facilitator_id: string }
>(
  'lock_facilitator',
  shape => sql`
    select ${columns}, coalesce(a.ends_at <= greatest(now(), a.starts_at), false) as is_over from ${withStaff}
    where a.organization_id = ${asker.organization_id} and a.group_id = ${value('group_id')} and a.id = ${value('facilitator_id')}
      and ${behindDoor(shape, sql`a.group_id`)}
    for no key update of a`
)

/**
 * A member of staff who works here, held still until the transaction ends: they cannot be deactivated meanwhile, and two
 * assignments of one member of staff come one after the other (at once, each would wait for the other).
 */
export const lockActiveStaff = statement<{ id: string }, { staff_id: string }>(
  'lock_active_staff',
  () => sql`
    select s.id from staff s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('staff_id')} and s.deactivated_at is null
    for no key update of s`
)

export const refusals: Refusals = {
  group_facilitators_one_at_a_time: () =>
    conflict('already_assigned', 'This member of staff facilitates the group already during some of that time.'),
  group_facilitators_order: () =>
    unprocessable('ends_before_start', '#/ends_at', 'An assignment cannot end before it begins.')
}
