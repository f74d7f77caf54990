import { and, eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import type { Location } from '../groups/vocabulary.ts'
import { makeSessions, shareCalendar } from './queries.ts'
import { type Occurrence, occurrences } from './recurrence.ts'
import { series } from './tables.ts'

/** The most days ahead that the sessions of a series exist. */
export const farthestDays = 731

/** The local day before which the sessions of a series must exist now, so many days ahead (`SESSION_HORIZON_DAYS`). */
export const horizonOf = (time_zone: string, now: Date, days: number): string =>
  addDays(localDateOf(now, time_zone), days + 1)

interface Made {
  id: string
  group_id: string
  starts_on: string
  start_time: string
  duration_minutes: number
  time_zone: string
  rrule: string
  topic?: string | null
  mode?: string | null
  location?: Location | null
  online_url?: string | null
}

/** Makes the sessions of several series; so many at once that they go into one statement. */
export async function makeSessionsOf(tx: Tx, made: { series: Made; occurrences: Occurrence[] }[]): Promise<void> {
  if (made.every(({ occurrences }) => occurrences.length === 0)) return
  const rows = made.map(({ series, occurrences }) => ({
    ...series,
    ids: occurrences.map(() => uuid()),
    occurs_on: occurrences.map(({ occurs_on }) => occurs_on),
    starts_at: occurrences.map(({ starts_at }) => starts_at)
  }))
  await tx.runAll([shareCalendar.for(tx.actor, {}), makeSessions.for(tx.actor, { series: JSON.stringify(rows) })])
}

/** Makes the sessions of one series from a day on and before another. */
export async function makeSessionsBetween(tx: Tx, series: Made, from: string, until: string): Promise<void> {
  await makeSessionsOf(tx, [{ series, occurrences: occurrences({ ...series, rule: series.rrule }, { from, until }) }])
}

/** Brings one series up to the horizon. Nobody changed it: its version stays. */
export async function extend(
  tx: Tx,
  one: Made & { sessions_until: string; ends_on: string | null },
  until: string
): Promise<void> {
  const last = one.ends_on !== null && one.ends_on < until ? addDays(one.ends_on, 1) : until
  await makeSessionsBetween(tx, one, one.sessions_until, last)
  await tx.db
    .update(series)
    .set({ extended_until: until })
    .where(and(eq(series.organization_id, tx.actor.organization_id), eq(series.id, one.id)))
}
