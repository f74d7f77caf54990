import { setImmediate as othersTurn } from 'node:timers/promises'
import { v7 as uuid } from 'uuid'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import type { Location } from '../groups/vocabulary.ts'
import { makeSessions, setExtended } from './queries.ts'
import { type Occurrence, occurrences } from './recurrence.ts'

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

/** Makes the sessions of several series, while the calendar is shared; so many at once that they go into one statement. */
export async function makeSessionsOf(tx: Tx, made: { series: Made; occurrences: Occurrence[] }[]): Promise<void> {
  if (made.every(({ occurrences }) => occurrences.length === 0)) return
  const rows = made.map(({ series, occurrences }) => ({
    ...series,
    ids: occurrences.map(() => uuid()),
    occurs_on: occurrences.map(({ occurs_on }) => occurs_on),
    starts_at: occurrences.map(({ starts_at }) => starts_at)
  }))
  await tx.run(makeSessions, { series: JSON.stringify(rows) })
}

/** Makes the sessions of one series from a day on and before another. */
export async function makeSessionsBetween(tx: Tx, series: Made, from: string, until: string): Promise<void> {
  await makeSessionsOf(tx, [{ series, occurrences: occurrences({ ...series, rule: series.rrule }, { from, until }) }])
}

/** Brings series up to a day, each to its own. Nobody changed them: their versions stay. */
export async function extend(
  tx: Tx,
  many: { series: Made & { sessions_until: string; ends_on: string | null }; until: string }[]
): Promise<void> {
  const wanted: { series: Made; occurrences: Occurrence[] }[] = []
  for (const { series, until } of many) {
    const last = series.ends_on !== null && series.ends_on < until ? addDays(series.ends_on, 1) : until
    const window = { from: series.sessions_until, until: last }
    wanted.push({ series, occurrences: occurrences({ ...series, rule: series.rrule }, window) })
    // A rule takes a millisecond or so, and others wait.
    if (many.length > 1) await othersTurn()
  }
  await makeSessionsOf(tx, wanted)
  await tx.run(setExtended, { ids: many.map(({ series }) => series.id), until: many.map(({ until }) => until) })
}
