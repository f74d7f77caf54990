import assert from 'node:assert/strict'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { problemReplies } from '../../src/http/errors.ts'
import { jsonBodies, maxDepth, readJson } from '../../src/http/json.ts'
import { Problem } from '../../src/problems.ts'

function read(text: string | Buffer): unknown {
  return readJson(Buffer.from(text as string))
}

/** The code of the refusal, or undefined where there is none. */
function refused(text: string | Buffer): string | undefined {
  try {
    read(text)
    return undefined
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 400) throw error
    return error.code
  }
}

t.test('reads what JSON is', async t => {
  t.strictSame(read('{"a":[1,-0.5,1E2,true,null,"x"],"b":{}}'), { a: [1, -0.5, 100, true, null, 'x'], b: {} })
  t.equal(read(' "top" '), 'top')
  t.equal(read('null'), null)
  t.strictSame(read('[]'), [])
  t.strictSame(read('{"":{"":1}}'), { '': { '': 1 } }, 'the same key on two levels is no duplicate')
  t.strictSame(read('[{"a":1},{"a":2}]'), [{ a: 1 }, { a: 2 }])
  t.strictSame(read('{"a:b":":","\\"":"{\\"a\\":1}"}'), { 'a:b': ':', '"': '{"a":1}' }, 'colons within strings')
  t.strictSame(read('{"toString":1,"hasOwnProperty":2}'), JSON.parse('{"toString":1,"hasOwnProperty":2}'))
})

t.test('refuses what is not JSON', async t => {
  for (const text of [
    ' ',
    '{',
    '}',
    '"',
    '"\\',
    '"\\u',
    '[1,]',
    '{"a":1,}',
    '{"a":1}{"a":2}',
    '1 2',
    'NaN',
    'Infinity',
    "{'a':1}",
    '{a:1}',
    '// no\n1',
    '/* no */1',
    '01',
    '"\t"',
    '"\\x41"',
    '\u00a0{}'
  ]) {
    t.equal(refused(text), 'malformed_json', text)
  }
  t.equal(refused(''), 'empty_body')
  t.equal(refused('1e400'), 'number_out_of_range')
  t.equal(refused('{"a":[-1e999]}'), 'number_out_of_range')
  t.equal(read('1e308'), 1e308)
})

t.test('refuses what is not UTF-8', async t => {
  const cases: Record<string, number[]> = {
    'a continuation without a start': [0x22, 0x80, 0x22],
    'a start without a continuation': [0x22, 0xc3, 0x22],
    'latin1 é': [0x22, 0xe9, 0x22],
    'an overlong slash': [0x22, 0xc0, 0xaf, 0x22],
    'an overlong NUL': [0x22, 0xc0, 0x80, 0x22],
    'a surrogate written as UTF-8': [0x22, 0xed, 0xa0, 0x80, 0x22],
    'beyond U+10FFFF': [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22],
    'invalid bytes outside a string': [0x5b, 0xff, 0x5d]
  }
  for (const [name, bytes] of Object.entries(cases)) t.equal(refused(Buffer.from(bytes)), 'invalid_encoding', name)
  t.equal(refused(Buffer.from('{"a":1}', 'utf16le')), 'malformed_json', 'UTF-16')
  t.equal(refused('\ufeff{}'), 'malformed_json', 'a byte order mark')
})

t.test('refuses a key twice in one object', async t => {
  for (const text of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"a\\/b":1,"a/b":2}',
    '{"\\"":1,"\\u0022":2}',
    '{"":1,"":2}',
    '{"1":1,"1":2}',
    '{"é":1,"\\u00e9":2}',
    '{"a":{"a":1},"b":1,"a":null}',
    '[0,{"x":[{"y":1,"z":2,"y":3}]}]',
    '{"a":{"b":{"c":1}},"a":{"b":{"d":1}}}'
  ]) {
    t.equal(refused(text), 'duplicate_key', text)
  }
  t.equal(refused('{"A":1,"a":2}'), undefined, 'case matters')
  t.equal(refused('{"é":1,"e\u0301":2}'), undefined, 'keys are compared as they are')
})

