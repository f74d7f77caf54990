import type { FastifyBaseLogger } from 'fastify'
import { v7 as uuid } from 'uuid'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { described } from '../http/errors.ts'
import { extend, horizonDays, horizonOf } from './make-sessions.ts'
import { lockSeriesToExtend } from './queries.ts'

const most = 200

/**
 * Makes the sessions that have come within the horizon, for all organizations; answers how many series it extended.
 * Several replicas may do this at once: a series that another is at is left to it.
 */
export async function extendSeries(
  db: Database,
  log: Pick<FastifyBaseLogger, 'error'>,
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
        await extend(tx, series, horizonOf(series.time_zone, now))
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
