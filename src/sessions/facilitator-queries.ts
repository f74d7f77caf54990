import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { conflict, unprocessable } from '../problems.ts'
import { behindSessionDoor } from './door.ts'
import type { SessionFacilitator, SessionLeader } from './facilitator-schemas.ts'

const columns = sql.raw(
  `n.id, n.session_id, s.group_id, n.staff_id, t.display_name, n.role, n.replaces_staff_id, n.withdrawn_at, n.version, n.created_at,
  n.updated_at`
)
const joined = sql`session_facilitators n
  join sessions s on s.organization_id = n.organization_id and s.id = n.session_id
  join staff t on t.organization_id = n.organization_id and t.id = n.staff_id`

/** Of an assignment `f` and a session `s`. */
const whenItBegins = sql`f.starts_at <= s.starts_at and (f.ends_at is null or f.ends_at > s.starts_at)`

/** Whether a member of staff facilitates the group of a session `s` when it begins. */
export const facilitatesThen = (staff_id: SQLWrapper): SQL => sql`exists (select from group_facilitators f
  where f.organization_id = s.organization_id and f.group_id = s.group_id and f.staff_id = ${staff_id}
    and ${whenItBegins})`

/** Whether a member of staff facilitates the group of a session `s` when it begins, and nobody stands in for them. */
export const leadsThen = (staff_id: SQLWrapper): SQL => sql`(${facilitatesThen(staff_id)} and not exists (
  select from session_facilitators instead where instead.organization_id = s.organization_id and instead.session_id = s.id
    and instead.replaces_staff_id = ${staff_id} and instead.withdrawn_at is null))`

/** Whether a member of staff is named for a session `s`. */
export const isNamed = (staff_id: SQLWrapper): SQL => sql`exists (select from session_facilitators named
  where named.organization_id = s.organization_id and named.session_id = s.id and named.staff_id = ${staff_id}
    and named.withdrawn_at is null)`

/**
 * Who leads a session `s`: those who facilitate its group when it begins, without those whom others replace, and those who
 * are named for it.
 */
export const leaders = sql`
  select null::uuid as session_facilitator_id, f.staff_id, t.display_name, f.role, null::uuid as replaces_staff_id, f.id as of_id
  from group_facilitators f join staff t on t.organization_id = f.organization_id and t.id = f.staff_id
  where f.organization_id = s.organization_id and f.group_id = s.group_id
    and ${whenItBegins}
    and not exists (select from session_facilitators n
      where n.organization_id = s.organization_id and n.session_id = s.id and n.withdrawn_at is null
        and f.staff_id in (n.staff_id, n.replaces_staff_id))
  union all
  select n.id, n.staff_id, t.display_name, n.role, n.replaces_staff_id, n.id
  from session_facilitators n join staff t on t.organization_id = n.organization_id and t.id = n.staff_id
  where n.organization_id = s.organization_id and n.session_id = s.id and n.withdrawn_at is null`

/** The first to facilitate, first. */
export const leadersInOrder = sql.raw(`array_position('{facilitator,substitute,co_facilitator}', l.role), l.of_id`)

export const listLeaders = statement<SessionLeader, { session_id: string }>(
  'list_leaders',
  shape => sql`
    select l.session_facilitator_id, l.staff_id, l.display_name, l.role, l.replaces_staff_id
    from sessions s cross join lateral (${leaders}) l
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}
    order by ${leadersInOrder}`
)

export const findSessionFacilitator = quickStatement<
  SessionFacilitator,
  { session_id: string; session_facilitator_id: string }
>(
  'find_session_facilitator',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and n.session_id = ${value('session_id')}
      and n.id = ${value('session_facilitator_id')} and ${behindSessionDoor(shape)}`
)

/** The same, held still until the transaction ends. */
export const lockSessionFacilitator = statement<
  SessionFacilitator,
  { session_id: string; session_facilitator_id: string }
>(
  'lock_session_facilitator',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and n.session_id = ${value('session_id')}
      and n.id = ${value('session_facilitator_id')} and ${behindSessionDoor(shape)}
    for no key update of n`
)

/** Whether a member of staff facilitates the group when the session begins, and whether they are named for it. */
export const standingOf = statement<
  { facilitates: boolean; is_named: boolean },
  { session_id: string; staff_id: string }
>(
  'standing_of',
  () => sql`
    select ${facilitatesThen(value('staff_id'))} as facilitates, ${isNamed(value('staff_id'))} as is_named
    from sessions s where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')}`
)

export const refusals: Refusals = {
  session_facilitators_once: () =>
    conflict('already_assigned', 'This member of staff is named for the session already.'),
  session_facilitators_replaces: () =>
    unprocessable('not_a_substitute', '#/replaces_staff_id', 'Only a substitute leads in the place of somebody.'),
  session_facilitators_another: () =>
    unprocessable('not_a_substitute', '#/replaces_staff_id', 'Nobody leads in their own place.')
}
