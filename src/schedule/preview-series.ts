import { addDays, isShownAgain, localDateOf } from '../clock/time-zones.ts'
import { readRule } from './read-rule.ts'
import { occurrencesAndGaps } from './recurrence.ts'
import type { SeriesPreview, SeriesPreviewCreate } from './schemas.ts'
import { knownLanguage, sentenceOf, type Warning, warningOf } from './sentence.ts'

/** How far a preview looks: as far as a first day may be ahead. */
const days = 731

/** Where a series would be: what is taken when the preview names no time zone, language or length. */
export interface Place {
  time_zone: string
  language: string
  minutes: number
}

/**
 * What a series would make, by its rule alone.
 *
 * @throws Problem 422 as `readRule`
 */
export function previewSeries(given: SeriesPreviewCreate, place: Place, now = new Date()): SeriesPreview {
  const { starts_on, start_time } = given
  const time_zone = given.time_zone ?? place.time_zone
  const language = knownLanguage(given.language ?? place.language)
  const minutes = given.duration_minutes ?? place.minutes
  const rrule = readRule({ ...given, time_zone }, localDateOf(now, time_zone))

  const window = { from: starts_on, until: addDays(starts_on, days) }
  const { occurrences, gaps } = occurrencesAndGaps({ starts_on, start_time, time_zone, rule: rrule }, window)
  const repeated = occurrences
    .filter(({ starts_at }) => isShownAgain(starts_at, time_zone))
    .map(({ occurs_on }) => occurs_on)
  const warnings = [
    ...gaps.map((local_date): Warning => ({ code: 'time_skipped', local_date })),
    ...repeated.map((local_date): Warning => ({ code: 'time_repeated', local_date }))
  ].sort((one, other) => (one.local_date < other.local_date ? -1 : 1))

  return {
    rrule,
    sentence: sentenceOf({ rrule, starts_on, start_time, time_zone }, language),
    language,
    time_zone,
    occurrences: occurrences.slice(0, given.limit).map(({ occurs_on, starts_at }) => ({
      starts_at: new Date(starts_at).toISOString(),
      ends_at: new Date(Date.parse(starts_at) + minutes * 60_000).toISOString(),
      local_date: occurs_on,
      local_time: start_time
    })),
    has_more: occurrences.length > given.limit,
    warnings: warnings.map(warning => ({ ...warning, detail: warningOf(warning, start_time, language) }))
  }
}
