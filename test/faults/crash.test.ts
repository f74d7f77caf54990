import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { Keyring } from '../../src/database/keyring.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'
import { startApp } from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'
import {
  newKey,
  onlyOnLinux,
  type PrivatePostgres,
  send,
  startPostgres,
  startServer,
  until
} from '../support/process.ts'
import { slowDown, startLoad, violations } from './ledger.ts'

t.setTimeout(240_000)

async function open(t: Test, url: string) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end())
  return client
}

/** The log lines that say that somebody should come. */
const errorLines = (log: string) => log.split('\n').filter(line => line.startsWith('{') && JSON.parse(line).level >= 50)

t.test('kill -9 of the service in the middle of sheets', async t => {
  const database = await cloneDatabase()
  t.teardown(database.drop)
  const key = newKey()
  const admin = await (await startApp(t, {}, { ...database, keyring: new Keyring([key]) })).organization()
  const look = await open(t, database.superuserUrl)
  await look.query(slowDown)

  const environment = { url: database.url, key, POOL_SIZE: '6' }
  let server = await startServer(t, environment)
  const load = await startLoad(t, admin, server.base)
  const { ledger } = load
  for (const _ of [1, 2]) {
    await load.acknowledges(40)
    server.child.kill('SIGKILL')
    t.equal(await server.ended, 'SIGKILL')
    server = await startServer(t, environment)
    ledger.base = server.base
  }
  await load.acknowledges(40)
  await load.stop()

  t.comment(`${ledger.acked} acknowledged, ${ledger.failures.length} not, ${ledger.replayed} had happened all the same`)
  t.same(await violations(look, ledger), [])
  t.ok(
    ledger.commands.every(command => command.acked),
    'every command was acknowledged in the end'
  )
  t.ok(ledger.failures.length > 0, 'and some only after they were sent again')
  t.same(new Set(ledger.failures.map(({ status }) => status)), new Set(['network']), 'those that the kill cut off')

  await t.test('control: the ledger sees what a lesser service would have done', async t => {
    const last = ledger.commands.at(-1)!
    const damage: [string, string, string[]][] = [
      ['forgets an acknowledged sheet', 'delete from attendance_versions where anonymous_count = $1', ['lost_acked']],
      [
        'keeps a part of the rows',
        `delete from attendance where id = (select id from attendance where session_id = (
          select session_id from attendance_versions where anonymous_count = $1) limit 1)`,
        ['partial']
      ],
      [
        'writes rows of two sheets',
        `update attendance set minutes = 1440 where id = (select id from attendance where session_id = (
          select session_id from attendance_versions where anonymous_count = $1) limit 1)`,
        ['partial']
      ],
      [
        'applies a sheet twice',
        `insert into attendance_versions (organization_id, session_id, version, submitted_at, submitted_by_key,
          submitted_by_staff, anonymous_count, rows)
          select organization_id, session_id, version + 1000, submitted_at, submitted_by_key, submitted_by_staff, anonymous_count, rows
          from attendance_versions where anonymous_count = $1`,
        ['twice']
      ],
      [
        'tells nobody',
        `delete from outbox_events where (object_id, object_version) = (
          select session_id, version + 1 from attendance_versions where anonymous_count = $1)`,
        ['event_missing']
      ],
      [
        'tells it twice',
        `insert into outbox_events select organization_id, gen_random_uuid(), at, type, object_type, object_id, object_version
          from outbox_events where (object_id, object_version) = (
          select session_id, version + 1 from attendance_versions where anonymous_count = $1)`,
        ['event_twice']
      ],
      [
        'leaves no trace',
        `delete from audit_entries where ctid = any (array(select ctid from audit_entries where object_id = (
          select session_id from attendance_versions where anonymous_count = $1)))`,
        ['audit_missing']
      ],
      ['forgets the key', `delete from idempotency_keys where key = '${last.key}' and $1 > 0`, ['key_missing']]
    ]
    for (const [name, statement, expected] of damage) {
      await look.query('begin')
      t.ok((await look.query(statement, [last.seq])).rowCount, name)
      const found = await violations(look, ledger)
      t.same(
        expected.filter(violation => !found.includes(violation as never)),
        [],
        `${name}: ${found}`
      )
      await look.query('rollback')
    }
    t.same(await violations(look, ledger), [], 'and nothing of it stayed')
  })
})

