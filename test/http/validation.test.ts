import Fastify, { type FastifyInstance, type FastifySchema } from 'fastify'
import t from 'tap'
import { frameworkErrors, problemReplies } from '../../src/http/errors.ts'
import { addFormats } from '../../src/http/formats.ts'
import { jsonBodies } from '../../src/http/json.ts'
import { buildValidator, parseQuery } from '../../src/http/validation.ts'
import type { Fault } from '../../src/problems.ts'

const uuid = '0190a7c4-1111-7abc-8def-0123456789ab'

const shared = [
  { $id: 'Status', type: 'string', enum: ['present', 'absent', 'excused'] },
  {
    $id: 'Record',
    type: 'object',
    required: ['person_id', 'status'],
    additionalProperties: false,
    properties: {
      person_id: { type: 'string', format: 'uuid' },
      status: { $ref: 'Status#' },
      note: { type: ['string', 'null'], format: 'text', maxLength: 5 }
    }
  }
]

/** An app with one route of this schema at /it/:id, that answers with what its handler was given. */
function serve(schema: FastifySchema): FastifyInstance {
  const app = Fastify({
    schemaController: { compilersFactory: { buildValidator } },
    ajv: { plugins: [[addFormats as never, { timeZone: (name: string) => name === 'Europe/Berlin' }]] },
    routerOptions: { querystringParser: parseQuery },
    bodyLimit: 10_000_000,
    frameworkErrors
  })
  problemReplies(app)
  jsonBodies(app)
  for (const schema of shared) app.addSchema(schema)
  app.route({
    method: ['GET', 'POST'].filter(method => method === 'POST' || schema.body === undefined),
    url: '/it/:id',
    schema,
    handler: async ({ params, query, body }) => ({ params, query, body })
  })
  return app
}

function serveBody(properties: Record<string, unknown>, more: object = {}): FastifyInstance {
  return serve({ body: { type: 'object', additionalProperties: false, properties, ...more } })
}

/** What is wrong with a body: undefined, or `pointer code` of each fault. Every refusal must be a whole one. */
async function faults(t: Tap, app: FastifyInstance, body: unknown): Promise<string[] | undefined> {
  return (await told(t, app, body))?.map(({ pointer, code }) => `${pointer} ${code}`)
}

type Tap = Pick<typeof t, 'equal' | 'match'>

