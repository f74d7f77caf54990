import { and, eq } from 'drizzle-orm'
import { type Answered, done } from '../changes/change.ts'
import { recordChange, recordChangesNow } from '../changes/record.ts'
import { localDateOf } from '../clock/time-zones.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { dropSessionsAfter, findSeries, lockSeries, told } from './queries.ts'
import type { Series, SeriesEnd } from './schemas.ts'
import { series } from './tables.ts'

/**
 * Ends a series after its last day, today unless given. Sessions to come after that day go, unless something was
 * recorded or decided about them; past ones stay as they are.
 */
export async function endSeries(
  tx: Tx,
  series_id: string,
  ifMatch: string | undefined,
  given: SeriesEnd,
  now = new Date()
): Promise<Answered<Series>> {
  const [before] = await tx.run(lockSeries, { series_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  if (before.ends_on !== null) throw conflict('already_ended', 'The series has ended already.')
  const ends_on = given.ends_on ?? localDateOf(now, before.time_zone)
  if (given.ends_on !== undefined && given.ends_on < before.starts_on) {
    throw unprocessable('ends_before_start', '#/ends_on', 'A series ends on its first day or later.')
  }
  await recordChangesNow(tx, 'session.removed', await tx.run(dropSessionsAfter, { series_id, ends_on }))
  await tx.db
    .update(series)
    .set({ ends_on, ...nextVersion(series) })
    .where(and(eq(series.organization_id, tx.actor.organization_id), eq(series.id, series_id)))
  const [ended] = await tx.run(findSeries, { series_id })
  recordChange(tx, 'series.ended', ended!)
  return done(told(ended!))
}
