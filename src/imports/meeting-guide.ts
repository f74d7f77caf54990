import { isTimeZone } from '../clock/time-zones.ts'
import type { Location, Mode } from '../groups/vocabulary.ts'
import { isLine, isPhone, isText } from '../http/formats.ts'
import { meaningOfType } from './meeting-guide-types.ts'

/** The group that a row describes. Every field is given, so that comparing with the stored group is plain equality. */
export interface MeetingGroup {
  name: string
  slug: string
  description: string | null
  topics: string[]
  access: 'open'
  format: 'ongoing'
  mode: Mode
  location: Location | null
  online_url: string | null
  online_phone: string | null
  languages: string[]
  accessibility: string[]
  audience: string[]
  status: 'active' | 'paused'
  status_reason: string | null
  visibility: 'listed'
  time_zone: string
}

/** Its weekly series, without a first day: which day is next depends on the clock, so the caller decides it. */
export interface MeetingSeries {
  /** Local, `HH:MM`, 00:00 to 23:59. */
  start_time: string
  /** 5 to 1440. */
  duration_minutes: number
  /** `FREQ=WEEKLY;BYDAY=…`, the days from Monday to Sunday: spelled as `parseRule` would. */
  rrule: string
  time_zone: string
  /** The same days as numbers, 0 = Sunday to 6 = Saturday, ascending, at least one. */
  weekdays: number[]
}

export const meetingFaultCodes = [
  'not_an_object',
  'required',
  'wrong_type',
  'too_long',
  'unwritable_characters',
  'invalid_slug',
  'no_weekly_time',
  'invalid_day',
  'invalid_time',
  'invalid_duration',
  'time_zone_required',
  'invalid_time_zone',
  'invalid_online_url',
  'invalid_online_phone',
  'online_way_required',
  'place_required'
] as const

/** Why a row cannot be taken. `pointer` is a JSON Pointer within the row: `` for the row itself, `/time`, `/types/3`. */
export interface MeetingFault {
  pointer: string
  code: (typeof meetingFaultCodes)[number]
  detail: string
}

/** A row that was read, or all that is wrong with it at once. A fault's `slug` is null when even that cannot be read. */
export type MeetingReading =
  | { ok: true; slug: string; group: MeetingGroup; series: MeetingSeries }
  | { ok: false; slug: string | null; faults: MeetingFault[] }

/** Why a group is paused whose only place is closed for now (type TC). */
export const closedForNow = 'Temporarily closed'

/** Lengths count code points, as JSON Schema does. */
const bounds = {
  name: 200,
  slug: 80,
  long_text: 2000,
  place: 200,
  online_url: 2000,
  items: 20,
  duration_minutes: { least: 5, most: 1440, when_unknown: 60 }
} as const

/**
 * Reads one row of a Meeting Guide list (code4recovery/spec, README.md, "Field Definitions") as a group with a weekly
 * series. Never throws, whatever JSON the row is. The same row always reads the same.
 *
 * A row is refused for what would mislead somebody: no name or slug, no weekly day and time, no time zone, no way to
 * attend, a field of the wrong type or with control characters. What merely decorates (unknown type codes, coordinates
 * that are none, a broken link beside a street address) is left out. `contact_*` fields hold people and are never read.
 *
 * @param defaults.time_zone the zone of rows that name none; a row's own `timezone` wins
 */
export function readMeeting(row: unknown, defaults: { time_zone: string | null }): MeetingReading {
  if (!isRecord(row)) {
    const detail = 'A meeting is a JSON object.'
    return { ok: false, slug: null, faults: [{ pointer: '', code: 'not_an_object', detail }] }
  }
  const faults: MeetingFault[] = []
  const slug = readSlug(row.slug, faults)
  const name = readName(row, slug, faults)
  const time_zone = readTimeZone(row.timezone, defaults.time_zone, faults)
  const weekly = readWeeklyTime(row, faults)
  const types = readTypes(row.types, faults)
  const attendable = readWaysToAttend(row, types, faults)
  const description = readDescription(row, attendable, faults)

  if (faults.length > 0 || slug === null || name === null || time_zone === null || weekly === null) {
    return { ok: false, slug, faults }
  }
  const paused = types.closed_for_now && attendable.mode === 'in_person'
  return {
    ok: true,
    slug,
    group: {
      name,
      slug,
      description,
      topics: types.topics,
      access: 'open',
      format: 'ongoing',
      ...attendable,
      languages: types.languages,
      accessibility: types.accessibility,
      audience: types.audience,
      status: paused ? 'paused' : 'active',
      status_reason: paused ? closedForNow : null,
      visibility: 'listed',
      time_zone
    },
    series: { ...weekly, time_zone }
  }
}