async function told(t: Tap, app: FastifyInstance, body: unknown): Promise<Fault[] | undefined> {
  const payload = typeof body === 'string' ? body : JSON.stringify(body)
  const reply = await app.inject({
    method: 'POST',
    url: '/it/1',
    headers: { 'content-type': 'application/json' },
    payload
  })
  if (reply.statusCode === 200) return undefined
  t.equal(reply.statusCode, 422, reply.body.slice(0, 300))
  t.equal(reply.headers['content-type'], 'application/problem+json')
  const problem = reply.json()
  t.equal(problem.code, 'validation_failed')
  for (const fault of problem.errors) t.match(fault, { in: 'body', pointer: /^#/, code: /^[a-z_]+$/, detail: /./ })
  return problem.errors
}

t.test('bodies are taken as they are', async t => {
  const app = serveBody({
    name: { type: 'string' },
    count: { type: 'integer' },
    open: { type: 'boolean' },
    note: { type: ['string', 'null'] },
    kind: { type: 'string', default: 'open' }
  })
  const post = (payload: string) =>
    app.inject({ method: 'POST', url: '/it/1', headers: { 'content-type': 'application/json' }, payload })
  t.strictSame((await post('{"note":null,"count":0}')).json().body, { note: null, count: 0, kind: 'open' })
  t.strictSame((await post('{"note":""}')).json().body, { note: '', kind: 'open' }, 'null and empty are two things')
  for (const [body, fault] of [
    [{ name: 5 }, '#/name type'],
    [{ name: true }, '#/name type'],
    [{ name: null }, '#/name type'],
    [{ name: ['a'] }, '#/name type'],
    [{ count: '7' }, '#/count type'],
    [{ count: null }, '#/count type'],
    [{ count: true }, '#/count type'],
    [{ count: 0.5 }, '#/count type'],
    [{ open: 'true' }, '#/open type'],
    [{ open: 0 }, '#/open type'],
    [{ note: 0 }, '#/note type'],
    [{ org_id: uuid }, '#/org_id unknown_field'],
    [{ toString: 1 }, '#/toString unknown_field'],
    [{ hasOwnProperty: 1 }, '#/hasOwnProperty unknown_field'],
    [[], '# type'],
    ['"x"', '# type'],
    ['7', '# type'],
    ['null', '# required'],
    ['', '# required']
  ] as const) {
    t.strictSame(await faults(t, app, body), [fault], JSON.stringify(body))
  }
  t.equal(await faults(t, app, '{"count":1.0}'), undefined, '1.0 is an integer')
  t.equal(await faults(t, app, '{"count":1E2}'), undefined, '1E2 is an integer')
})

t.test('a body is needed where there is a schema for one', async t => {
  const app = serveBody({})
  const reply = await app.inject({ method: 'POST', url: '/it/1' })
  t.equal(reply.statusCode, 422)
  t.match(reply.json().errors, [{ pointer: '#', code: 'required', detail: 'a JSON body is required' }])
  t.equal((await serve({}).inject({ method: 'POST', url: '/it/1' })).statusCode, 200)
})

t.test('every fault of a sheet has its pointer', async t => {
  const app = serveBody(
    { records: { type: 'array', maxItems: 500, items: { $ref: 'Record#' } } },
    { required: ['records'] }
  )
  const good = { person_id: uuid, status: 'present' }
  t.equal(await faults(t, app, { records: [good, { ...good, note: null }, { ...good, note: 'ok' }] }), undefined)
  t.strictSame(await faults(t, app, {}), ['#/records required'])
  const records: unknown[] = Array.from({ length: 450 }, () => good)
  records[3] = { ...good, status: 'asleep' }
  records[40] = { status: 'present', nick_name: 'x' }
  records[444] = { person_id: 'Anna', status: 7, note: 'much too long' }
  t.strictSame(
    new Set(await faults(t, app, { records })),
    new Set([
      '#/records/3/status enum',
      '#/records/40/person_id required',
      '#/records/40/nick_name unknown_field',
      '#/records/444/person_id format',
      '#/records/444/status type',
      '#/records/444/status enum',
      '#/records/444/note max_length'
    ])
  )
})

t.test('each keyword has its code and a sentence', async t => {
  const cases: Array<[schema: object, value: unknown, fault: string, detail: RegExp]> = [
    [{ type: 'integer', minimum: 3 }, 2, '#/x minimum', /at least 3/],
    [{ type: 'integer', maximum: 2147483647 }, 2147483648, '#/x maximum', /at most 2147483647/],
    [{ type: 'integer', maximum: 2147483647 }, 1e20, '#/x maximum', /at most/],
    [{ type: 'number', exclusiveMinimum: 0 }, 0, '#/x minimum', /more than 0/],
    [{ type: 'number', exclusiveMaximum: 1 }, 1, '#/x maximum', /less than 1/],
    [{ type: 'integer', multipleOf: 5 }, 7, '#/x multiple_of', /multiple of 5/],
    [{ type: 'string', minLength: 1 }, '', '#/x min_length', /at least 1 character$/],
    [{ type: 'string', maxLength: 2 }, 'Ann', '#/x max_length', /at most 2 characters/],
    [{ type: 'string', pattern: '^[a-z]$' }, 'Ann', '#/x pattern', /form/],
    [{ type: 'string', enum: ['a', 'b'] }, 'Ann', '#/x enum', /one of "a", "b"$/],
    [{ const: 'a' }, 'Ann', '#/x enum', /^must be "a"$/],
    [{ type: 'array', minItems: 1 }, [], '#/x min_items', /at least 1 item$/],
    [{ type: 'array', maxItems: 1 }, [1, 2], '#/x max_items', /at most 1 item$/],
    [{ type: 'array', uniqueItems: true }, ['a', 'b', 'a'], '#/x unique_items', /twice/],
    [{ type: 'array', uniqueItems: true }, [{ a: 1 }, { a: 1 }], '#/x unique_items', /twice/],
    [{ type: 'object', minProperties: 1 }, {}, '#/x min_properties', /at least 1 field$/],
    [{ type: 'object', maxProperties: 1 }, { a: 1, b: 2 }, '#/x max_properties', /at most 1 field$/],
    [{ type: 'object', propertyNames: { maxLength: 2 } }, { Ann: 1 }, '#/x/Ann unknown_field', /field/],
    [{ type: 'object', dependencies: { a: ['b'] } }, { a: 1 }, '#/x/b required', /required/],
    [{ not: { type: 'string' } }, 'Ann', '#/x invalid', /allowed/],
    [{ type: 'string', format: 'date' }, '2027-02-29', '#/x format', /a day/],
    [{ type: 'string', format: 'date-time' }, '2026-01-01T00:00:00', '#/x format', /RFC 3339/],
    [{ type: 'string', format: 'time-zone' }, 'Mars/X', '#/x format', /IANA/],
    [{ type: 'string', format: 'line' }, 'Ann\u202e', '#/x format', /one line/],
    [{ type: ['string', 'null'] }, 5, '#/x type', /a text or null/],
    [{ type: 'array' }, 5, '#/x type', /an array/],
    [
      { type: 'object', properties: { 'a/b~c é%': { type: 'integer' } } },
      { 'a/b~c é%': '' },
      '#/x/a~1b~0c%20%C3%A9%25 type',
      /whole/
    ]
  ]
  for (const [schema, value, fault, detail] of cases) {
    const [first, ...others] = (await told(t, serveBody({ x: schema }), { x: value })) ?? []
    t.equal(`${first?.pointer} ${first?.code}`, fault)
    t.match(first?.detail, detail)
    t.notMatch(first?.detail ?? '', /Ann|Mars|2027/, 'never what was sent')
    t.strictSame(others, [], 'one entry for one fault')
  }
})

t.test('of several forms, what is told is what helps', async t => {
  const text = { type: 'string', maxLength: 2 }
  const nothing = { type: 'null' }
  const cases: Array<[schema: object, value: unknown, faults: string[]]> = [
    [{ anyOf: [text, nothing] }, 'Ann', ['#/x max_length']],
    [{ anyOf: [nothing, text] }, 'Ann', ['#/x max_length']],
    [{ anyOf: [text, nothing] }, 5, ['#/x type']],
    [{ anyOf: [{ $ref: 'Record#' }, nothing] }, { person_id: uuid }, ['#/x/status required']],
    [{ anyOf: [{ $ref: 'Record#' }, nothing] }, 'Ann', ['#/x type']],
    [{ anyOf: [{ const: 'a' }, { const: 'b' }] }, 'Ann', ['#/x enum']],
    [{ anyOf: [{ $ref: 'Status#' }, nothing] }, 'Ann', ['#/x enum']],
    [{ oneOf: [{ const: 'a' }, nothing] }, 'Ann', ['#/x enum']],
    [{ oneOf: [{ type: 'string' }, { minLength: 1 }] }, 'Ann', ['#/x invalid']],
    [JSON.parse('{"if":{"type":"string"},"then":{"maxLength":2}}'), 'Ann', ['#/x max_length']]
  ]
  for (const [schema, value, expected] of cases) {
    t.strictSame(await faults(t, serveBody({ x: schema }), { x: value }), expected, JSON.stringify(schema))
  }
  const [fault] = (await told(t, serveBody({ x: { anyOf: [{ const: 'a' }, nothing] } }), { x: 5 }))!
  t.equal(fault!.detail, 'must be one of "a", null')

  const app = serveBody(
    { y: { type: 'integer' }, x: { anyOf: [text, nothing] }, a: {}, b: {} },
    { required: ['y'], anyOf: [{ required: ['a'] }, { required: ['b'] }] }
  )
  t.strictSame(
    new Set(await faults(t, app, { x: 'Ann' })),
    new Set(['#/y required', '#/x max_length', '#/a required', '#/b required']),
    'what stands beside a choice is not lost in it'
  )

  const choice = serveBody({ y: {}, x: { anyOf: [{ const: 'a' }, { const: 'b' }] } }, { required: ['y'] })
  t.strictSame(
    new Set(await faults(t, choice, { x: 'Ann' })),
    new Set(['#/y required', '#/x enum']),
    'nor is the choice'
  )
})

t.test('a discriminator says which form is meant', async t => {
  const form = (kind: string, field: string) => ({
    type: 'object',
    required: ['kind', field],
    properties: { kind: { const: kind }, [field]: { type: 'integer' } },
    additionalProperties: false
  })
  const oneOf = [form('online', 'seats'), form('in_person', 'chairs')]
  const app = serveBody({
    place: { type: 'object', discriminator: { propertyName: 'kind' }, required: ['kind'], oneOf }
  })
  t.equal(await faults(t, app, { place: { kind: 'online', seats: 1 } }), undefined)
  t.strictSame(await faults(t, app, { place: { kind: 'online', chairs: 1 } }), [
    '#/place/seats required',
    '#/place/chairs unknown_field'
  ])
  t.strictSame(await faults(t, app, { place: { kind: 'Ann' } }), ['#/place/kind enum'])
})

t.test('lengths count characters, not units', async t => {
  const app = serveBody({ x: { type: 'string', maxLength: 3, minLength: 2 } })
  t.equal(await faults(t, app, { x: '😀😀😀' }), undefined)
  t.strictSame(await faults(t, app, { x: '😀😀😀😀' }), ['#/x max_length'])
  t.strictSame(await faults(t, app, { x: '😀' }), ['#/x min_length'])
  t.equal(await faults(t, app, { x: 'e\u0301e\u0301e\u0301' }), undefined, 'NFC first')
})

t.test('infinity is no number, wherever it comes from', async t => {
  const validate = (buildValidator as unknown as Build)({}, {})({ schema: { type: 'number' }, httpPart: 'body' })
  t.equal(validate(1e308), true)
  t.not(validate(Number.POSITIVE_INFINITY), true)
  t.not(validate(Number.NaN), true)
})

type Build = (
  schemas: object,
  options: object
) => (part: { schema: object; httpPart: string }) => (data: unknown) => unknown

t.test('a schema with a format that nobody knows does not build', async t => {
  await t.rejects(
    async () => await serveBody({ x: { type: 'string', format: 'colour' } }).ready(),
    /unknown format "colour"/
  )
  t.throws(
    () => (buildValidator as unknown as Build)({}, {})({ schema: { format: 'time-zone' }, httpPart: 'querystring' }),
    /unknown format "time-zone"/
  )
})

t.test('the faults of one body are at most 100, and enormous bodies are told one', async t => {
  const app = serveBody({ records: { type: 'array', maxItems: 500, items: { $ref: 'Record#' } } })
  t.equal((await faults(t, app, { records: Array.from({ length: 200 }, () => 0) }))!.length, 100)
  t.equal((await faults(t, app, Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, i]))))!.length, 100)

  const from = performance.now()
  t.strictSame(await faults(t, app, { records: Array.from({ length: 1_000_000 }, () => 0) }), ['#/records max_items'])
  t.ok(performance.now() - from < 2000)
})

