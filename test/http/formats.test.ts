import assert from 'node:assert/strict'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import t from 'tap'
import {
  addFormats,
  formatDetail,
  isDate,
  isDateTime,
  isEmail,
  isHttpsUrl,
  isLine,
  isPhone,
  isText,
  isUuid
} from '../../src/http/formats.ts'

function check(name: string, is: (text: string) => boolean, yes: string[], no: string[]): void {
  t.test(name, async t => {
    for (const text of yes) t.ok(is(text), `${JSON.stringify(text)} is`)
    for (const text of no) t.notOk(is(text), `${JSON.stringify(text)} is not`)
  })
}

const uuid = '0190a7c4-1111-7abc-8def-0123456789ab'

check(
  'uuid',
  isUuid,
  [uuid, uuid.toUpperCase(), '00000000-0000-0000-0000-000000000000'],
  [
    '',
    '1',
    `urn:uuid:${uuid}`,
    `{${uuid}}`,
    uuid.replaceAll('-', ''),
    `${uuid}\n`,
    ` ${uuid}`,
    `${uuid}0`,
    uuid.replace('a', 'g'),
    uuid.replace('0', '\u0660'),
    '0190a7c41-111-7abc-8def-0123456789ab'
  ]
)

check(
  'date',
  isDate,
  ['2026-05-01', '1900-01-01', '2199-12-31', '2028-02-29', '2000-02-29', '2026-01-31', '2026-04-30'],
  [
    '2027-02-29',
    '1900-02-29',
    '2100-02-29',
    '2026-02-30',
    '2026-04-31',
    '2026-13-01',
    '2026-00-01',
    '2026-01-00',
    '2026-01-32',
    '0000-01-01',
    '0001-01-01',
    '1899-12-31',
    '2200-01-01',
    '9999-01-01',
    '10000-01-01',
    '+275760-01-01',
    '-2026-01-01',
    '2026-1-1',
    '20260501',
    '2026-05-01 ',
    '2026-05-01\n',
    '2026-05-01T00:00:00Z',
    '٢٠٢٦-٠٥-٠١',
    'infinity',
    'now',
    'epoch',
    'today',
    ''
  ]
)

const day = '2026-05-01'

check(
  'date-time',
  isDateTime,
  [
    `${day}T18:30:00Z`,
    `${day}T00:00:00Z`,
    `${day}T23:59:59Z`,
    `${day}T18:30:00.1Z`,
    `${day}T18:30:00.123456789Z`,
    `${day}T18:30:00+00:00`,
    `${day}T18:30:00-00:00`,
    `${day}T18:30:00+05:45`,
    `${day}T18:30:00+14:00`,
    `${day}T18:30:00-13:59`,
    `${day}T18:30:00-14:00`,
    '2028-02-29T00:00:00Z',
    '1900-01-01T00:00:00Z',
    '2199-12-31T23:59:59Z'
  ],
  [
    `${day}T18:30:00`,
    `${day}T18:30Z`,
    `${day} 18:30:00Z`,
    `${day}\n18:30:00Z`,
    `${day}t18:30:00Z`,
    `${day}T18:30:00z`,
    `${day}T18:30:60Z`,
    `${day}T23:59:60Z`,
    `${day}T24:00:00Z`,
    `${day}T18:60:00Z`,
    `${day}T18:30:00.Z`,
    `${day}T18:30:00,5Z`,
    `${day}T18:30:00.1234567890Z`,
    `${day}T18:30:00+14:01`,
    `${day}T18:30:00-14:30`,
    `${day}T18:30:00-23:59`,
    `${day}T18:30:00+23:59`,
    `${day}T18:30:00+15:00`,
    `${day}T18:30:00+01:60`,
    `${day}T18:30:00+0100`,
    `${day}T18:30:00+1`,
    `${day}T18:30:00 Z`,
    `${day}T18:30:00Z\n`,
    '2027-02-29T00:00:00Z',
    '1899-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '2200-01-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    day,
    'infinity',
    'now',
    ''
  ]
)

