import fc from 'fast-check'
import type { Schema } from './document.ts'

/** Where ids come from: what earlier answers told of. */
export type Pick = (name: string) => unknown

const day = 86_400_000
const today = (days = 0) => new Date(Date.now() + days * day).toISOString().slice(0, 10)
const now = (minutes = 0) => new Date(Date.now() + minutes * 60_000).toISOString()
export const nobody = '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60'

export const typesOf = ({ type }: Schema): string[] => [type ?? []].flat()

/** Texts that go wrong where text is handled carelessly. */
export const nasty = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'a\udc00b',
  '\u0001',
  '\u001b[31m',
  '\u0085',
  '\u202eabc',
  '\u2066a',
  '\ufeff',
  '\uffff',
  '\u200b',
  'a\nb',
  'a\r\nb',
  "'; drop table people; --",
  '%',
  '_',
  '\\',
  '{{7*7}}',
  '<script>',
  '../../etc/passwd',
  'e\u0301',
  'İ',
  '１２３',
  '👩‍👩‍👧',
  '\ud83d\ude00',
  'null',
  '0'
]

/** Texts of a format, good and bad: which is which, the schema decides. */
const ofFormat: Record<string, () => string[]> = {
  date: () => [
    today(),
    ...['2028-02-29', '2027-02-29', '2026-02-30', '2026-13-01', '2026-00-10', '2026-1-1', '10000-01-01', '0000-01-01'],
    ...[
      '1899-12-31',
      '1900-01-01',
      '2199-12-31',
      '2200-01-01',
      '+275760-09-13',
      'infinity',
      'now',
      '2026-05-01T00:00:00Z'
    ]
  ],
  'date-time': () => [
    now(-30),
    ...['2026-05-01T18:30:00Z', '2026-05-01T18:30:00+14:00', '2026-05-01T18:30:00+14:01', '2026-05-01T18:30:00-23:59'],
    ...[
      '2026-05-01T18:30:60Z',
      '2026-05-01T24:00:00Z',
      '2026-05-01t18:30:00z',
      '2026-05-01 18:30:00Z',
      '2026-05-01\n18:30:00Z'
    ],
    ...[
      '2026-05-01T18:30:00',
      '2026-05-01T18:30:00.1234567891Z',
      '2026-05-01T18:30:00.123456789Z',
      '2026-02-30T00:00:00Z'
    ],
    ...['0000-01-01T00:00:00Z', '1899-12-31T23:59:59Z', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00+14:00'],
    ...[
      '2199-12-31T23:59:59.999Z',
      '2199-12-31T23:59:59-14:00',
      '2200-01-01T00:00:00Z',
      '10000-01-01T00:00:00Z',
      'epoch',
      '1e9'
    ]
  ],
  uuid: () => [
    nobody,
    nobody.toUpperCase(),
    `urn:uuid:${nobody}`,
    `{${nobody}}`,
    nobody.replaceAll('-', ''),
    `${nobody} `,
    '1'
  ],
  email: () => [
    'a@b.example',
    'A.B+c@Exämple.example',
    'a@b',
    '@b.example',
    'a b@c.example',
    'a@b.example\n',
    'a@b..example'
  ],
  'https-url': () => [
    'https://a.example/x?y#z',
    'http://a.example',
    'https://u:p@a.example',
    'https:\\\\a',
    'javascript:alert(1)',
    'https://'
  ],
  phone: () => ['+1 (415) 555-0100 ext. 7', '12', '+', 'abc', '+1 415\n555', '１２３４'],
  'time-zone': () => [
    'UTC',
    'Europe/Kyiv',
    'Asia/Calcutta',
    'EST',
    'FOO-3',
    '+03:00',
    'Mars/X',
    'europe/berlin',
    '../../etc'
  ],
  line: () => ['Ana', '\u0622\u0645\u200c\u0631\u0627', '   ', '\u200b', 'a\u2028b'],
  text: () => ['Ana\nBen\tCleo', '\n', 'a\rb']
}

/** A text of so many characters that has the format, as far as one has. */
export function textOf({ format, pattern }: Schema, length: number): string {
  const fill = (count: number) => 'a'.repeat(Math.max(0, count))
  switch (format) {
    case 'email': {
      const local = fill(Math.min(30, length - 10))
      const domain = fill(length - local.length - 9).replace(/(.{60})/g, '$1.')
      return `${local}@${domain.slice(0, Math.max(0, length - local.length - 9)).replace(/\.$/, 'b')}.example`
    }
    case 'https-url':
      return `https://a.example/${fill(length - 18)}`
    case 'phone':
      return '1'.repeat(length)
    case 'date-time':
    case 'date':
    case 'uuid':
      return (ofFormat[format]!()[0] ?? '').slice(0, length).padEnd(length, '0')
  }
  return pattern?.includes('-z') === false && pattern.includes('0-9') ? '1'.repeat(length) : fill(length)
}

/** One valid value, the simplest there is: examples where the schema has them, near times, ids of what exists. */
export function simple(schema: Schema, name: string, pick: Pick): unknown {
  const known = pick(name)
  if (known !== undefined && schema.format === 'uuid') return known
  if (schema.format === 'date') return today()
  if (schema.format === 'date-time') return now(/^(ends|expires)_/.test(name) ? 24 * 60 : -30)
  if (schema.enum !== undefined) return schema.enum[0]
  const [example] = schema.examples ?? []
  if (example !== undefined) return current(schema, example, name, pick)
  const type = typesOf(schema)[0]
  switch (type) {
    case 'object': {
      const required = new Set(schema.required)
      const members = Object.entries(schema.properties ?? {}).filter(([key]) => required.has(key))
      return Object.fromEntries(members.map(([key, member]) => [key, simple(member, key, pick)]))
    }
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => simple(schema.items ?? {}, name, pick))
    case 'integer':
    case 'number':
      return schema.minimum ?? (schema.exclusiveMinimum ?? 0) + 1
    case 'boolean':
      return true
    case 'string':
      return (
        (schema.format && ofFormat[schema.format]?.()[0]) ??
        textOf(schema, Math.max(1, Math.min(schema.minLength ?? 1, schema.maxLength ?? 1)))
      )
  }
  return null
}