t.test('uniqueItems takes time linear in the items', async t => {
  const app = serveBody({ ids: { type: 'array', uniqueItems: true } })
  const ids: unknown[] = Array.from({ length: 100_000 }, (_, i) => ({ i }))
  const from = performance.now()
  t.equal(await faults(t, app, { ids }), undefined)
  t.ok(performance.now() - from < 2000)
  ids.push({ i: 5 })
  t.strictSame(await faults(t, app, { ids }), ['#/ids unique_items'])
  t.equal(await faults(t, app, { ids: [1, '1', null, 'null', [], {}, ' {}', true] }), undefined)
  t.equal(await faults(t, serveBody({ ids: { type: 'array', uniqueItems: false } }), { ids: [1, 1] }), undefined)
})

t.test('a very long key is not sent back', async t => {
  const key = 'Anna '.repeat(1000)
  const app = serveBody({ x: { type: 'object', additionalProperties: false } })
  t.strictSame(await faults(t, app, { x: { [key]: 1 } }), ['#/x unknown_field'])
})

const query = {
  type: 'object',
  additionalProperties: false,
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 25 },
    open: { type: 'boolean' },
    q: { type: 'string', maxLength: 10 },
    id: { type: 'string', format: 'uuid' },
    'a/b': { type: 'integer' }
  }
}

