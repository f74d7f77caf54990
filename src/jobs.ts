import type { FastifyBaseLogger } from 'fastify'
import type { Settings } from './config.ts'
import type { Database } from './database/database.ts'
import { described } from './http/errors.ts'
import { offerSeatsEverywhere } from './memberships/offer-seats.ts'
import { extendSeries } from './schedule/extend-series.ts'

const minute = 60_000
const hour = 60 * minute

type JobSettings = Pick<Settings, 'AUDIT_KEEP_DAYS' | 'OUTBOX_KEEP_DAYS' | 'SESSION_HORIZON_DAYS'>

/**
 * Work in the background: every hour, series are extended to the horizon, and what is older than its keeping time is purged; every
 * minute, seats that became free are offered. For the first time soon after the start; by every replica (whoever is second finds
 * nothing to do).
 *
 * @returns stops it, once what is under way is done
 */
export function startJobs(db: Database, settings: JobSettings, log: FastifyBaseLogger): () => Promise<void> {
  // One failing, the others go on; the next time is another chance.
  const failed = (error: unknown) => {
    log.warn({ err: described(error) }, 'background work failed')
    return 0
  }
  const hourly = repeat(hour, async () => {
    const extended = await extendSeries(db, log, settings.SESSION_HORIZON_DAYS).catch(failed)
    const purged = await purgeExpired(db, settings).catch(failed)
    if (extended + purged > 0) log.info({ extended, purged }, 'background work done')
  })
  const everyMinute = repeat(minute, async () => {
    const groups = await offerSeatsEverywhere(db, log).catch(failed)
    if (groups > 0) log.info({ groups }, 'seats offered')
  })
  return async () => {
    await Promise.all([hourly(), everyMinute()])
  }
}

/** Soon, and then again and again, one after the other. Answers how to stop it. */
function repeat(every: number, work: () => Promise<void>): () => Promise<void> {
  let underWay: Promise<void> = Promise.resolve()
  const run = () => {
    underWay = underWay.then(work)
  }
  const first = setTimeout(run, 1000)
  const timer = setInterval(run, every)
  return async () => {
    clearTimeout(first)
    clearInterval(timer)
    await underWay
  }
}

/** Deletes what is older than its keeping time: audit, outbox, answers kept for retries (24 hours). Answers how many rows. */
export async function purgeExpired(
  db: Database,
  { AUDIT_KEEP_DAYS, OUTBOX_KEEP_DAYS }: Pick<Settings, 'AUDIT_KEEP_DAYS' | 'OUTBOX_KEEP_DAYS'>
): Promise<number> {
  let purged = 0
  for (;;) {
    const [row] = await db.reviewed<{ gone: number }>('purge_expired', 'select purge_expired($1, $2, 24) as gone', [
      AUDIT_KEEP_DAYS,
      OUTBOX_KEEP_DAYS
    ])
    purged += row!.gone
    if (row!.gone === 0) return purged
  }
}
