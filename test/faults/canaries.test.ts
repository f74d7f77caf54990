import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import Fastify, { type InjectOptions } from 'fastify'
import pg from 'pg'
import t from 'tap'
import { Keyring } from '../../src/database/keyring.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'
import { startApp } from '../support/app.ts'
import { type Operation, operationsOf, own, requestsOf } from '../support/operations.ts'
import { newKey, onlyOnLinux, send, startPostgres, startServer, until } from '../support/process.ts'
import { type Kit, makeKit } from '../support/two-organizations.ts'

t.setTimeout(180_000)

const bird = () => `CNRY-${randomBytes(6).toString('hex')}`

interface Schema {
  type?: string | string[]
  format?: string
  enum?: unknown
  pattern?: string
  properties?: Record<string, Schema>
  items?: Schema
}

/** The same body with a canary in every text that is free. */
function withCanaries(schema: Schema, value: unknown, name = ''): unknown {
  // A language of its own: no text is free in it.
  if (name === 'rrule') return value
  if (Array.isArray(value)) return value.map(item => withCanaries(schema.items ?? {}, item))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, withCanaries(schema.properties?.[name] ?? {}, inner, name)])
    )
  }
  const isFree = typeof value === 'string' && [schema.type].flat().includes('string') && !schema.enum && !schema.pattern
  return isFree && (schema.format === undefined || schema.format.includes('text')) ? bird() : value
}

/** The same body with a canary in the place of everything. */
function allCanaries(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(allCanaries)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, allCanaries(inner)]))
  }
  return bird()
}

/** What a client may send that the log has no business with. X-Request-Id is told on purpose, when it has the form of one. */
const gossip = () => ({
  'user-agent': bird(),
  referer: `https://example.org/${bird()}`,
  cookie: `session=${bird()}`,
  'x-request-id': `${bird()}!`,
  'x-forwarded-for': bird(),
  'x-forwarded-host': bird(),
  'accept-language': bird(),
  traceparent: bird(),
  [`x-${bird().toLowerCase()}`]: bird()
})

/** An operation as it should be asked, and in every way that is refused. */
function waysToAsk(operation: Operation, kit: Kit): InjectOptions[] {
  const free = (options: InjectOptions): InjectOptions => {
    const { payload } = options
    if (payload === undefined || operation.body === undefined) return options
    // A list as CSV, a calendar: one row more, one event more.
    if (typeof payload === 'string') {
      const event = `BEGIN:VEVENT\r\nUID:${bird()}\r\nDTSTART;VALUE=DATE:20270101\r\nSUMMARY:${bird()}\r\nEND:VEVENT\r\n`
      const end = payload.indexOf('END:VCALENDAR')
      const more =
        end < 0 ? `${payload}${bird()},${bird()},panic\r\n` : payload.slice(0, end) + event + payload.slice(end)
      return { ...options, payload: more }
    }
    return { ...options, payload: withCanaries(operation.body as Schema, payload) as object }
  }
  const good = requestsOf(operation, own(kit)).map(free)
  const one = good[0]!
  const url = String(one.url)
  const join = url.includes('?') ? '&' : '?'
  const type = { 'content-type': 'application/json' }
  const refused: InjectOptions[] = [
    { ...one, url: `${url}${join}${bird()}=${bird()}` },
    { ...one, url: operation.path.replace(/\{\w+\}/g, bird) },
    { ...one, url: `${url}/${bird()}` },
    { ...one, url: `${url}/%E0%A4%A${bird()}` },
    { ...one, method: 'TRACE' as 'GET' },
    { ...one, headers: { ...one.headers, 'if-match': bird() } },
    { ...one, headers: { ...one.headers, 'idempotency-key': `${bird()} ${bird()}` } },
    { ...one, headers: { ...one.headers, authorization: `Bearer ${bird()}` } },
    { ...one, headers: { ...one.headers, authorization: `Bearer ck_live_CNRY${randomBytes(20).toString('hex')}` } },
    ...operation.parameters.flatMap(({ in: where, name }) =>
      where === 'query' ? [{ ...one, url: `${url}${join}${name}=${bird()}` }] : []
    )
  ]
  if (one.payload !== undefined) {
    const { payload } = one as { payload: object }
    refused.push(
      { ...one, payload: allCanaries(payload) as object },
      ...(Array.isArray(payload) ? [] : [{ ...one, payload: { ...payload, [bird()]: bird() } }]),
      { ...one, payload: [bird()] },
      { ...one, headers: { ...one.headers, ...type }, payload: `{"${bird()}": "${bird()}` },
      { ...one, headers: { ...one.headers, ...type }, payload: JSON.stringify({ [bird()]: `${bird()}\u0000` }) },
      { ...one, headers: { ...one.headers, 'content-type': `text/${bird()}` }, payload: bird() },
      { ...one, headers: { ...one.headers, ...type, 'content-encoding': bird() }, payload: '{}' }
    )
  }
  return [...good, ...refused]
}

