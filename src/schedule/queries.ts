import { sql } from 'drizzle-orm'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import type { Series } from './schemas.ts'

const columns = sql.raw(
  `s.id, s.group_id, s.starts_on, s.start_time, s.duration_minutes, s.time_zone, s.rrule, s.topic, s.mode, s.ends_on,
  s.extended_until as sessions_until, s.version, s.created_at, s.updated_at`
)

export const listSeries = statement<Series, Asked & { group_id: string }>(
  'list_series',
  shape => sql`
    select ${columns} from series s
    where s.organization_id = ${asker.organization_id} and s.group_id = ${value('group_id')} and ${behindDoor(shape, sql`s.group_id`)}
      ${shape.has('after_1') ? sql`and (s.starts_on, s.id) > (${value('after_0')}::date, ${value('after_1')}::uuid)` : sql``}
    order by s.starts_on, s.id limit ${value('limit')}`
)

export const findSeries = quickStatement<Series, { series_id: string }>(
  'find_series',
  shape => sql`
    select ${columns} from series s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('series_id')} and ${behindDoor(shape, sql`s.group_id`)}`
)

/** The series, held still until the transaction ends. */
export const lockSeries = statement<Series, { series_id: string }>(
  'lock_series',
  shape => sql`
    select ${columns} from series s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('series_id')} and ${behindDoor(shape, sql`s.group_id`)}
    for update of s`
)

/** The same, unless somebody else is at it. */
export const lockSeriesToExtend = statement<Series, { series_id: string }>(
  'lock_series_to_extend',
  () => sql`
    select ${columns} from series s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('series_id')} and (s.ends_on is null or s.ends_on >= s.extended_until)
    for update of s skip locked`
)

/**
 * Makes sessions of series, each occurrence once however often it is asked for. The sessions stand in the room that hangs
 * from this one; here they are only known by their table's name.
 *
 * `offset 0` keeps the look-up of each series by its key: for a table without statistics (an import that fills it) the
 * planner would compare each session with all series.
 */
export const makeSessions = statement<
  never,
  { ids: string[]; series_ids: string[]; occurs_on: string[]; starts_at: string[] }
>(
  'make_sessions',
  () => sql`
    insert into sessions (organization_id, id, group_id, series_id, occurs_on, starts_at, ends_at, duration_minutes,
      local_date, local_time, time_zone, topic, mode)
    select s.organization_id, o.id, s.group_id, s.id, o.occurs_on, o.starts_at,
      o.starts_at + make_interval(mins => s.duration_minutes), s.duration_minutes, o.occurs_on, s.start_time, s.time_zone, s.topic, s.mode
    from unnest(${value('ids')}::uuid[], ${value('series_ids')}::uuid[], ${value('occurs_on')}::date[], ${value('starts_at')}::timestamptz[])
      as o (id, series_id, occurs_on, starts_at)
    cross join lateral (
      select * from series s where s.organization_id = ${asker.organization_id} and s.id = o.series_id offset 0) s
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

/** The usual length of a session, in minutes. */
export const usualDuration = statement<{ minutes: number }>(
  'usual_duration',
  () => sql`
    select (settings ->> 'default_duration_minutes')::int as minutes from organizations where id = ${asker.organization_id}`
)