/** An example as of today: its ids are those of what exists, its times are near. */
function current(schema: Schema, example: unknown, name: string, pick: Pick): unknown {
  if (schema.format === 'uuid' || schema.format === 'date' || schema.format === 'date-time') {
    return simple({ ...schema, examples: [] }, name, pick)
  }
  if (Array.isArray(example)) return example.map(item => current(schema.items ?? {}, item, name, pick))
  if (typeof example !== 'object' || example === null) return example
  return Object.fromEntries(
    Object.entries(example).map(([key, value]) => [key, current(schema.properties?.[key] ?? {}, value, key, pick)])
  )
}

/**
 * Values at the edges of a schema and just beyond; some of them are valid. In brief: without most of what a text can do
 * wrong, for a schema that was tried elsewhere.
 */
export function edges(schema: Schema, name: string, pick: Pick, brief = false): unknown[] {
  const types = typesOf(schema)
  const values: unknown[] = brief ? [null, 7.5, '7'] : [null, true, 7.5, '7', [], {}]
  for (const value of schema.enum ?? []) values.push(value, `${value}_`, String(value).toUpperCase())
  if (types.includes('integer') || types.includes('number')) {
    if (!brief) values.push(0, -1, 2 ** 31, 2 ** 53, 1e308, 1e-7, '1')
    const step = types.includes('integer') ? 1 : 0.5
    const bounds = [schema.minimum, schema.maximum, schema.exclusiveMinimum, schema.exclusiveMaximum]
    for (const bound of bounds) if (bound !== undefined) values.push(bound - step, bound, bound + step)
  }
  if (types.includes('string') && schema.enum === undefined) {
    const formatted = ofFormat[schema.format ?? '']?.() ?? []
    values.push(...(brief ? [...nasty.slice(0, 7), ...formatted.slice(0, 3)] : [...nasty, ...formatted]))
    for (const length of [schema.minLength, schema.maxLength]) {
      if (length === undefined || length > 5000) continue
      for (const one of [length - 1, length, length + 1]) {
        if (one < 0) continue
        values.push(textOf(schema, one))
        // A character is a code point, however many units it takes.
        if (!brief || one === schema.maxLength) values.push('😀'.repeat(one))
      }
    }
    if (schema.pattern !== undefined) {
      const good = String(simple(schema, name, pick))
      values.push(`${good}\n`, `${good}!`, ...(brief ? [] : [` ${good}`, `${good} `, good.toUpperCase(), `${good}é`]))
    }
  }
  return distinct(values)
}

