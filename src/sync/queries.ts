import { type SQL, sql } from 'drizzle-orm'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor, groupsFacilitated, sessionsLed } from '../groups/door.ts'
import { groupColumns } from '../groups/queries.ts'
import type { Group } from '../groups/schemas.ts'
import { type MembershipRow, membershipColumns, membershipsJoined } from '../memberships/queries.ts'
import { behindSessionDoor } from '../sessions/door.ts'
import { sessionJson } from '../sessions/queries.ts'
import { sheetJson } from '../sessions/sheet-queries.ts'

/**
 * What a device may see at this instant, and how far back it must look next time: every transaction before `xmin` has ended, so
 * that whatever it wrote is seen now. Transactions are numbered by the server: otherwise in another, or after it went back in time; and
 * what they wrote is in one database (`cluster` names both).
 */
export interface Sight {
  /** null: every group of the organization. */
  group_ids: string[] | null
  /** Sessions led in groups that are not facilitated. */
  session_ids: string[]
  xmin: string
  cluster: string
}

export const findSight = quickStatement<Sight>(
  'find_sight',
  ({ reach }) => sql`
    select pg_snapshot_xmin(pg_current_snapshot())::text as xmin, (
        select s.system_identifier || '.' || c.timeline_id || '.' || d.oid
        from pg_control_system() s, pg_control_checkpoint() c, pg_database d where d.datname = current_database()) as cluster,
      ${reach === 'organization' ? sql`null` : groupsFacilitated}::uuid[] as group_ids,
      ${
        reach === 'organization'
          ? sql`'{}'`
          : sql`array(select s.id from sessions s
              where s.organization_id = ${asker.organization_id} and s.id = any (${sessionsLed})
                and not s.group_id = any (${groupsFacilitated}))`
      }::uuid[] as session_ids
    from organizations o where o.id = ${asker.organization_id}`
)

export type Kind = 'group' | 'membership' | 'session' | 'removed'

export interface Changed {
  kind: Kind
  id: string
  changed_by: string
}

/** Groups, each with the transaction from which on the device does not know it: from 0 on, it gets what is of use today. */
const scope = (shape: Pick<Shape, 'reach'>): SQL =>
  shape.reach === 'organization'
    ? sql`select g.id as group_id, ${value('since')}::xid8 as since from groups g where g.organization_id = ${asker.organization_id}`
    : sql`select s.group_id, s.since
        from unnest(${value('group_ids')}::uuid[], ${value('sinces')}::text[]::xid8[]) as s (group_id, since)
        where ${behindDoor(shape, sql`s.group_id`)}`

/** Numbered by this server since: what a dump brought with it may bear numbers that this server has yet to reach. */
const since = (changed_by: SQL) =>
  sql`${changed_by} >= c.since and (c.since = '0' or ${changed_by} < pg_snapshot_xmax(pg_current_snapshot()))`

/**
 * What was written since, in the order of the transactions that wrote it. Whoever is new to a group gets its members, those who
 * left long ago left out, and its sessions from sixty days ago on.
 */
export const listChanged = statement<
  Changed,
  {
    since?: string
    group_ids?: string[]
    sinces?: string[]
    session_ids: string[]
    after?: string
    after_kind?: string
    after_id?: string
    limit: number
  }
>(
  'list_changed',
  shape => sql`
    with scope as materialized (${scope(shape)}),
    changed as (
      select 'group' as kind, g.id, g.changed_by from scope c
      join groups g on g.organization_id = ${asker.organization_id} and g.id = c.group_id
      where ${since(sql`g.changed_by`)}
      union all
      select 'membership', m.id, m.changed_by from scope c
      join memberships m on m.organization_id = ${asker.organization_id} and m.group_id = c.group_id
      where ${since(sql`m.changed_by`)}
        and (c.since > '0' or m.stage <> 'not_joined' and (m.left_on is null or m.left_on > current_date - 60))
      union all
      select 'session', s.id, s.changed_by from scope c
      join sessions s on s.organization_id = ${asker.organization_id} and s.group_id = c.group_id
      where ${since(sql`s.changed_by`)} and (c.since > '0' or s.starts_at > now() - interval '60 days')
      union all
      select 'removed', r.id, r.changed_by from scope c
      join removed_sessions r on r.organization_id = ${asker.organization_id} and r.group_id = c.group_id
      where ${since(sql`r.changed_by`)} and c.since > '0'
      union all
      select 'session', s.id, s.changed_by from sessions s
      where s.organization_id = ${asker.organization_id} and s.id = any (${value('session_ids')}::uuid[])
        and ${behindSessionDoor(shape)})
    select kind, id, changed_by::text from changed
    ${
      shape.has('after')
        ? sql`where (changed_by, kind, id) > (${value('after')}::xid8, ${value('after_kind')}, ${value('after_id')}::uuid)`
        : sql``
    }
    order by changed_by, kind, id limit ${value('limit')}`
)

export const listGroupsById = statement<Group, { ids: string[] }>(
  'list_groups_by_id',
  shape => sql`
    select ${groupColumns} from groups g
    where g.organization_id = ${asker.organization_id} and g.id = any (${value('ids')}::uuid[]) and ${behindDoor(shape, sql`g.id`)}
    order by g.id`
)

export const listMembershipsById = statement<MembershipRow, { ids: string[] }>(
  'list_memberships_by_id',
  shape => sql`
    select ${membershipColumns} from ${membershipsJoined}
    where m.organization_id = ${asker.organization_id} and m.id = any (${value('ids')}::uuid[])
      and ${behindDoor(shape, sql`m.group_id`)}
    order by m.id`
)

/**
 * Sessions as the contract has them; the sheet where there ever was one, and where nothing else tells the device who is expected; and what
 * members said.
 */
export const listSessionsById = statement<
  { session: string; sheet: string | null; rsvps: { session_id: string; person_id: string; answer: string }[] },
  { ids: string[]; session_ids: string[] }
>(
  'list_sessions_by_id',
  shape => sql`
    select ${sessionJson} as session,
      case when s.sheet_version > 0 or s.id = any (${value('session_ids')}::uuid[]) then ${sheetJson}::text end as sheet,
      coalesce((select json_agg(json_build_object('session_id', s.id, 'person_id', r.person_id, 'answer', r.answer) order by r.person_id)
        from session_rsvps r where r.organization_id = s.organization_id and r.session_id = s.id), '[]') as rsvps
    from sessions s join groups g on g.organization_id = s.organization_id and g.id = s.group_id
    where s.organization_id = ${asker.organization_id} and s.id = any (${value('ids')}::uuid[]) and ${behindSessionDoor(shape)}
    order by s.starts_at, s.id`
)