t.test('a date is a day that JavaScript has too', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1890, max: 2210 }), fc.nat(13), fc.nat(32), (year, month, dayOfMonth) => {
      const text = [year, String(month).padStart(2, '0'), String(dayOfMonth).padStart(2, '0')].join('-')
      const date = new Date(`${text}T00:00:00Z`)
      const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
      assert.equal(isDate(text), exists && year >= 1900 && year <= 2199)
      assert.equal(isDateTime(`${text}T12:00:00Z`), isDate(text))
    }),
    { numRuns: 2000 }
  )
})

check(
  'email',
  isEmail,
  ["o'hara+circle@example.org", 'a@b.de', 'jürgen@müller.de', 'a.b-c_d@sub.example.co.uk', 'a@xn--mller-kva.de'],
  [
    '',
    '@',
    'a',
    'a@',
    '@b.de',
    'a@b',
    'a@b.',
    'a@.de',
    'a@b..de',
    '.a@b.de',
    'a.@b.de',
    'a..b@b.de',
    'a b@c.de',
    'a@b c.de',
    'a@-b.de',
    'a@b-.de',
    'a@b.de\n',
    'a\r\nBcc: x@y.de',
    'Anna <a@b.de>',
    'a@b@c.de',
    'a,b@c.de',
    'a@127.0.0.1',
    'a@[127.0.0.1]',
    'a\u202e@b.de',
    'a\0@b.de',
    `${'a'.repeat(65)}@b.de`,
    `a@${'b'.repeat(64)}.de`,
    `a@${'b.'.repeat(126)}de`
  ]
)

check(
  'https-url',
  isHttpsUrl,
  [
    'https://example.org',
    'HTTPS://example.org/',
    'https://zoom.us/j/123?pwd=a@b#c',
    'https://example.org:8443/a%20b',
    'https://müller.de/é',
    `https://example.org/${'a'.repeat(1980)}`
  ],
  [
    '',
    'http://example.org',
    'ftp://example.org',
    'javascript:alert(1)',
    'data:text/html,x',
    '//example.org',
    'https:example.org',
    'https:/example.org',
    'https:///example.org',
    'https:\\\\example.org',
    'https://',
    'https://?x',
    'https://user@example.org',
    'https://user:secret@example.org',
    'https://@example.org',
    'https://example.org\\@evil.org',
    'https://exa mple.org',
    ' https://example.org',
    'https://example.org\n',
    'https://exam\tple.org',
    'java\nscript:alert(1)',
    'https://example.org/a b',
    'https://example.org/\u202egpj',
    'https://example.org/\0',
    'https://exa<mple.org',
    'https://example.org:99999/',
    `https://example.org/${'a'.repeat(1981)}`
  ]
)

check(
  'phone',
  isPhone,
  [
    '112',
    '+49 151 2345678',
    '(030) 123-456',
    '030.123.456',
    '+1 (555) 010-1234 ext. 12',
    '555-0101 x99',
    '5550101ext12'
  ],
  [
    '',
    '12',
    '+()--',
    'call me',
    '123 456 ext',
    'ext 12',
    '+49 151\n2345',
    '٠١٢٣٤٥٦',
    '1'.repeat(41),
    '123;ext=1',
    '123 ext 4 ext 5'
  ]
)

const refusedAnywhere: Record<string, string> = {
  NUL: '\0',
  BEL: '\x07',
  ESC: '\x1b',
  CR: '\r',
  FF: '\f',
  DEL: '\x7f',
  NEL: '\x85',
  'C1 first': '\x80',
  'C1 last': '\x9f',
  'high surrogate': '\ud800',
  'low surrogate': '\udfff',
  'U+FDD0': '\ufdd0',
  'U+FDEF': '\ufdef',
  'U+FFFE': '\ufffe',
  'U+FFFF': '\uffff',
  'U+1FFFE': '\u{1fffe}',
  'U+8FFFF': '\u{8ffff}',
  'U+10FFFF': '\u{10ffff}',
  ALM: '\u061c',
  LRM: '\u200e',
  RLM: '\u200f',
  LRE: '\u202a',
  RLO: '\u202e',
  LRI: '\u2066',
  PDI: '\u2069'
}

