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
  name: string | null
  code: 'invalid_event' | 'cancelled' | 'past' | 'too_many'
  detail: string
}

/** So many years ahead of an event that recurs, and so many of its days. */
const daysAhead = 731
const mostOfOne = 100
const uidMaxLength = 255
/** Days, as of a closure by hand. */
const longest = 400
const cannotBeRead = 'The event has no start, or times or a rule that cannot be read.'

/** The most events of one file, and the most days that they close. */
const mostAtOnce = 1000

function assertFew(many: number, what: string): void {
  if (many > mostAtOnce) throw unprocessable('too_many_rows', '#', `At most ${mostAtOnce} ${what} are taken at once.`)
}

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
  const { events, unreadable } = eventsOf(text)
  for (const uid of unreadable) read.faults.push({ uid, name: null, code: 'invalid_event', detail: cannotBeRead })
  assertFew(events.length + unreadable.length, 'events')
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
    const summary = [
      ...String(valuesOf(event, 'summary')?.[0] ?? '')
        .normalize('NFC')
        .trim()
    ]
      .slice(0, 200)
      .join('')
    const name = isLine(summary) ? summary : null
    const leave = (code: CalendarFault['code'], detail: string) => read.faults.push({ uid, name, code, detail })
    if (uid === null) {
      leave('invalid_event', `The event has no UID of at most ${uidMaxLength} characters.`)
      continue
    }
    if (String(valuesOf(event, 'status')?.[0] ?? '').toUpperCase() === 'CANCELLED') {
      leave('cancelled', 'The event is cancelled.')
      continue
    }
    const [further] = event.getAllProperties('rdate')
    const range = event.getFirstProperty('recurrence-id')?.getParameter('range')
    if (further !== undefined || range !== undefined) {
      leave('invalid_event', 'RDATE and RANGE are not read: give such days events of their own.')
      continue
    }
    const first = span(event, zone)
    const days = first && datesOf(event, first, today, zone)
    const left_out = exceptions(event, zone)
    if (first === undefined || days === undefined || left_out === undefined) {
      leave('invalid_event', cannotBeRead)
      continue
    }
    if (first.length > longest) {
      leave('invalid_event', `The event lasts longer than ${longest} days.`)
      continue
    }
    const isOverride = event.hasProperty('recurrence-id')
    const left = days.filter(day => isOverride || !(moved.get(uid)?.has(day) || left_out.has(day)))
    if (left.length > mostOfOne) leave('too_many', `The event has more than ${mostOfOne} days within two years.`)
    else if (left.length === 0) leave('past', 'The event has no day that is to come, within two years.')
    else {
      for (const starts_on of left)
        read.days.push({ uid, name: name ?? 'Closed', starts_on, ends_on: addDays(starts_on, first.length - 1) })
      assertFew(read.days.length, 'days')
    }
  }
  return read
}

type Time = InstanceType<typeof ICAL.Time>
type Event = InstanceType<typeof ICAL.Component> & { uid: string | null }

/** The events of a file; and what those are called that the library does not read, which would have it refuse the whole file. */
function eventsOf(text: string): { events: Event[]; unreadable: (string | null)[] } {
  const whole = calendarsOf(text)
  if (whole !== undefined) return { events: whole, unreadable: [] }
  const { blocks, rest } = blocksOf(text)
  // Without its events, it must be one all the same.
  if (blocks.length === 0 || calendarsOf(rest) === undefined) {
    throw badRequest('malformed_calendar', 'This is no iCalendar file (RFC 5545).')
  }
  assertFew(blocks.length, 'events')
  const events: Event[] = []
  const unreadable: (string | null)[] = []
  for (const lines of blocks) {
    const read = calendarsOf(['BEGIN:VCALENDAR', ...lines, 'END:VCALENDAR', ''].join('\r\n'))
    if (read !== undefined) events.push(...read)
    else
      unreadable.push(
        uidOf(
          lines
            .find(line => /^UID[:;]/i.test(line))
            ?.replace(/^[^:]*:/, '')
            .trim()
        )
      )
  }
  return { events, unreadable }
}

/** The unfolded lines of each event, and all others. Each line is looked at once. */
function blocksOf(text: string): { blocks: string[][]; rest: string } {
  const blocks: string[][] = []
  const rest: string[] = []
  let block: string[] | undefined
  for (const line of text.replace(/\r?\n[ \t]/g, '').split(/\r?\n/)) {
    if (block === undefined && /^BEGIN:VEVENT\s*$/i.test(line)) block = []
    if (block === undefined) rest.push(line)
    else block.push(line)
    if (block !== undefined && /^END:VEVENT\s*$/i.test(line)) {
      blocks.push(block)
      block = undefined
    }
  }
  return { blocks, rest: [...rest, ...(block ?? [])].join('\r\n') }
}

