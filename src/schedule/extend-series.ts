import type { FastifyBaseLogger } from 'fastify'
import { v7 as uuid } from 'uuid'
import type { Caller } from '../access/caller.ts'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { described } from '../http/errors.ts'
import { extend, farthestDays, horizonOf } from './make-sessions.ts'
import { lockSeries, lockSeriesToExtend, seriesShortOf } from './queries.ts'

const most = 200

/**
 * Makes the sessions that have come within the horizon, for all organizations; answers how many series it extended.
 * Several replicas may do this at once: a series that another is at is left to it.
 */
export async function extendSeries(
  db: Database,
  log: Pick<FastifyBaseLogger, 'error'>,
  horizonDays: number,
  now = new Date()
): Promise<number> {
  // Wherever the series is, its own horizon is at least this day.
  const due = addDays(localDateOf(now, 'UTC'), horizonDays)
  let extended = 0
  for (;;) {
    const rows = await db.reviewed<{ organization_id: string; series_id: string }>(
      'series_to_extend',
      'select * from series_to_extend($1, $2)',
      [due, most]
    )
    let progress = 0
    for (const { organization_id, series_id } of rows) {
      const work = db.write(serviceActor(organization_id, uuid()), async tx => {
        const [series] = await tx.run(lockSeriesToExtend, { series_id })
        if (series === undefined || series.sessions_until >= due) return 0
        await extend(tx, series, horizonOf(series.time_zone, now, horizonDays))
        return 1
      })
      // One series that cannot be extended does not keep the others from it.
      progress += await work.catch(error => {
        log.error({ err: described(error), series_id }, 'a series could not be extended')
        return 0
      })
    }
    extended += progress
    if (rows.length < most || progress === 0) return extended
  }
}

/**
 * Makes the sessions of a group's series up to a day that somebody asks for, where it lies beyond the horizon; two years ahead
 * at the most.
 *
 * @param until a local day, the last that is asked for
 */
export async function extendGroup(
  db: Database,
  asker: Caller,
  group_id: string,
  until: string,
  horizonDays: number,
  now = new Date()
): Promise<void> {
  const today = localDateOf(now, 'UTC')
  // Within the horizon the job has been there already.
  if (until < addDays(today, horizonDays)) return
  const wanted = [addDays(until, 1), addDays(today, farthestDays)].sort()[0]!
  for (const { id } of await db.read(asker, seriesShortOf, { group_id, until: wanted })) {
    await db.write(serviceActor(asker.organization_id, uuid()), async tx => {
      const [series] = await tx.run(lockSeries, { series_id: id })
      if (series!.sessions_until < wanted) await extend(tx, series!, wanted)
    })
  }
}
