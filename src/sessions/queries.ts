import { type SQL, sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Location } from '../groups/vocabulary.ts'
import type { Asked } from '../http/page.ts'
import { behindSessionDoor } from './door.ts'
import { isNamed, leadsThen } from './facilitator-queries.ts'
import type { Outcome } from './vocabulary.ts'

/** Of whom the sheet says nothing; where none stands, the members of the session's day. */
const notRecorded = sql`case when s.submitted_at is not null then s.not_recorded_count else (select count(*) from memberships m
  where m.organization_id = s.organization_id and m.group_id = s.group_id
    and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date))::int end`

export const counts = sql`json_build_object('present', s.present_count, 'absent', s.absent_count, 'excused', s.excused_count,
  'not_recorded', ${notRecorded}, 'walk_ins', s.walk_in_count, 'anonymous', s.anonymous_count,
  'total', s.present_count + s.walk_in_count + s.anonymous_count)`

/** A session as the contract has it, written by PostgreSQL: this is one of the two hottest reads. */
export const sessionJson = sql`json_build_object('id', s.id, 'group_id', s.group_id, 'series_id', s.series_id,
  'starts_at', ${instantText(sql`s.starts_at`)}, 'ends_at', ${instantText(sql`s.ends_at`)},
  'duration_minutes', s.duration_minutes, 'local_date', s.local_date, 'local_time', s.local_time, 'time_zone', s.time_zone,
  'topic', s.topic, 'mode', coalesce(s.mode, g.mode), 'location', s.location, 'online_url', s.online_url,
  'original_date', s.occurs_on, 'detached', s.detached, 'outcome', s.outcome, 'reason', s.reason, 'closure_id', s.closure_id,
  'submitted_at', ${instantText(sql`s.submitted_at`)}, 'counts', ${counts}, 'version', s.version,
  'created_at', ${instantText(sql`s.created_at`)}, 'updated_at', ${instantText(sql`s.updated_at`)})::text`

export interface SessionText {
  json: string
  id: string
  starts_at: string
  version: number
}

/** From and to: local days where the session is, or instants. The day's bounds on the instant let the index serve it. */
export interface Interval {
  from_day?: string
  from_instant?: string
  to_day?: string
  to_instant?: string
}
export const within = ({ has }: Shape, starts_at: SQL): SQL =>
  sql.join(
    [
      has('from_day')
        ? sql`and s.local_date >= ${value('from_day')}::date and ${starts_at} >= ${value('from_day')}::date::timestamptz - interval '14 hours'`
        : sql``,
      has('from_instant') ? sql`and ${starts_at} >= ${value('from_instant')}::timestamptz` : sql``,
      has('to_day')
        ? sql`and s.local_date < ${value('to_day')}::date and ${starts_at} < ${value('to_day')}::date::timestamptz + interval '12 hours'`
        : sql``,
      has('to_instant') ? sql`and ${starts_at} < ${value('to_instant')}::timestamptz` : sql``
    ],
    sql` `
  )

const isUnlogged = sql`(s.outcome = 'scheduled' and s.ends_at < now())`

/** In order of their start. */
export const listSessions = quickStatement<
  SessionText,
  Asked & Interval & { group_id?: string; of_staff_id?: string; outcome?: Outcome; unlogged?: boolean }
>(
  'list_sessions',
  shape => sql`
    select ${sessionJson} as json, s.id, s.starts_at, s.version
    from sessions s join groups g on g.organization_id = s.organization_id and g.id = s.group_id
    where s.organization_id = ${asker.organization_id} and ${behindSessionDoor(shape)}
      ${shape.has('group_id') ? sql`and s.group_id = ${value('group_id')}` : sql``}
      ${
        shape.has('of_staff_id')
          ? sql`and (${leadsThen(value('of_staff_id'))} or ${isNamed(value('of_staff_id'))})`
          : sql``
      }
      ${within(shape, sql`s.starts_at`)}
      ${shape.has('outcome') ? sql`and s.outcome = ${value('outcome')}` : sql``}
      ${shape.has('unlogged') ? sql`and ${isUnlogged} = ${value('unlogged')}::boolean` : sql``}
      ${shape.has('after_1') ? sql`and (s.starts_at, s.id) > (${value('after_0')}::timestamptz, ${value('after_1')}::uuid)` : sql``}
    order by s.starts_at, s.id limit ${value('limit')}`,
  // What these leave out has to be looked at all the same.
  shape => !shape.has('outcome') && !shape.has('unlogged') && !shape.has('of_staff_id')
)

export const findSession = quickStatement<SessionText, { session_id: string }>(
  'find_session',
  shape => sql`
    select ${sessionJson} as json, s.id, s.starts_at, s.version
    from sessions s join groups g on g.organization_id = s.organization_id and g.id = s.group_id
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}`
)

export interface LockedSession {
  id: string
  group_id: string
  starts_at: string
  duration_minutes: number
  time_zone: string
  outcome: Outcome
  version: number
  location: Location | null
  closure_id: string | null
  /** Whether the group is behind the asker's door, and not this session alone. */
  of_group: boolean
}

/** The session, held still until the transaction ends. */
export const lockSession = statement<LockedSession, { session_id: string }>(
  'lock_session',
  shape => sql`
    select s.id, s.group_id, s.starts_at, s.duration_minutes, s.time_zone, s.outcome, s.version, s.location,
      s.closure_id, ${behindDoor(shape, sql`s.group_id`)} as of_group
    from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}
    for update of s`
)

/** Something hangs from this very session now: it is held still, and what becomes of its series does not remove it. */
export const touchSession = statement<{ id: string }, { session_id: string }>(
  'touch_session',
  shape => sql`
    update sessions s set touched = true
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}
    returning s.id`
)

/** Moves within a group come one after the other, until the transaction ends. */
export const lockMoves = statement<never, { group_id: string }>(
  'lock_moves',
  () => sql`
    select pg_advisory_xact_lock(hashtextextended('moves ' || ${value('group_id')}::text, 0))
    from organizations o where o.id = ${asker.organization_id}`
)

/** A session of the group, neither cancelled nor found not to have happened, at that time. */
export const overlappingSession = statement<
  { id: string },
  { group_id: string; session_id: string; starts_at: string; ends_at: string }
>(
  'overlapping_session',
  () => sql`
    select s.id from sessions s
    where s.organization_id = ${asker.organization_id} and s.group_id = ${value('group_id')} and s.id <> ${value('session_id')}
      and s.starts_at < ${value('ends_at')}::timestamptz and s.starts_at > ${value('starts_at')}::timestamptz - interval '1 day'
      and s.ends_at > ${value('starts_at')}::timestamptz and s.outcome in ('scheduled', 'held')
    limit 1`
)
