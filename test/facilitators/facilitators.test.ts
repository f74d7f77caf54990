import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { allAtOnce } from '../support/gate.ts'

t.test('facilitators', async t => {
  const { organization, staff, look, superuserUrl } = await startApp(t, { POOL_SIZE: '20' })
  const admin = await organization()
  const other = await organization('Elsewhere')

  const group = async (client: Client) =>
    (await client.post('/v1/groups', { name: 'Circle', mode: 'online', time_zone: 'Europe/Berlin' })).data.id as string
  const assign = (client: Client, group_id: string, body: unknown) =>
    client.post(`/v1/groups/${group_id}/facilitators`, body)
  const end = (client: Client, group_id: string, id: string, body?: unknown) =>
    client.post(`/v1/groups/${group_id}/facilitators/${id}/end`, body)
  const kept = async () =>
    (
      await look(
        `select md5(string_agg(x, '' order by x)) as sum from (
          select f::text as x from group_facilitators f union all select o::text from outbox_events o where object_type = 'facilitator') t`
      )
    )[0].sum
  const told = (reply: Reply) => ({ ...reply.data, request_id: '', status: reply.statusCode })
  const ids = (reply: Reply) => reply.data.data.map((one: { id: string }) => one.id)

  await t.test('are assigned, listed with their history, and end', async t => {
    const group_id = await group(admin)
    const maria = await staff(admin, 'facilitator', 'Maria')
    const noor = await staff(admin, 'facilitator', 'Noor')
    const past = await assign(admin, group_id, {
      staff_id: noor.staff_id,
      role: 'co_facilitator',
      starts_at: '2026-01-05T19:00:00+01:00',
      ends_at: '2026-03-01T00:00:00Z'
    })
    t.equal(past.statusCode, 201, past.body)
    t.match(past.data, {
      group_id,
      staff_id: noor.staff_id,
      display_name: 'Noor',
      role: 'co_facilitator',
      starts_at: /^2026-01-05T18:00:00(\.000)?Z$/,
      ends_at: /^2026-03-01T00:00:00(\.000)?Z$/,
      version: 1
    })
    const now = await assign(admin, group_id, { staff_id: maria.staff_id })
    t.match(now.data, { role: 'facilitator', ends_at: null })
    t.ok(Math.abs(Date.parse(now.data.starts_at) - Date.now()) < 10_000)
    t.equal(now.headers.location, `/v1/groups/${group_id}/facilitators/${now.data.id}`)
    const one = await admin.get(now.headers.location as string)
    t.same(one.data, now.data)
    t.equal(one.headers.etag, '"1"')

    const url = `/v1/groups/${group_id}/facilitators`
    t.same(ids(await admin.get(url)), [past.data.id, now.data.id])
    t.same(ids(await admin.get(`${url}?active=true`)), [now.data.id])
    t.same(ids(await admin.get(`${url}?active=false`)), [past.data.id])
    t.same(ids(await admin.get(`${url}?at=2026-01-05T18:00:00Z`)), [past.data.id], 'the first instant is included')
    t.same(ids(await admin.get(`${url}?at=2026-01-05T17:59:59.999Z`)), [])
    t.same(ids(await admin.get(`${url}?at=2026-02-28T23:59:59.999Z`)), [past.data.id])
    t.same(ids(await admin.get(`${url}?at=2026-03-01T00:00:00Z`)), [], 'the last one is not')
    const page = await admin.get(`${url}?limit=1`)
    t.same(ids(await admin.get(`${url}?limit=1&cursor=${page.data.page.next_cursor}`)), [now.data.id])
    t.equal((await admin.get(`${url}?at=yesterday`)).statusCode, 400)

    t.equal((await maria.get(`/v1/groups/${group_id}`)).statusCode, 200)
    t.same(ids(await maria.get(url)), [past.data.id, now.data.id])
    t.equal((await admin.post(`${url}/${now.data.id}/end`, {}, { 'if-match': '"2"' })).statusCode, 412)
    const ended = await end(admin, group_id, now.data.id)
    t.equal(ended.statusCode, 200, ended.body)
    t.match(ended.data, { version: 2, ends_at: String })
    t.equal((await maria.get(`/v1/groups/${group_id}`)).statusCode, 404, 'access has ended with it')
    t.equal((await maria.get(url)).statusCode, 404)
    t.equal((await end(admin, group_id, now.data.id)).data.code, 'already_ended')
    t.equal((await end(admin, group_id, past.data.id, { ends_at: '2027-01-01T00:00:00Z' })).data.code, 'already_ended')
    t.same(ids(await admin.get(url)), [past.data.id, now.data.id])

    const events = await look(
      `select type, object_version from outbox_events where object_type = 'facilitator' order by at, id`
    )
    t.same(
      events.map(event => `${event.type} ${event.object_version}`),
      ['facilitator.assigned 1', 'facilitator.assigned 1', 'facilitator.ended 2']
    )
  })

  await t.test('hold a group half-open: from an instant on, until another one', async t => {
    const group_id = await group(admin)
    const { staff_id } = await staff(admin, 'coordinator')
    const first = { staff_id, starts_at: '2026-01-01T00:00:00Z', ends_at: '2026-02-01T00:00:00Z' }
    t.equal((await assign(admin, group_id, first)).statusCode, 201)
    const before = await kept()
    for (const [starts_at, ends_at] of [
      ['2026-01-31T23:59:59.999Z', null],
      ['2025-12-01T00:00:00Z', '2026-01-01T00:00:00.001Z'],
      ['2026-01-10T00:00:00Z', '2026-01-11T00:00:00Z']
    ]) {
      const refused = await assign(admin, group_id, { staff_id, starts_at, ends_at })
      t.equal(refused.statusCode, 409)
      t.equal(refused.data.code, 'already_assigned')
    }
    t.equal(await kept(), before)
    t.equal((await assign(admin, group_id, { ...first, starts_at: first.ends_at, ends_at: null })).statusCode, 201)
    t.equal(
      (await assign(admin, group_id, { ...first, starts_at: '2025-01-01T00:00:00Z', ends_at: first.starts_at }))
        .statusCode,
      201
    )
    t.equal((await assign(admin, await group(admin), { staff_id })).statusCode, 201, 'another group is another matter')
  })

  await t.test('may be planned, and a plan may be moved or called off', async t => {
    const group_id = await group(admin)
    const facilitator = await staff(admin, 'facilitator', 'Planned')
    const starts_at = new Date(Date.now() + 86_400_000).toISOString()
    const planned = await assign(admin, group_id, { staff_id: facilitator.staff_id, starts_at })
    t.equal((await facilitator.get(`/v1/groups/${group_id}`)).statusCode, 404)
    t.equal(
      (await end(admin, group_id, planned.data.id, { ends_at: new Date().toISOString() })).data.code,
      'ends_before_start'
    )
    const until = new Date(Date.now() + 2 * 86_400_000).toISOString()
    const moved = await end(admin, group_id, planned.data.id, { ends_at: until })
    t.equal(moved.data.version, 2)
    t.equal(Date.parse(moved.data.ends_at), Date.parse(until))
    const called = await end(admin, group_id, planned.data.id)
    t.equal(called.data.ends_at, called.data.starts_at, 'one that has not begun never begins')
    t.equal((await end(admin, group_id, planned.data.id, { ends_at: until })).data.code, 'already_ended')
    const leaver = await staff(admin, 'facilitator', 'Leaver')
    const plan = await assign(admin, group_id, { staff_id: leaver.staff_id, starts_at })
    await admin.post(`/v1/staff/${leaver.staff_id}/deactivate`)
    const revived = await end(admin, group_id, plan.data.id, { ends_at: until })
    t.match(revived.data, { status: 409, code: 'already_ended' }, 'nor does that of who has left')
    t.equal((await assign(admin, group_id, { staff_id: facilitator.staff_id, starts_at })).statusCode, 201)
  })

  await t.test('are refused where they cannot be, and nothing is kept', async t => {
    const group_id = await group(admin)
    const { staff_id } = await staff(admin, 'facilitator')
    const gone = await staff(admin, 'facilitator', 'Gone')
    t.equal((await admin.post(`/v1/staff/${gone.staff_id}/deactivate`, undefined, { 'if-match': '*' })).statusCode, 200)
    const foreign = await staff(other, 'facilitator')
    const before = await kept()
    const random = await assign(admin, group_id, { staff_id: randomUUID() })
    t.match(random.data, { status: 422, code: 'unknown_reference', errors: [{ pointer: '#/staff_id' }] })
    t.same(told(await assign(admin, group_id, { staff_id: foreign.staff_id })), told(random))
    t.same(told(await assign(admin, group_id, { staff_id: gone.staff_id })), told(random))
    for (const [body, pointer] of [
      [{}, '#/staff_id'],
      [{ staff_id, role: 'admin' }, '#/role'],
      [{ staff_id, starts_at: '2026-01-01' }, '#/starts_at'],
      [{ staff_id, starts_at: '2026-01-02T00:00:00Z', ends_at: '2026-01-01T00:00:00Z' }, '#/ends_at'],
      [{ staff_id, starts_at: '2026-01-02T00:00:00Z', ends_at: '2026-01-02T01:00:00+01:00' }, '#/ends_at'],
      [{ staff_id, ends_at: '2026-01-01T00:00:00Z' }, '#/ends_at'],
      [{ staff_id, display_name: 'X' }, '#/display_name']
    ] as const) {
      const refused = await assign(admin, group_id, body)
      t.equal(refused.statusCode, 422, JSON.stringify(body))
      t.equal(refused.data.errors[0].pointer, pointer)
    }
    t.equal(await kept(), before)
  })

  await t.test('are one assignment, however many are made at once', async t => {
    const group_id = await group(admin)
    const { staff_id } = await staff(admin, 'facilitator')
    const answers = await allAtOnce(superuserUrl, 'group_facilitators', 20, () => assign(admin, group_id, { staff_id }))
    t.equal(answers.filter(answer => answer.statusCode === 201).length, 1)
    t.equal(answers.filter(answer => answer.statusCode === 409).length, 19)
    t.equal((await look('select from group_facilitators where group_id = $1', [group_id])).length, 1)
  })

  await t.test('are seen by whoever sees the group, and kept by those who reach everything', async t => {
    const group_id = await group(admin)
    const facilitator = await staff(admin, 'facilitator')
    const observer = await staff(admin, 'observer')
    const made = (await assign(admin, group_id, { staff_id: facilitator.staff_id })).data
    const url = `/v1/groups/${group_id}/facilitators`
    t.equal((await observer.get(url)).statusCode, 200)
    for (const client of [facilitator, observer]) {
      t.equal((await client.post(url, { staff_id: facilitator.staff_id })).data.code, 'insufficient_scope')
      t.equal((await end(client, group_id, made.id)).data.code, 'insufficient_scope')
    }
    const elsewhere = await group(admin)
    const hidden = (await assign(admin, elsewhere, { staff_id: (await staff(admin, 'facilitator')).staff_id })).data
    const before = await kept()
    t.same(
      told(await facilitator.get(`/v1/groups/${elsewhere}/facilitators`)),
      told(await facilitator.get(`/v1/groups/${randomUUID()}/facilitators`))
    )
    t.same(
      told(await facilitator.get(`/v1/groups/${elsewhere}/facilitators/${hidden.id}`)),
      told(await facilitator.get(`${url}/${randomUUID()}`))
    )
    t.equal((await admin.get(`${url}/${hidden.id}`)).statusCode, 404, 'of another group, though one may see both')
    t.equal((await end(admin, group_id, hidden.id)).statusCode, 404)

    const foreign = await group(other)
    const foreignMade = (await assign(other, foreign, { staff_id: (await staff(other, 'facilitator')).staff_id })).data
    const after = await kept()
    t.not(before, after)
    for (const ask of [
      (id: string) => admin.get(`/v1/groups/${id}/facilitators`),
      (id: string) => admin.get(`/v1/groups/${id}/facilitators/${foreignMade.id}`),
      (id: string) => assign(admin, id, { staff_id: facilitator.staff_id }),
      (id: string) => assign(admin, id, { nonsense: 1 }),
      (id: string) => end(admin, id, foreignMade.id)
    ]) {
      t.equal((await ask(foreign)).statusCode, 404)
      t.same(told(await ask(foreign)), told(await ask(randomUUID())))
    }
    t.equal((await end(admin, group_id, foreignMade.id)).statusCode, 404)
    t.equal((await end(admin, group_id, foreignMade.id, { nonsense: 1 })).statusCode, 404)
    t.equal(await kept(), after)
  })
})
