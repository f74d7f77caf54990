import { sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import type { Place } from './preview-series.ts'
import type { Series } from './schemas.ts'
import { sentenceOf } from './sentence.ts'

const stored = sql.raw(
  `s.id, s.group_id, s.starts_on, s.start_time, s.duration_minutes, s.time_zone, s.rrule, s.topic, s.mode, s.ends_on,
  s.extended_until as sessions_until, s.version, s.created_at, s.updated_at`
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

/** The same, unless somebody else is at it. */
export const lockSeriesToExtend = statement<StoredSeries, { series_id: string }>(
  'lock_series_to_extend',
  () => sql`
    select ${stored} from series s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('series_id')} and (s.ends_on is null or s.ends_on >= s.extended_until)
    for update of s skip locked`
)

/**
 * Makes sessions from a JSON array of series, each with the occurrences that are wanted: an occurrence becomes one session,
 * however often it is asked for. The sessions stand in the room that hangs from this one; here they are only known by
 * their table's name.
 *
 * What a session takes from its series comes along instead of being looked up: an import fills a table that has no
 * statistics yet, where the planner may walk through all series for each session.
 */
export const makeSessions = statement<never, { series: string }>(
  'make_sessions',
  () => sql`
    insert into sessions (organization_id, id, group_id, series_id, occurs_on, starts_at, ends_at, duration_minutes,
      local_date, local_time, time_zone, topic, mode)
    select ${asker.organization_id}::uuid, o.id, s.group_id, s.id, o.occurs_on, o.starts_at,
      o.starts_at + make_interval(mins => s.duration_minutes), s.duration_minutes, o.occurs_on, s.start_time, s.time_zone, s.topic, s.mode
    from jsonb_to_recordset(${value('series')}::jsonb) as s (id uuid, group_id uuid, duration_minutes int, start_time text,
      time_zone text, topic text, mode text, ids uuid[], occurs_on date[], starts_at timestamptz[])
    cross join unnest(s.ids, s.occurs_on, s.starts_at) as o (id, occurs_on, starts_at)
    on conflict (organization_id, series_id, occurs_on) do nothing`
)

/** Takes back the sessions after a series' last day that are still to come and that nobody touched. */
export const dropSessionsAfter = statement<{ id: string; version: number }, { series_id: string; ends_on: string }>(
  'drop_sessions_after',
  () => sql`
    delete from sessions s
    where s.organization_id = ${asker.organization_id} and s.series_id = ${value('series_id')} and s.occurs_on > ${value('ends_on')}::date
      and s.starts_at > now() and s.outcome = 'scheduled' and s.version = 1
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