t.test('a query is text, read as what the schema says', async t => {
  const app = serve({ querystring: query })
  const get = async (search: string) => (await app.inject(`/it/1?${search}`)).json().query
  t.strictSame({ ...(await get('')) }, { limit: 25 })
  t.strictSame({ ...(await get('limit=7&open=true&q=7')) }, { limit: 7, open: true, q: '7' })
  t.strictSame({ ...(await get('q=Jose%CC%81+x')) }, { limit: 25, q: 'José x' }, 'NFC, as bodies')
  t.strictSame({ ...(await get('q=')) }, { limit: 25, q: '' })
  t.strictSame({ ...(await get('q=%25zz')) }, { limit: 25, q: '%zz' })
})

t.test('a query is refused with the name of the parameter', async t => {
  const app = serve({ querystring: query })
  for (const [search, parameter, code] of [
    ['limit=0', 'limit', 'minimum'],
    ['limit=101', 'limit', 'maximum'],
    ['limit=1000000000', 'limit', 'maximum'],
    ['limit=9223372036854775807', 'limit', 'maximum'],
    ['limit=', 'limit', 'type'],
    ['limit=ten', 'limit', 'type'],
    ['limit=1.5', 'limit', 'type'],
    ['limit=0x10', 'limit', 'type'],
    ['limit=1e1', 'limit', 'type'],
    ['limit=%2010', 'limit', 'type'],
    ['limit=1&limit=2', 'limit', 'repeated'],
    ['q=a&q=b', 'q', 'repeated'],
    ['open=1', 'open', 'type'],
    ['open=yes', 'open', 'type'],
    ['q=12345678901', 'q', 'max_length'],
    ['q=%00', 'q', 'characters'],
    ['q=a%0Ab', 'q', 'characters'],
    ['q=%ff', 'q', 'characters'],
    ['q=%C0%80', 'q', 'characters'],
    ['q=%ED%A0%80', 'q', 'characters'],
    ['q=%E0%A4%A', 'q', 'characters'],
    ['id=1', 'id', 'format'],
    [`id=urn:uuid:${uuid}`, 'id', 'format'],
    ['a%2Fb=x', 'a/b', 'type'],
    ['colour=Ann', 'colour', 'unknown_parameter'],
    ['__proto__=1', '__proto__', 'unknown_parameter'],
    ['__proto__[x]=1', '__proto__[x]', 'unknown_parameter'],
    ['constructor=1', 'constructor', 'unknown_parameter'],
    ['filter[name][$ne]=', 'filter[name][$ne]', 'unknown_parameter'],
    ['toString=1', 'toString', 'unknown_parameter']
  ] as const) {
    const reply = await app.inject(`/it/1?${search}`)
    t.equal(reply.statusCode, 400, search)
    const problem = reply.json()
    t.equal(problem.code, 'invalid_query')
    t.match(problem.errors, [{ in: 'query', parameter, code, detail: /./ }], search)
    t.equal(problem.errors.length, 1, search)
    t.notMatch(reply.body, /Ann|12345678901/)
  }
  t.equal((await app.inject('/it/1?limit=0&q=12345678901&x=1')).json().errors.length, 3)
  const many = await app.inject(`/it/1?${Array.from({ length: 1001 }, () => 'q=1').join('&')}&x=1`)
  t.equal(many.statusCode, 400)
  t.equal((await app.inject(`/it/1?${'x'.repeat(5000)}=1`)).json().errors[0].parameter.length, 100)
  t.equal(({} as Record<string, unknown>).x, undefined)
})