// Identity

/**
 * The README wants a slug to be URL-safe, which is wider than ours (`a--b`, `o.a.d.w.`, `women%E2%80%99s`), and takes
 * integers. Accents fall away, everything else that is no letter or digit becomes a hyphen. Letters that have no such
 * plain form refuse the slug: without them two different meetings could become one.
 */
function readSlug(value: unknown, faults: MeetingFault[]): string | null {
  const given = slugText(value)
  if (given === null) {
    if (isBlank(value)) faults.push({ pointer: '/slug', code: 'required', detail: 'A meeting needs a slug.' })
    else faults.push({ pointer: '/slug', code: 'wrong_type', detail: 'A slug is a string or a whole number.' })
    return null
  }
  const plain = given.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
  const slug = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  if (slug === '' || unwritable.test(given) || /(?![a-z0-9])[\p{L}\p{N}]/u.test(plain)) {
    faults.push({ pointer: '/slug', code: 'invalid_slug', detail: 'A slug consists of Latin letters and digits.' })
    return null
  }
  if (slug.length > bounds.slug) {
    faults.push({ pointer: '/slug', code: 'too_long', detail: `A slug has at most ${bounds.slug} characters.` })
    return null
  }
  return slug
}

/** The slug as it was meant, percent-encoding undone; null if it is blank or no text. */
function slugText(value: unknown): string | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? String(value) : null
  if (typeof value !== 'string' || isBlank(value)) return null
  try {
    return decodeURIComponent(value).trim()
  } catch {
    return value.trim()
  }
}

/**
 * Real lists have rows with an empty name. The name of the group that holds the meeting stands in for it, or else the
 * words of the slug, which directories make from the name, without the number that tells namesakes apart.
 */
function readName(row: Row, slug: string | null, faults: MeetingFault[]): string | null {
  const before = faults.length
  const name = readLine(row, 'name', bounds.name, faults)
  if (name !== null || faults.length > before) return name
  const group = readLine(row, 'group', bounds.name, faults)
  if (group !== null) return group
  const words = slug === null ? '' : slugWords(slugText(row.slug) ?? '')
  if (words !== '') return words
  faults.push({ pointer: '/name', code: 'required', detail: 'A meeting needs a name.' })
  return null
}

function slugWords(slug: string): string {
  const words = slug
    .normalize('NFC')
    .replace(/[-_~\s]+/g, ' ')
    .trim()
    .replace(/ \d+$/, '')
  return /\p{L}/u.test(words) && words.length <= bounds.name ? words.charAt(0).toUpperCase() + words.slice(1) : ''
}

// When

function readTimeZone(value: unknown, fallback: string | null, faults: MeetingFault[]): string | null {
  if (isBlank(value) && fallback === null) {
    const detail = 'The row names no time zone, and the import gives none with ?time_zone=.'
    faults.push({ pointer: '/timezone', code: 'time_zone_required', detail })
    return null
  }
  const zone = isBlank(value) ? fallback : typeof value === 'string' ? value.trim() : null
  if (zone !== null && isTimeZone(zone)) return zone
  const detail = 'A time zone is an IANA name such as America/Los_Angeles.'
  faults.push({ pointer: '/timezone', code: 'invalid_time_zone', detail })
  return null
}

const weekdayCodes = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const

