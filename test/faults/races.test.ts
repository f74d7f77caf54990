import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { makeGroup, makeMember, makePerson, makeSession } from '../support/circle.ts'

t.setTimeout(120_000)

// What is tried here is who wins, not how quickly: on a busy machine nobody gives up.
const patient = { POOL_SIZE: '8', CONNECT_TIMEOUT_MS: '30000', LOCK_TIMEOUT_MS: '30000', STATEMENT_TIMEOUT_MS: '60000' }

const times = <T>(count: number, work: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)))

/** How many replies have each status. */
const statuses = (replies: Reply[]) => {
  const counts: Record<string, number> = {}
  for (const { statusCode } of replies) counts[statusCode] = (counts[statusCode] ?? 0) + 1
  return counts
}

const sheetOf = (session: string) => `/v1/sessions/${session}/attendance`

async function connect(t: Test, url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  return client
}

t.test('one person joins a group 30 times at once', async t => {
  const { organization, look } = await startApp(t, patient)
  const admin = await organization()
  const group = await makeGroup(admin)
  const join = async (person_id: string) =>
    await times(30, () => admin.post(`/v1/groups/${group}/memberships`, { person_id, joined_on: '2026-01-01' }))
  const joined = async (person_id: string) =>
    (await look('select count(*)::int as count from memberships where person_id = $1', [person_id]))[0].count

  const person = await makePerson(admin, 'Ana')
  t.same(statuses(await join(person)), { 201: 1, 409: 29 })
  t.equal(await joined(person), 1)
  t.same(await look('select count(*)::int as count from outbox_events where type = $1', ['membership.created']), [
    { count: 1 }
  ])

  t.comment('control: whoever passes the group by is stopped by the constraint, and without it by nothing')
  const pass = async (person_id: string) =>
    await times(30, () =>
      look(
        `insert into memberships (organization_id, id, group_id, person_id, joined_on)
         values ($1, gen_random_uuid(), $2, $3, '2026-01-01')`,
        [admin.organization_id, group, person_id]
      ).catch(error => t.equal(error.constraint, 'memberships_one_at_a_time'))
    )
  const [ben, cleo] = [await makePerson(admin, 'Ben'), await makePerson(admin, 'Cleo')]
  await pass(ben)
  t.equal(await joined(ben), 1)
  await look('alter table memberships drop constraint memberships_one_at_a_time')
  await pass(cleo)
  t.equal(await joined(cleo), 30)
})

t.test('20 puts of one sheet at once, of 50 people in different orders', async t => {
  const { organization, look, superuserUrl, log } = await startApp(t, patient)
  const admin = await organization()
  const group = await makeGroup(admin)
  const people: string[] = []
  for (let n = 0; n < 50; n++) people.push(await makeMember(admin, group, `Member ${n}`))
  const rotated = (n: number) => [...people.slice((n * 7) % 50), ...people.slice(0, (n * 7) % 50)]
  const ordered = (n: number) => (n % 2 ? rotated(n).reverse() : rotated(n))
  const stored = async (session: string) => ({
    rows: await look('select person_id, status from attendance where session_id = $1 order by person_id', [session]),
    versions: (await look('select version from attendance_versions where session_id = $1 order by 1', [session])).map(
      row => row.version
    )
  })

  const session = await makeSession(admin, group)
  const same = await times(20, n =>
    admin.put(sheetOf(session), { records: ordered(n).map(person_id => ({ person_id, status: 'present' })) })
  )
  t.same(statuses(same), { 200: 20 }, 'the same people are the same sheet')
  const after = await stored(session)
  t.equal(after.rows.length, 50)
  t.same(after.versions, [1])

  const contents = await makeSession(admin, group)
  const put = (n: number) =>
    admin.put(
      sheetOf(contents),
      {
        records: ordered(n).map((person_id, m) => ({ person_id, status: m % 3 ? 'present' : 'absent' })),
        anonymous_count: n
      },
      { 'if-match': '*' }
    )
  t.same(statuses(await times(20, put)), { 200: 20 }, 'different ones are written one after the other')
  const last = await stored(contents)
  t.equal(last.rows.length, 50)
  t.same(
    last.versions,
    Array.from({ length: 20 }, (_, n) => n + 1)
  )
  const [{ rows, anonymous_count }] = await look(
    'select rows, anonymous_count from attendance_versions where session_id = $1 and version = 20',
    [contents]
  )
  t.same(
    last.rows,
    rows
      .map(({ person_id, status }: { person_id: string; status: string }) => ({ person_id, status }))
      .sort((a: { person_id: string }, b: { person_id: string }) => (a.person_id < b.person_id ? -1 : 1)),
    'what stands is the last version, whole'
  )
  t.equal((await admin.get(sheetOf(contents))).data.anonymous_count, anonymous_count)
  t.notOk(log.some(line => JSON.parse(line).level >= 50))

  await t.test('control: row by row, without holding the session, there are deadlocks', async t => {
    const deadlocks: string[] = []
    const naive = await Promise.all(Array.from({ length: 8 }, () => connect(t, superuserUrl)))
    for (const client of naive) await client.query("set deadlock_timeout = '20ms'")
    for (let round = 1; round <= 5 && deadlocks.length === 0; round++) {
      await Promise.all(
        naive.map(async (client, n) => {
          await client.query('begin')
          try {
            for (const person_id of ordered(n))
              await client.query('update attendance set minutes = $1 where session_id = $2 and person_id = $3', [
                n,
                session,
                person_id
              ])
            await client.query('commit')
          } catch (error) {
            await client.query('rollback')
            deadlocks.push((error as pg.DatabaseError).code!)
          }
        })
      )
    }
    t.same(new Set(deadlocks), new Set(['40P01']))
  })
})

