import { isDeepStrictEqual } from 'node:util'
import type { SessionOfSeries } from './queries.ts'
import type { Occurrence } from './recurrence.ts'

/** What sessions take from their series. */
export interface Template {
  start_time: string
  duration_minutes: number
  time_zone: string
  topic: string | null
  mode: SessionOfSeries['mode']
  location: SessionOfSeries['location']
  online_url: string | null
}

/** A session as it is to be written. */
export type FollowedSession = Omit<SessionOfSeries, 'open' | 'touched'>

export interface Followed {
  change: FollowedSession[]
  /** Nobody decided anything about these, and no occurrence is left for them. */
  remove: string[]
  /** No occurrence is left for these either: they stay as they are, and are told of. */
  detach: FollowedSession[]
  /** Occurrences that have no session yet. */
  make: Occurrence[]
}

const own = ['topic', 'mode', 'location', 'online_url'] as const

/**
 * What becomes of the sessions of a series when it changes: each stays one session of one occurrence, its day by the rule.
 *
 * - One that is open follows its occurrence: to the series' new times, unless it was moved itself; in all else as far as it was
 *   as the series had it.
 * - One that is past, has a sheet or did not happen never changes: at the most it is of the series that goes on by now, so that
 *   its occurrence is not made twice.
 * - One whose day the rule names no more goes, unless somebody decided about it, it is past or has a sheet: those are detached.
 *
 * @param sessions of the series, from the day of the change on
 * @param wanted the occurrences from that day on, those that are past by now among them
 */
export function follow(
  sessions: readonly SessionOfSeries[],
  { before, after }: Record<'before' | 'after', Template & { id: string }>,
  wanted: readonly Occurrence[]
): Followed {
  const left = new Map(wanted.map(occurrence => [occurrence.occurs_on, occurrence]))
  const followed: Followed = { change: [], remove: [], detach: [], make: [] }
  for (const session of sessions) {
    const { open, touched, ...stored } = session
    const occurrence = left.get(session.occurs_on)
    left.delete(session.occurs_on)
    if (occurrence === undefined) {
      if (open && !touched) followed.remove.push(session.id)
      else if (!session.detached || before.id !== after.id) followed.detach.push({ ...stored, detached: true })
    } else if (open) {
      const next = { ...stored, ...(isAsRuled(session, before) && timesOf(occurrence, after)), detached: false }
      for (const field of own) {
        if (isDeepStrictEqual(session[field], before[field])) Object.assign(next, { [field]: after[field] })
      }
      if (before.id !== after.id || !isDeepStrictEqual(next, stored)) followed.change.push(next)
    } else if (before.id !== after.id) followed.change.push(stored)
  }
  followed.make.push(...left.values())
  return followed
}

/** Whether a session is when its series has it. */
const isAsRuled = (session: SessionOfSeries, { start_time, duration_minutes, time_zone }: Template) =>
  session.local_date === session.occurs_on &&
  session.local_time === start_time &&
  session.duration_minutes === duration_minutes &&
  session.time_zone === time_zone

const timesOf = ({ occurs_on, starts_at }: Occurrence, { start_time, duration_minutes, time_zone }: Template) => ({
  starts_at: new Date(starts_at).toISOString(),
  ends_at: new Date(Date.parse(starts_at) + duration_minutes * 60_000).toISOString(),
  duration_minutes,
  local_date: occurs_on,
  local_time: start_time,
  time_zone
})