t.test('no parameter is lost among a thousand others', async t => {
  t.equal(Object.keys(parseQuery(Array.from({ length: 3000 }, (_, i) => `a${i}=1`).join('&'))).length, 3000)
  t.equal(Object.getPrototypeOf(parseQuery('__proto__[x]=1')), null)
})

t.test('a header is refused with its name', async t => {
  const app = serve({ headers: { type: 'object', properties: { 'x-count': { type: 'integer', maximum: 5 } } } })
  t.equal((await app.inject({ url: '/it/1', headers: { 'X-Count': '5' } })).statusCode, 200)
  const reply = await app.inject({ url: '/it/1', headers: { 'X-Count': '6' } })
  t.equal(reply.statusCode, 400)
  t.match(reply.json(), { code: 'invalid_header', errors: [{ in: 'header', parameter: 'x-count', code: 'maximum' }] })
})

t.test('a path that cannot be is the same 404 as one that leads nowhere', async t => {
  const app = serve({ params: { type: 'object', properties: { id: { type: 'string', format: 'uuid' } } } })
  const nowhere = await app.inject('/nowhere')
  t.equal((await app.inject(`/it/${uuid}`)).statusCode, 200)
  for (const id of [
    '1',
    '%00',
    'x%00',
    '__proto__',
    'constructor',
    `urn:uuid:${uuid}`,
    `${uuid}%0A`,
    'a'.repeat(500)
  ]) {
    const reply = await app.inject(`/it/${id}`)
    t.equal(reply.statusCode, 404, id)
    t.strictSame({ ...reply.json(), request_id: '' }, { ...nowhere.json(), request_id: '' })
  }
  const open = serve({ params: { type: 'object', properties: { id: { type: 'string' } } } })
  t.equal((await open.inject('/it/anything')).statusCode, 200)
  t.equal((await open.inject('/it/%00')).statusCode, 404, 'no control characters in any path')
})

