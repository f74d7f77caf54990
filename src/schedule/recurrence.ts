import { RRuleTemporal } from 'rrule-temporal'
import { instantOf, localDateOf, localTimeOf } from '../clock/time-zones.ts'

/** A recurrence rule in its one spelling: upper-case, parts and lists in a fixed order, as it is stored and returned. */
export type Rule = { rule: string }

/** Why a rule was refused: one plain sentence for the person who wrote it. */
export type RuleRefusal = { detail: string }

/** When a series meets: local dates 'YYYY-MM-DD', a local start 'HH:MM', an IANA zone and a rule `parseRule` accepts. */
export type Recurrence = { starts_on: string; start_time: string; time_zone: string; rule: string }

/** Local dates 'YYYY-MM-DD', half-open: from <= date < until. */
export type LocalDates = { from: string; until: string }

/** One meeting by the rule: its local date 'YYYY-MM-DD', and the instant of its start as RFC 3339 in UTC. */
export type Occurrence = { occurs_on: string; starts_at: string }

/** A local start time, 'HH:MM' from 00:00 to 23:59. */
export const startTimePattern = /^([01]\d|2[0-3]):[0-5]\d$/

/** The longest rule we read, in characters. The rules that groups keep take less than a quarter of it. */
export const ruleMaxLength = 200

/** The most occurrences that one call hands out; a window with more is a mistake of the caller. */
export const occurrencesMax = 1000

/**
 * Reads the subset of RFC 5545 §3.3.10 that meetings need: FREQ=DAILY, WEEKLY or MONTHLY; INTERVAL 1 to 99; BYDAY, with
 * ordinals -5 to 5 where FREQ=MONTHLY; BYMONTHDAY -31 to 31, not with WEEKLY; BYSETPOS -31 to 31 beside one of those
 * two, and within what they offer; COUNT 1 to 1000 or UNTIL, not both; WKST. Each part once, in any order and any case.
 *
 * UNTIL is an instant in UTC (`20261231T235959Z`: a meeting that starts at that very second still happens) or a local
 * date (`20261231`: through the end of that day in the zone of the series). The latter is an extension: in iCalendar
 * a start with a time zone demands the UTC form, so an export has to convert it.
 */
export function parseRule(text: string): Rule | RuleRefusal {
  const parts = readParts(text)
  return typeof parts === 'string' ? { detail: parts } : { rule: spell(parts) }
}

/**
 * The local dates in the window on which the series meets, ascending.
 *
 * - The first date is not special: a `starts_on` that does not match the rule is no occurrence. (RFC 5545 §3.8.5.3
 *   leaves that undefined; a Tuesday group that was entered on a Wednesday does not meet on that Wednesday.)
 * - A date that does not exist (30 February, a fifth Tuesday) is skipped, and so is one whose start falls into the hour
 *   that a change of clocks leaves out. Neither counts towards COUNT (§3.3.10). BYSETPOS picks among dates before clocks
 *   are asked, so that the second Sunday is the same day, however the rule spells it.
 * - COUNT counts from `starts_on`, whatever the window.
 *
 * Throws a RangeError for more than `occurrencesMax` dates, and for a rule, date, time or zone that none is.
 */
export function occurrenceDates(series: Recurrence, window: LocalDates): string[] {
  const dates: string[] = []
  for (const { occurs_on } of walk(series, window)) dates.push(occurs_on)
  return dates
}

/**
 * The dates of `occurrenceDates`, each with the instant at which it starts; a start that the clocks show twice is the
 * first of the two (RFC 5545 §3.3.5).
 */
export function occurrences(series: Recurrence, window: LocalDates): Occurrence[] {
  return [...walk(series, window)]
}

/** Whether the series meets at all within ten years; a rule may ask for a Monday that is a 30th, and never a first one. */
export function meetsEver(series: Recurrence): boolean {
  const [year, ...rest] = series.starts_on.split('-')
  const until = `${Math.min(Number(year) + 10, 2199)}-${rest.join('-').replace('02-29', '02-28')}`
  for (const _ of walk(series, { from: series.starts_on, until })) return true
  return false
}

