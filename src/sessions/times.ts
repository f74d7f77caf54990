import { localDateOf, localTimeOf } from '../clock/time-zones.ts'

/** The columns that say when a session is: the instants, and what the clock and the calendar show there. */
export const timesOf = (starts_at: string, duration_minutes: number, time_zone: string) => ({
  starts_at,
  ends_at: new Date(Date.parse(starts_at) + duration_minutes * 60_000).toISOString(),
  duration_minutes,
  local_date: localDateOf(starts_at, time_zone),
  local_time: localTimeOf(starts_at, time_zone)
})