t.test('refuses depth before anything is parsed', async t => {
  const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)
  t.equal(refused(nested(maxDepth)), undefined)
  t.equal(refused(nested(maxDepth + 1)), 'too_deep')
  t.equal(refused(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`), 'too_deep')
  t.equal(refused(nested(10_000)), 'too_deep')
  t.equal(refused(nested(500_000)), 'too_deep')
  t.equal(refused('['.repeat(500_000)), 'too_deep')
  t.equal(refused(`[${'[],'.repeat(1000)}[]]`), undefined, 'side by side is not deep')
  t.equal(refused(JSON.stringify('['.repeat(1000))), undefined, 'brackets within a string are none')
  t.equal(refused(`["\\\\",${nested(32)}]`), 'too_deep', 'an escaped backslash does not escape the quote after it')
  t.equal(refused(`["\\"",${nested(31)}]`), undefined)
})

t.test('refuses NUL and half characters in strings and keys', async t => {
  for (const text of [
    '"\\u0000"',
    '"a\\u0000b"',
    '{"\\u0000":1}',
    '"\\ud800"',
    '"\\udc00"',
    '"\\udc00\\ud800"',
    '"\\uD83D x"',
    '{"\\ud800":1}',
    '[{"a":["ok","é\\udfff"]}]'
  ]) {
    t.equal(refused(text), 'invalid_text', text)
  }
  t.equal(refused('"a\u0000b"'), 'malformed_json', 'raw control characters are not JSON')
  t.equal(read('"\\ud83d\\ude00"'), '😀')
  t.equal(read('"\\\\u0000"'), '\\u0000', 'an escaped backslash before u')
})

t.test('refuses keys that reach a prototype', async t => {
  for (const key of ['__proto__', 'constructor', 'prototype', '\\u005f_proto__', 'constructo\\u0072']) {
    t.equal(refused(`{"${key}":{"x":1}}`), 'forbidden_key', key)
    t.equal(refused(`[{"a":{"${key}":1}}]`), 'forbidden_key', key)
  }
  t.equal(read('"__proto__"'), '__proto__', 'as a value it is a text like any other')
  t.equal(({} as Record<string, unknown>).x, undefined)
})

t.test('normalizes strings to NFC and leaves keys alone', async t => {
  t.strictSame(read('{"name":"Jose\u0301","more":["A\\u030a","\u212b",1]}'), { name: 'José', more: ['Å', 'Å', 1] })
  t.strictSame(Object.keys(read('{"e\u0301":1}') as object), ['e\u0301'])
  t.equal(read('"👨‍👩‍👧 \u200c \u202e"'), '👨‍👩‍👧 \u200c \u202e', 'nothing else is changed')
})

t.test('a refusal never quotes what was sent', async t => {
  for (const text of ['{"Anna":1,"Anna":2}', '{"name":"Anna', '"Anna\\u0000"', '{"Anna":{"__proto__":1}}']) {
    try {
      read(text)
      t.fail('not refused')
    } catch (error) {
      t.notMatch(JSON.stringify(error) + String(error), /Anna/)
    }
  }
})

const forbidden = new Set(['__proto__', 'constructor', 'prototype'])
const text = fc.string({ unit: 'binary' }).filter(text => !text.includes('\0'))
const key = text.filter(text => !forbidden.has(text))
const json = fc.letrec(tie => ({
  value: fc.oneof(
    { maxDepth: 6 },
    text,
    fc.integer(),
    fc.double({ noDefaultInfinity: true, noNaN: true }).map(number => (Object.is(number, -0) ? 0 : number)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 6 }),
    fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: true })
  )
})).value

function nfc(value: unknown): unknown {
  if (typeof value === 'string') return value.normalize('NFC')
  if (Array.isArray(value)) return value.map(nfc)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, value]) => [key, nfc(value)]))
}

