import { once } from 'node:events'
import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import cors from '@fastify/cors'
import Fastify, { type FastifyHttpOptions, type FastifyInstance, type InjectOptions } from 'fastify'
import t from 'tap'
import { clientErrorHandler, frameworkErrors, problemReplies, replyProblem } from '../../src/http/errors.ts'
import { jsonBodies } from '../../src/http/json.ts'
import { buildValidator } from '../../src/http/validation.ts'
import {
  badRequest,
  conflict,
  forbidden,
  insufficientScope,
  methodNotAllowed,
  notFound,
  type Problem,
  payloadTooLarge,
  preconditionFailed,
  preconditionRequired,
  tooManyRequests,
  unauthorized,
  unavailable,
  unprocessable,
  unsupportedMediaType
} from '../../src/problems.ts'

/** An app whose /throw throws what it is given, and the lines that it logs. */
function serve(
  options: FastifyHttpOptions<Server> = {},
  translate?: (error: unknown) => Problem | undefined
): { app: FastifyInstance; lines: string[]; thrown: { error: unknown } } {
  const lines: string[] = []
  const thrown = { error: undefined as unknown }
  const app = Fastify({
    logger: { level: 'error', stream: { write: (line: string) => lines.push(line) } },
    schemaController: { compilersFactory: { buildValidator } },
    bodyLimit: 1000,
    frameworkErrors,
    clientErrorHandler,
    ...options
  })
  problemReplies(app, { translate })
  jsonBodies(app)
  app.get('/throw', (_request, reply) => {
    reply.headers({ etag: '"7"', location: '/secret', 'cache-control': 'private', 'content-type': 'text/csv' })
    throw thrown.error
  })
  const response = { 200: { type: 'string' }, '4xx': { type: 'object', properties: { code: { type: 'string' } } } }
  app.get('/groups/:id', { schema: { response } }, async () => {
    throw notFound()
  })
  app.patch('/groups/:id', async () => 'ok')
  app.post('/groups', async request => request.body ?? 'ok')
  app.get('/cards/*', (_request, reply) => reply.callNotFound())
  app.get('/slow', { handlerTimeout: 20 }, () => new Promise(() => undefined))
  return { app, lines, thrown }
}

t.test('each way to refuse is told as it is', async t => {
  const { app, lines, thrown } = serve()
  const cases: Array<[Problem, status: number, code: string, headers?: Record<string, string>]> = [
    [badRequest('invalid_cursor', 'x'), 400, 'invalid_cursor'],
    [unauthorized(), 401, 'unauthorized', { 'www-authenticate': 'Bearer' }],
    [forbidden('not_a_facilitator', 'x'), 403, 'not_a_facilitator'],
    [
      insufficientScope('groups:write'),
      403,
      'insufficient_scope',
      { 'www-authenticate': 'Bearer error="insufficient_scope", scope="groups:write"' }
    ],
    [notFound(), 404, 'not_found'],
    [methodNotAllowed(['GET', 'HEAD']), 405, 'method_not_allowed', { allow: 'GET, HEAD' }],
    [conflict('session_already_held', 'x'), 409, 'session_already_held'],
    [preconditionFailed('"8"'), 412, 'precondition_failed', { etag: '"8"' }],
    [preconditionFailed(), 412, 'precondition_failed'],
    [payloadTooLarge(), 413, 'payload_too_large'],
    [unsupportedMediaType(), 415, 'unsupported_media_type', { 'accept-post': 'application/json' }],
    [unprocessable('too_early', '#/starts_at', 'x'), 422, 'too_early'],
    [unprocessable([{ pointer: '#/a', code: 'required', detail: 'x' }]), 422, 'validation_failed'],
    [preconditionRequired(), 428, 'precondition_required'],
    [tooManyRequests(1.2), 429, 'too_many_requests', { 'retry-after': '2' }],
    [tooManyRequests(0), 429, 'too_many_requests', { 'retry-after': '1' }],
    [unavailable('database_busy', 3), 503, 'database_busy', { 'retry-after': '3' }]
  ]
  for (const [problem, status, code, headers = {}] of cases) {
    thrown.error = problem
    const reply = await app.inject('/throw')
    t.equal(reply.statusCode, status, code)
    const expected = { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers }
    for (const [name, value] of Object.entries(expected)) t.equal(reply.headers[name], value, name)
    t.equal(reply.headers.location, undefined, 'what the answer would have been is forgotten')
    t.equal(reply.headers.etag, headers.etag)
    const body = reply.json()
    t.match(body, { type: `/problems/${code}`, status, code, title: /^[A-Z]/, detail: /./, request_id: /./ })
    t.strictSame(body.errors, problem.errors)
    t.notOk('stack' in body || 'message' in body)
  }
  t.strictSame(unprocessable('too_early', '#/starts_at', 'Not yet.').errors, [
    { pointer: '#/starts_at', in: 'body', code: 'too_early', detail: 'Not yet.' }
  ])
  t.strictSame(JSON.parse(JSON.stringify(replyProblem(notFound(), 'r1'))), {
    type: '/problems/not_found',
    title: 'Not found',
    status: 404,
    detail: notFound().detail,
    code: 'not_found',
    request_id: 'r1'
  })
  t.strictSame(lines, [], 'a refusal is no error of ours')
})