t.test('line and text refuse characters that do harm', async t => {
  for (const [name, character] of Object.entries(refusedAnywhere)) {
    t.notOk(isLine(`a${character}b`), `line: ${name}`)
    t.notOk(isText(`a${character}b`), `text: ${name}`)
  }
  for (const [name, character] of Object.entries({ newline: '\n', tab: '\t', LS: '\u2028', PS: '\u2029' })) {
    t.notOk(isLine(`a${character}b`), `line: ${name}`)
    t.ok(isText(`a${character}b`), `text: ${name}`)
  }
})

t.test('line and text keep what people write', async t => {
  for (const text of [
    'Anna',
    "Renée O'Connor-Núñez",
    ' spaces around ',
    '李小龙',
    'محمد',
    'می\u200cخواهم',
    '👨‍👩‍👧',
    '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
    '❤️',
    'İı',
    '１２３',
    `Z${'\u0351'.repeat(200)}`,
    '<script>',
    "Robert'); DROP TABLE",
    'soft\u00adhyphen',
    '\u{20000}',
    '\u{1fffd}',
    '.'
  ]) {
    t.ok(isLine(text), text)
    t.ok(isText(text), text)
  }
})

t.test('line and text want something to read', async t => {
  for (const blank of [
    '',
    ' ',
    '   ',
    '\u00a0',
    '\u2003',
    '\u3000',
    '\u200b',
    '\u200d',
    '\u2060',
    '\ufeff',
    '\u3164',
    '\u00ad',
    '\ufe0f',
    '\u2800'
  ]) {
    t.notOk(isLine(blank), JSON.stringify(blank))
    t.notOk(isText(`\n\t${blank}\n`), JSON.stringify(blank))
  }
})

t.test('each takes time linear in the text', async t => {
  const pieces = [
    'a',
    '1',
    ' ',
    '-',
    '.',
    '@',
    'a@',
    'a.',
    '\u0301',
    '\0',
    '\ud800',
    '😀',
    '\u200d',
    '(',
    '0 ',
    'https://',
    '2026-',
    ':',
    '\n'
  ]
  const starts = ['', 'a@', 'a@b.', 'https://', 'https://a', '+', '1 ', `${day}T`, `${day}T00:00:00.`]
  const all = { isUuid, isDate, isDateTime, isEmail, isHttpsUrl, isPhone, isLine, isText }
  for (const [name, is] of Object.entries(all)) {
    let slowest = 0
    for (const start of starts) {
      for (const piece of pieces) {
        const text = `${start}${piece.repeat(50_000 / piece.length)}!`
        // The best of three: a machine that is busy elsewhere does not make a regular expression slow.
        const times = [1, 2, 3].map(() => {
          const from = performance.now()
          is(text)
          return performance.now() - from
        })
        slowest = Math.max(slowest, Math.min(...times))
      }
    }
    t.ok(slowest < 50, `${name}: ${slowest.toFixed(2)} ms`)
  }
})

t.test('teaches Ajv, with the time zones that it is given', async t => {
  const ajv = addFormats(new Ajv({ strict: false }), { timeZone: name => name === 'Europe/Berlin' })
  const accepts = (format: string, value: unknown) => ajv.compile({ type: 'string', format })(value)
  t.ok(accepts('time-zone', 'Europe/Berlin'))
  t.notOk(accepts('time-zone', 'Mars/X'))
  for (const [format, good] of Object.entries({
    uuid,
    date: day,
    'date-time': `${day}T00:00:00Z`,
    email: 'a@b.de',
    'https-url': 'https://a.de',
    line: 'x',
    text: 'x\ny',
    phone: '112'
  })) {
    t.ok(accepts(format, good), format)
    t.notOk(accepts(format, '\0'), format)
    t.match(formatDetail(format), /^must /)
  }
  t.match(formatDetail('time-zone'), /time zone/)
  t.match(formatDetail('toString'), /^must /)
  t.throws(() => addFormats(new Ajv()).compile({ type: 'string', format: 'time-zone' }), /time-zone/)
})
