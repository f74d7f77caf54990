import { type SQL, sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import type { SheetRow } from './attendance.ts'
import { behindSessionDoor } from './door.ts'
import { counts, type Interval, within } from './queries.ts'
import type { Attendance, SheetVersion } from './schemas.ts'
import type { AttendanceStatus } from './vocabulary.ts'

/** A first time unless the person was present earlier in the same group, on record. As the sheet says, if it says so. */
const firstTime = sql`case when a.status = 'present' then coalesce(a.first_time, case when a.person_id is not null then
  not exists (select from attendance e
    where e.organization_id = a.organization_id and e.person_id = a.person_id and e.group_id = a.group_id
      and e.status = 'present' and (e.starts_at, e.session_id) < (a.starts_at, a.session_id)) end) end`

const facts = sql`'mode', a.mode, 'arrived_late', a.arrived_late, 'left_early', a.left_early, 'minutes', a.minutes,
  'first_time', ${firstTime}, 'note', a.note`

/** The sheet as the contract has it, written by PostgreSQL: the hottest read. */
export const findSheet = quickStatement<{ json: string; version: number }, { session_id: string }>(
  'find_sheet',
  shape => sql`
    select s.sheet_version as version, json_build_object('session_id', s.id, 'version', s.sheet_version,
      'submitted_at', ${instantText(sql`s.submitted_at`)},
      'submitted_by', case when s.sheet_version > 0 then json_build_object('staff_id', s.submitted_by_staff,
        'api_key_id', s.submitted_by_key, 'display_name', coalesce(
          (select f.display_name from staff f where f.organization_id = s.organization_id and f.id = s.submitted_by_staff),
          (select k.name from api_keys k where k.organization_id = s.organization_id and k.id = s.submitted_by_key))) end,
      'roster', coalesce((
        select json_agg(json_build_object('person_id', p.id, 'display_name', p.display_name,
          'status', coalesce(a.status, 'not_recorded'), ${facts}) order by p.name_key, p.id)
        from (
          select m.person_id from memberships m
          where m.organization_id = s.organization_id and m.group_id = s.group_id
            and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date)
          union
          select r.person_id from attendance r
          where r.organization_id = s.organization_id and r.session_id = s.id and r.kind = 'roster') r
        -- One look-up each: for the planner a hash of all the people of a small organization costs the same.
        cross join lateral (
          select p.id, p.display_name, p.name_key from people p
          where p.organization_id = s.organization_id and p.id = r.person_id offset 0) p
        left join attendance a on a.organization_id = s.organization_id and a.session_id = s.id and a.person_id = r.person_id
        where a.kind is distinct from 'walk_in'), '[]'),
      'walk_ins', coalesce((
        select json_agg(json_build_object('person_id', a.person_id, 'display_name', coalesce(a.display_name, p.display_name),
          'status', a.status, ${facts}) order by a.position)
        from attendance a left join people p on p.organization_id = a.organization_id and p.id = a.person_id
        where a.organization_id = s.organization_id and a.session_id = s.id and a.kind = 'walk_in'), '[]'),
      'anonymous_count', s.anonymous_count, 'counts', ${counts})::text as json
    from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}`
)

/** Who belonged to the group on the session's local day. */
export const rosterOfDay = statement<{ person_id: string }, { session_id: string }>(
  'roster_of_day',
  () => sql`
    select m.person_id from sessions s join memberships m on m.organization_id = s.organization_id and m.group_id = s.group_id
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')}
      and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date)`
)

/** Which of these people the actor sees. */
export const visibleAmong = statement<{ id: string }, { ids: string[] }>(
  'visible_among',
  shape => sql`
    select p.id from people p
    where p.organization_id = ${asker.organization_id} and p.id = any (${value('ids')}::uuid[]) and ${personBehindDoor(shape, sql`p.id`)}`
)

/** Which of these people were present earlier in the group of the session. */
export const presentBefore = statement<{ person_id: string }, { session_id: string; ids: string[] }>(
  'present_before',
  () => sql`
    select distinct e.person_id
    from sessions s join attendance e on e.organization_id = s.organization_id and e.group_id = s.group_id
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and e.person_id = any (${value('ids')}::uuid[])
      and e.status = 'present' and (e.starts_at, e.session_id) < (s.starts_at, s.id)`
)

/** The sheet as it is stored. */
export const sheetRows = statement<SheetRow & { id: string }, { session_id: string }>(
  'sheet_rows',
  () => sql`
    select a.id, a.position, a.kind, a.person_id, a.display_name, a.status, a.mode, a.arrived_late, a.left_early, a.minutes,
      a.first_time, a.note
    from attendance a where a.organization_id = ${asker.organization_id} and a.session_id = ${value('session_id')}`
)

export const removeSheetRows = statement<never, { session_id: string; ids: string[] }>(
  'remove_sheet_rows',
  () => sql`
    delete from attendance a
    where a.organization_id = ${asker.organization_id} and a.session_id = ${value('session_id')} and a.id = any (${value('ids')}::uuid[])`
)

/** Writes the rows of a sheet: new ones, and those of people who stand on it already. */
export const putSheetRows = statement<never, { session_id: string; rows: string }>(
  'put_sheet_rows',
  () => sql`
    insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, display_name, status,
      mode, arrived_late, left_early, minutes, first_time, note)
    select s.organization_id, r.id, s.id, s.group_id, s.starts_at, r.position, r.kind, r.person_id, r.display_name, r.status,
      r.mode, r.arrived_late, r.left_early, r.minutes, r.first_time, r.note
    from sessions s, jsonb_to_recordset(${value('rows')}::jsonb) as r (id uuid, position int, kind text, person_id uuid, display_name text,
      status text, mode text, arrived_late boolean, left_early boolean, minutes int, first_time boolean, note text)
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')}
    on conflict (organization_id, session_id, person_id) do update set position = excluded.position, kind = excluded.kind,
      status = excluded.status, mode = excluded.mode, arrived_late = excluded.arrived_late, left_early = excluded.left_early,
      minutes = excluded.minutes, first_time = excluded.first_time, note = excluded.note`
)

/** The next version of the sheet, kept whole, and the head of the session. */
export const putSheetHead = statement<
  { version: number },
  {
    session_id: string
    rows: string
    anonymous_count: number
    present_count: number
    absent_count: number
    excused_count: number
    walk_in_count: number
  }
>(
  'put_sheet_head',
  () => sql`
    with head as (
      update sessions s set outcome = 'held', version = s.version + 1, updated_at = now(), sheet_version = s.sheet_version + 1,
        submitted_at = now(), submitted_by_key = ${asker.api_key_id}, submitted_by_staff = ${asker.staff_id},
        anonymous_count = ${value('anonymous_count')}, present_count = ${value('present_count')}, absent_count = ${value('absent_count')},
        excused_count = ${value('excused_count')}, walk_in_count = ${value('walk_in_count')}
      where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')}
      returning s.organization_id, s.id, s.version, s.sheet_version, s.anonymous_count)
    , kept as (
      insert into attendance_versions (organization_id, session_id, version, submitted_by_key, submitted_by_staff, anonymous_count, rows)
      select h.organization_id, h.id, h.sheet_version, ${asker.api_key_id}, ${asker.staff_id}, h.anonymous_count, ${value('rows')}::jsonb
      from head h)
    select version from head`
)

/** Former versions, the latest first. */
export const listSheetVersions = statement<SheetVersion, Asked & { session_id: string }>(
  'list_sheet_versions',
  shape => sql`
    select v.session_id, v.version, v.submitted_at, v.anonymous_count,
      json_build_object('staff_id', v.submitted_by_staff, 'api_key_id', v.submitted_by_key, 'display_name', coalesce(
        (select f.display_name from staff f where f.organization_id = v.organization_id and f.id = v.submitted_by_staff),
        (select k.name from api_keys k where k.organization_id = v.organization_id and k.id = v.submitted_by_key))) as submitted_by,
      ${versionRows(sql`'roster'`, sql`p.name_key, p.id`)} as records, ${versionRows(sql`'walk_in'`, sql`r.position`)} as walk_ins
    from attendance_versions v
    join sessions s on s.organization_id = v.organization_id and s.id = v.session_id
    where v.organization_id = ${asker.organization_id} and v.session_id = ${value('session_id')} and v.version < s.sheet_version
      and ${behindSessionDoor(shape)}
      ${shape.has('after_1') ? sql`and v.version < ${value('after_1')}::int` : sql``}
    order by v.version desc limit ${value('limit')}`
)

function versionRows(kind: SQL, order: SQL): SQL {
  return sql`coalesce((
    select json_agg(json_build_object('person_id', r.person_id, 'display_name', coalesce(r.display_name, p.display_name), 'status', r.status,
      'mode', r.mode, 'arrived_late', r.arrived_late, 'left_early', r.left_early, 'minutes', r.minutes, 'first_time', r.first_time,
      'note', r.note) order by ${order})
    from jsonb_to_recordset(v.rows) as r (position int, kind text, person_id uuid, display_name text, status text, mode text,
      arrived_late boolean, left_early boolean, minutes int, first_time boolean, note text)
    left join people p on p.organization_id = v.organization_id and p.id = r.person_id
    where r.kind = ${kind}), '[]')`
}

/** Attendance across groups, in order of the sessions. */
export const listAttendance = statement<
  Attendance,
  Asked & Interval & { group_id?: string; person_id?: string; status?: AttendanceStatus }
>(
  'list_attendance',
  (shape: Shape) => sql`
    select a.id, a.session_id, a.group_id, a.starts_at, s.local_date, a.person_id, coalesce(a.display_name, p.display_name) as display_name,
      a.kind = 'walk_in' as walk_in, a.status, a.mode, a.arrived_late, a.left_early, a.minutes, ${firstTime} as first_time
    from attendance a
    join sessions s on s.organization_id = a.organization_id and s.id = a.session_id
    left join people p on p.organization_id = a.organization_id and p.id = a.person_id
    where a.organization_id = ${asker.organization_id} and a.status <> 'not_recorded' and ${behindDoor(shape, sql`a.group_id`)}
      ${within(shape, sql`a.starts_at`)}
      ${shape.has('group_id') ? sql`and a.group_id = ${value('group_id')}` : sql``}
      ${shape.has('person_id') ? sql`and a.person_id = ${value('person_id')}` : sql``}
      ${shape.has('status') ? sql`and a.status = ${value('status')}` : sql``}
      ${shape.has('after_1') ? sql`and (a.starts_at, a.id) > (${value('after_0')}::timestamptz, ${value('after_1')}::uuid)` : sql``}
    order by a.starts_at, a.id limit ${value('limit')}`
)