function readWeeklyTime(row: Row, faults: MeetingFault[]): Omit<MeetingSeries, 'time_zone'> | null {
  const noDay = isBlank(row.day) || (Array.isArray(row.day) && row.day.length === 0)
  const noTime = isBlank(row.time)
  if (noDay || noTime) {
    const pointer = noDay && noTime ? '' : noDay ? '/day' : '/time'
    const detail = 'A meeting by appointment has no weekly day and time to make a series of.'
    faults.push({ pointer, code: 'no_weekly_time', detail })
    return null
  }
  const weekdays = readWeekdays(row.day, faults)
  const starts = minuteOfDay(row.time)
  if (starts === null) {
    faults.push({ pointer: '/time', code: 'invalid_time', detail: 'A time is HH:MM, from 00:00 to 23:59.' })
  }
  const duration_minutes = readDuration(starts ?? 0, row.end_time, faults)
  if (weekdays === null || starts === null || duration_minutes === null) return null
  return {
    start_time: `${pad(Math.floor(starts / 60))}:${pad(starts % 60)}`,
    duration_minutes,
    rrule: `FREQ=WEEKLY;BYDAY=${fromMonday(weekdays)
      .map(day => weekdayCodes[day])
      .join(',')}`,
    weekdays
  }
}

function fromMonday(weekdays: number[]): number[] {
  return weekdays.toSorted((a, b) => ((a + 6) % 7) - ((b + 6) % 7))
}

function readWeekdays(value: unknown, faults: MeetingFault[]): number[] | null {
  const days = (Array.isArray(value) ? value : [value]).map(day =>
    // Lists that were exported from a table write "3".
    typeof day === 'string' && /^[0-6]$/.test(day) ? Number(day) : day
  )
  const wrong = days.findIndex(day => !(Number.isInteger(day) && day >= 0 && day < weekdayCodes.length))
  // `+ 0` turns -0, which JSON can carry, into 0.
  if (wrong === -1) return [...new Set<number>(days.map(day => day + 0))].sort((a, b) => a - b)
  const pointer = Array.isArray(value) ? `/day/${wrong}` : '/day'
  faults.push({ pointer, code: 'invalid_day', detail: 'A day is a number from 0 (Sunday) to 6 (Saturday).' })
  return null
}

/**
 * Minutes from start to end. No end means an hour (README, `end_time`), and so does an end that equals the start: it
 * marks a moment, not a day-long meeting. An end before the start is on the next day. 24:00 is midnight as an end only:
 * as a start it would leave open which day is meant.
 */
function readDuration(starts: number, value: unknown, faults: MeetingFault[]): number | null {
  const { least, most, when_unknown } = bounds.duration_minutes
  if (isBlank(value)) return when_unknown
  const ends = typeof value === 'string' && value.trim() === '24:00' ? 24 * 60 : minuteOfDay(value)
  if (ends === null) {
    faults.push({ pointer: '/end_time', code: 'invalid_time', detail: 'An end is HH:MM, from 00:00 to 24:00.' })
    return null
  }
  const minutes = ends === starts ? when_unknown : ends < starts ? ends + 24 * 60 - starts : ends - starts
  if (minutes >= least && minutes <= most) return minutes
  const detail = `A meeting lasts ${least} to ${most} minutes.`
  faults.push({ pointer: '/end_time', code: 'invalid_duration', detail })
  return null
}

/** `HH:MM` (or `H:MM`, which the format's JSON Schema allows) as minutes after midnight. */
function minuteOfDay(value: unknown): number | null {
  const match = typeof value === 'string' ? /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(value.trim()) : null
  return match ? Number(match[1]) * 60 + Number(match[2]) : null
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}

// What kind

interface Types {
  topics: string[]
  languages: string[]
  accessibility: string[]
  audience: string[]
  /** TC: the location is temporarily closed. */
  closed_for_now: boolean
  /** ONL: the list says that it is online. */
  online: boolean
}

function readTypes(value: unknown, faults: MeetingFault[]): Types {
  const codes = new Set<string>()
  if (Array.isArray(value)) {
    for (const code of value) if (typeof code === 'string') codes.add(code.trim().toUpperCase())
    const wrong = value.findIndex(code => typeof code !== 'string')
    if (wrong !== -1) faults.push({ pointer: `/types/${wrong}`, code: 'wrong_type', detail: 'A type is a string.' })
  } else if (!isBlank(value)) {
    faults.push({ pointer: '/types', code: 'wrong_type', detail: 'Types are an array of strings.' })
  }
  // Somebody who trusts "open to all" and is sent away is hurt more than somebody who asks first.
  if (codes.has('C')) codes.delete('O')
  const meanings = [...codes].map(meaningOfType)
  return {
    topics: distinct(meanings.map(meaning => meaning.topic)),
    languages: distinct(meanings.map(meaning => meaning.language)),
    accessibility: distinct(meanings.map(meaning => meaning.accessibility)),
    audience: distinct(meanings.map(meaning => meaning.audience)),
    closed_for_now: codes.has('TC'),
    online: codes.has('ONL')
  }
}

