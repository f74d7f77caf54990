import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import pg from 'pg'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { serviceActor } from '../../src/database/actor.ts'
import { openDatabase } from '../../src/database/database.ts'
import { asker, quickStatement, value } from '../../src/database/statement.ts'
import { cloneDatabase } from '../support/database.ts'
import { until } from '../support/process.ts'

interface Heard {
  organization: string
  asked: string
  backend: number
  quotient: number
}

/** Tells for whom the connection speaks while it answers; divides by what it is given. */
const quick = quickStatement<Heard, { asked: string; by: number }>(
  'test_quick',
  () => sql`
    select current_setting('app.organization_id') as organization, ${value('asked')}::text as asked, pg_backend_pid() as backend,
      1 / ${value('by')}::int as quotient
    where ${asker.organization_id}::text is not null`
)

const slow = quickStatement<{ backend: number }>(
  'test_slow',
  () => sql`select pg_backend_pid() as backend from pg_sleep(0.01) where ${asker.organization_id}::text is not null`
)

/** Needs a lock on a table as soon as it is prepared. */
const countGroups = quickStatement<{ count: number }>(
  'test_count_groups',
  () => sql`select count(*) from groups where organization_id = ${asker.organization_id}`
)

async function open(t: Test, { poolSize = 8, lockTimeout = 2000 } = {}) {
  const database = await cloneDatabase()
  const db = openDatabase({
    url: database.url,
    poolSize,
    connectTimeout: 2000,
    statementTimeout: 5000,
    lockTimeout,
    log: pino({ level: 'silent' })
  })
  const superuser = new pg.Client({ connectionString: database.superuserUrl })
  await superuser.connect()
  t.teardown(async () => {
    await superuser.end()
    await db.close()
    await database.drop()
  })
  const actors = [randomUUID(), randomUUID(), randomUUID()].map(id => serviceActor(id, 'test'))
  return { db, superuser, actors, actor: actors[0]! }
}

t.test('many reads at once share a few connections, and each gets its own answer', async t => {
  const { db, actors } = await open(t)
  const read = async (n: number) => {
    const actor = actors[n % actors.length]!
    const [heard] = await db.read(actor, quick, { asked: String(n), by: 1 })
    t.equal(heard!.asked, String(n))
    t.equal(heard!.organization, actor.organization_id, 'in the name of who asked')
    return heard!.backend
  }
  const backends = await Promise.all(Array.from({ length: 16 }, (_, n) => read(n)))
  t.equal(new Set(backends).size, 2, 'a quarter of the pool')
})

t.test('more reads than connections are shared by: others are taken, and all are answered', async t => {
  const { db, actor } = await open(t)
  const backends = await Promise.all(
    Array.from({ length: 200 }, async (_, n) => (await db.read(actor, quick, { asked: String(n), by: 1 }))[0]!.backend)
  )
  t.equal(backends.length, 200)
  t.equal(new Set(backends).size, 8, 'the whole pool')
})

t.test('the error of one is its own', async t => {
  const { db, actor, actors } = await open(t)
  const answers = await Promise.allSettled(
    Array.from({ length: 24 }, (_, n) => db.read(actors[n % 3]!, quick, { asked: String(n), by: n % 4 === 2 ? 0 : 1 }))
  )
  for (const [n, answer] of answers.entries()) {
    if (n % 4 === 2) t.match(answer, { status: 'rejected', reason: { code: '22012' } })
    else t.match(answer, { status: 'fulfilled', value: [{ asked: String(n) }] })
  }
  t.match(await db.read(actor, quick, { asked: 'after', by: 1 }), [{ asked: 'after' }])
})

t.test('a statement whose preparation was cut off is prepared again', async t => {
  const { db, superuser, actor } = await open(t, { poolSize: 1, lockTimeout: 300 })
  await superuser.query('begin; lock table groups in access exclusive mode')
  const first = db.read(actor, countGroups, {})
  // Sent behind the first, whose preparation they take for granted.
  const others = [db.read(actor, countGroups, {}), db.read(actor, countGroups, {})]
  await t.rejects(first, { code: '55P03' })
  await superuser.query('commit')
  t.match(await Promise.all(others), [[{ count: 0 }], [{ count: 0 }]])
  t.match(await db.read(actor, countGroups, {}), [{ count: 0 }])
})

t.test('a connection that is lost takes those with it that were under way, and no more', async t => {
  const { db, superuser, actor } = await open(t, { poolSize: 1, lockTimeout: 5000 })
  await superuser.query('begin; lock table groups in access exclusive mode')
  const lost = [db.read(actor, countGroups, {}), db.read(actor, countGroups, {})]
  const rejected = Promise.allSettled(lost)
  const waiting = await until(async () => {
    await superuser.query('select pg_stat_clear_snapshot()')
    const { rows } = await superuser.query(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper' and wait_event_type = 'Lock'`
    )
    return rows.length > 0 && rows
  })
  await superuser.query('select pg_terminate_backend($1)', [waiting[0].pid])
  for (const { status } of await rejected) t.equal(status, 'rejected')
  await superuser.query('commit')
  t.match(await db.read(actor, countGroups, {}), [{ count: 0 }])
})

t.test('whoever needs a connection gets one, however many reads keep coming', async t => {
  const { db, actor } = await open(t, { poolSize: 1 })
  let stopped = false
  const keepAsking = async () => {
    while (!stopped) await db.read(actor, slow, {})
  }
  // Each answer comes alone, so that those behind it are still under way when the next is asked for.
  const readers = Promise.all(Array.from({ length: 12 }, keepAsking))
  const written = db.write(actor, async tx => await tx.run(quick, { asked: 'written', by: 1 }))
  try {
    t.match(await written, [{ asked: 'written' }])
  } finally {
    stopped = true
    await readers
  }
})
