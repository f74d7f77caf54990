import { type SQL, sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import type { StoredRow } from './attendance.ts'
import { behindSessionDoor } from './door.ts'
import { counts, type Interval, within } from './queries.ts'
import type { Attendance, SheetVersion } from './schemas.ts'
import type { AttendanceStatus, Expectation, Outcome } from './vocabulary.ts'

/** A first time unless the person was present earlier in the same group, on record. As the sheet says, if it says so. */
const firstTime = sql`case when a.status = 'present' then coalesce(a.first_time, case when a.person_id is not null then
  not exists (select from attendance e
    where e.organization_id = a.organization_id and e.person_id = a.person_id and e.group_id = a.group_id
      and e.status = 'present' and (e.starts_at, e.session_id) < (a.starts_at, a.session_id)) end) end`

const facts = sql`'mode', a.mode, 'arrived_late', a.arrived_late, 'left_early', a.left_early, 'minutes', a.minutes,
  'first_time', ${firstTime}`

const unknownFacts = sql.raw(
  `'mode', null, 'arrived_late', null, 'left_early', null, 'minutes', null, 'first_time', null`
)

/**
 * Whether a member `m` is expected at a session `s`: as they said; else unless they, or somebody for them, had said before it began
 * that they are away.
 */
const expected = sql`coalesce(
  (select r.answer from session_rsvps r
    where r.organization_id = s.organization_id and r.session_id = s.id and r.person_id = m.person_id),
  case when exists (select from membership_absences x
    where x.organization_id = m.organization_id and x.membership_id = m.id and x.from_on <= s.local_date
      and (x.until_on is null or x.until_on >= s.local_date) and x.created_at <= s.starts_at
      and (x.withdrawn_at is null or x.withdrawn_at > s.starts_at)) then 'no' else 'yes' end)`

/** Of a session `s`: whether a sheet stands, and whether it may still be changed by whoever logs attendance. */
const sheetState = sql`case when s.submitted_at is null then 'open' when s.locks_at <= now() then 'locked' else 'submitted' end`

/** One look-up each: for the planner a hash of all the people of a small organization costs the same. */
const person = (of: SQL) => sql`cross join lateral (
  select p.id, p.display_name, p.name_key from people p
  where p.organization_id = s.organization_id and p.id = ${of} offset 0) p`

/** The sheet of a session `s` as the contract has it, written by PostgreSQL: the hottest read. */
export const sheetJson = sql`json_build_object('session_id', s.id, 'version', s.sheet_version, 'state', ${sheetState},
  'submitted_at', ${instantText(sql`s.submitted_at`)}, 'locks_at', ${instantText(sql`s.locks_at`)},
  'submitted_by', case when s.submitted_at is not null then json_build_object('staff_id', s.submitted_by_staff,
    'api_key_id', s.submitted_by_key, 'display_name', coalesce(
      (select f.display_name from staff f where f.organization_id = s.organization_id and f.id = s.submitted_by_staff),
      (select k.name from api_keys k where k.organization_id = s.organization_id and k.id = s.submitted_by_key))) end,
  'roster', coalesce(case when s.submitted_at is not null then (
      select json_agg(json_build_object('person_id', p.id, 'display_name', p.display_name, 'status', a.status, 'expected', a.expected,
        ${facts}) order by p.name_key, p.id)
      from attendance a ${person(sql`a.person_id`)}
      where a.organization_id = s.organization_id and a.session_id = s.id and a.kind = 'roster')
    else (
      select json_agg(json_build_object('person_id', p.id, 'display_name', p.display_name, 'status', 'not_recorded',
        'expected', ${expected}, ${unknownFacts}) order by p.name_key, p.id)
      from memberships m ${person(sql`m.person_id`)}
      where m.organization_id = s.organization_id and m.group_id = s.group_id
        and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date)) end, '[]'),
  'walk_ins', coalesce((
    select json_agg(json_build_object('person_id', a.person_id, 'display_name', coalesce(a.display_name, p.display_name),
      'status', a.status, ${facts}) order by a.position)
    from attendance a left join people p on p.organization_id = a.organization_id and p.id = a.person_id
    where a.organization_id = s.organization_id and a.session_id = s.id and a.kind = 'walk_in'), '[]'),
  'anonymous_count', s.anonymous_count, 'counts', ${counts})`

export const findSheet = quickStatement<{ json: string; version: number }, { session_id: string }>(
  'find_sheet',
  shape => sql`
    select s.sheet_version as version, ${sheetJson}::text as json
    from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}`
)

export interface LockedSheet {
  id: string
  group_id: string
  outcome: Outcome
  version: number
  sheet_version: number
  anonymous_count: number
  /** Whether a sheet stands. */
  stands: boolean
  /** Whether only coordinators may change it. */
  locked: boolean
  /** Whether a sheet may be put already: from an hour before the start. */
  begun: boolean
}

/** Sessions whose sheets are about to be written, held still until the transaction ends. In one order, so that nobody waits in a circle. */
export const lockSheets = statement<LockedSheet, { session_ids: string[] }>(
  'lock_sheets',
  shape => sql`
    select s.id, s.group_id, s.outcome, s.version, s.sheet_version, s.anonymous_count, s.submitted_at is not null as stands,
      s.submitted_at is not null and s.locks_at <= now() as locked, now() >= s.starts_at - interval '60 minutes' as begun
    from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = any (${value('session_ids')}::uuid[]) and ${behindSessionDoor(shape)}
    order by s.id for update of s`
)

/** Who belonged to the groups on the local days of these sessions, and whether they were expected. */
export const rostersOfDay = statement<
  { session_id: string; person_id: string; expected: Expectation },
  { session_ids: string[] }
>(
  'rosters_of_day',
  () => sql`
    select s.id as session_id, m.person_id, ${expected} as expected
    from sessions s join memberships m on m.organization_id = s.organization_id and m.group_id = s.group_id
      and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date)
    where s.organization_id = ${asker.organization_id} and s.id = any (${value('session_ids')}::uuid[])`
)

/** Which of these people the actor sees. */
export const visibleAmong = statement<{ id: string }, { ids: string[] }>(
  'visible_among',
  shape => sql`
    select p.id from people p
    where p.organization_id = ${asker.organization_id} and p.id = any (${value('ids')}::uuid[]) and ${personBehindDoor(shape, sql`p.id`)}`
)

/** Which people were present earlier in the group of the session: pairs, as `session_ids` and `person_ids` give them. */
export const presentBefore = statement<
  { session_id: string; person_id: string },
  { session_ids: string[]; person_ids: string[] }
>(
  'present_before',
  () => sql`
    select r.session_id, r.person_id
    from unnest(${value('session_ids')}::uuid[], ${value('person_ids')}::uuid[]) as r (session_id, person_id)
    join sessions s on s.organization_id = ${asker.organization_id} and s.id = r.session_id
    where exists (select from attendance e
      where e.organization_id = s.organization_id and e.person_id = r.person_id and e.group_id = s.group_id
        and e.status = 'present' and (e.starts_at, e.session_id) < (s.starts_at, s.id))`
)

/** Sheets as they are stored. */
export const sheetRows = statement<StoredRow, { session_ids: string[] }>(
  'sheet_rows',
  () => sql`
    select a.session_id, a.id, a.position, a.kind, a.person_id, a.display_name, a.status, a.expected, a.mode, a.arrived_late,
      a.left_early, a.minutes, a.first_time
    from attendance a
    where a.organization_id = ${asker.organization_id} and a.session_id = any (${value('session_ids')}::uuid[])`
)

export const removeSheetRows = statement<never, { ids: string[] }>(
  'remove_sheet_rows',
  () => sql`
    delete from attendance a where a.organization_id = ${asker.organization_id} and a.id = any (${value('ids')}::uuid[])`
)

/** Writes rows of sheets: new ones, and those of people who stand on them already. */
export const putSheetRows = statement<never, { rows: string }>(
  'put_sheet_rows',
  () => sql`
    insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, display_name, status,
      expected, mode, arrived_late, left_early, minutes, first_time)
    select s.organization_id, r.id, s.id, s.group_id, s.starts_at, r.position, r.kind, r.person_id, r.display_name, r.status,
      r.expected, r.mode, r.arrived_late, r.left_early, r.minutes, r.first_time
    from jsonb_to_recordset(${value('rows')}::jsonb) as r (session_id uuid, id uuid, position int, kind text, person_id uuid,
      display_name text, status text, expected text, mode text, arrived_late boolean, left_early boolean, minutes int,
      first_time boolean)
    join sessions s on s.organization_id = ${asker.organization_id} and s.id = r.session_id
    on conflict (organization_id, session_id, person_id) do update set position = excluded.position, kind = excluded.kind,
      status = excluded.status, expected = excluded.expected, mode = excluded.mode, arrived_late = excluded.arrived_late,
      left_early = excluded.left_early, minutes = excluded.minutes, first_time = excluded.first_time`
)

/** What is written down of a sheet beside its rows. */
export interface SheetHead {
  session_id: string
  rows: unknown[]
  reason: string | null
  /** null: now. */
  occurred_at: string | null
  clock_off: boolean
  anonymous_count: number
  present_count: number
  absent_count: number
  excused_count: number
  not_recorded_count: number
  walk_in_count: number
}

/**
 * The next versions of sheets, kept whole, and the heads of their sessions, from a JSON array of `SheetHead`. The ids say the same
 * once more: of an array the planner knows how many it has, and looks each up.
 */
export const putSheetHeads = statement<
  { id: string; version: number; sheet_version: number },
  { session_ids: string[]; heads: string }
>(
  'put_sheet_heads',
  () => sql`
    with given as materialized (
      select r.*, make_interval(hours => (o.settings ->> 'sheet_grace_hours')::int) as grace
      from jsonb_to_recordset(${value('heads')}::jsonb) as r (session_id uuid, rows jsonb, reason text, occurred_at timestamptz,
        clock_off boolean, anonymous_count int, present_count int, absent_count int, excused_count int, not_recorded_count int,
        walk_in_count int)
      join organizations o on o.id = ${asker.organization_id}),
    head as (
      update sessions s set outcome = 'held', version = s.version + 1, updated_at = now(), sheet_version = s.sheet_version + 1,
        submitted_at = now(), submitted_by_key = ${asker.api_key_id}, submitted_by_staff = ${asker.staff_id},
        locks_at = coalesce(s.locks_at, now() + r.grace),
        anonymous_count = r.anonymous_count, present_count = r.present_count, absent_count = r.absent_count,
        excused_count = r.excused_count, not_recorded_count = r.not_recorded_count, walk_in_count = r.walk_in_count
      from given r
      where s.organization_id = ${asker.organization_id} and s.id = any (${value('session_ids')}::uuid[]) and s.id = r.session_id
      returning s.organization_id, s.id, s.version, s.sheet_version)
    , kept as (
      insert into attendance_versions (organization_id, session_id, version, submitted_by_key, submitted_by_staff, reason, occurred_at,
        clock_off, anonymous_count, rows)
      select h.organization_id, h.id, h.sheet_version, ${asker.api_key_id}, ${asker.staff_id}, r.reason, coalesce(r.occurred_at, now()),
        r.clock_off, r.anonymous_count, r.rows
      from head h join given r on r.session_id = h.id)
    select id, version, sheet_version from head`
)

/** Takes the sheet of a session back: it is scheduled again. The version that says so is kept like any other. */
export const withdrawSheetHead = statement<never, { session_id: string; reason: string }>(
  'withdraw_sheet_head',
  () => sql`
    with gone as (
      delete from attendance a where a.organization_id = ${asker.organization_id} and a.session_id = ${value('session_id')}),
    head as (
      update sessions s set outcome = 'scheduled', touched = true, version = s.version + 1, updated_at = now(),
        sheet_version = s.sheet_version + 1, submitted_at = null, submitted_by_key = null, submitted_by_staff = null, locks_at = null,
        anonymous_count = 0, present_count = 0, absent_count = 0, excused_count = 0, not_recorded_count = 0, walk_in_count = 0
      where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')}
      returning s.organization_id, s.id, s.sheet_version)
    insert into attendance_versions (organization_id, session_id, version, submitted_by_key, submitted_by_staff, kind, reason,
      anonymous_count, rows)
    select h.organization_id, h.id, h.sheet_version, ${asker.api_key_id}, ${asker.staff_id}, 'withdrawn', ${value('reason')}, 0, '[]'
    from head h`
)

/** Every version, the latest first. */
export const listSheetVersions = statement<SheetVersion, Asked & { session_id: string }>(
  'list_sheet_versions',
  shape => sql`
    select v.session_id, v.version, v.kind, v.reason, v.occurred_at, v.submitted_at as recorded_at, v.clock_off, v.anonymous_count,
      v.kind = 'put' and exists (select from attendance_versions w
        where w.organization_id = v.organization_id and w.session_id = v.session_id and w.version > v.version and w.kind = 'withdrawn')
        as entered_in_error,
      json_build_object('staff_id', v.submitted_by_staff, 'api_key_id', v.submitted_by_key, 'display_name', coalesce(
        (select f.display_name from staff f where f.organization_id = v.organization_id and f.id = v.submitted_by_staff),
        (select k.name from api_keys k where k.organization_id = v.organization_id and k.id = v.submitted_by_key))) as submitted_by,
      ${versionRows(sql`'roster'`, sql`p.name_key, p.id`)} as records, ${versionRows(sql`'walk_in'`, sql`r.position`)} as walk_ins
    from attendance_versions v
    join sessions s on s.organization_id = v.organization_id and s.id = v.session_id
    where v.organization_id = ${asker.organization_id} and v.session_id = ${value('session_id')} and ${behindSessionDoor(shape)}
      ${shape.has('after_1') ? sql`and v.version < ${value('after_1')}::int` : sql``}
    order by v.version desc limit ${value('limit')}`
)

function versionRows(kind: SQL, order: SQL): SQL {
  return sql`coalesce((
    select json_agg(json_build_object('person_id', r.person_id, 'display_name', coalesce(r.display_name, p.display_name), 'status', r.status,
      'expected', coalesce(r.expected, 'yes'), 'mode', r.mode, 'arrived_late', r.arrived_late, 'left_early', r.left_early, 'minutes', r.minutes, 'first_time', r.first_time)
      order by ${order})
    from jsonb_to_recordset(v.rows) as r (position int, kind text, person_id uuid, display_name text, status text, expected text,
      mode text, arrived_late boolean, left_early boolean, minutes int, first_time boolean)
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
      a.kind = 'walk_in' as walk_in, a.status, a.expected, a.mode, a.arrived_late, a.left_early, a.minutes, ${firstTime} as first_time
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
