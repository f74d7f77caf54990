import { sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { conflict } from '../problems.ts'
import type { Content, SheetRow } from './attendance.ts'
import { behindSessionDoor } from './door.ts'
import type { submissionOutcomes } from './vocabulary.ts'

/** A sheet that a device sent, with the versions that it began from and met. */
export interface Submission extends Content {
  id: string
  session_id: string
  base_version: number
  /** The sheet of the same device that it was begun from instead. */
  follows: string | null
  outcome: (typeof submissionOutcomes)[number]
  version: number
  occurred_at: string
  clock_off: boolean
  submitted_at: string
  submitted_by_key: string
  submitted_by_staff: string | null
  base: { rows: SheetRow[]; anonymous_count: number } | null
  met: { rows: SheetRow[]; anonymous_count: number } | null
}

const version = (of: string) =>
  sql.raw(`(select json_build_object('rows', v.rows, 'anonymous_count', v.anonymous_count)
  from attendance_versions v
  where v.organization_id = b.organization_id and v.session_id = b.session_id and v.version = ${of})`)

/** What it began from and met is only read where it did not fit: nobody asks for it else. */
const columns = sql`b.id, b.session_id, b.base_version, b.follows, b.outcome, b.version, b.occurred_at, b.clock_off, b.submitted_at,
  b.submitted_by_key, b.submitted_by_staff, b.anonymous_count, b.rows,
  case when b.outcome = 'conflict' then coalesce((
    select json_build_object('rows', f.rows, 'anonymous_count', f.anonymous_count) from attendance_submissions f
    where f.organization_id = b.organization_id and f.session_id = b.session_id and f.id = b.follows), ${version('b.base_version')}) end as base,
  case when b.outcome = 'conflict' then ${version('b.version')} end as met`

/** Those of these that were sent before: for comparison, and to be answered only with a session that the asker sees. */
export const findSubmissions = statement<Submission, { ids: string[] }>(
  'find_submissions',
  () => sql`
    select ${columns} from attendance_submissions b
    where b.organization_id = ${asker.organization_id} and b.id = any (${value('ids')}::uuid[])`
)

/** Those of these sessions that the asker still sees: whoever waited for one may have lost it meanwhile. */
export const stillWithinReach = statement<{ id: string }, { session_ids: string[] }>(
  'still_within_reach',
  shape => sql`
    select s.id from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = any (${value('session_ids')}::uuid[]) and ${behindSessionDoor(shape)}`
)

/** Conflicts that wait, in the order in which the devices made their sheets. */
export const listConflicts = statement<Submission, Asked & { session_id?: string }>(
  'list_conflicts',
  shape => sql`
    select ${columns} from attendance_submissions b
    join sessions s on s.organization_id = b.organization_id and s.id = b.session_id
    where b.organization_id = ${asker.organization_id} and b.outcome = 'conflict' and b.resolved_version is null
      and ${behindSessionDoor(shape)}
      ${shape.has('session_id') ? sql`and b.session_id = ${value('session_id')}` : sql``}
      ${shape.has('after_1') ? sql`and b.id > ${value('after_1')}::uuid` : sql``}
    order by b.id limit ${value('limit')}`
)

/** Versions that sheets began from. */
export const findVersions = statement<
  { session_id: string; version: number; rows: SheetRow[]; anonymous_count: number },
  { session_ids: string[]; versions: number[] }
>(
  'find_versions',
  () => sql`
    select v.session_id, v.version, v.rows, v.anonymous_count
    from unnest(${value('session_ids')}::uuid[], ${value('versions')}::int[]) as r (session_id, version)
    join attendance_versions v on v.organization_id = ${asker.organization_id} and v.session_id = r.session_id and v.version = r.version`
)

/** Of these sessions, the last version by which a sheet was taken back. */
export const lastWithdrawals = statement<{ session_id: string; version: number }, { session_ids: string[] }>(
  'last_withdrawals',
  () => sql`
    select v.session_id, max(v.version) as version from attendance_versions v
    where v.organization_id = ${asker.organization_id} and v.session_id = any (${value('session_ids')}::uuid[]) and v.kind = 'withdrawn'
    group by v.session_id`
)

/** Keeps what devices sent, from a JSON array. */
export const keepSubmissions = statement<never, { submissions: string }>(
  'keep_submissions',
  () => sql`
    insert into attendance_submissions (organization_id, id, session_id, base_version, follows, outcome, version, occurred_at,
      clock_off, submitted_at, submitted_by_key, submitted_by_staff, reason, anonymous_count, rows)
    select ${asker.organization_id}, r.id, r.session_id, r.base_version, r.follows, r.outcome, r.version, coalesce(r.occurred_at, now()),
      r.clock_off, r.submitted_at, ${asker.api_key_id}, ${asker.staff_id}, r.reason, r.anonymous_count, r.rows
    from jsonb_to_recordset(${value('submissions')}::jsonb) as r (id uuid, session_id uuid, base_version int, follows uuid, outcome text, version int,
      occurred_at timestamptz, clock_off boolean, submitted_at timestamptz, reason text, anonymous_count int, rows jsonb)`
)

/** Somebody decided about these conflicts of a session. */
export const resolveConflicts = statement<{ id: string }, { session_id: string; ids: string[]; version: number }>(
  'resolve_conflicts',
  () => sql`
    update attendance_submissions b set resolved_version = coalesce(b.resolved_version, ${value('version')})
    where b.organization_id = ${asker.organization_id} and b.session_id = ${value('session_id')} and b.outcome = 'conflict'
      and b.id = any (${value('ids')}::uuid[])
    returning b.id`
)

export const refusals: Refusals = {
  attendance_submissions_pkey: () =>
    conflict('id_reused', 'A sheet with one of these ids was sent for another session.')
}