// Where

interface WaysToAttend {
  mode: Mode
  location: Location | null
  online_url: string | null
  online_phone: string | null
}

/**
 * Link or phone and an address to go to make a hybrid group, link or phone alone an online one, neither an in-person
 * one. TC closes the address for now: with link or phone the group is online meanwhile, and the street is left out so
 * that nobody travels there in vain.
 *
 * A link that is not https, or a phone that cannot be dialled, is left out unless it is the only way to attend.
 */
function readWaysToAttend(row: Row, types: Types, faults: MeetingFault[]): WaysToAttend {
  const online_url = httpsUrl(row.conference_url)
  const online_phone = phone(row.conference_phone)
  const isOnline = online_url !== null || online_phone !== null
  const { place, isStreet } = readPlace(row, faults)

  if (!isOnline && !isStreet) {
    const broken = brokenWayOnline(row, types)
    if (broken) faults.push(broken)
    else if (place.address === null && place.city === null) {
      const detail = 'A meeting in person needs an address or a city; one online needs a link or a phone number.'
      faults.push({ pointer: '/address', code: 'place_required', detail })
    }
  }
  const mode = !isOnline ? 'in_person' : isStreet && !types.closed_for_now ? 'hybrid' : 'online'
  const areaInWords = mode === 'online' && !isStreet ? place.address : null
  const notes = readPlaceNotes(row, areaInWords, place.city, mode === 'online' && types.closed_for_now, faults)
  const location: Location = {
    ...place,
    address: mode === 'online' ? null : place.address,
    ...readCoordinates(row),
    notes
  }
  const isNowhere = Object.values(location).every(value => value === null)
  return { mode, location: isNowhere ? null : location, online_url, online_phone }
}

function brokenWayOnline(row: Row, types: Types): MeetingFault | null {
  if (!isBlank(row.conference_url)) {
    const detail = `The only way to attend needs an https link of at most ${bounds.online_url} characters.`
    return { pointer: '/conference_url', code: 'invalid_online_url', detail }
  }
  if (!isBlank(row.conference_phone)) {
    const detail =
      'The only way to attend needs a phone number: 3 digits or more, spaces, + - . ( ) , * # and an extension.'
    return { pointer: '/conference_phone', code: 'invalid_online_phone', detail }
  }
  if (types.online && !types.closed_for_now) {
    const detail = 'An online meeting without an address needs a link or a phone number.'
    return { pointer: '/conference_url', code: 'online_way_required', detail }
  }
  return null
}

/** The link as a browser would open it; null if there is none that is https. */
function httpsUrl(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > bounds.online_url || unwritable.test(value.trim())) return null
  if (!URL.canParse(value)) return null
  const url = new URL(value)
  // A link that carries a login is somebody's own.
  if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return null
  return url.href.length <= bounds.online_url ? url.href : null
}

function phone(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : ''
  return isPhone(text) ? text : null
}

type Place = Pick<Location, 'address' | 'city' | 'region' | 'postal_code' | 'country'>

/**
 * Where it meets, and whether that is somewhere to go to. Online meetings may carry an approximate address (a
 * neighbourhood, a city, a state: README, "Geographic Fields"), which no one can walk to.
 */
