import type { Ajv } from 'ajv'

/**
 * Which texts are what they claim to be: the formats of our schemas, as plain functions. Each takes time linear in the
 * text, whatever the text (validation looks at every keyword, so a format must bear what `maxLength` refuses as well).
 */

/** 8-4-4-4-12 hexadecimal digits in any case; not the urn: and {} spellings that PostgreSQL would take. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)
}

/** A day that exists, of the years 1900 to 2199: `2028-02-29`. */
export function isDate(text: string): boolean {
  const parts = /^(19|20|21)(\d\d)-(\d\d)-(\d\d)$/.exec(text)
  if (parts === null) return false
  const year = Number(parts[1]! + parts[2]!)
  const month = Number(parts[3])
  const day = Number(parts[4])
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

function daysIn(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

/**
 * RFC 3339 with `T` and an offset (`Z`, or at most 14 hours, as the world has them), 1 to 9 digits of fraction, years
 * 1900 to 2199. No leap second (no clock here keeps them) and no lower case.
 */
export function isDateTime(text: string): boolean {
  const parts =
    /^(.{10})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/.exec(text)
  if (parts === null || !isDate(parts[1]!)) return false
  // In UTC too, as it is answered: what is answered may be sent again.
  const year = new Date(text).getUTCFullYear()
  return year >= 1900 && year <= 2199
}

/** An address that a person would recognize as one, not all that RFC 5322 allows. At most 254 characters (RFC 5321). */
export function isEmail(text: string): boolean {
  if (text.length > 254 || !isLine(text)) return false
  const at = text.lastIndexOf('@')
  const local = text.slice(0, at)
  const labels = text.slice(at + 1).split('.')
  return (
    at >= 1 &&
    at <= 64 &&
    /^[^\s@<>()[\]\\,;:"]+$/u.test(local) &&
    !local.startsWith('.') &&
    !local.endsWith('.') &&
    !local.includes('..') &&
    labels.length >= 2 &&
    labels.every(isLabel) &&
    !/^\d+$/.test(labels.at(-1)!)
  )
}

function isLabel(label: string): boolean {
  return label.length <= 63 && /^[\p{L}\p{N}\p{M}-]+$/u.test(label) && !label.startsWith('-') && !label.endsWith('-')
}

/** An absolute https URL of at most 2000 characters, without user and password. */
export function isHttpsUrl(text: string): boolean {
  // The parser quietly drops tabs and newlines, turns \ into / and mends missing or spare slashes.
  if (text.length > 2000 || !/^https:\/\/[^\s/?#\\@]+(?:[/?#]|$)/i.test(text)) return false
  if (/[\s\\]/.test(text) || refusedInLine.test(text)) return false
  return URL.canParse(text) && new URL(text).protocol === 'https:'
}

/** Digits as people write them down: spaces, `+ - . ( )`, the `, * #` of conference lines, and an extension; at least 3 digits, 40 characters at most. */
export function isPhone(text: string): boolean {
  if (text.length > 40 || !/^[+\d(][\d .(),*#-]*(?:(?:ext\.?|x) ?\d+)?$/i.test(text)) return false
  return text.replace(/\D/g, '').length >= 3
}

/** One line that shows something: no control characters, no line breaks, nothing that reorders what is around it. */
export function isLine(text: string): boolean {
  return !refusedInLine.test(text) && visible.test(text)
}

/** The same over several lines: newlines and tabs are welcome. */
export function isText(text: string): boolean {
  return !refusedInText.test(text) && visible.test(text)
}

/** Unicode's noncharacters: U+FDD0..FDEF and the last two of each of the 17 planes. */
const noncharacters: Array<[number, number]> = [
  [0xfdd0, 0xfdef],
  ...Array.from({ length: 17 }, (_, plane): [number, number] => [plane * 0x10000 + 0xfffe, plane * 0x10000 + 0xffff])
]

/** Bidirectional controls make a name read as another. Zero-width joiners (U+200C, U+200D) stay: emoji, Persian. */
const bidirectional: Array<[number, number]> = [
  [0x061c, 0x061c],
  [0x200e, 0x200f],
  [0x202a, 0x202e],
  [0x2066, 0x2069]
]

const surrogates: [number, number] = [0xd800, 0xdfff]

const refusedInText = anyOf([[0x00, 0x08], [0x0b, 0x1f], [0x7f, 0x9f], surrogates, ...bidirectional, ...noncharacters])

const refusedInLine = anyOf([
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0x2028, 0x2029],
  surrogates,
  ...bidirectional,
  ...noncharacters
])

/** Something that is neither space nor drawn as nothing (U+2800 is a Braille cell without dots). */
const visible = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]/u

function anyOf(ranges: Array<[number, number]>): RegExp {
  const written = ranges.map(([from, to]) => `\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`)
  return new RegExp(`[${written.join('')}]`, 'u')
}

interface Format {
  validate: (text: string) => boolean
  /** The end of the sentence "This …", for whoever sent something else. */
  detail: string
}

const formats: Record<string, Format> = {
  uuid: { validate: isUuid, detail: 'must be a UUID' },
  date: { validate: isDate, detail: 'must be a day of the years 1900 to 2199, such as 2026-05-01' },
  'date-time': {
    validate: isDateTime,
    detail: 'must be an RFC 3339 time with an offset, of the years 1900 to 2199, such as 2026-05-01T18:30:00Z'
  },
  email: { validate: isEmail, detail: 'must be an email address' },
  'https-url': { validate: isHttpsUrl, detail: 'must be an https URL without user name and password' },
  phone: { validate: isPhone, detail: 'must be a phone number of digits, spaces, + - . ( ) , * # and an extension' },
  line: {
    validate: isLine,
    detail: 'must be one line with something to read in it, without control or text-direction characters'
  },
  text: {
    validate: isText,
    detail: 'must have something to read in it and no control or text-direction characters but newline and tab'
  }
}

/** What a text of this format must be, as the end of a sentence. */
export function formatDetail(name: string): string {
  if (name === 'time-zone') return 'must be an IANA time zone, such as Europe/Berlin'
  return formats[name]?.detail ?? 'must have the right format'
}

/**
 * Teaches Ajv our formats. Which names are time zones is the schedule's knowledge, so it is handed in; without it, a
 * schema that says `time-zone` does not compile. Fit for Fastify's `ajv.plugins`.
 */
export function addFormats(ajv: Ajv, { timeZone }: { timeZone?: (name: string) => boolean } = {}): Ajv {
  for (const [name, { validate }] of Object.entries(formats)) ajv.addFormat(name, validate)
  if (timeZone !== undefined) ajv.addFormat('time-zone', timeZone)
  return ajv
}
