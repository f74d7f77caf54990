import type { Caller } from '../access/caller.ts'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import type { Database } from '../database/database.ts'
import { badRequest } from '../problems.ts'
import { occurrences } from '../schedule/recurrence.ts'
import { sightOf } from '../strategies/door.ts'
import { remindersAhead } from './queries.ts'
import type { Feed } from './schemas.ts'

const day = 86_400_000
const mostDays = 31
const daysBack = 400
const daysAhead = 731

/**
 * What comes up for a person from an instant on and before another.
 *
 * @throws Problem 400 `invalid_query` for a range that ends before it begins, is longer than 31 days, or lies far from today
 */
export async function feedOf(
  db: Database,
  caller: Caller,
  person_id: string,
  given: { from?: string; until?: string },
  now = new Date()
): Promise<Feed> {
  const from = given.from === undefined ? now.getTime() : Date.parse(given.from)
  const until = given.until === undefined ? from + 7 * day : Date.parse(given.until)
  if (until < from || until > from + mostDays * day) {
    throw badRequest('invalid_query', `A feed ends after it begins, and at most ${mostDays} days later.`, [
      { in: 'query', parameter: 'until', code: 'range', detail: `between \`from\` and ${mostDays} days later` }
    ])
  }
  if (from < now.getTime() - daysBack * day || from > now.getTime() + daysAhead * day) {
    throw badRequest('invalid_query', `A feed begins at most ${daysBack} days back and ${daysAhead} days ahead.`, [
      { in: 'query', parameter: 'from', code: 'range', detail: `at most ${daysBack} days back and ${daysAhead} ahead` }
    ])
  }
  const [first, last] = [new Date(from).toISOString(), new Date(until).toISOString()]
  const { moderates } = sightOf(caller)
  const reminders = await db.read(caller, remindersAhead, { person_id, moderates, from: first, until: last })
  const data = reminders.flatMap(({ id, strategy_id, strategy_title, practiced_on, time, rrule, ...rest }) =>
    occurrences(
      { ...rest, start_time: time, rule: rrule },
      { from: localDateOf(first, rest.time_zone), until: addDays(localDateOf(last, rest.time_zone), 1) }
    )
      .filter(({ starts_at }) => Date.parse(starts_at) >= from && Date.parse(starts_at) < until)
      .map(({ occurs_on, starts_at }) => ({
        kind: 'practice_reminder' as const,
        at: starts_at,
        local_date: occurs_on,
        local_time: time,
        time_zone: rest.time_zone,
        practice_reminder_id: id,
        strategy_id,
        title: strategy_title,
        done: practiced_on.includes(occurs_on)
      }))
  )
  return { data: data.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)) }
}
