import { localDateOf, localTimeOf } from '../clock/time-zones.ts'
import { unprocessable } from '../problems.ts'

/**
 * The columns that say when a session is: the instants, and what the clock and the calendar show there.
 *
 * @throws Problem 422 `too_early`, `too_late` where one of them lies beyond the years of our dates, 1900 to 2199
 */
export function timesOf(start: string, duration_minutes: number, time_zone: string) {
  // To the millisecond, as it is kept: a finer start could fall on another day than the one that is stored.
  const starts_at = new Date(start).toISOString()
  const ends_at = new Date(Date.parse(starts_at) + duration_minutes * 60_000).toISOString()
  const local_date = localDateOf(starts_at, time_zone)
  if (local_date < '1900') throw unprocessable('too_early', '#/starts_at', 'A session lies in the years 1900 to 2199.')
  if (local_date >= '2200' || ends_at >= '2200') {
    throw unprocessable('too_late', '#/starts_at', 'A session lies in the years 1900 to 2199.')
  }
  return { starts_at, ends_at, duration_minutes, local_date, local_time: localTimeOf(starts_at, time_zone) }
}
