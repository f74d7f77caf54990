import { and, eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import { makeSessions } from './queries.ts'
import { occurrences } from './recurrence.ts'
import { series } from './tables.ts'

/** How many days ahead sessions exist. */
export const horizonDays = 90

/** The local day before which the sessions of a series must exist now. */
export const horizonOf = (time_zone: string, now: Date): string => addDays(localDateOf(now, time_zone), horizonDays + 1)

interface Made {
  id: string
  starts_on: string
  start_time: string
  duration_minutes: number
  time_zone: string
  rrule: string
}

/** Makes the sessions of several series, each from its day on and before the other. */
export async function makeSessionsOf(tx: Tx, made: { series: Made; from: string; until: string }[]): Promise<void> {
  const all = made.flatMap(({ series, from, until }) =>
    occurrences({ ...series, rule: series.rrule }, { from, until }).map(occurrence => ({
      ...occurrence,
      series_id: series.id
    }))
  )
  if (all.length === 0) return
  await tx.run(makeSessions, {
    ids: all.map(() => uuid()),
    series_ids: all.map(occurrence => occurrence.series_id),
    occurs_on: all.map(occurrence => occurrence.occurs_on),
    starts_at: all.map(occurrence => occurrence.starts_at)
  })
}

/** Brings one series up to the horizon. Nobody changed it: its version stays. */
export async function extend(
  tx: Tx,
  one: Made & { sessions_until: string; ends_on: string | null },
  until: string
): Promise<void> {
  const last = one.ends_on !== null && one.ends_on < until ? addDays(one.ends_on, 1) : until
  await makeSessionsOf(tx, [{ series: one, from: one.sessions_until, until: last }])
  await tx.db
    .update(series)
    .set({ extended_until: until })
    .where(and(eq(series.organization_id, tx.actor.organization_id), eq(series.id, one.id)))
}