/** A service in a process of its own on a PostgreSQL that can be killed, under load. */
async function underLoad(t: Test, postgres: PrivatePostgres, before = '') {
  const key = newKey()
  await migrateDatabase(postgres.url)
  const superuser = new URL(postgres.superuserUrl)
  superuser.pathname = new URL(postgres.url).pathname
  const look = await open(t, superuser.href)
  await look.query(slowDown)
  if (before !== '') await look.query(before)
  const service = await startApp(
    t,
    {},
    { url: postgres.url, superuserUrl: superuser.href, keyring: new Keyring([key]) }
  )
  const admin = await service.organization()
  const server = await startServer(t, { url: postgres.url, key, POOL_SIZE: '6' })
  const load = await startLoad(t, admin, server.base)
  return { server, load, look: () => open(t, superuser.href) }
}

t.test(
  'kill -9 of every process of PostgreSQL loses nothing, and the service recovers by itself',
  onlyOnLinux,
  async t => {
    // As for the control: commits that nobody waits for would reach the disk too late.
    const postgres = await startPostgres(t, { wal_writer_delay: '10s' })
    const { server, load, look } = await underLoad(t, postgres)
    const { ledger } = load
    for (const down of [0, 1500]) {
      await load.acknowledges(30)
      const ready: number[] = []
      const alive: number[] = []
      // It is started again at once: to keep it down, it is killed again and again.
      for (const end = Date.now() + down; ; await delay(20)) {
        postgres.signal('SIGKILL')
        if (Date.now() >= end) break
        const reply = await send(server.base, 'GET', '/readyz', { patience: 5000 })
        ready.push(reply.status)
        if (reply.status !== 200 && (reply.data?.code !== 'database_unavailable' || !reply.headers['retry-after']))
          t.fail(reply.text)
        alive.push((await send(server.base, 'GET', '/livez')).status)
      }
      t.same(new Set(alive), new Set(down > 0 ? [200] : []), 'alive meanwhile')
      if (down > 0) t.ok(ready.includes(503), 'and not ready')
      const began = performance.now()
      await until(async () => (await send(server.base, 'GET', '/readyz')).status === 200)
      await load.acknowledges(1)
      t.ok(performance.now() - began < 10_000, `answers again after ${Math.round(performance.now() - began)} ms`)
    }
    await load.acknowledges(30)
    await load.stop()
    t.comment(
      `${ledger.acked} acknowledged, ${ledger.failures.length} not, ${ledger.replayed} had happened all the same, longest gap ${Math.round(ledger.longestGap)} ms`
    )
    t.equal(server.child.exitCode ?? server.child.signalCode, null, 'the process lives')
    t.ok(ledger.failures.length > 0)
    const refusals = ledger.failures.map(
      ({ status, code, retryAfter }) => `${status} ${code} ${Number(retryAfter) > 0}`
    )
    t.same(new Set(refusals), new Set(['503 database_unavailable true']))
    t.ok(
      ledger.commands.every(command => command.acked),
      'every command was acknowledged in the end'
    )
    t.same(await violations(await look(), ledger), [])
    t.same(errorLines(server.said.out), [])
  }
)

t.test('control: commits that nobody waits for are lost', onlyOnLinux, async t => {
  const postgres = await startPostgres(t, { wal_writer_delay: '10s' })
  const { load, look } = await underLoad(t, postgres, 'alter role circlekeeper set synchronous_commit = off')
  for (let attempt = 1; ; attempt++) {
    await load.acknowledges(30)
    postgres.signal('SIGKILL')
    // Clients whose sheet is gone are refused (412) and stop, so the load is not waited for.
    const found = await until(() =>
      look().then(
        client => violations(client, load.ledger),
        () => undefined
      )
    )
    if (found.includes('lost_acked')) return t.pass(`seen after ${attempt} kills: ${found}`)
    if (attempt === 5) return t.fail('five kills lost nothing')
  }
})
