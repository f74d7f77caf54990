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

/** What they lead of the group beside the assignment ends with it, unless the assignment never begins. */
export const endSessionsLed = statement<never, { facilitator_id: string }>(
  'end_sessions_led',
  () => sql`
    update session_facilitators n set access_ends_at = a.ends_at, version = n.version + 1, updated_at = now()
    from group_facilitators a, sessions s
    where a.organization_id = ${asker.organization_id} and a.id = ${value('facilitator_id')} and a.ends_at > a.starts_at
      and n.organization_id = a.organization_id and n.staff_id = a.staff_id and n.withdrawn_at is null
      and (n.access_ends_at is null or n.access_ends_at > now())
      and s.organization_id = n.organization_id and s.id = n.session_id and s.group_id = a.group_id`
)

export const refusals: Refusals = {
  group_facilitators_one_at_a_time: () =>
    conflict('already_assigned', 'This member of staff facilitates the group already during some of that time.'),
  group_facilitators_order: () =>
    unprocessable('ends_before_start', '#/ends_at', 'An assignment cannot end before it begins.')
}
