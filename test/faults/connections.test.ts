import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { Keyring } from '../../src/database/keyring.ts'
import { type Reply, startApp } from '../support/app.ts'
import { makeGroup, makeMember, makeSession } from '../support/circle.ts'
import { cloneDatabase } from '../support/database.ts'
import { newKey, until } from '../support/process.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { root } from '../support/root.ts'

t.setTimeout(120_000)

/** The service behind a proxy, and a circle with a session whose sheet may be put. */
async function startBehindProxy(t: Test, environment: Record<string, string> = {}, members = 3) {
  const database = await cloneDatabase()
  t.teardown(database.drop)
  const proxy = await startProxy(t, database.url)
  const service = await startApp(t, environment, {
    url: proxy.url,
    superuserUrl: database.superuserUrl,
    keyring: new Keyring([newKey()])
  })
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const people: string[] = []
  for (let n = 0; n < members; n++) people.push(await makeMember(admin, group, `Member ${n}`))
  const session = await makeSession(admin, group)
  const sheet = `/v1/sessions/${session}/attendance`
  const put = (anonymous_count: number, headers: Record<string, string> = {}) =>
    admin.put(sheet, { records: people.map(person_id => ({ person_id, status: 'present' })), anonymous_count }, headers)
  const superuser = new pg.Client({ connectionString: database.superuserUrl })
  await superuser.connect()
  t.teardown(() => superuser.end())
  /** Holds the session's row still until told to let go. */
  const hold = async () => {
    await superuser.query('begin')
    await superuser.query('select from sessions where id = $1 for update', [session])
    return () => superuser.query('rollback')
  }
  /** Resolves when so many of the service's connections wait for a lock. */
  const waiting = (count: number) =>
    until(async () => {
      const { rows } = await superuser.query(
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper' and wait_event_type = 'Lock'`
      )
      return rows.length >= count && rows
    })
  return { ...service, proxy, database, superuser, admin, group, session, sheet, put, hold, waiting }
}

/** A 503 as the contract has it. */
function isUnavailable(t: Test, reply: Reply, code: string) {
  t.match(reply, {
    statusCode: 503,
    headers: { 'retry-after': /^[1-9]\d*$/, 'content-type': 'application/problem+json' },
    data: { status: 503, code }
  })
}

const timed = async <T>(work: Promise<T>) => {
  const began = performance.now()
  return { reply: await work, ms: performance.now() - began }
}

t.test('a connection that PostgreSQL ends', async t => {
  const { proxy, superuser, admin, put, hold, waiting, look, sheet, log, app } = await startBehindProxy(t, {
    POOL_SIZE: '1',
    LOCK_TIMEOUT_MS: '60000',
    STATEMENT_TIMEOUT_MS: '60000'
  })
  const backends = async () =>
    (
      await look(
        `select pid from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper'`
      )
    ).map(row => row.pid)
  const terminate = async (pid: number) => {
    await superuser.query('select pg_terminate_backend($1)', [pid])
    await until(async () => !(await backends()).includes(pid))
  }

  await t.test('while it is idle', async t => {
    const [pid] = await backends()
    await terminate(pid)
    const reply = await admin.get(sheet)
    if (reply.statusCode !== 200) isUnavailable(t, reply, 'database_unavailable')
    t.equal((await admin.get(sheet)).statusCode, 200)
    t.ok(log.some(line => line.includes('A database connection was lost')))
  })

  await t.test('between two statements of a transaction', async t => {
    await admin.get(sheet)
    const [pid] = await backends()
    // What comes next is kept back once it says "in a transaction, yours": so the end of the connection follows it at once,
    // and meets a client that has been checked out and runs nothing.
    let held: Buffer[] | undefined
    proxy.onReply = (_link, bytes) => {
      const isInTransaction = bytes.length >= 6 && bytes.subarray(-6).equals(Buffer.from([0x5a, 0, 0, 0, 5, 0x54]))
      if (held === undefined && !isInTransaction) return bytes
      held = [...(held ?? []), bytes]
      return null
    }
    const [link] = proxy.links
    const request = put(1)
    await until(() => held)
    const [state] = await look('select state from pg_stat_activity where pid = $1', [pid])
    t.equal(state.state, 'idle in transaction')
    // The proxy must not pass on the end before what it kept back.
    link!.server.removeAllListeners('close')
    const ended = once(link!.server, 'close')
    await terminate(pid)
    await ended
    proxy.onReply = (_link, bytes) => bytes
    link!.client.end(Buffer.concat(held!))
    isUnavailable(t, await request, 'database_unavailable')
    t.equal((await put(1)).statusCode, 200, 'the next one has a new connection')
    t.notOk((await backends()).includes(pid))
  })

  await t.test('in the middle of a statement', async t => {
    const release = await hold()
    const request = put(2, { 'if-match': '"1"' })
    const [{ pid }] = await waiting(1)
    await terminate(pid)
    isUnavailable(t, await request, 'database_unavailable')
    await release()
    const reply = await put(2, { 'if-match': '"1"' })
    t.match(reply, { statusCode: 200, headers: { etag: '"2"' } }, 'and nothing of the first try stayed')
  })
  t.equal((await app.inject('/livez')).statusCode, 200)
})

