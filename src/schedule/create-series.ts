import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import { lockGroup } from '../groups/queries.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { horizonOf, makeSessionsOf } from './make-sessions.ts'
import { findSeries, usualDuration } from './queries.ts'
import { parseRule } from './recurrence.ts'
import type { Series, SeriesCreate } from './schemas.ts'
import { series } from './tables.ts'

const daysBack = 400
const daysAhead = 731

/** Makes a series and its sessions: from its first day to the horizon. */
export async function createSeries(
  tx: Tx,
  group_id: string,
  given: SeriesCreate,
  now = new Date()
): Promise<Answered<Series>> {
  const [group] = await tx.run(lockGroup, { group_id })
  if (group === undefined) throw notFound()
  if (group.archived_at !== null) throw conflict('group_archived', 'The group is archived; restore it first.')
  const time_zone = given.time_zone ?? group.time_zone
  const today = localDateOf(now, time_zone)
  if (given.starts_on < addDays(today, -daysBack)) {
    throw unprocessable('too_early', '#/starts_on', `A series may begin at most ${daysBack} days back.`)
  }
  if (given.starts_on > addDays(today, daysAhead)) {
    throw unprocessable('too_late', '#/starts_on', 'A series may begin at most two years ahead.')
  }
  const rule = parseRule(given.rrule)
  if ('detail' in rule) throw unprocessable('invalid_rrule', '#/rrule', rule.detail)

  const until = horizonOf(time_zone, now)
  const row = {
    ...given,
    organization_id: tx.actor.organization_id,
    id: uuid(),
    group_id,
    time_zone,
    rrule: rule.rule,
    duration_minutes: given.duration_minutes ?? (await tx.run(usualDuration, {}))[0]!.minutes,
    extended_until: until
  }
  await tx.db.insert(series).values(row)
  await makeSessionsOf(tx, [{ series: row, from: given.starts_on, until }])
  const [made] = await tx.run(findSeries, { series_id: row.id })
  recordChange(tx, 'series.created', made!)
  return created('/v1/series', made!)
}