/** The same, and the dates in the window that are none because clocks leave that time out. */
export function occurrencesAndGaps(series: Recurrence, window: LocalDates) {
  const gaps: string[] = []
  return { occurrences: [...walk(series, window, date => gaps.push(date))], gaps }
}

// ---------------------------------------------------------------------------------------------------------------------
// Walking

function* walk(series: Recurrence, window: LocalDates, gap?: (date: string) => void): Generator<Occurrence> {
  const parts = partsOf(series.rule)
  for (const date of [series.starts_on, window.from, window.until]) {
    if (!isLocalDate(date)) throw new RangeError('a local date must look like 2026-11-24, between 1900 and 2199')
  }

  const until = lastMoment(parts.UNTIL, series.time_zone)
  const end = earlier(window.until, dayAfter(until.date))
  // Without COUNT nothing before the window matters; with it, each meeting since the first has to be counted.
  const from = parts.COUNT || window.from < series.starts_on ? series.starts_on : window.from

  let counted = 0
  let given = 0
  for (const date of matchingDates(parts, series.starts_on, from, end)) {
    const starts_at = instantOf(date, series.start_time, series.time_zone)
    // In the gap `instantOf` moves on by an hour, or where a zone crossed the date line by a day: no such start exists.
    const isThere =
      localTimeOf(starts_at, series.time_zone) === series.start_time &&
      localDateOf(starts_at, series.time_zone) === date
    if (until.instant && starts_at > until.instant) return
    if (!isThere) {
      if (date >= window.from) gap?.(date)
      continue
    }
    if (date >= window.from) {
      if (++given > occurrencesMax) throw new RangeError(`more than ${occurrencesMax} occurrences in one window`)
      yield { occurs_on: date, starts_at }
    }
    if (++counted === Number(parts.COUNT)) return
  }
}

/**
 * The dates that the rule names by the calendar alone, from <= date < end, with neither clocks nor COUNT and UNTIL.
 *
 * The library counts in UTC at midnight, where every date exists and a day is a day: it is faster there, is out of reach
 * of the zone of the process, and keeps a first start that falls into a gap from shifting the hour of all that follow.
 * Windows grow, so that a rare rule takes few questions and a daily one is not listed for a century to find ten.
 */
function* matchingDates(parts: Parts, startsOn: string, from: string, end: string): Generator<string> {
  const rule = new RRuleTemporal({
    rruleString: `DTSTART:${startsOn.replaceAll('-', '')}T000000Z\nRRULE:${spell({ ...parts, COUNT: '', UNTIL: '' })}`,
    strict: true,
    cache: false,
    // Enough for each day from 1900 to 2199: rules that never match must run out, not throw.
    maxIterations: 120_000
  })
  let days = 400
  for (let at = Date.parse(from); at < Date.parse(end); days *= 2) {
    const stop = Math.min(at + days * day, Date.parse(end))
    for (const found of rule.between(new Date(at), new Date(stop - 1), true)) {
      yield dateOf(found.epochMilliseconds)
    }
    at = stop
  }
}

const day = 24 * 60 * 60 * 1000

function dateOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10)
}

function dayAfter(date: string): string {
  return dateOf(Date.parse(date) + day)
}

function earlier(one: string, other: string): string {
  return one < other ? one : other
}

function isLocalDate(text: string): boolean {
  return /^(19|20|21)\d\d-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && dateOf(Date.parse(text)) === text
}