/** The events of the calendars in a text; nothing where it is none. */
function calendarsOf(text: string): Event[] | undefined {
  try {
    const parsed = ICAL.parse(text)
    const calendars: unknown[] = typeof parsed[0] === 'string' ? [parsed] : parsed
    const found = calendars.map(calendar => new ICAL.Component(calendar as never))
    if (found.length === 0 || found.some(({ name }) => name !== 'vcalendar')) return undefined
    return found
      .flatMap(calendar => calendar.getAllSubcomponents('vevent'))
      .map(event => Object.assign(event, { uid: uidOf(event.getFirstPropertyValue('uid')) }))
  } catch {
    return undefined
  }
}

const uidOf = (uid: unknown): string | null =>
  typeof uid === 'string' && uid.length <= uidMaxLength && isLine(uid) ? uid.normalize('NFC') : null

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
  if (given !== undefined && given.compare(start) < 0) return undefined
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
  return { starts_on, length }
}

/** The days that an event leaves out; nothing where they cannot be read. */
function exceptions(event: Event, zone: string): ReadonlySet<string> | undefined {
  const values = valuesOf(event, 'exdate')
  return values && new Set(values.map(value => (value instanceof ICAL.Time ? dayOf(value, zone) : '')))
}

/**
 * The values of a property; nothing where one cannot be read, of which the library tells only when asked for it. It makes 2 March
 * of 30 February: times must be there as they are written.
 */
function valuesOf(event: Event, name: string): unknown[] | undefined {
  try {
    return event.getAllProperties(name).flatMap(property => {
      const values = property.getValues()
      const texts = property.toJSON().slice(3)
      if (values.some((value, index) => value instanceof ICAL.Time && !isThere(String(texts[index]))))
        throw new Error('no time')
      return values
    })
  } catch {
    return undefined
  }
}

/** Whether a date, or a date and time, as jCal (RFC 7265) writes it, is one. */
function isThere(text: string): boolean {
  const [date = '', time] = text.split('T')
  const isClock = time === undefined || /^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)Z?$/.test(time)
  return isClock && isDay(date) && new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) === date
}

function timeOf(event: Event, name: string): Time | undefined {
  const [value] = valuesOf(event, name) ?? []
  return value instanceof ICAL.Time ? value : undefined
}

/** The first days of an event that are not over, within two years; nothing where its rule cannot be read. */
function datesOf(
  event: Event,
  { starts_on, length }: { starts_on: string; length: number },
  today: string,
  zone: string
): string[] | undefined {
  const from = addDays(today, 1 - length)
  const until = addDays(today, daysAhead)
  const [rule] = valuesOf(event, 'rrule') ?? ['unreadable']
  if (rule === undefined) return starts_on >= from && starts_on <= until ? [starts_on] : []
  const start = timeOf(event, 'dtstart')!
  // A rule of a day's date: in UTC at midnight every date exists. What the file has in UTC recurs there, on days of UTC.
  const isUtc = !start.isDate && start.zone?.tzid === 'UTC'
  const text = String(rule)
    .toUpperCase()
    .replace(
      /UNTIL=(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d):?(\d\d))?[^;]*/,
      (_, year, month, day, ...time) =>
        `UNTIL=${year}${month}${day}T${isUtc && time[0] !== undefined ? time.slice(0, 3).join('') : '235959'}Z`
    )
  if (!/(^|;)FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)/.test(text) || text.length > 200) return undefined
  const first = isUtc
    ? start
        .toJSDate()
        .toISOString()
        .replace(/[-:]|\.\d+/g, '')
    : `${starts_on.replaceAll('-', '')}T000000Z`
  try {
    const rruleString = `DTSTART:${first}\nRRULE:${text}`
    const expanded = new RRuleTemporal({ rruleString, cache: false, maxIterations: 5000 })
    return expanded
      .between(new Date(addDays(from, -1)), new Date(addDays(until, 1)), true)
      .map(date => {
        const at = new Date(date.epochMilliseconds)
        return isUtc && isTimeZone(zone) ? localDateOf(at, zone) : at.toISOString().slice(0, 10)
      })
      .filter(day => day >= from && day <= until)
  } catch {
    return undefined
  }
}
