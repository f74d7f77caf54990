import type { FastifyBaseLogger } from 'fastify'
import { v7 as uuid } from 'uuid'
import type { Caller } from '../access/caller.ts'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { described } from '../http/errors.ts'
import { extend, farthestDays, horizonOf } from './make-sessions.ts'
import { lockSeries, lockSeriesToExtend, seriesShortOf, shareCalendar } from './queries.ts'

/** So many are asked for at once, and so many extended in one transaction. */
const most = 500
const atOnce = 25

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
  const extendSome = async (organization_id: string, ids: string[], how?: 'waiting'): Promise<number> => {
    try {
      return await db.write(serviceActor(organization_id, uuid()), async tx => {
        await tx.run(shareCalendar, {})
        const held =
          how === 'waiting'
            ? await tx.run(lockSeries, { series_id: ids[0]! })
            : await tx.run(lockSeriesToExtend, { ids })
        const short = held.filter(series => series.sessions_until < due)
        if (short.length === 0) return 0
        await extend(
          tx,
          short.map(series => ({ series, until: horizonOf(series.time_zone, now, horizonDays) }))
        )
        return short.length
      })
    } catch (error) {
      // One series that cannot be extended does not keep the others from it. Each is waited for: what failed may still be being undone.
      if (ids.length > 1) {
        let progress = 0
        for (const id of ids) progress += await extendSome(organization_id, [id], 'waiting')
        return progress
      }
      log.error({ err: described(error), series_id: ids[0] }, 'a series could not be extended')
      return 0
    }
  }
  let extended = 0
  for (;;) {
    const rows = await db.reviewed<{ organization_id: string; series_id: string }>(
      'series_to_extend',
      'select * from series_to_extend($1, $2)',
      [due, most]
    )
    let progress = 0
    for (let at = 0; at < rows.length; ) {
      const { organization_id } = rows[at]!
      const end = rows.findIndex((row, index) => index >= at && row.organization_id !== organization_id)
      const some = rows.slice(at, Math.min(at + atOnce, end < 0 ? rows.length : end))
      progress += await extendSome(
        organization_id,
        some.map(row => row.series_id)
      )
      at += some.length
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
      await tx.run(shareCalendar, {})
      const [series] = await tx.run(lockSeries, { series_id: id })
      if (series!.sessions_until < wanted) await extend(tx, [{ series: series!, until: wanted }])
    })
  }
}