export const distinct = <T>(values: T[]): T[] => [
  ...new Map(values.map(value => [JSON.stringify(value), value])).values()
]

/** Random values of a schema: mostly valid, often at the edges. */
export function arbitraryOf(schema: Schema, name: string, pick: Pick): fc.Arbitrary<unknown> {
  const likely: fc.Arbitrary<unknown>[] = [fc.constant(null).map(() => simple(schema, name, pick))]
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const one = (type: string): fc.Arbitrary<unknown> => {
    switch (type) {
      case 'object': {
        const members = Object.entries(schema.properties ?? {}).map(([key, member]) => [
          key,
          arbitraryOf(member, key, pick)
        ])
        return fc.record(Object.fromEntries(members), { requiredKeys: (schema.required ?? []) as never[] })
      }
      case 'array': {
        const item = arbitraryOf(schema.items ?? {}, name, pick)
        const size = { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 3, 3) }
        return schema.uniqueItems === true
          ? fc.uniqueArray(item, { ...size, selector: value => JSON.stringify(value) })
          : fc.array(item, size)
      }
      case 'integer':
        return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 2 ** 31 - 1 })
      case 'number':
        return fc.double({
          min: schema.minimum ?? schema.exclusiveMinimum ?? -1e6,
          max: schema.maximum ?? 1e6,
          noNaN: true
        })
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      case 'string':
        return textArbitrary(schema)
    }
    return fc.jsonValue({ maxDepth: 3 })
  }
  const types = typesOf(schema)
  const random = fc.oneof(...(types.length === 0 ? ['any'] : types).map(one))
  if (types[0] === 'object' || types[0] === 'array') likely.push(random, random)
  return fc.oneof({ weight: 2, arbitrary: random }, ...likely.map(arbitrary => ({ weight: 1, arbitrary })))
}

function textArbitrary(schema: Schema): fc.Arbitrary<string> {
  const { format, pattern, minLength = 0, maxLength = 80 } = schema
  const size = { minLength, maxLength: Math.min(maxLength, 80) }
  if (format !== undefined && ofFormat[format] !== undefined && format !== 'line' && format !== 'text') {
    return fc.constantFrom(...ofFormat[format]())
  }
  if (format === undefined && pattern !== undefined) return fc.stringMatching(new RegExp(pattern), size)
  return fc.oneof(
    { weight: 3, arbitrary: fc.string({ ...size, unit: 'grapheme' }) },
    { weight: 1, arbitrary: fc.string({ ...size, unit: 'binary' }) },
    { weight: 1, arbitrary: fc.constantFrom(...nasty) }
  )
}

/** Something that does not belong there. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 53, 1e308, [], {}, [[]], { __proto__x: 1 }),
  fc.constantFrom<unknown>(...nasty),
  fc.jsonValue({ maxDepth: 4 })
)

/** Every place within a value, the value itself first. */
export function placesOf(value: unknown, at: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== 'object' || value === null) return [at]
  return [
    at,
    ...Object.entries(value).flatMap(([key, member]) =>
      placesOf(member, [...at, Array.isArray(value) ? Number(key) : key])
    )
  ]
}

/** A copy with something else at one place; `undefined` takes it out. */
export function withAt(value: unknown, [key, ...rest]: (string | number)[], replacement: unknown): unknown {
  if (key === undefined) return replacement
  if (Array.isArray(value)) {
    const items = value.map((item, index) => (index === key ? withAt(item, rest, replacement) : item))
    return replacement === undefined && rest.length === 0 ? items.filter((_, index) => index !== key) : items
  }
  const { [key]: member, ...others } = (value ?? {}) as Record<string, unknown>
  const changed = withAt(member, rest, replacement)
  return changed === undefined ? others : { ...others, [key]: changed }
}