t.test("a route's own schemas do not shorten a problem", async t => {
  const reply = await serve().app.inject('/groups/1')
  t.strictSame(Object.keys(reply.json()), ['type', 'title', 'status', 'detail', 'code', 'request_id'])
})

/** As pg throws it: message and detail quote the row. */
function databaseError(): Error {
  const error = new Error('duplicate key value violates unique constraint: Anna\n    at Anna (/secret/anna.ts:1:1)')
  error.name = 'DatabaseError'
  return Object.assign(error, {
    code: '23505',
    constraint: 'people_name',
    detail: 'Key (name)=(Anna) already exists.',
    where: 'Anna',
    parameters: ['Anna']
  })
}

t.test('what nobody foresaw is a 500 that tells nothing, and one line that tells no values', async t => {
  const { app, lines, thrown } = serve()
  const wrapped = new Error('Failed query: insert … params: Anna', { cause: databaseError() })
  const cyclic = new Error('Anna')
  cyclic.cause = cyclic
  const unnamed = Object.assign(new Error('Anna'), {
    name: 'Anna said: no',
    code: 'Anna says: no',
    constraint: { Anna: 1 }
  })
  const cases: Array<[error: unknown, logged: object]> = [
    [databaseError(), { name: 'DatabaseError', code: '23505', constraint: 'people_name' }],
    [wrapped, { name: 'Error < DatabaseError', code: '23505', constraint: 'people_name' }],
    [new TypeError('Anna is not a function'), { name: 'TypeError', stack: /errors\.test\.ts:\d+:\d+/ }],
    [cyclic, { name: /^Error < Error/ }],
    [unnamed, { name: 'Error', code: undefined, constraint: undefined }],
    [Object.assign(new Error('Anna'), { statusCode: 404 }), { name: 'Error' }],
    [Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), { code: 'ECONNRESET' }],
    ['Anna', { name: 'string' }],
    [{ message: 'Anna' }, { name: 'object' }],
    [null, { name: 'object' }]
  ]
  for (const [error, logged] of cases) {
    thrown.error = error
    lines.length = 0
    const reply = await app.inject('/throw')
    t.equal(reply.statusCode, 500)
    t.equal(reply.headers['content-type'], 'application/problem+json')
    t.match(reply.json(), { code: 'internal_error', type: '/problems/internal_error' })
    t.notMatch(reply.body, /Anna|23505|people_name|errors\.test/)
    t.equal(lines.length, 1)
    const line = JSON.parse(lines[0]!)
    t.match(line, { level: 50, err: logged, reqId: reply.json().request_id })
    t.notMatch(lines[0], /Anna|secret/)
  }
})

t.test('a translator is asked before an error is a 500', async t => {
  const translate = (error: unknown) => {
    if ((error as { code?: string }).code === '23505') return conflict('name_taken', 'There is one of that name.')
    if ((error as { code?: string }).code === 'XX000') throw new Error('Anna')
    return undefined
  }
  const { app, lines, thrown } = serve({}, translate)
  thrown.error = databaseError()
  t.match((await app.inject('/throw')).json(), { status: 409, code: 'name_taken' })
  t.equal(lines.length, 0)
  thrown.error = new Error('x')
  t.equal((await app.inject('/throw')).statusCode, 500)
  thrown.error = Object.assign(new Error('x'), { code: 'XX000' })
  const reply = await app.inject('/throw')
  t.equal(reply.statusCode, 500)
  t.notMatch(reply.body, /Anna/)
  t.equal(lines.length, 2)
})