function readPlace(row: Row, faults: MeetingFault[]): { place: Place; isStreet: boolean } {
  const line = (field: string) => readLine(row, field, bounds.place, faults)
  const given = line('address')
  const formatted = line('formatted_address')
  const parsed = formatted === null ? null : splitAddress(formatted)
  const asCity = given === null ? null : splitAddress(given)
  // "San Francisco, CA, USA" in the field for the street says no street.
  const isCityOnly = asCity !== null && asCity.address === null

  const postal_code = line('postal_code') ?? parsed?.postal_code ?? (isCityOnly ? asCity.postal_code : null)
  const city = line('city') ?? parsed?.city ?? (isCityOnly ? asCity.city : null)
  const region = line('state') ?? parsed?.region ?? (isCityOnly ? asCity.region : null)
  const country = line('country') ?? parsed?.country ?? (isCityOnly ? asCity.country : null)
  const street = given === null || isCityOnly || isSame(given, city) ? null : given
  const address = street ?? (parsed === null ? formatted : parsed.address)

  // Without a field of its own, a text without a number may be a mere neighbourhood ("Wicker Park, Chicago, IL, USA").
  const isSpecific =
    street !== null || /\d/.test(address ?? '') || postal_code !== null || isSame(row.approximate, 'no')
  const isStreet = address !== null && isSpecific && !isSame(row.approximate, 'yes')
  return { place: { address, city, region, postal_code, country }, isStreet }
}

const states = new Set(
  `AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA
   RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI AB BC MB NB NL NS NT NU ON PE QC SK YT`.split(/\s+/)
)

/**
 * `street, city, ST zip, country` in its parts; street, zip and country may be missing. Only addresses of the United
 * States and Canada are known to have this shape: null for any other, which is then kept whole.
 */
function splitAddress(text: string): Place | null {
  const parts = text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
  // The last part is the state or, after it, the country: "Toronto, ON, CA".
  for (const at of [parts.length - 2, parts.length - 1]) {
    const city = parts[at - 1]
    const match = /^([A-Z]{2})(?: +(\d{5}(?:-\d{4})?|[A-Z]\d[A-Z] ?\d[A-Z]\d))?$/.exec(parts[at] ?? '')
    // A number belongs to a street: "500 Magnolia Ave, CA" names no city.
    if (match?.[1] === undefined || !states.has(match[1]) || city === undefined || /\d/.test(city)) continue
    return {
      address: parts.slice(0, at - 1).join(', ') || null,
      city,
      region: match[1],
      postal_code: match[2] ?? null,
      country: parts[at + 1] ?? null
    }
  }
  return null
}

/** Both coordinates, in degrees, or neither; rounded to 6 decimals (11 cm). 0, 0 is where failed geocoding puts things. */
function readCoordinates(row: Row): Pick<Location, 'latitude' | 'longitude'> {
  const latitude = degrees(row.latitude, 90)
  const longitude = degrees(row.longitude, 180)
  const isKnown = latitude !== null && longitude !== null && !(latitude === 0 && longitude === 0)
  return isKnown ? { latitude, longitude } : { latitude: null, longitude: null }
}

function degrees(value: unknown, most: number): number | null {
  const number =
    typeof value === 'string' && /^[+-]?\d{1,3}(\.\d{1,20})?$/.test(value.trim()) ? Number(value.trim()) : value
  if (typeof number !== 'number' || !(Math.abs(number) <= most)) return null
  // -0 would be stored as 0 and differ from it ever after.
  return Math.round(number * 1e6) / 1e6 + 0
}

/**
 * The venue, its neighbourhood and how to find the door. Our `region` is the state, so the README's `region`,
 * `sub_region` and `regions` are kept here, the closest first, where the search for a place finds them; what the city
 * says already is left out.
 */
function readPlaceNotes(
  row: Row,
  areaInWords: string | null,
  city: string | null,
  isClosedForNow: boolean,
  faults: MeetingFault[]
): string | null {
  const venue = readLine(row, 'location', bounds.place, faults)
  const regions = readRegions(row, faults)
  const words: string[] = []
  for (const word of [areaInWords, ...regions]) {
    if (word !== null && ![city, venue, ...words].some(said => isSame(said, word))) words.push(word)
  }
  const closed = isClosedForNow ? 'Location temporarily closed.' : null
  const sentences = [venue, words.join(', '), readLongText(row, 'location_notes', faults), closed]
  const notes = sentences
    .filter(sentence => sentence !== null && sentence !== '')
    .reduce<string>(
      (text, next) => (text === '' ? `${next}` : `${text}${/[.!?…]$/.test(text) ? ' ' : '. '}${next}`),
      ''
    )
  return notes === '' ? null : shorten(notes)
}