/** The lines in which something stands that is nobody's business. */
const telling = (lines: string[], secrets: string[]) =>
  lines.filter(line => /cnry/i.test(line) || /ck_live_/.test(line) || secrets.some(secret => line.includes(secret)))

const linesOf = (text: string) => text.split('\n').filter(line => line !== '')

t.test('no log tells what was said', onlyOnLinux, async t => {
  const postgres = await startPostgres(t, { logging_collector: 'on', log_directory: 'log', log_connections: 'on' })
  await migrateDatabase(postgres.url)
  const superuser = new URL(postgres.superuserUrl)
  superuser.pathname = new URL(postgres.url).pathname
  const postgresLog = () =>
    fs
      .readdirSync(join(postgres.data, 'log'))
      .flatMap(name => linesOf(fs.readFileSync(join(postgres.data, 'log', name), 'utf8')))
  const key = newKey()
  const service = await startApp(
    t,
    {},
    { url: postgres.url, superuserUrl: superuser.href, keyring: new Keyring([key]) }
  )
  const admin = await service.organization(bird())
  const operations = await operationsOf(service.app)
  const secrets = [admin.key, key.toString('base64'), new URL(postgres.url).password]

  /** Asks every operation in every way; answers how often each status came, and of which operations none went well. */
  async function askAll(ask: (options: InjectOptions) => Promise<{ status: number; text: string }>, often: boolean) {
    const statuses = new Map<number, number>()
    const unhappy: string[] = []
    let kit: Kit | undefined
    for (const operation of operations) {
      // Whatever changes something may leave it unfit for the next.
      if (kit === undefined || (often && operation.method !== 'GET')) {
        kit = await makeKit(service, admin, 'log', { visibility: 'organization' })
        secrets.push(kit.facilitator.key, kit.person_phone, kit.contributor_secret)
      }
      let went = false
      for (const options of waysToAsk(operation, kit)) {
        const headers = { authorization: `Bearer ${admin.key}`, ...gossip(), ...options.headers }
        const { status, text } = await ask({ ...options, headers })
        if (status >= 500) throw new Error(`${operation.id}: ${status} ${text}`)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        if (status < 300) went = true
        const { secret } = /"secret":"(?<secret>ck_live_[^"]+)"/.exec(text)?.groups ?? {}
        if (secret !== undefined) secrets.push(secret)
      }
      if (!went) unhappy.push(operation.id)
    }
    return { statuses, unhappy }
  }
  const told = ({ statuses }: { statuses: Map<number, number> }) =>
    [...statuses].map(([status, count]) => `${count} x ${status}`).join(', ')

  await t.test('within this process', async t => {
    const asked = await askAll(async options => {
      const reply = await service.app.inject(options)
      return { status: reply.statusCode, text: reply.body }
    }, true)
    t.comment(told(asked))
    t.same(asked.unhappy, [], 'every operation was also asked as it should be')
    t.ok(
      [400, 401, 404, 405, 412, 415, 422].every(status => asked.statuses.has(status)),
      'and refused in every way'
    )
    t.ok(service.log.length > 500)
    t.same(telling(service.log, secrets), [])
    t.same(loud(service.log), [], 'mistakes of clients call nobody')
  })

  await t.test('in what a server writes', async t => {
    const server = await startServer(t, { url: postgres.url, key, LOG_LEVEL: 'trace' })
    const asked = await askAll(async ({ method, url, headers, payload }) => {
      const { status, text } = await send(server.base, method!, String(url), {
        headers: Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)])),
        body: payload
      })
      return { status, text }
    }, false)
    server.child.kill('SIGTERM')
    t.equal(await server.ended, 0)
    t.comment(told(asked))
    const written = [...linesOf(server.said.out), ...linesOf(server.said.err)]
    t.ok(written.length > 500)
    t.same(telling(written, secrets), [])
    for (const line of linesOf(server.said.out)) JSON.parse(line)
    t.same(loud(linesOf(server.said.out)), [])
  })

  await t.test('in what PostgreSQL writes', async t => {
    t.ok(postgresLog().length > 3)
    t.same(telling(postgresLog(), secrets), [])
  })

  await t.test('control: canaries that are told are found', async t => {
    const lines: string[] = []
    const naive = Fastify({ logger: { stream: { write: line => void lines.push(line) } } })
    naive.get('/v1/people', async () => [])
    const name = bird()
    await naive.inject(`/v1/people?name=${name}`)
    t.equal(telling(lines, []).length, 1, 'by the logging of requests that Fastify has')

    const careless = new pg.Client({ connectionString: superuser.href })
    await careless.connect()
    await careless.query("set log_statement = 'all'")
    await careless.query('select $1::text', [bird()])
    await careless.end()
    await until(() => telling(postgresLog(), []).length > 0)
    t.pass('by a PostgreSQL that logs statements')
  })
})

/** Lines that call somebody. */
function loud(lines: string[]) {
  return lines.filter(line => line.startsWith('{') && JSON.parse(line).level >= 50)
}
