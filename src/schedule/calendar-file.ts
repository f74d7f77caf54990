import { setImmediate as othersTurn } from 'node:timers/promises'
import ICAL from 'ical.js'
import { RRuleTemporal } from 'rrule-temporal'
import { addDays, isTimeZone, localDateOf } from '../clock/time-zones.ts'
import { isLine } from '../http/formats.ts'
import { badRequest, unprocessable } from '../problems.ts'

/** Local days that an event of a calendar takes, both of them. */
export interface CalendarDays {
  uid: string
  name: string
  starts_on: string
  ends_on: string
}

/** An event that is left out, and why. */
export interface CalendarFault {
  uid: string | null
  code: 'invalid_event' | 'cancelled' | 'past' | 'too_many'
  detail: string
}

/** So many years ahead of an event that recurs, and so many of its days. */
const daysAhead = 731
const mostOfOne = 100
const uidMaxLength = 255

/** The most events of one file, and the most days that they close. */
const mostAtOnce = 1000

/**
 * Reads the days of the events of an iCalendar file (RFC 5545), from today on. An event that recurs has each of its days within two
 * years; those that were moved or left out are where the file says. What is not a whole day is the local days that it touches:
 * as the file writes them, or in UTC in the zone of whoever asks.
 *
 * @throws Problem 400 `malformed_calendar`, 422 `too_many_rows`
 */
export async function readCalendar(text: string, zone: string, now: Date) {
  const today = localDateOf(now, zone)
  const read = { days: [] as CalendarDays[], faults: [] as CalendarFault[] }
  const events = eventsOf(text)
  const assertFew = (many: number, what: string) => {
    if (many > mostAtOnce) throw unprocessable('too_many_rows', '#', `At most ${mostAtOnce} ${what} are taken at once.`)
  }
  assertFew(events.length, 'events')
  // Days of an event that stand by themselves, by the event.
  const moved = new Map<string, Set<string>>()
  for (const event of events) {
    const { uid } = event
    const instead = timeOf(event, 'recurrence-id')
    if (uid === null || instead === undefined) continue
    moved.set(uid, (moved.get(uid) ?? new Set()).add(dayOf(instead, zone)))
  }
  for (const event of events) {
    await othersTurn()
    const { uid } = event
    const leave = (code: CalendarFault['code'], detail: string) => read.faults.push({ uid, code, detail })
    if (uid === null) {
      leave('invalid_event', `The event has no UID of at most ${uidMaxLength} characters.`)
      continue
    }
    if (String(valuesOf(event, 'status')?.[0] ?? '').toUpperCase() === 'CANCELLED') {
      leave('cancelled', 'The event is cancelled.')
      continue
    }
    const first = span(event, zone)
    const days = first && datesOf(event, first.starts_on, today, first.length)
    const left_out = exceptions(event, zone)
    if (first === undefined || days === undefined || left_out === undefined) {
      leave('invalid_event', 'The event has no start, or times or a rule that cannot be read.')
      continue
    }
    const isOverride = event.hasProperty('recurrence-id')
    const left = days.filter(day => isOverride || !(moved.get(uid)?.has(day) || left_out.has(day)))
    if (left.length > mostOfOne) leave('too_many', `The event has more than ${mostOfOne} days within two years.`)
    else if (left.length === 0) leave('past', 'The event has no day that is to come, within two years.')
    else {
      const summary = String(valuesOf(event, 'summary')?.[0] ?? '')
        .normalize('NFC')
        .trim()
        .slice(0, 200)
      const name = isLine(summary) ? summary : 'Closed'
      for (const starts_on of left)
        read.days.push({ uid, name, starts_on, ends_on: addDays(starts_on, first.length - 1) })
      assertFew(read.days.length, 'days')
    }
  }
  return read
}

type Time = InstanceType<typeof ICAL.Time>
type Event = InstanceType<typeof ICAL.Component> & { uid: string | null }

