import { addDays } from '../clock/time-zones.ts'
import { unprocessable } from '../problems.ts'

/** How far ahead joining and leaving can be planned: far enough for plans, too near for slips of the year. */
const daysAhead = 365

/** @throws Problem 422 `too_far_ahead` */
export function assertNotTooFarAhead(day: string | undefined, today: string, pointer: string) {
  if (day !== undefined && day > addDays(today, daysAhead)) {
    throw unprocessable('too_far_ahead', pointer, `This is more than ${daysAhead} days ahead.`)
  }
}
