import { sql } from 'drizzle-orm'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import type { Closure } from './schemas.ts'

/** Closures of the whole organization are for everybody here. */
const reached = (shape: Shape) => sql`(c.group_id is null or ${behindDoor(shape, sql`c.group_id`)})`

/** Of sessions that one sees: in a closure of the organization are those of other groups, too. */
const columns = (shape: Shape) => sql`c.id, c.group_id, c.starts_on, c.ends_on, c.name, c.removed_at, (
    select count(*)::int from sessions s
    where s.organization_id = c.organization_id and s.closure_id = c.id and ${behindDoor(shape, sql`s.group_id`)}) as cancelled_sessions,
  c.version, c.created_at, c.updated_at`

/** In the order of their first days. */
export const listClosures = statement<Closure, Asked & { from?: string; to?: string; group_id?: string }>(
  'list_closures',
  shape => sql`
    select ${columns(shape)} from closures c
    where c.organization_id = ${asker.organization_id} and c.removed_at is null and ${reached(shape)}
      ${shape.has('group_id') ? sql`and (c.group_id is null or c.group_id = ${value('group_id')}::uuid)` : sql``}
      ${shape.has('from') ? sql`and c.ends_on >= ${value('from')}::date` : sql``}
      ${shape.has('to') ? sql`and c.starts_on < ${value('to')}::date` : sql``}
      ${shape.has('after_1') ? sql`and (c.starts_on, c.id) > (${value('after_0')}::date, ${value('after_1')}::uuid)` : sql``}
    order by c.starts_on, c.id limit ${value('limit')}`
)

export const findClosure = quickStatement<Closure, { closure_id: string }>(
  'find_closure',
  shape => sql`
    select ${columns(shape)} from closures c
    where c.organization_id = ${asker.organization_id} and c.id = ${value('closure_id')} and ${reached(shape)}`
)

/** The closure, held still until the transaction ends. */
export const lockClosure = statement<
  Pick<Closure, 'id' | 'group_id' | 'removed_at' | 'version'>,
  { closure_id: string }
>(
  'lock_closure',
  shape => sql`
    select c.id, c.group_id, c.removed_at, c.version from closures c
    where c.organization_id = ${asker.organization_id} and c.id = ${value('closure_id')} and ${reached(shape)}
    for update of c`
)

/** Twice is the same as once: nothing comes back of those that were removed already. */
export const removeClosures = statement<{ id: string; version: number }, { closure_ids: string[] }>(
  'remove_closures',
  () => sql`
    update closures c set removed_at = now(), version = c.version + 1, updated_at = now()
    where c.organization_id = ${asker.organization_id} and c.id = any (${value('closure_ids')}::uuid[]) and c.removed_at is null
    returning c.id, c.version`
)

/** Cancels the sessions to come on the days of closures. */
export const suppressSessions = statement<{ id: string; version: number }, { closure_ids: string[] }>(
  'suppress_sessions',
  () => sql`
    update sessions s set outcome = 'cancelled', reason = c.name, closure_id = c.id, version = s.version + 1, updated_at = now()
    from closures c
    where c.organization_id = ${asker.organization_id} and c.id = any (${value('closure_ids')}::uuid[])
      and s.organization_id = ${asker.organization_id} and (c.group_id is null or s.group_id = c.group_id) and s.local_date between c.starts_on and c.ends_on
      and s.starts_at >= c.starts_on::timestamptz - interval '14 hours' and s.starts_at < c.ends_on::timestamptz + interval '36 hours'
      and s.starts_at > now() and s.outcome = 'scheduled' and not s.holds_anyway
    returning s.id, s.version`
)

/** Takes back what closures did to sessions to come; those on whose day another lies are cancelled by that one now. */
export const restoreSessions = statement<{ id: string; version: number }, { closure_ids: string[] }>(
  'restore_sessions',
  () => sql`
    with other as (
      select s.id, c.id as closure_id, c.name from sessions s left join lateral (
        select c.id, c.name from closures c
        where c.organization_id = s.organization_id and c.removed_at is null and s.local_date between c.starts_on and c.ends_on
          and (c.group_id is null or c.group_id = s.group_id)
        order by c.created_at, c.id limit 1) c on true
      where s.organization_id = ${asker.organization_id} and s.closure_id = any (${value('closure_ids')}::uuid[]))
    update sessions s set outcome = case when o.closure_id is null then 'scheduled' else 'cancelled' end, reason = o.name,
      closure_id = o.closure_id, version = s.version + 1, updated_at = now()
    from other o
    where s.organization_id = ${asker.organization_id} and s.id = o.id and s.closure_id = any (${value('closure_ids')}::uuid[])
      and s.starts_at > now()
    returning s.id, s.version`
)

export interface ImportedClosure {
  id: string
  uid: string
  starts_on: string
  ends_on: string
  name: string
  removed_at: string | null
  version: number
}

/** What came from calendars under these names, for one group or for all; what is in force last. Held still. */
export const lockImportedClosures = statement<ImportedClosure, { uids: string[]; group_id: string | null }>(
  'lock_imported_closures',
  () => sql`
    select c.id, c.uid, c.starts_on, c.ends_on, c.name, c.removed_at, c.version from closures c
    where c.organization_id = ${asker.organization_id} and c.uid = any (${value('uids')}::text[])
      and c.group_id is not distinct from ${value('group_id')}::uuid
    order by c.removed_at is null, c.id for update of c`
)