t.test('control: a plain pool does not survive it', async t => {
  const { superuserUrl, drop } = await cloneDatabase()
  t.teardown(drop)
  /** Ends a connection that is checked out and in a transaction, as above; with or without what `database.ts` does about it. */
  const outcome = async (listener: string) => {
    const program = `
      import pg from 'pg'
      const connectionString = ${JSON.stringify(superuserUrl)}
      const pool = new pg.Pool({ connectionString })
      pool.on('error', () => {})
      ${listener}
      const client = await pool.connect()
      await client.query('begin')
      const { rows: [{ pid }] } = await client.query('select pg_backend_pid() as pid')
      const other = new pg.Client({ connectionString })
      await other.connect()
      const ended = new Promise(resolve => client.once('end', resolve))
      await other.query('select pg_terminate_backend($1)', [pid])
      await ended
      process.exit(0)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH }
    })
    let said = ''
    child.stderr.on('data', text => (said += text))
    const [code] = await once(child, 'close')
    return { code, said }
  }
  t.match(await outcome(''), { code: 1, said: /Unhandled 'error' event/ })
  t.match(await outcome("pool.on('connect', client => void client.on('error', () => {}))"), { code: 0 })
})

t.test('the acknowledgement of a commit gets lost', async t => {
  const { proxy, admin, put, look, session } = await startBehindProxy(t)
  t.equal((await put(1)).statusCode, 200)
  const state = async () => [
    ...(await look('select version, anonymous_count from attendance_versions where session_id = $1 order by version', [
      session
    ])),
    ...(await look('select count(*)::int as events from outbox_events where object_id = $1', [session])),
    ...(await look('select count(*)::int as keys from idempotency_keys where status = 200'))
  ]
  let cut = 0
  const cutCommits: TcpProxy['onReply'] = (link, bytes) => {
    if (link.bound !== 'commit') return bytes
    // PostgreSQL answers, so it has committed; nobody hears of it.
    cut++
    link.client.resetAndDestroy()
    return null
  }
  proxy.onReply = cutCommits
  const headers = { 'idempotency-key': 'the-same', 'if-match': '"1"' }
  isUnavailable(t, await put(2, headers), 'database_unavailable')
  t.equal(cut, 1)
  proxy.onReply = (_link, bytes) => bytes
  const after = [{ version: 1, anonymous_count: 1 }, { version: 2, anonymous_count: 2 }, { events: 3 }, { keys: 1 }]
  t.same(await state(), after, 'it has happened')

  const again = await put(2, headers)
  t.match(again, {
    statusCode: 200,
    headers: { etag: '"2"', 'idempotency-replayed': 'true' },
    data: { version: 2, anonymous_count: 2 }
  })
  t.same(await state(), after, 'and once')
  t.match(
    await put(2, { 'if-match': '"1"' }),
    { statusCode: 200, data: { version: 2 } },
    'a sheet heals without a key, too'
  )
  t.same(await state(), after)

  await t.test('control: without a key it would happen twice', async t => {
    const createTwice = async (headers: Record<string, string>) => {
      const count = async () => (await look('select count(*)::int as count from people'))[0].count
      const before = await count()
      proxy.onReply = cutCommits
      isUnavailable(t, await admin.post('/v1/people', { display_name: 'Sam' }, headers), 'database_unavailable')
      proxy.onReply = (_link, bytes) => bytes
      t.equal((await admin.post('/v1/people', { display_name: 'Sam' }, headers)).statusCode, 201)
      return (await count()) - before
    }
    t.equal(await createTwice({}), 2)
    t.equal(await createTwice({ 'idempotency-key': 'sam' }), 1)
  })
})

t.test('every connection is taken', async t => {
  const connectTimeout = 1500
  const { app, admin, sheet, put, hold, waiting } = await startBehindProxy(t, {
    POOL_SIZE: '2',
    CONNECT_TIMEOUT_MS: String(connectTimeout),
    LOCK_TIMEOUT_MS: '60000',
    STATEMENT_TIMEOUT_MS: '60000'
  })
  const release = await hold()
  const holding = [put(1), put(1)]
  await waiting(2)
  const others = await Promise.all(Array.from({ length: 12 }, () => timed(admin.get(sheet))))
  for (const { reply, ms } of others) {
    isUnavailable(t, reply, 'database_unavailable')
    // Once for the sign-in, once for the sheet, if the key was remembered too briefly.
    if (ms > 2 * connectTimeout + 2000) t.fail(`waited ${Math.round(ms)} ms`)
  }
  const alive = await timed(app.inject('/livez'))
  t.equal(alive.reply.statusCode, 200)
  t.ok(alive.ms < 500, `alive in ${Math.round(alive.ms)} ms`)
  t.equal((await app.inject('/readyz')).statusCode, 200, 'readiness has a connection of its own')
  await release()
  t.same(
    (await Promise.all(holding)).map(reply => reply.statusCode),
    [200, 200],
    'those that held on are answered'
  )
  t.equal((await admin.get(sheet)).statusCode, 200, 'and so is the next')
})

t.test('a statement that takes too long', async t => {
  const { admin, sheet, put, hold, proxy, look } = await startBehindProxy(t, {
    POOL_SIZE: '1',
    STATEMENT_TIMEOUT_MS: '700',
    LOCK_TIMEOUT_MS: '60000'
  })
  const pids = async () =>
    await look(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper'`
    )
  await admin.get(sheet)
  const before = await pids()
  const connections = proxy.connections
  const release = await hold()
  const { reply, ms } = await timed(put(1))
  isUnavailable(t, reply, 'query_timeout')
  t.ok(ms > 600 && ms < 4000, `after ${Math.round(ms)} ms`)
  t.same(await pids(), before, 'the connection is the same')
  await release()
  t.match(await put(1), { statusCode: 200, headers: { etag: '"1"' } }, 'and usable')
  t.same(await pids(), before)
  t.equal(proxy.connections, connections)

  await t.test('control: with more patience it waits', async t => {
    const patient = await startBehindProxy(t, { STATEMENT_TIMEOUT_MS: '60000', LOCK_TIMEOUT_MS: '60000' })
    const letGo = await patient.hold()
    const request = patient.put(1)
    await patient.waiting(1)
    t.equal(await Promise.race([request, delay(1500, 'waits')]), 'waits')
    await letGo()
    t.equal((await request).statusCode, 200)
  })

  await t.test('a row that somebody else changes for too long', async t => {
    const impatient = await startBehindProxy(t, { LOCK_TIMEOUT_MS: '300' })
    const letGo = await impatient.hold()
    isUnavailable(t, await impatient.put(1), 'busy')
    await letGo()
    t.equal((await impatient.put(1)).statusCode, 200)
  })
})