function readRegions(row: Row, faults: MeetingFault[]): (string | null)[] {
  const regions: unknown[] = Array.isArray(row.regions) ? row.regions.slice(0, bounds.items) : []
  if (!Array.isArray(row.regions) && !isBlank(row.regions)) {
    faults.push({ pointer: '/regions', code: 'wrong_type', detail: 'Regions are an array of strings.' })
  }
  return [
    readLine(row, 'sub_region', bounds.place, faults),
    readLine(row, 'region', bounds.place, faults),
    ...regions.map((region, index) => lineOf(region, `/regions/${index}`, bounds.place, faults)).reverse()
  ]
}

// Text

/** `notes` and `group_notes`, and what is needed to get in where link or phone were kept (a meeting's password). */
function readDescription(row: Row, ways: WaysToAttend, faults: MeetingFault[]): string | null {
  const url = readLongText(row, 'conference_url_notes', faults)
  const dial = readLongText(row, 'conference_phone_notes', faults)
  const paragraphs = distinct([
    readLongText(row, 'notes', faults) ?? undefined,
    readLongText(row, 'group_notes', faults) ?? undefined,
    url !== null && ways.online_url !== null ? `Online: ${url}` : undefined,
    dial !== null && ways.online_phone !== null ? `Phone: ${dial}` : undefined
  ])
  return paragraphs.length === 0 ? null : shorten(paragraphs.join('\n\n'))
}

/** Controls, lone surrogates, noncharacters and what turns the direction of writing; joiners of emoji and Persian stay. */
const unwritable = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\p{Bidi_Control}]/u

function readLine(row: Row, field: string, most: number, faults: MeetingFault[]): string | null {
  return lineOf(row[field], `/${field}`, most, faults)
}

/** A single line, trimmed, runs of spaces made one; null when absent or blank. Whole numbers count as text (94110). */
function lineOf(value: unknown, pointer: string, most: number, faults: MeetingFault[]): string | null {
  if (isBlank(value)) return null
  if (typeof value !== 'string' && !Number.isSafeInteger(value)) {
    faults.push({ pointer, code: 'wrong_type', detail: 'This is a string.' })
    return null
  }
  const text = String(value).trim().replace(/ {2,}/g, ' ')
  if (!isLine(text)) {
    const detail = 'Control characters and direction marks are refused.'
    faults.push({ pointer, code: 'unwritable_characters', detail })
    return null
  }
  if (isLonger(text, most)) {
    faults.push({ pointer, code: 'too_long', detail: `At most ${most} characters.` })
    return null
  }
  return text
}

/** Text of several lines, without its HTML, which the README says is stripped; null when absent or blank. */
function readLongText(row: Row, field: string, faults: MeetingFault[]): string | null {
  const value = row[field]
  const pointer = `/${field}`
  if (isBlank(value)) return null
  if (typeof value !== 'string') {
    faults.push({ pointer, code: 'wrong_type', detail: 'This is a string.' })
    return null
  }
  const text = value
    .replace(/\r\n?/g, '\n')
    .replace(/<\/?[a-z][^<>]*>/gi, tag => (/^<(br|\/p|\/div|\/li)\b/i.test(tag) ? '\n' : ''))
    .trim()
    .normalize('NFC')
  if (text === '') return null
  if (!isText(text)) {
    const detail = 'Control characters and direction marks are refused, but for newline and tab.'
    faults.push({ pointer, code: 'unwritable_characters', detail })
    return null
  }
  return text
}

/** Long notes are cut, visibly: to lose their end is less than to lose the meeting. */
function shorten(text: string): string {
  if (!isLonger(text, bounds.long_text)) return text
  const start = [...text].slice(0, bounds.long_text - 1).join('')
  return `${start.trimEnd()}…`
}

function isLonger(text: string, most: number): boolean {
  return text.length > most && [...text].length > most
}

function distinct(values: (string | undefined)[]): string[] {
  const known = values.filter(value => value !== undefined)
  return [...new Set(known)].slice(0, bounds.items)
}

/** Lists write null, an empty string or nothing at all for what they do not know. */
function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
}

function isSame(one: unknown, other: string | null): boolean {
  return typeof one === 'string' && other !== null && one.trim().toLowerCase() === other.toLowerCase()
}

type Row = Record<string, unknown>

function isRecord(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
