import { sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import type { Place } from './preview-series.ts'
import type { Series } from './schemas.ts'
import { sentenceOf } from './sentence.ts'

const stored = sql.raw(
  `s.id, s.group_id, s.starts_on, s.start_time, s.duration_minutes, s.time_zone, s.rrule, s.topic, s.mode, s.location,
  s.online_url, s.ends_on, s.continues_series_id, s.extended_until as sessions_until, s.version, s.created_at, s.updated_at`
)
export type StoredSeries = Omit<Series, 'sentence' | 'next_occurrences'>

/** Beside what is stored: in which language its sentence is told, and the next three sessions as they are by now. */
const columns = sql`${stored}, (
    select coalesce(g.languages[1], o.language) from groups g join organizations o on o.id = g.organization_id
    where g.organization_id = s.organization_id and g.id = s.group_id) as language,
  coalesce((
    select json_agg(json_build_object('session_id', n.id, 'starts_at', ${instantText(sql`n.starts_at`)}, 'ends_at',
      ${instantText(sql`n.ends_at`)}, 'local_date', n.local_date, 'local_time', n.local_time) order by n.starts_at, n.id)
    from (
      select n.* from sessions n
      where n.organization_id = s.organization_id and n.group_id = s.group_id and n.series_id = s.id and n.starts_at >= now()
        and n.outcome = 'scheduled'
      order by n.starts_at, n.id limit 3) n), '[]') as next_occurrences`
export type FoundSeries = Omit<Series, 'sentence'> & { language: string }

/** A series as the contract has it. */
export const told = (found: FoundSeries): Series => ({ ...found, sentence: sentenceOf(found, found.language) })

export const listSeries = statement<FoundSeries, Asked & { group_id: string }>(
  'list_series',
  shape => sql`
    select ${columns} from series s
    where s.organization_id = ${asker.organization_id} and s.group_id = ${value('group_id')} and ${behindDoor(shape, sql`s.group_id`)}
      ${shape.has('after_1') ? sql`and (s.starts_on, s.id) > (${value('after_0')}::date, ${value('after_1')}::uuid)` : sql``}
    order by s.starts_on, s.id limit ${value('limit')}`
)

export const findSeries = quickStatement<FoundSeries, { series_id: string }>(
  'find_series',
  shape => sql`
    select ${columns} from series s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('series_id')} and ${behindDoor(shape, sql`s.group_id`)}`
)

/** The series, held still until the transaction ends. */
export const lockSeries = statement<StoredSeries, { series_id: string }>(
  'lock_series',
  shape => sql`
    select ${stored} from series s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('series_id')} and ${behindDoor(shape, sql`s.group_id`)}
    for update of s`
)

/** The series of a group that go on, and whose sessions do not exist up to a day. */
export const seriesShortOf = statement<{ id: string }, { group_id: string; until: string }>(
  'series_short_of',
  shape => sql`
    select s.id from series s
    where s.organization_id = ${asker.organization_id} and s.group_id = ${value('group_id')} and ${behindDoor(shape, sql`s.group_id`)}
      and (s.ends_on is null or s.ends_on >= s.extended_until) and s.extended_until < ${value('until')}::date
    order by s.id`
)

/** Several, but those that somebody else is at: they cannot change, and others may go on to refer to them. */
export const lockSeriesToExtend = statement<StoredSeries, { ids: string[] }>(
  'lock_series_to_extend',
  () => sql`
    select ${stored} from series s
    where s.organization_id = ${asker.organization_id} and s.id = any (${value('ids')}::uuid[])
      and (s.ends_on is null or s.ends_on >= s.extended_until)
    order by s.id for no key update of s skip locked`
)

/** Up to which day the sessions of series exist. */
export const setExtended = statement<never, { ids: string[]; until: string[] }>(
  'set_extended',
  () => sql`
    update series s set extended_until = u.until
    from unnest(${value('ids')}::uuid[], ${value('until')}::date[]) as u (id, until)
    where s.organization_id = ${asker.organization_id} and s.id = u.id`
)

/**
 * Whoever makes sessions and whoever closes days do not miss each other: many may make sessions at once, and wait while days
 * are being closed. An operation that makes or moves the sessions of series takes it before all else that it holds: in another
 * order, it and whoever closes days would wait for each other.
 */
const calendarLock = sql`hashtextextended('calendar ' || ${asker.organization_id}::text, 0)`
export const shareCalendar = statement<never>(
  'share_calendar',
  () => sql`select pg_advisory_xact_lock_shared(${calendarLock})`
)
export const lockCalendar = statement<never>('lock_calendar', () => sql`select pg_advisory_xact_lock(${calendarLock})`)

/**
 * Makes sessions from a JSON array of series, each with the occurrences that are wanted: an occurrence becomes one session,
 * however often it is asked for, and is cancelled from the outset on a day that is closed. The sessions stand in the room that
 * hangs from this one; here they are only known by their table's name.
 *
 * What a session takes from its series comes along instead of being looked up: an import fills a table that has no
 * statistics yet, where the planner may walk through all series for each session.
 */
export const makeSessions = statement<never, { series: string }>(
  'make_sessions',
  () => sql`
    with closed as materialized (
      select c.* from closures c where c.organization_id = ${asker.organization_id} and c.removed_at is null)
    insert into sessions (organization_id, id, group_id, series_id, occurs_on, starts_at, ends_at, duration_minutes,
      local_date, local_time, time_zone, topic, mode, location, online_url, outcome, reason, closure_id)
    select ${asker.organization_id}::uuid, o.id, s.group_id, s.id, o.occurs_on, o.starts_at,
      o.starts_at + make_interval(mins => s.duration_minutes), s.duration_minutes, o.occurs_on, s.start_time, s.time_zone, s.topic, s.mode,
      nullif(s.location, 'null'), s.online_url, case when c.id is null then 'scheduled' else 'cancelled' end, c.name, c.id
    from jsonb_to_recordset(${value('series')}::jsonb) as s (id uuid, group_id uuid, duration_minutes int, start_time text,
      time_zone text, topic text, mode text, location jsonb, online_url text, ids uuid[], occurs_on date[], starts_at timestamptz[])
    cross join unnest(s.ids, s.occurs_on, s.starts_at) as o (id, occurs_on, starts_at)
    left join lateral (
      select c.id, c.name from closed c
      where o.occurs_on between c.starts_on and c.ends_on and (c.group_id is null or c.group_id = s.group_id) and o.starts_at > now()
      order by c.created_at, c.id limit 1) c on true
    on conflict (organization_id, series_id, occurs_on) do nothing`
)

/** A session of a series, as far as it matters to what becomes of the series. */
export interface SessionOfSeries {
  id: string
  occurs_on: string
  starts_at: string
  ends_at: string
  duration_minutes: number
  local_date: string
  local_time: string
  time_zone: string
  topic: string | null
  mode: Series['mode']
  location: Series['location']
  online_url: string | null
  /** It is to come, has no sheet, and nobody said that it did not happen. */
  open: boolean
  /** Somebody decided about this very session, or wrote something down of it. */
  touched: boolean
  detached: boolean
}

/** The sessions of a series from a day on, held still until the transaction ends. */
export const lockSessionsFrom = statement<SessionOfSeries, { series_id: string; from: string }>(
  'lock_sessions_from',
  () => sql`
    select s.id, s.occurs_on, s.starts_at, s.ends_at, s.duration_minutes, s.local_date, s.local_time, s.time_zone, s.topic, s.mode,
      s.location, s.online_url, s.detached,
      s.starts_at > now() and s.outcome in ('scheduled', 'cancelled') as open,
      s.touched or exists (select from strategies c where c.organization_id = s.organization_id and c.session_id = s.id) as touched
    from sessions s
    where s.organization_id = ${asker.organization_id} and s.series_id = ${value('series_id')} and s.occurs_on >= ${value('from')}::date
    order by s.id for update of s`
)

/** Writes down what became of sessions, and of which series they are, from a JSON array of `FollowedSession`. */
export const followSeries = statement<{ id: string; version: number }, { series_id: string; rows: string }>(
  'follow_series',
  () => sql`
    update sessions s set series_id = ${value('series_id')}, starts_at = r.starts_at, ends_at = r.ends_at, duration_minutes = r.duration_minutes,
      local_date = r.local_date, local_time = r.local_time, time_zone = r.time_zone, topic = r.topic, mode = r.mode,
      location = nullif(r.location, 'null'), online_url = r.online_url, detached = r.detached, version = s.version + 1, updated_at = now()
    from jsonb_to_recordset(${value('rows')}::jsonb) as r (id uuid, starts_at timestamptz, ends_at timestamptz,
      duration_minutes int, local_date date, local_time text, time_zone text, topic text, mode text, location jsonb, online_url text,
      detached boolean)
    where s.organization_id = ${asker.organization_id} and s.id = r.id
    returning s.id, s.version`
)

/** Takes sessions back that `lockSessionsFrom` holds. */
export const removeSessions = statement<{ id: string; version: number }, { ids: string[] }>(
  'remove_sessions',
  () => sql`
    delete from sessions s where s.organization_id = ${asker.organization_id} and s.id = any (${value('ids')}::uuid[])
    returning s.id, s.version`
)

/** Sessions to come without a sheet, in the order of their start, held still until the transaction ends. */
export const comingSessions = statement<
  Pick<SessionOfSeries, 'id' | 'starts_at' | 'local_date' | 'local_time' | 'time_zone'>,
  { limit: number; starts_at?: string; id?: string }
>(
  'coming_sessions',
  shape => sql`
    select s.id, s.starts_at, s.local_date, s.local_time, s.time_zone from sessions s
    where s.organization_id = ${asker.organization_id} and s.starts_at > now() and s.sheet_version = 0
      ${shape.has('id') ? sql`and (s.starts_at, s.id) > (${value('starts_at')}::timestamptz, ${value('id')}::uuid)` : sql``}
    order by s.starts_at, s.id limit ${value('limit')} for no key update of s`
)

/** Moves sessions, by a JSON array of their ids and starts; what clocks show there stays. */
export const moveSessions = statement<{ id: string; version: number }, { rows: string }>(
  'move_sessions',
  () => sql`
    update sessions s set starts_at = r.starts_at, ends_at = r.starts_at + make_interval(mins => s.duration_minutes),
      version = s.version + 1, updated_at = now()
    from jsonb_to_recordset(${value('rows')}::jsonb) as r (id uuid, starts_at timestamptz)
    where s.organization_id = ${asker.organization_id} and s.id = r.id
    returning s.id, s.version`
)

/** What a series that names none of it takes from its group, or else from the organization; no row where no such group is seen. */
export const findPlace = statement<Place, { group_id?: string }>(
  'find_place',
  shape => sql`
    select coalesce(g.time_zone, o.time_zone) as time_zone, coalesce(g.languages[1], o.language) as language,
      (o.settings ->> 'default_duration_minutes')::int as minutes
    from organizations o
    ${
      shape.has('group_id')
        ? sql`join groups g on g.organization_id = o.id and g.id = ${value('group_id')} and ${behindDoor(shape, sql`g.id`)}`
        : sql`left join groups g on g.organization_id = o.id and false`
    }
    where o.id = ${asker.organization_id}`
)

/** The usual length of a session, in minutes. */
export const usualDuration = statement<{ minutes: number }>(
  'usual_duration',
  () => sql`
    select (settings ->> 'default_duration_minutes')::int as minutes from organizations where id = ${asker.organization_id}`
)
