import { Temporal } from 'temporal-polyfill'
import { placesByArea } from './time-zone-names.ts'

/**
 * The time zones that a group may live in: IANA names, links included (Asia/Calcutta beside Asia/Kolkata), sorted, each
 * of which `Intl` resolves. Names are kept as they were given: a link is not replaced by its target.
 */
export const timeZones: readonly string[] = Object.entries(placesByArea)
  .flatMap(([area, places]) =>
    places
      .trim()
      .split(/\s+/)
      .map(place => `${area}/${place}`)
  )
  .concat('UTC')

const members: ReadonlySet<string> = new Set(timeZones)

/**
 * Whether the name is one of `timeZones`: exactly, in its own case, though `Intl` would take europe/berlin, EST or
 * +03:00 as well (and stores, exports and other runtimes then would not).
 */
export function isTimeZone(name: string): boolean {
  return members.has(name)
}

/**
 * The calendar date in the zone at that instant, 'YYYY-MM-DD'. Takes a Date, or a string with its offset
 * ("2026-11-24T03:00:00Z"). Throws a RangeError for a zone outside `timeZones` or an instant that is none.
 */
export function localDateOf(instant: Date | string, zone: string): string {
  return wallClock(instant, zone).slice(0, 10)
}

/** The time of day in the zone at that instant, 'HH:MM', seconds cut off. Takes and throws what `localDateOf` does. */
export function localTimeOf(instant: Date | string, zone: string): string {
  return wallClock(instant, zone).slice(11)
}

/**
 * The instant at which clocks in the zone show that date ('YYYY-MM-DD') and time ('HH:MM'), in UTC and RFC 3339:
 * '2026-11-24T03:00:00Z'. A time that occurs twice means its first occurrence; a time that a change of clocks leaves
 * out is read with the offset before the change, so 02:30 becomes 03:30 (both RFC 5545 §3.3.5). PostgreSQL's
 * AT TIME ZONE picks the second of the two, so this is never left to the database.
 * Throws a RangeError for a zone outside `timeZones`, and for a date or time that no calendar has.
 */
export function instantOf(localDate: string, localTime: string, zone: string): string {
  assertTimeZone(zone)
  const wall = wallClockPattern.exec(`${localDate}T${localTime}`)
  if (!wall) throw new RangeError('a local date and time must look like 2026-11-24 and 19:00')
  const [, year, month, day, hour, minute] = wall.map(Number) as [number, number, number, number, number, number]
  const { epochMilliseconds } = new Temporal.PlainDateTime(year, month, day, hour, minute).toZonedDateTime(zone, {
    disambiguation: 'compatible'
  })
  return `${new Date(epochMilliseconds).toISOString().slice(0, -5)}Z`
}

/** Whether clocks in the zone will show the time of that instant once more, because they are put back within the day. */
export function isShownAgain(instant: string, zone: string): boolean {
  const shown = wallClock(instant, zone)
  const aheadBy = (at: number) => Date.parse(`${wallClock(new Date(at), zone)}Z`) - Math.floor(at / 60_000) * 60_000
  const at = Date.parse(instant)
  const again = at + aheadBy(at) - aheadBy(at + 86_400_000)
  return again > at && wallClock(new Date(again), zone) === shown
}

const wallClockPattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)$/

/** What the clocks of the zone show, 'YYYY-MM-DDTHH:MM'. */
function wallClock(instant: Date | string, zone: string): string {
  const date = typeof instant === 'string' ? instantFrom(instant) : instant
  // '03/08/2026, 19:00'. One format() costs a tenth of what a Temporal.ZonedDateTime does, and lists ask for every row.
  const shown = clockOf(zone).format(date)
  if (shown.length !== 17) throw new RangeError('only years of four digits')
  return `${shown.slice(6, 10)}-${shown.slice(0, 2)}-${shown.slice(3, 5)}T${shown.slice(12, 17)}`
}

const clocks = new Map<string, Intl.DateTimeFormat>()

/** Making a formatter is dear, so each zone keeps its own; the list of zones bounds how many. */
function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone)
  if (!clock) {
    assertTimeZone(zone)
    clock = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit'
    })
    clocks.set(zone, clock)
  }
  return clock
}

/** Without an offset, Date would read the text in the zone of the server. */
function instantFrom(text: string): Date {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)) {
    throw new RangeError('an instant must carry its offset, like 2026-11-24T03:00:00Z')
  }
  return new Date(text)
}

function assertTimeZone(zone: string): void {
  if (!isTimeZone(zone)) throw new RangeError('not a time zone that we keep')
}

/** The local date so many days later (or, negative, earlier). */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)
}
