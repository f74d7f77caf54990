import { addDays } from '../clock/time-zones.ts'
import { unprocessable } from '../problems.ts'
import { parseRule } from './recurrence.ts'

const daysBack = 400
const daysAhead = 731

/**
 * The rule that somebody gave, in its one spelling, once its first day is near enough.
 *
 * @param today where it recurs
 * @throws Problem 422 `too_early`, `too_late`, `invalid_rrule`
 */
export function readRule({ starts_on, rrule }: { starts_on: string; rrule: string }, today: string): string {
  if (starts_on < addDays(today, -daysBack)) {
    throw unprocessable('too_early', '#/starts_on', `The first day may be at most ${daysBack} days back.`)
  }
  if (starts_on > addDays(today, daysAhead)) {
    throw unprocessable('too_late', '#/starts_on', 'The first day may be at most two years ahead.')
  }
  const rule = parseRule(rrule)
  if ('detail' in rule) throw unprocessable('invalid_rrule', '#/rrule', rule.detail)
  return rule.rule
}