t.test('the network', async t => {
  const statementTimeout = 500
  const connectTimeout = 500
  const { proxy, app, admin, put, sheet } = await startBehindProxy(
    t,
    {
      POOL_SIZE: '2',
      STATEMENT_TIMEOUT_MS: String(statementTimeout),
      CONNECT_TIMEOUT_MS: String(connectTimeout),
      LOCK_TIMEOUT_MS: '400'
    },
    50
  )
  const queryTimeout = statementTimeout + 1000
  await Promise.all([admin.get(sheet), admin.get(sheet)])

  await t.test('swallows everything', async t => {
    proxy.weather = 'black hole'
    const replies = await Promise.all([
      ...Array.from({ length: 4 }, () => timed(admin.get(sheet))),
      timed(put(1)),
      timed(app.inject('/readyz') as Promise<Reply>)
    ])
    for (const { reply, ms } of replies) {
      reply.data = JSON.parse(reply.body)
      isUnavailable(t, reply, 'database_unavailable')
      // The sign-in may wait as well.
      if (ms > queryTimeout + 2 * connectTimeout + 2500) t.fail(`waited ${Math.round(ms)} ms`)
    }
    t.equal((await app.inject('/livez')).statusCode, 200)
    proxy.weather = 'fair'
    t.equal((await admin.get(sheet)).statusCode, 200, 'recovers at once')
    t.equal((await app.inject('/readyz')).statusCode, 200)
  })

  await t.test('control: who trusts in the timeouts of PostgreSQL alone hangs', async t => {
    const naive = new pg.Client({ connectionString: proxy.url, statement_timeout: statementTimeout })
    naive.on('error', () => {})
    await naive.connect()
    proxy.weather = 'black hole'
    const query = naive.query('select 1').catch(() => {})
    t.equal(await Promise.race([query, delay(queryTimeout + 1500, 'hangs')]), 'hangs')
    proxy.weather = 'fair'
    proxy.reset()
    await query
  })

  await t.test('resets every connection', async t => {
    await Promise.all([admin.get(sheet), admin.get(sheet)])
    proxy.reset()
    const replies = [await admin.get(sheet), await admin.get(sheet), await admin.get(sheet)]
    for (const reply of replies.slice(0, 2))
      if (reply.statusCode !== 200) isUnavailable(t, reply, 'database_unavailable')
    t.equal(replies[2]!.statusCode, 200)
  })

  await t.test(
    'is slow: a sheet of 50 people takes five round trips with an Idempotency-Key, four without',
    async t => {
      const roundTrips = async (work: () => Promise<Reply>) => {
        // The key of the caller is looked up once in a second: it was just now when that is seen as another round trip.
        for (let before = -1; proxy.roundTrips - before !== 2; ) {
          before = proxy.roundTrips
          await admin.get(sheet)
        }
        const before = proxy.roundTrips
        t.equal((await work()).statusCode, 200)
        return proxy.roundTrips - before
      }
      proxy.latency = 50
      t.equal(await roundTrips(() => put(1, { 'idempotency-key': 'one' })), 5)
      t.equal(await roundTrips(() => put(2, { 'if-match': '"1"' })), 4)
      t.equal(await roundTrips(() => admin.get(sheet)), 1)
      proxy.latency = 0

      const naive = new pg.Client({ connectionString: proxy.url })
      await naive.connect()
      const before = proxy.roundTrips
      for (let n = 0; n < 50; n++) await naive.query('select $1::int', [n])
      t.equal(proxy.roundTrips - before, 50, 'control: a statement for each row is counted')
      await naive.end()
    }
  )
})

t.test('a refusal costs no connection', async t => {
  const { admin, put, proxy } = await startBehindProxy(t, { POOL_SIZE: '2' })
  await put(1)
  await Promise.all([put(1), put(1)])
  const connections = proxy.connections
  for (let n = 0; n < 10; n++) {
    t.equal((await put(5, { 'if-match': '"9"' })).statusCode, 412)
    t.equal(
      (
        await admin.post('/v1/groups', {
          name: 'Evening Circle',
          slug: 'evening-circle',
          mode: 'online',
          time_zone: 'UTC'
        })
      ).statusCode,
      409
    )
  }
  t.equal(proxy.connections, connections)
})
