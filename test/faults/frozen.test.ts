import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { Keyring } from '../../src/database/keyring.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'
import { type Reply, startApp } from '../support/app.ts'
import { makeGroup, makeSession } from '../support/circle.ts'
import { newKey, onlyOnLinux, startPostgres, until } from '../support/process.ts'

t.setTimeout(120_000)

t.test('a PostgreSQL that is frozen', onlyOnLinux, async t => {
  const postgres = await startPostgres(t)
  await migrateDatabase(postgres.url)
  const statementTimeout = 800
  const connectTimeout = 800
  const { app, organization, log } = await startApp(
    t,
    {
      POOL_SIZE: '3',
      STATEMENT_TIMEOUT_MS: String(statementTimeout),
      CONNECT_TIMEOUT_MS: String(connectTimeout),
      LOCK_TIMEOUT_MS: '600'
    },
    { url: postgres.url, superuserUrl: postgres.superuserUrl, keyring: new Keyring([newKey()]) }
  )
  const admin = await organization()
  const group = await makeGroup(admin)
  const sheet = `/v1/sessions/${await makeSession(admin, group)}/attendance`
  const naive = new pg.Client({ connectionString: postgres.url, statement_timeout: statementTimeout })
  naive.on('error', () => {})
  await naive.connect()
  await Promise.all([admin.get(sheet), admin.get(sheet), admin.get(sheet)])

  t.ok(postgres.signal('SIGSTOP') > 3)
  const timed = async (work: PromiseLike<Reply>) => {
    const began = performance.now()
    return { reply: await work, ms: performance.now() - began }
  }
  const waits = naive.query('select 1')
  // Connections that are open answer nothing; then none can be opened; the sign-in may wait as well as the work.
  const longest = statementTimeout + 1000 + 2 * connectTimeout + 3000
  for (const _ of ['open connections', 'new ones']) {
    const replies = await Promise.all([
      ...Array.from({ length: 5 }, () => timed(admin.get(sheet))),
      timed(admin.put(sheet, { records: [], anonymous_count: 1 }, { 'idempotency-key': 'frozen' })),
      timed(admin.post('/v1/people', { display_name: 'Ana' })),
      timed(app.inject('/readyz') as unknown as Promise<Reply>)
    ])
    for (const { reply, ms } of replies) {
      const { code } = JSON.parse(reply.body)
      if (reply.statusCode !== 503 || code !== 'database_unavailable' || !Number(reply.headers['retry-after']))
        t.fail(reply.body)
      if (ms > longest) t.fail(`waited ${Math.round(ms)} ms`)
    }
    const alive = await timed(app.inject('/livez') as unknown as Promise<Reply>)
    t.equal(alive.reply.statusCode, 200)
    t.ok(alive.ms < 500, `alive in ${Math.round(alive.ms)} ms`)
  }
  t.equal(
    await Promise.race([waits, delay(500, 'waits')]),
    'waits',
    'control: timeouts that PostgreSQL keeps do not ring while it sleeps'
  )

  t.ok(postgres.signal('SIGCONT') > 3)
  await waits
  await naive.end()
  await until(async () => (await app.inject('/readyz')).statusCode === 200)
  const put = await admin.put(sheet, { records: [], anonymous_count: 1 }, { 'idempotency-key': 'frozen' })
  t.match(put, { statusCode: 200, data: { version: 1, anonymous_count: 1 } })
  t.equal((await admin.get(sheet)).statusCode, 200)
  t.notOk(
    log.some(line => JSON.parse(line).level >= 50),
    'nobody was called'
  )
})