t.test('30 puts of a sheet that was read by all of them', async t => {
  const { organization, look } = await startApp(t, patient)
  const admin = await organization()
  const group = await makeGroup(admin)
  const session = await makeSession(admin, group)
  await admin.put(sheetOf(session), { records: [] })
  const replies = await times(30, n =>
    admin.put(sheetOf(session), { records: [], anonymous_count: n + 1 }, { 'if-match': '"1"' })
  )
  t.same(statuses(replies), { 200: 1, 412: 29 })
  t.same(new Set(replies.map(reply => reply.headers.etag)), new Set(['"2"']), 'and all are told what it is now')
  const winner = replies.findIndex(reply => reply.statusCode === 200) + 1
  t.same(
    await look('select version, anonymous_count from attendance_versions where session_id = $1 order by version', [
      session
    ]),
    [
      { version: 1, anonymous_count: 0 },
      { version: 2, anonymous_count: winner }
    ]
  )
  t.same(await look('select sheet_version, anonymous_count from sessions where id = $1', [session]), [
    { sheet_version: 2, anonymous_count: winner }
  ])

  t.comment('control: who reads, decides and writes loses what others wrote')
  const naive = await makeSession(admin, group)
  const writes = await times(30, async n => {
    const [{ version }] = await look('select version from sessions where id = $1', [naive])
    await delay(50)
    return await look('update sessions set version = $1, anonymous_count = $2 where id = $3 returning version', [
      version + 1,
      n,
      naive
    ])
  })
  t.equal(writes.length, 30, 'all are told that they wrote')
  t.ok((await look('select version from sessions where id = $1', [naive]))[0].version < 31, 'but not all did')
})