/** Writes JSON with each character escaped or not, and with spaces, as `random` (0..n) says. */
function write(value: unknown, random: (n: number) => number): string {
  const space = () => ' \n\t\r'.slice(0, random(3))
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  const string = (text: string) =>
    `"${[...text].map(character => (random(4) === 0 ? character.split('').map(escaped).join('') : JSON.stringify(character).slice(1, -1))).join('')}"`
  if (typeof value === 'string') return string(value)
  if (Array.isArray(value)) return `[${space()}${value.map(item => write(item, random)).join(`${space()},`)}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([key, value]) => `${string(key)}${space()}:${space()}${write(value, random)}`
  )
  return `{${members.join(`,${space()}`)}${space()}}`
}

t.test('any JSON comes back as its NFC, however it is written', async () => {
  fc.assert(
    fc.property(json, fc.infiniteStream(fc.nat()), (value, stream) => {
      const random = (n: number) => (stream.next().value as number) % n
      assert.deepEqual(read(JSON.stringify(value)), nfc(value))
      assert.deepEqual(read(write(value, random)), nfc(value))
    }),
    { numRuns: 300 }
  )
})

t.test('a duplicate key is found wherever it is planted', async () => {
  const members = fc.dictionary(key, json, { minKeys: 1, maxKeys: 8, noNullPrototype: true })
  fc.assert(
    fc.property(
      members,
      json,
      fc.nat(),
      fc.nat(),
      fc.array(fc.boolean(), { maxLength: 10 }),
      (object, other, a, b, way) => {
        const written = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
        const [repeated] = Object.entries(object)[a % written.length]!
        written.splice(b % (written.length + 1), 0, `${JSON.stringify(repeated)}:${JSON.stringify(other)}`)
        let text = `{${written.join()}}`
        for (const inObject of way) text = inObject ? `{"x":1,"y":${text}}` : `["x",${text},{"z":2}]`
        assert.equal(refused(text), 'duplicate_key')
      }
    ),
    { numRuns: 300 }
  )
})

t.test('takes time linear in the body', async t => {
  const rows = Array.from({ length: 70_000 }, (_, i) => ({
    name: `José ${i}`,
    phone: '+49 151 23',
    joined: '2026-01-01',
    n: i
  }))
  const bodies = {
    'an import of 5 MB': JSON.stringify(rows),
    'one long string': JSON.stringify('"\\'.repeat(2_000_000)),
    'an unfinished string of escapes': `"${'\\"'.repeat(4_000_000)}`,
    'brackets within strings': JSON.stringify(Array.from({ length: 100_000 }, () => '[{"a":[')),
    'combining marks': JSON.stringify(`a${'\u0301'.repeat(100_000)}`),
    '100,000 keys': JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])))
  }
  for (const [name, body] of Object.entries(bodies)) {
    const bytes = Buffer.from(body)
    const from = performance.now()
    refused(bytes)
    t.ok(performance.now() - from < 1500, `${name}: ${Math.round(performance.now() - from)} ms`)
  }
})

async function echo(): Promise<FastifyInstance> {
  const app = Fastify({ bodyLimit: 1000 })
  problemReplies(app)
  jsonBodies(app)
  app.post('/echo', async request => ({ body: request.body ?? 'none' }))
  app.patch('/echo', async request => ({ body: request.body ?? 'none' }))
  app.delete('/echo', async request => ({ body: request.body ?? 'none' }))
  return app
}

t.test('takes JSON in UTF-8 and nothing else', async t => {
  const app = await echo()
  const post = (type: string | undefined, body: string | Buffer | undefined, more: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: '/echo',
      headers: { ...(type && { 'content-type': type }), ...more },
      payload: body
    })

  for (const type of [
    'application/json',
    'Application/JSON',
    'application/merge-patch+json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; charset="UTF-8"; profile=x',
    'application/merge-patch+json; charset=utf-8'
  ]) {
    const reply = await post(type, '{"a":"é"}')
    t.equal(reply.statusCode, 200, type)
    t.strictSame(reply.json(), { body: { a: 'é' } })
  }
  for (const type of [
    'text/plain',
    'text/json',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json; charset="iso-8859-1"',
    'application/json; charset=utf-8; charset=utf-16',
    'application/json; charset=',
    'application/json; charset',
    'application/json; x="a;charset=utf-16"',
    'application/json, text/plain',
    'json',
    undefined
  ]) {
    const reply = await post(type, '{"a":1}')
    t.equal(reply.statusCode, 415, String(type))
    t.equal(reply.json().code, 'unsupported_media_type')
  }
  for (const coding of ['gzip', 'br', 'deflate', 'identity, gzip', 'x']) {
    const reply = await post('application/json', '{"a":1}', { 'content-encoding': coding })
    t.equal(reply.statusCode, 415, coding)
  }
  t.equal((await post('application/json', '{}', { 'content-encoding': 'Identity' })).statusCode, 200)
  t.equal((await post('text/plain', '{}')).headers['accept-patch'], 'application/merge-patch+json, application/json')
})

t.test('lets actions have no body, and refuses those that cannot be read', async t => {
  const app = await echo()
  const headers = { 'content-type': 'application/json' }
  for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
    t.strictSame((await app.inject({ method, url: '/echo' })).json(), { body: 'none' }, method)
    t.strictSame((await app.inject({ method, url: '/echo', headers, payload: '' })).json(), { body: 'none' }, method)
  }
  for (const payload of ['{"a":1,"a":2}', '{', '"\\u0000"', '{"__proto__":{"x":1}}', '['.repeat(40)]) {
    const reply = await app.inject({ method: 'POST', url: '/echo', headers, payload })
    t.equal(reply.statusCode, 400, payload)
    t.equal(reply.headers['content-type'], 'application/problem+json')
  }
  const large = await app.inject({ method: 'POST', url: '/echo', headers, payload: JSON.stringify('x'.repeat(1000)) })
  t.equal(large.statusCode, 413)
  t.equal(large.json().code, 'payload_too_large')
  t.equal((await app.inject({ method: 'POST', url: '/nowhere', headers, payload: '{' })).statusCode, 404)
})
