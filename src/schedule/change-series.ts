import { and, eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange, recordChangesNow } from '../changes/record.ts'
import { addDays, instantOf, localDateOf } from '../clock/time-zones.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { wholeLocation } from '../groups/create-group.ts'
import { lockGroup } from '../groups/queries.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { type FollowedSession, follow, type Template } from './follow.ts'
import { farthestDays, horizonOf, makeSessionsOf } from './make-sessions.ts'
import {
  findSeries,
  followSeries,
  lockSeries,
  lockSessionsFrom,
  removeSessions,
  type StoredSeries,
  shareCalendar,
  told
} from './queries.ts'
import { ruleOf } from './read-rule.ts'
import { type Occurrence, occurrenceDates, occurrences, partsOf, withCount } from './recurrence.ts'
import type { SeriesChanged, SeriesEnd, SeriesPatch, SeriesSplit } from './schemas.ts'
import { series } from './tables.ts'

const at = (tx: Tx, series_id: string) =>
  and(eq(series.organization_id, tx.actor.organization_id), eq(series.id, series_id))

/** @throws Problem 404, 412, 428 */
async function hold(tx: Tx, series_id: string, ifMatch: string | undefined): Promise<StoredSeries> {
  await tx.run(shareCalendar, {})
  const [before] = await tx.run(lockSeries, { series_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  return before
}

/**
 * Changes a series for all of its sessions that are to come (`follow`); what is past stays as it was.
 *
 * @throws Problem 422 `invalid_rrule`, `incomplete_coordinates`
 */
export async function changeSeries(
  tx: Tx,
  series_id: string,
  ifMatch: string | undefined,
  given: SeriesPatch,
  horizonDays: number,
  now = new Date()
): Promise<Answered<SeriesChanged>> {
  const before = await hold(tx, series_id, ifMatch)
  const changes = changesOf(before, given)
  const after: StoredSeries = { ...before, ...changes }
  const until = laterOf(before.sessions_until, horizonOf(after.time_zone, now, horizonDays))
  await tx.db
    .update(series)
    .set({ ...changes, extended_until: until, ...nextVersion(series) })
    .where(at(tx, series_id))
  const today = localDateOf(now, after.time_zone)
  const isLate = Date.parse(instantOf(today, after.start_time, after.time_zone)) <= now.getTime()
  const detached = await settle(tx, before, after, { from: isLate ? addDays(today, 1) : today, until })
  return await answered(tx, series_id, 'series.changed', detached, done)
}

/**
 * Changes a series from a day on: it ends the day before, and another goes on with what is changed. Sessions that are to come
 * keep their ids.
 *
 * @throws Problem 409 `group_archived`, 422 `no_occurrence`, `too_early`, `invalid_rrule`, `incomplete_coordinates`
 */
export async function splitSeries(
  tx: Tx,
  series_id: string,
  ifMatch: string | undefined,
  { from, ...given }: SeriesSplit,
  horizonDays: number,
  now = new Date()
): Promise<Answered<SeriesChanged>> {
  const before = await hold(tx, series_id, ifMatch)
  const [group] = await tx.run(lockGroup, { group_id: before.group_id })
  if (group!.archived_at !== null) throw conflict('group_archived', 'The group is archived; restore it first.')
  if (from > addDays(localDateOf(now, before.time_zone), farthestDays)) {
    throw unprocessable('too_late', '#/from', 'A series is changed from a day within two years on.')
  }
  const { COUNT } = partsOf(before.rrule)
  // What the rule counts has been used up in part; without COUNT, only that day matters.
  const since = COUNT ? before.starts_on : from
  const days = occurrenceDates({ ...before, rule: before.rrule }, { from: since, until: addDays(from, 1) })
  if (days.at(-1) !== from || (before.ends_on !== null && from > before.ends_on)) {
    throw unprocessable('no_occurrence', '#/from', 'The series has no session on that day by its rule.')
  }
  const changes = changesOf({ ...before, starts_on: from }, given)
  const { version: _, created_at: __, updated_at: ___, sessions_until: ____, ...kept } = { ...before, ...changes }
  const starts = [before, kept].map(one => Date.parse(instantOf(from, one.start_time, one.time_zone)))
  if (Math.min(...starts) <= now.getTime()) {
    throw unprocessable(
      'too_early',
      '#/from',
      'The session of that day has begun: change the series from a later one on.'
    )
  }
  const rrule =
    given.rrule === undefined && COUNT ? withCount(before.rrule, Number(COUNT) - days.length + 1) : kept.rrule
  const until = laterOf(before.sessions_until, horizonOf(kept.time_zone, now, horizonDays))
  const after = {
    ...kept,
    id: uuid(),
    organization_id: tx.actor.organization_id,
    starts_on: from,
    rrule,
    continues_series_id: before.id,
    extended_until: until
  }
  await tx.db.insert(series).values(after)
  const last = addDays(from, -1)
  await tx.db
    .update(series)
    .set({ ends_on: last, ...nextVersion(series) })
    .where(at(tx, series_id))
  const detached = await settle(tx, before, after, { from, until })
  recordChange(tx, 'series.ended', { id: before.id, version: before.version + 1 })
  return await answered(tx, after.id, 'series.created', detached, body => created('/v1/series', body))
}

/**
 * Ends a series after its last day, today unless given; one that has an end to come, sooner. Sessions to come after that day
 * go, unless somebody decided about them; past ones stay as they are.
 */
export async function endSeries(
  tx: Tx,
  series_id: string,
  ifMatch: string | undefined,
  given: SeriesEnd,
  now = new Date()
): Promise<Answered<SeriesChanged>> {
  const before = await hold(tx, series_id, ifMatch)
  // One that has not begun never begins.
  const ends_on = given.ends_on ?? laterOf(localDateOf(now, before.time_zone), addDays(before.starts_on, -1))
  if (before.ends_on !== null && before.ends_on <= ends_on) {
    throw conflict('already_ended', 'The series ends on that day or sooner already.')
  }
  if (given.ends_on !== undefined && given.ends_on < before.starts_on) {
    throw unprocessable('ends_before_start', '#/ends_on', 'A series ends on its first day or later.')
  }
  await tx.db
    .update(series)
    .set({ ends_on, ...nextVersion(series) })
    .where(at(tx, series_id))
  const from = addDays(ends_on, 1)
  const detached = await settle(tx, before, before, { from, until: from })
  return await answered(tx, series_id, 'series.ended', detached, done)
}

/** A series, as far as its sessions follow it. */
type Followable = Template & Pick<StoredSeries, 'id' | 'group_id' | 'starts_on' | 'rrule' | 'ends_on'>

/** Lets the sessions from a day on follow their series; answers which of them are left without an occurrence. */
async function settle(
  tx: Tx,
  before: Followable,
  after: Followable,
  { from, until }: { from: string; until: string }
): Promise<FollowedSession[]> {
  const last = after.ends_on !== null && after.ends_on < until ? addDays(after.ends_on, 1) : until
  const wanted: Occurrence[] = from < last ? occurrences({ ...after, rule: after.rrule }, { from, until: last }) : []
  const sessions = await tx.run(lockSessionsFrom, { series_id: before.id, from })
  const { change, remove, detach, make } = follow(sessions, { before, after }, wanted)
  const write = async (type: `session.${string}`, rows: FollowedSession[]) => {
    if (rows.length === 0) return
    await recordChangesNow(tx, type, await tx.run(followSeries, { series_id: after.id, rows: JSON.stringify(rows) }))
  }
  await write('session.changed', change)
  await write('session.detached', detach)
  if (remove.length > 0) await recordChangesNow(tx, 'session.removed', await tx.run(removeSessions, { ids: remove }))
  await makeSessionsOf(tx, [{ series: after, occurrences: make }])
  return detach
}

/** @throws Problem 422 `invalid_rrule`, `incomplete_coordinates` */
function changesOf(before: StoredSeries, { rrule, location, ...given }: SeriesPatch): Partial<StoredSeries> {
  return {
    ...given,
    ...(rrule !== undefined && { rrule: ruleOf({ ...before, ...given, rrule }) }),
    ...(location !== undefined && { location: wholeLocation(location, before.location) })
  }
}

async function answered(
  tx: Tx,
  series_id: string,
  type: `series.${string}`,
  detached: FollowedSession[],
  answer: (body: SeriesChanged) => Answered<SeriesChanged>
): Promise<Answered<SeriesChanged>> {
  const [found] = await tx.run(findSeries, { series_id })
  recordChange(tx, type, found!)
  return answer({ ...told(found!), detached_session_ids: detached.map(({ id }) => id) })
}

const laterOf = (one: string, other: string): string => (one > other ? one : other)