t.test('one Idempotency-Key', async t => {
  const { organization, look, superuserUrl, url, keyring } = await startApp(t, patient)
  const admin = await organization()
  const people = async (client: Client) =>
    (await look('select count(*)::int as count from people where organization_id = $1', [client.organization_id]))[0]
      .count
  const create = (client: Client, key: string | undefined, display_name = 'Ana') =>
    client.post('/v1/people', { display_name }, key === undefined ? {} : { 'idempotency-key': key })

  await t.test('30 times at once has one effect and one answer', async t => {
    const replies = await times(30, () => create(admin, 'key-1'))
    t.same(statuses(replies), { 201: 30 })
    t.equal(replies.filter(reply => reply.headers['idempotency-replayed'] === undefined).length, 1)
    t.equal(replies.filter(reply => reply.headers['idempotency-replayed'] === 'true').length, 29)
    t.equal(new Set(replies.map(({ body, headers }) => [body, headers.location, headers.etag].join())).size, 1)
    t.equal(await people(admin), 1)
    t.same(
      await look('select count(*)::int as count from outbox_events where type = $1', ['person.created']),
      [{ count: 1 }],
      'and one event'
    )

    t.comment('control: without one there are 30')
    t.same(statuses(await times(30, () => create(admin, undefined, 'Ben'))), { 201: 30 })
    t.equal(await people(admin), 31)
  })

  await t.test('of another request is refused; of another caller it is another key', async t => {
    const before = await people(admin)
    t.match(await create(admin, 'key-1', 'Cleo'), { statusCode: 422, data: { code: 'idempotency_key_reused' } })
    t.match(
      await admin.post('/v1/groups', { name: 'A', mode: 'online', time_zone: 'UTC' }, { 'idempotency-key': 'key-1' }),
      {
        statusCode: 422,
        data: { code: 'idempotency_key_reused' }
      }
    )
    t.equal(await people(admin), before)

    const elsewhere = await organization('Elsewhere')
    const there = await create(elsewhere, 'key-1')
    t.match(there, { statusCode: 201, headers: { 'idempotency-replayed': undefined } })
    t.equal(await people(elsewhere), 1)
    const made = await admin.post('/v1/api-keys', { name: 'Second', scopes: ['people:write'] })
    t.equal(made.statusCode, 201, made.body)
    const second = {
      ...admin,
      post: (path: string, body?: unknown, headers: Record<string, string> = {}) =>
        admin.post(path, body, { ...headers, authorization: `Bearer ${made.data.secret}` })
    }
    t.match(await create(second, 'key-1'), { statusCode: 201, headers: { 'idempotency-replayed': undefined } })
    t.match(await create(admin, 'key-2'), { statusCode: 201, headers: { 'idempotency-replayed': undefined } })
    t.equal(await people(admin), before + 2)
  })

  await t.test('of a request that was refused can be used again', async t => {
    const group = await makeGroup(admin)
    const session = await makeSession(admin, group)
    const url = sheetOf(session)
    const body = { records: [], anonymous_count: 4 }
    await admin.post(`/v1/sessions/${session}/cancel`, { reason: 'Snow' }, { 'if-match': '"1"' })
    t.match(await admin.put(url, body, { 'idempotency-key': 'key-3' }), {
      statusCode: 409,
      data: { code: 'session_cancelled' }
    })
    await admin.post(`/v1/sessions/${session}/reinstate`, undefined, { 'if-match': '"2"' })
    t.match(await admin.put(url, body, { 'idempotency-key': 'key-3' }), {
      statusCode: 200,
      headers: { 'idempotency-replayed': undefined }
    })
    t.match(await admin.put(url, body, { 'idempotency-key': 'key-3' }), {
      statusCode: 200,
      headers: { 'idempotency-replayed': 'true' }
    })
    t.match(await admin.put(url, { records: 1 }, { 'idempotency-key': 'key-4' }), { statusCode: 422 })
    t.equal((await admin.put(url, body, { 'idempotency-key': 'key-4' })).statusCode, 200)
  })

  await t.test('whose first request takes long: wait, then 409 with Retry-After, then its answer', async t => {
    const impatient = await startApp(t, { LOCK_TIMEOUT_MS: '300' }, { url, superuserUrl, keyring })
    const client = impatient.client(admin.key, admin.organization_id)
    const before = await people(admin)
    const blocker = await connect(t, superuserUrl)
    // The first one cannot finish: it would write down that it happened.
    await blocker.query('begin')
    await blocker.query('lock table outbox_events in exclusive mode')
    const first = create(admin, 'key-5')
    let second = await create(client, 'key-5')
    // Until the first one has taken the key, the second waits at the same table, which is another answer.
    for (; second.data.code === 'busy'; second = await create(client, 'key-5')) await delay(20)
    t.match(second, { statusCode: 409, headers: { 'retry-after': '1' }, data: { code: 'idempotency_in_progress' } })
    await blocker.query('rollback')
    const answered = await first
    t.equal(answered.statusCode, 201)
    const again = await create(client, 'key-5')
    t.match(again, { statusCode: 201, headers: { 'idempotency-replayed': 'true' } })
    t.equal(again.body, answered.body)
    t.equal(await people(admin), before + 1)
  })
})