function eventsOf(text: string): Event[] {
  try {
    const parsed = ICAL.parse(text)
    const calendars: unknown[] = typeof parsed[0] === 'string' ? [parsed] : parsed
    const found = calendars.map(calendar => new ICAL.Component(calendar as never))
    if (found.length === 0 || found.some(({ name }) => name !== 'vcalendar')) throw new Error('no calendar')
    return found
      .flatMap(calendar => calendar.getAllSubcomponents('vevent'))
      .map(event => {
        const uid = event.getFirstPropertyValue('uid')
        const fits = typeof uid === 'string' && uid.length <= uidMaxLength && isLine(uid)
        return Object.assign(event, { uid: fits ? uid.normalize('NFC') : null })
      })
  } catch {
    throw badRequest('malformed_calendar', 'This is no iCalendar file (RFC 5545).')
  }
}

const written = ({ year, month, day }: { year: number; month: number; day: number }) =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`

/** The local day of a time. */
function dayOf(time: Time, zone: string): string {
  const isUtc = !time.isDate && time.zone?.tzid === 'UTC'
  return isUtc && isTimeZone(zone) ? localDateOf(time.toJSDate(), zone) : written(time)
}

const isDay = (day: string) => /^(19|20|21)\d\d-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(day))

/** The first local day of an event, and how many it takes; nothing where it cannot be read. */
function span(event: Event, zone: string): { starts_on: string; length: number } | undefined {
  const start = timeOf(event, 'dtstart')
  const given = timeOf(event, 'dtend')
  if (start === undefined || (given === undefined && event.hasProperty('dtend'))) return undefined
  const duration = valuesOf(event, 'duration')?.[0]
  const end = (given ?? start).clone()
  if (given === undefined && duration instanceof ICAL.Duration) end.addDuration(duration)
  else if (given === undefined && start.isDate) end.day += 1
  const starts_on = dayOf(start, zone)
  // The end is the first moment that is no more part of it.
  if (!end.isDate) end.second -= 1
  const last = end.isDate ? addDays(written(end), -1) : dayOf(end, zone)
  if (!isDay(starts_on) || !isDay(last)) return undefined
  const length = Math.max(1, Math.round((Date.parse(last) - Date.parse(starts_on)) / 86_400_000) + 1)
  return length > 400 ? undefined : { starts_on, length }
}

/** The days that an event leaves out; nothing where they cannot be read. */
function exceptions(event: Event, zone: string): ReadonlySet<string> | undefined {
  const values = valuesOf(event, 'exdate')
  return values && new Set(values.map(value => (value instanceof ICAL.Time ? dayOf(value, zone) : '')))
}

/** The values of a property; nothing where one cannot be read, of which the library tells only when asked for it. */
function valuesOf(event: Event, name: string): unknown[] | undefined {
  try {
    return event.getAllProperties(name).flatMap(property => property.getValues())
  } catch {
    return undefined
  }
}

function timeOf(event: Event, name: string): Time | undefined {
  const [value] = valuesOf(event, name) ?? []
  return value instanceof ICAL.Time ? value : undefined
}

/** The first days of an event that are not over, within two years; nothing where its rule cannot be read. */
function datesOf(event: Event, starts_on: string, today: string, length: number): string[] | undefined {
  const from = addDays(today, 1 - length)
  const until = addDays(today, daysAhead)
  const [rule] = valuesOf(event, 'rrule') ?? ['unreadable']
  if (rule === undefined) return starts_on >= from && starts_on <= until ? [starts_on] : []
  // A rule of a day's date: in UTC at midnight every date exists.
  const text = String(rule)
    .toUpperCase()
    .replace(/UNTIL=(\d{4})-?(\d\d)-?(\d\d)[^;]*/, 'UNTIL=$1$2$3T235959Z')
  if (!/(^|;)FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)/.test(text) || text.length > 200) return undefined
  try {
    const rruleString = `DTSTART:${starts_on.replaceAll('-', '')}T000000Z\nRRULE:${text}`
    const expanded = new RRuleTemporal({ rruleString, cache: false, maxIterations: 5000 })
    return expanded
      .between(new Date(from), new Date(until), true)
      .map(date => new Date(date.epochMilliseconds).toISOString().slice(0, 10))
  } catch {
    return undefined
  }
}
