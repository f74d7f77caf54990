import { addDays } from '../clock/time-zones.ts'
import { unprocessable } from '../problems.ts'
import { meetsEver, parseRule, type Recurrence } from './recurrence.ts'

const daysBack = 400
const daysAhead = 731

/**
 * The rule that somebody gave, in its one spelling, once its first day is near enough.
 *
 * @param today where it recurs
 * @throws Problem 422 `too_early`, `too_late`, `invalid_rrule`
 */
export function readRule(given: Omit<Recurrence, 'rule'> & { rrule: string }, today: string): string {
  const { starts_on } = given
  if (starts_on < addDays(today, -daysBack)) {
    throw unprocessable('too_early', '#/starts_on', `The first day may be at most ${daysBack} days back.`)
  }
  if (starts_on > addDays(today, daysAhead)) {
    throw unprocessable('too_late', '#/starts_on', 'The first day may be at most two years ahead.')
  }
  return ruleOf(given)
}

/** The rule that somebody gave, in its one spelling. @throws Problem 422 `invalid_rrule` */
export function ruleOf({ rrule, ...when }: Omit<Recurrence, 'rule'> & { rrule: string }): string {
  const read = parseRule(rrule)
  if ('detail' in read) throw unprocessable('invalid_rrule', '#/rrule', read.detail)
  if (!meetsEver({ ...when, rule: read.rule })) {
    throw unprocessable('invalid_rrule', '#/rrule', 'The rule names no day from the first day on.')
  }
  return read.rule
}