t.test("Fastify's own refusals are ours", async t => {
  const { app } = serve()
  const code = async (options: string | InjectOptions) => {
    const reply = await app.inject(options)
    t.equal(reply.headers['content-type'], 'application/problem+json')
    t.equal(reply.json().status, reply.statusCode)
    return `${reply.statusCode} ${reply.json().code}`
  }
  const headers = { 'content-type': 'application/json' }
  t.equal(await code('/groups/%E0%A4%A'), '400 malformed_url')
  t.equal(await code('/%ff'), '400 malformed_url')
  t.equal(await code('/nowhere/%ff'), '400 malformed_url')
  t.equal(await code(`/groups/${'x'.repeat(200)}`), '404 not_found')
  t.equal(await code('/slow'), '503 timeout')
  t.equal(await code({ method: 'POST', url: '/groups', headers, payload: 'x'.repeat(1001) }), '413 payload_too_large')
  t.equal(await code({ method: 'POST', url: '/groups', payload: 'x' }), '415 unsupported_media_type')
  t.equal(
    await code({ method: 'POST', url: '/groups', headers: { ...headers, 'content-length': '3' }, payload: '{}' }),
    '400 incomplete_body'
  )
  t.notMatch((await app.inject('/groups/%E0%A4%A?q=Anna')).body, /Anna|%E0/)
})

t.test('a path answers for the methods that it has', async t => {
  const { app } = serve()
  for (const [method, url, allow] of [
    ['PUT', '/groups/1', 'GET, HEAD, PATCH, OPTIONS'],
    ['DELETE', '/groups/1?x=1', 'GET, HEAD, PATCH, OPTIONS'],
    ['POST', '/groups/1', 'GET, HEAD, PATCH, OPTIONS'],
    ['GET', '/groups', 'POST, OPTIONS'],
    ['HEAD', '/groups', 'POST, OPTIONS'],
    ['TRACE', '/groups', 'POST, OPTIONS'],
    ['PROPFIND', '/groups', 'POST, OPTIONS'],
    ['QUERY', '/groups', 'POST, OPTIONS'],
    ['SEARCH', '/groups/1', 'GET, HEAD, PATCH, OPTIONS']
  ] as const) {
    const reply = await app.inject({ method: method as 'PUT', url })
    t.equal(reply.statusCode, 405, `${method} ${url}`)
    t.equal(reply.headers.allow, allow)
    if (method !== 'HEAD') t.equal(reply.json().code, 'method_not_allowed')
  }
  for (const [method, url] of [
    ['GET', '/nowhere'],
    ['PUT', '/groups/1/2'],
    ['PROPFIND', '/nowhere'],
    ['QUERY', '/nowhere'],
    ['TRACE', '/nowhere'],
    ['OPTIONS', '/nowhere'],
    ['GET', '/cards/of-nobody'],
    ['GET', '/groups/']
  ] as const) {
    const reply = await app.inject({ method: method as 'GET', url })
    t.equal(reply.statusCode, 404, `${method} ${url}`)
    t.equal(reply.headers['content-type'], 'application/problem+json')
    t.match(reply.json(), { code: 'not_found', detail: notFound().detail })
    t.notMatch(reply.body, /nowhere|nobody/)
  }
})

t.test('a body sent nowhere does not change the answer', async t => {
  const { app } = serve()
  for (const [type, payload] of [
    ['application/json', '{"a":1,"a":1}'],
    ['application/json', 'x'.repeat(2000)],
    ['application/json; charset=utf-16', '{}'],
    ['text/plain', 'x'],
    ['nonsense', 'x']
  ] as const) {
    const headers = { 'content-type': type }
    t.equal((await app.inject({ method: 'POST', url: '/nowhere', headers, payload })).statusCode, 404, type)
    t.equal((await app.inject({ method: 'PUT', url: '/groups', headers, payload })).statusCode, 405, type)
  }
})

t.test('a refusal by a hook goes before what the path is', async t => {
  const { app } = serve()
  app.addHook('onRequest', async () => {
    throw tooManyRequests(1)
  })
  t.equal((await app.inject('/nowhere')).statusCode, 429)
})