t.test('schemas are shared by every scope and part, and built once', async t => {
  const app = serveBody({ record: { $ref: 'Record#' }, status: { $ref: 'Status' } })
  app.register(async scope => {
    scope.addSchema({ $id: 'Here', type: 'object', properties: { status: { $ref: 'Status#' } } })
    scope.post('/here', { schema: { body: { $ref: 'Here#' } } }, async () => 'ok')
    scope.get('/here', { schema: { querystring: { $ref: 'Here#' } } }, async () => 'ok')
  })
  await app.ready()
  t.strictSame(await faults(t, app, { record: { person_id: uuid, status: 'x' } }), ['#/record/status enum'])
  const headers = { 'content-type': 'application/json' }
  const here = await app.inject({ method: 'POST', url: '/here', headers, payload: '{"status":"x"}' })
  t.match(here.json().errors, [{ pointer: '#/status', code: 'enum' }])
  t.equal((await app.inject('/here?status=x')).statusCode, 400)
  t.equal((await app.inject('/here?status=absent')).statusCode, 200)

  const build = buildValidator as unknown as Build
  const options = {}
  t.equal(build({ A: { $id: 'A' } }, options), build({ A: { $id: 'A' } }, options))
  t.not(build({ A: { $id: 'A' } }, options), build({ B: { $id: 'B' } }, options))
  const compile = build({}, options)
  const schema = { $id: 'twice', type: 'integer' }
  t.equal(compile({ schema, httpPart: 'body' })(1), true)
  t.equal(compile({ schema, httpPart: 'body' })(1), true)
})