/** The last local date that UNTIL lets in, and the last instant too where it names one. */
function lastMoment(until: string | undefined, zone: string): { date: string; instant?: string } {
  if (!until) return { date: '2199-12-31' }
  const date = until.replace(/^(\d{4})(\d\d)(\d\d).*/, '$1-$2-$3')
  if (until.length === 8) return { date }
  const instant = `${date}T${until.replace(/.*T(\d\d)(\d\d)(\d\d)Z/, '$1:$2:$3')}Z`
  return { date: localDateOf(instant, zone), instant }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading

/** As a rule names them, in the order of the week. */
export const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const

/** The parts we read, in the order in which a rule is spelled. */
const partNames = ['FREQ', 'INTERVAL', 'BYDAY', 'BYMONTHDAY', 'BYSETPOS', 'COUNT', 'UNTIL', 'WKST'] as const

type PartName = (typeof partNames)[number]

/** Each part's value in its one spelling; absent and empty mean the same. */
export type Parts = Partial<Record<PartName, string>>

function spell(parts: Parts): string {
  return partNames
    .filter(name => parts[name])
    .map(name => `${name}=${parts[name]}`)
    .join(';')
}

/** The parts of a rule that `parseRule` accepts. Throws a RangeError for any other. */
export function partsOf(rule: string): Parts {
  const parts = readParts(rule)
  if (typeof parts === 'string') throw new RangeError(parts)
  return parts
}

/** The same rule with another COUNT. */
export const withCount = (rule: string, count: number): string => spell({ ...partsOf(rule), COUNT: String(count) })

/** The parts of the rule, or the sentence that refuses it. */
function readParts(text: string): Parts | string {
  // Length before all else: what follows is only as slow as the text is long.
  if (text.length > ruleMaxLength) return `A rule has at most ${ruleMaxLength} characters.`
  if (text === '') return 'A rule must not be empty: the shortest is FREQ=DAILY.'
  if (/^RRULE:/i.test(text)) return 'Leave out "RRULE:": a rule begins with its first part, like FREQ=WEEKLY.'
  // Also keeps toUpperCase() honest, which makes an I of ı and an S of ſ.
  if (!/^[A-Za-z0-9=;,+-]*$/.test(text)) return 'A rule is made of letters, digits and the signs = ; , + - only.'

  const parts: Parts = {}
  for (const part of text.toUpperCase().split(';')) {
    const [name = '', value, ...rest] = part.split('=')
    if (!value || rest.length > 0) return 'A rule is a list of NAME=VALUE, parted by single semicolons.'
    if (!isPartName(name)) return `The part ${name.slice(0, 20)} is not supported: use ${partNames.join(', ')}.`
    if (parts[name]) return `The part ${name} is given twice.`
    const read = readers[name](value)
    if (!read) return refusals[name]
    parts[name] = read
  }
  return contradiction(parts) ?? parts
}

function isPartName(name: string): name is PartName {
  return (partNames as readonly string[]).includes(name)
}

/** What no part says alone: the rules between them. */
function contradiction(parts: Parts): string | undefined {
  if (!parts.FREQ) return 'A rule needs FREQ: DAILY, WEEKLY or MONTHLY.'
  if (parts.COUNT && parts.UNTIL) return 'A rule ends by COUNT or by UNTIL, not by both.'
  if (parts.FREQ !== 'MONTHLY' && /\d/.test(parts.BYDAY ?? '')) {
    return 'Numbers in BYDAY (2TU, -1FR) need FREQ=MONTHLY.'
  }
  if (parts.FREQ === 'WEEKLY' && parts.BYMONTHDAY) return 'BYMONTHDAY has no place in a rule with FREQ=WEEKLY.'
  if (!parts.BYSETPOS) return undefined
  if (!parts.BYDAY && !parts.BYMONTHDAY) return 'BYSETPOS needs BYDAY or BYMONTHDAY to choose from.'
  // Such a rule would never come, and only after a long search.
  const choice = { DAILY: 1, WEEKLY: list(parts.BYDAY).length, MONTHLY: 31 }[parts.FREQ] ?? 0
  if (list(parts.BYSETPOS).some(position => Math.abs(Number(position)) > choice)) {
    return `BYSETPOS goes beyond the dates it chooses from: with this FREQ and BYDAY there are at most ${choice}.`
  }
  return undefined
}

function list(value = ''): string[] {
  return value.split(',')
}

/** Each answers the value in its one spelling, or undefined where it is refused. */
const readers: Record<PartName, (value: string) => string | undefined> = {
  FREQ: value => (['DAILY', 'WEEKLY', 'MONTHLY'].includes(value) ? value : undefined),
  INTERVAL: value => readNumber(value, 1, 99),
  BYDAY: value => readList(value, readDay, dayOrder),
  BYMONTHDAY: value => readList(value, readPosition, positionOrder),
  BYSETPOS: value => readList(value, readPosition, positionOrder),
  COUNT: value => readNumber(value, 1, 1000),
  UNTIL: value => readUntil(value),
  WKST: value => (isWeekday(value) ? value : undefined)
}

const refusals: Record<PartName, string> = {
  FREQ: 'FREQ must be DAILY, WEEKLY or MONTHLY.',
  INTERVAL: 'INTERVAL must be a whole number from 1 to 99.',
  BYDAY: 'BYDAY must list weekdays (MO, TU, WE, TH, FR, SA, SU), each with a number from -5 to 5 but 0, or with none.',
  BYMONTHDAY: 'BYMONTHDAY must list days of the month, from 1 to 31 or, counted from its end, from -31 to -1.',
  BYSETPOS: 'BYSETPOS must list positions from 1 to 31 or, counted from the end, from -31 to -1.',
  COUNT: 'COUNT must be a whole number from 1 to 1000.',
  UNTIL: 'UNTIL must be a moment in UTC like 20261231T235959Z or a date like 20261231, between 1900 and 2199.',
  WKST: 'WKST must be one weekday: MO, TU, WE, TH, FR, SA or SU.'
}

function isWeekday(value: string | undefined): boolean {
  return (weekdays as readonly (string | undefined)[]).includes(value)
}

function readNumber(value: string, least: number, most: number): string | undefined {
  const number = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN
  return number >= least && number <= most ? String(number) : undefined
}

function readList(
  value: string,
  read: (entry: string) => string | undefined,
  order: (entry: string) => number
): string | undefined {
  const entries = list(value).map(read)
  if (!entries.every(entry => entry !== undefined)) return undefined
  return [...new Set(entries)].sort((a, b) => order(a) - order(b)).join(',')
}

function readPosition(entry: string): string | undefined {
  const number = /^[+-]?\d{1,2}$/.test(entry) ? Number(entry) : 0
  return number !== 0 && Math.abs(number) <= 31 ? String(number) : undefined
}

/** 1, 2, ..., 31, -31, ..., -1: the order of the calendar. */
function positionOrder(entry: string): number {
  const number = Number(entry)
  return number > 0 ? number : 100 + number
}

function readDay(entry: string): string | undefined {
  const [, ordinal, weekday] = /^([+-]?\d{1,2})?([A-Z]{2})$/.exec(entry) ?? []
  if (!isWeekday(weekday)) return undefined
  if (ordinal === undefined) return weekday
  const number = Number(ordinal)
  return number !== 0 && Math.abs(number) <= 5 ? `${number}${weekday}` : undefined
}

/** By ordinal, every week first, then by weekday: MO,TU, then 1MO, 2MO, then -1FR. */
function dayOrder(entry: string): number {
  const ordinal = Number(entry.slice(0, -2))
  const weekday = (weekdays as readonly string[]).indexOf(entry.slice(-2))
  return (ordinal < 0 ? 100 + ordinal : ordinal) * 7 + weekday
}

function readUntil(value: string): string | undefined {
  const [, year, month, date, time] = /^(\d{4})(\d\d)(\d\d)(T([01]\d|2[0-3])[0-5]\d[0-5]\dZ)?$/.exec(value) ?? []
  return isLocalDate(`${year}-${month}-${date}`) ? `${year}${month}${date}${time ?? ''}` : undefined
}