t.test('OPTIONS tells the methods, and a preflight belongs to CORS', async t => {
  const { app } = serve()
  await app.register(cors, { origin: ['https://circles.example'] })
  const ask = (url: string, headers = {}) => app.inject({ method: 'OPTIONS', url, headers })
  for (const headers of [{}, { origin: 'https://circles.example' }, { 'access-control-request-method': 'GET' }]) {
    const plain = await ask('/groups/1', headers)
    t.equal(plain.statusCode, 204)
    t.equal(plain.headers.allow, 'GET, HEAD, PATCH, OPTIONS')
    t.equal(plain.body, '')
  }
  t.equal((await ask('/nowhere')).statusCode, 404)
  const preflight = await ask('/groups/1', {
    origin: 'https://circles.example',
    'access-control-request-method': 'PATCH'
  })
  t.equal(preflight.statusCode, 204)
  t.equal(preflight.headers['access-control-allow-origin'], 'https://circles.example')
  t.equal((await app.inject({ method: 'PUT', url: '/groups/1' })).statusCode, 405, 'the catch-all of CORS is no path')

  const without = await serve().app.inject({
    method: 'OPTIONS',
    url: '/groups/1',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'PATCH' }
  })
  t.equal(without.statusCode, 204)
  t.equal(without.headers['access-control-allow-origin'], undefined)
})

/** Sends bytes and reads until the other side closes. */
async function exchange(port: number, ...writes: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => undefined)
  for (const bytes of writes) socket.write(bytes, 'latin1')
  await once(socket, 'close')
  return text
}

t.test('what is not HTTP is answered as well as a socket can', async t => {
  const { app, lines } = serve({ requestTimeout: 300, http: { headersTimeout: 200, connectionsCheckingInterval: 50 } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const host = 'Host: x\r\n'
  const cases: Record<string, [status: number, ...writes: string[]]> = {
    'no HTTP at all': [400, 'Anna\r\n\r\n'],
    'a method that there is not': [400, `ANNA / HTTP/1.1\r\n${host}\r\n`],
    'no Host': [400, 'GET /groups/1 HTTP/1.1\r\n\r\n'],
    'two lengths': [400, `POST /groups HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`],
    'a length and chunks': [
      400,
      `POST /groups HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    ],
    'a space before the colon': [400, 'GET /groups/1 HTTP/1.1\r\nHost : x\r\n\r\n'],
    'NUL in a header': [400, `GET /groups/1 HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`],
    'raw bytes in the path': [400, `GET /\xff HTTP/1.1\r\n${host}\r\n`],
    'a head of 20 KB': [431, `GET /groups/1 HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n\r\n`],
    'a head that never ends': [408, 'GET /groups/1 HTTP/1.1\r\n', 'X: 1\r\n'],
    'a body that never ends': [
      408,
      `POST /groups HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{`
    ]
  }
  for (const [name, [status, ...writes]] of Object.entries(cases)) {
    const reply = await exchange(port, ...writes)
    t.match(reply, new RegExp(`^HTTP/1\\.1 ${status} `), name)
    // A missing Host is Node's own business: it answers with an empty 400.
    if (name === 'no Host') continue
    const [head, body] = reply.split('\r\n\r\n', 2) as [string, string]
    t.match(head, /\r\nContent-Type: application\/problem\+json\r\n/)
    t.match(head, /\r\nConnection: close/)
    t.match(head, /\r\nCache-Control: no-store\r\n/)
    t.match(head, new RegExp(`\r\nContent-Length: ${body.length}\r\n`))
    t.match(JSON.parse(body), { status, code: /^[a-z_]+$/, type: /^\/problems\//, request_id: /^[0-9a-f-]{36}$/ })
    t.notMatch(reply, /Anna|ANNA/)
  }
  t.strictSame(lines, [])
  t.equal((await app.inject('/groups/1')).statusCode, 404, 'and the next is served')
})

t.test('a socket in the middle of a reply is closed, not written into', async t => {
  const { app } = serve()
  app.get('/stream', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200)
    reply.raw.write('begun')
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  socket.on('error', () => undefined)
  socket.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.write('nonsense\r\n\r\n')
  await once(socket, 'close')
  t.match(text, /^HTTP\/1\.1 200 /)
  t.notMatch(text, /400/)
})
