import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { Keyring } from '../../src/database/keyring.ts'
import { startApp } from '../support/app.ts'
import { makeGroup, makeMember, makeSession } from '../support/circle.ts'
import { cloneDatabase } from '../support/database.ts'
import { newKey, type RunningServer, send, startServer, until } from '../support/process.ts'

t.setTimeout(180_000)

/** Milliseconds between two looks at a replica's readiness. The drain waits for more than two of them. */
const interval = 150
const drain = 1500

interface Replica {
  base: string
  agent: http.Agent
  healthy: boolean
}

/**
 * A load balancer as simple as they come: turn by turn to whoever was ready when last asked, over connections that are kept
 * alive, and never a second try.
 */
async function startBalancer(t: Test) {
  const replicas = new Set<Replica>()
  let turn = 0
  const server = http.createServer((request, response) => {
    const healthy = [...replicas].filter(replica => replica.healthy)
    const replica = healthy[turn++ % healthy.length]
    if (replica === undefined) return response.writeHead(502).end('no replica is healthy')
    const { connection: _, ...headers } = request.headers
    const passed = http.request(`${replica.base}${request.url}`, {
      method: request.method,
      headers,
      agent: replica.agent
    })
    passed.on('response', reply => {
      const { connection: _, 'keep-alive': __, ...headers } = reply.headers
      response.writeHead(reply.statusCode!, headers)
      reply.pipe(response)
    })
    passed.on('error', error => response.writeHead(502).end((error as NodeJS.ErrnoException).code))
    request.pipe(passed)
  })
  const look = async (replica: Replica) => {
    replica.healthy = await send(replica.base, 'GET', '/readyz', { patience: 2000 }).then(
      reply => reply.status === 200,
      () => false
    )
  }
  const looking = setInterval(() => [...replicas].map(look), interval)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    clearInterval(looking)
    server.close()
    server.closeAllConnections()
    for (const { agent } of replicas) agent.destroy()
  })
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async add(base: string) {
      const replica: Replica = { base, agent: new http.Agent({ keepAlive: true }), healthy: false }
      replicas.add(replica)
      await until(() => replica.healthy)
      return replica
    },
    remove(replica: Replica) {
      replica.agent.destroy()
      replicas.delete(replica)
    }
  }
}

/** Milliseconds between two requests of a client: replicas that start must not wait long for a processor. */
const pause = 30

/** Reads and writes until told to stop, and counts what was answered how. */
function startClients(base: string, key: string, sheets: string[], records: unknown[]) {
  const answers = new Map<string, number>()
  let stopping = false
  const work = async (sheet: string) => {
    const agent = new http.Agent({ keepAlive: true })
    const headers = { authorization: `Bearer ${key}` }
    for (let n = 1; !stopping; n++) {
      const asked =
        n % 3 === 0
          ? send(base, 'PUT', sheet, {
              agent,
              headers: { ...headers, 'if-match': '*' },
              body: { records, anonymous_count: n }
            })
          : send(base, 'GET', sheet, { agent, headers })
      const answer = await asked.then(
        reply => `${reply.status}${reply.status < 300 ? '' : ` ${reply.text.slice(0, 100)}`}`,
        error => `network ${error.code}`
      )
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
      await delay(pause)
    }
    agent.destroy()
  }
  const working = sheets.map(work)
  return {
    answers,
    async stop() {
      stopping = true
      await Promise.all(working)
    }
  }
}

async function setUp(t: Test) {
  const database = await cloneDatabase()
  t.teardown(database.drop)
  const key = newKey()
  const admin = await (await startApp(t, {}, { ...database, keyring: new Keyring([key]) })).organization()
  const group = await makeGroup(admin)
  const person_id = await makeMember(admin, group, 'Ana')
  const sheets: string[] = []
  for (let n = 0; n < 8; n++) sheets.push(`/v1/sessions/${await makeSession(admin, group)}/attendance`)
  for (const sheet of sheets) await admin.put(sheet, { records: [] })
  return {
    database,
    admin,
    sheets,
    records: [{ person_id, status: 'present' }],
    start: (delay: number) => startServer(t, { url: database.url, key, SHUTDOWN_DELAY_MS: String(delay) })
  }
}

