import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import { wholeLocation } from '../groups/create-group.ts'
import { lockGroup } from '../groups/queries.ts'
import { conflict, notFound } from '../problems.ts'
import { horizonOf, makeSessionsBetween } from './make-sessions.ts'
import { findSeries, shareCalendar, told, usualDuration } from './queries.ts'
import { readRule } from './read-rule.ts'
import type { Series, SeriesCreate } from './schemas.ts'
import { series } from './tables.ts'

/** Makes a series and its sessions: from its first day to the horizon. */
export async function createSeries(
  tx: Tx,
  group_id: string,
  given: SeriesCreate,
  horizonDays: number,
  now = new Date()
): Promise<Answered<Series>> {
  await tx.run(shareCalendar, {})
  const [group] = await tx.run(lockGroup, { group_id })
  if (group === undefined) throw notFound()
  if (group.archived_at !== null) throw conflict('group_archived', 'The group is archived; restore it first.')
  const time_zone = given.time_zone ?? group.time_zone
  const rrule = readRule({ ...given, time_zone }, localDateOf(now, time_zone))

  const until = horizonOf(time_zone, now, horizonDays)
  const row = {
    ...given,
    location: wholeLocation(given.location),
    organization_id: tx.actor.organization_id,
    id: uuid(),
    group_id,
    time_zone,
    rrule,
    duration_minutes: given.duration_minutes ?? (await tx.run(usualDuration, {}))[0]!.minutes,
    extended_until: until
  }
  await tx.db.insert(series).values(row)
  await makeSessionsBetween(tx, row, given.starts_on, until)
  const [made] = await tx.run(findSeries, { series_id: row.id })
  recordChange(tx, 'series.created', made!)
  return created('/v1/series', told(made!))
}