/** Tells it to stop; answers its exit code and how long it took. */
async function stop(server: RunningServer) {
  const began = performance.now()
  server.child.kill('SIGTERM')
  return { code: await server.ended, ms: performance.now() - began }
}

t.test('three rolling restarts drop nothing', async t => {
  const { admin, sheets, records, start } = await setUp(t)
  const balancer = await startBalancer(t)
  let running = await Promise.all(
    [1, 2].map(async () => {
      const server = await start(drain)
      return { server, replica: await balancer.add(server.base) }
    })
  )
  const clients = startClients(balancer.base, admin.key, sheets, records)
  const exits: { code: number | string; ms: number }[] = []
  for (let round = 1; round <= 3; round++) {
    const next: typeof running = []
    for (const { server, replica } of running) {
      exits.push(await stop(server))
      balancer.remove(replica)
      const successor = await start(drain)
      next.push({ server: successor, replica: await balancer.add(successor.base) })
    }
    running = next
  }
  await clients.stop()
  t.same([...clients.answers.keys()], ['200'], `of ${clients.answers.get('200')} requests`)
  t.same(new Set(exits.map(({ code }) => code)), new Set([0]))
  const longest = Math.max(...exits.map(({ ms }) => ms))
  t.ok(longest < 10_000, `the longest exit took ${Math.round(longest)} ms`)
})

t.test('control: who closes at once drops some', async t => {
  const { admin, sheets, records, start } = await setUp(t)
  const balancer = await startBalancer(t)
  await balancer.add((await start(drain)).base)
  for (let round = 1; ; round++) {
    const hasty = await start(0)
    const replica = await balancer.add(hasty.base)
    const clients = startClients(balancer.base, admin.key, sheets, records)
    await until(() => (clients.answers.get('200') ?? 0) > 50)
    t.equal((await stop(hasty)).code, 0)
    await delay(2 * interval)
    await clients.stop()
    balancer.remove(replica)
    const dropped = [...clients.answers].filter(([answer]) => answer !== '200')
    if (dropped.length > 0)
      return t.pass(`in round ${round}: ${dropped.map(([answer, count]) => `${count} x ${answer}`)}`)
    if (round === 3) return t.fail('three rounds dropped nothing')
  }
})

t.test('what is under way is finished while nobody new is let in', async t => {
  const { database, admin, sheets, records, start } = await setUp(t)
  const server = await start(300)
  const holder = new pg.Client({ connectionString: database.superuserUrl })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('begin; select from sessions for update')
  const headers = { authorization: `Bearer ${admin.key}`, 'if-match': '*' }
  const agent = new http.Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const underWay = send(server.base, 'PUT', sheets[0]!, { agent, headers, body: { records, anonymous_count: 7 } })
  await until(async () => {
    // Within a transaction, what was looked at once stays as it was.
    await holder.query('select pg_stat_clear_snapshot()')
    const { rowCount } = await holder.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    )
    return rowCount
  })
  const asking = new http.Agent({ keepAlive: true })
  t.teardown(() => asking.destroy())
  await send(server.base, 'GET', '/readyz', { agent: asking })
  const stopped = stop(server)
  const notReady = await until(async () => {
    const reply = await send(server.base, 'GET', '/readyz', { agent: asking })
    return reply.status === 503 && reply
  })
  t.match(notReady, { headers: { connection: 'close', 'retry-after': '2' }, data: { code: 'shutting_down' } })
  // Now it listens no more, and still waits for the one that is under way.
  await until(() =>
    send(server.base, 'GET', '/livez').then(
      () => false,
      error => error.code === 'ECONNREFUSED'
    )
  )
  await holder.query('commit')
  t.match(await underWay, { status: 200, data: { anonymous_count: 7 } })
  const { code, ms } = await stopped
  t.equal(code, 0)
  t.ok(ms < 10_000, `gone after ${Math.round(ms)} ms`)
})
