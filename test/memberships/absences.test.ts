import { randomUUID } from 'node:crypto'
import t from 'tap'
import { localDateOf } from '../../src/clock/time-zones.ts'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { assign, makeGroup, makePerson } from '../support/circle.ts'
import { allAtOnce } from '../support/gate.ts'

t.test('absences', async t => {
  const { organization, staff, look, superuserUrl } = await startApp(t, { POOL_SIZE: '12' })
  const admin = await organization()
  const zone = 'Pacific/Kiritimati'
  // Where it is another day than in UTC for most of the day.
  const day = (count: number) => localDateOf(new Date(Date.now() + count * 86_400_000), zone)
  const group = await makeGroup(admin, { time_zone: zone })
  const member = async (joined_on = '2026-01-01') =>
    (await admin.post(`/v1/groups/${group}/memberships`, { person_id: await makePerson(admin, 'Ana'), joined_on })).data
      .id as string
  const get = async (id: string) => (await admin.get(`/v1/memberships/${id}`)).data
  const post = (client: Client, id: string, action: string, body?: object, headers = {}) =>
    client.post(`/v1/memberships/${id}/${action}`, body, headers)
  const plan = (id: string, from: string, until?: string | null) => post(admin, id, 'absences', { from, until })
  const kept = (id: string) =>
    look(
      'select from_on::text, until_on::text, withdrawn_at is not null as withdrawn from membership_absences where membership_id = $1 order by id',
      [id]
    )
  const idsOf = (reply: Reply): string[] => reply.data.data.map((one: { id: string }) => one.id)

  await t.test('are told with the membership until they are over, by first day', async t => {
    const id = await member()
    const later = await plan(id, day(20), day(30))
    t.match(later, {
      statusCode: 201,
      headers: { location: `/v1/memberships/${id}/absences/${later.data.id}`, etag: '"1"' }
    })
    t.match(later.data, { membership_id: id, from: day(20), until: day(30), withdrawn_at: null, version: 1 })
    t.same((await admin.get(later.headers.location as string)).data, later.data)
    const now = await plan(id, day(-3), day(0))
    const over = await plan(id, day(-9), day(-1))
    const found = await get(id)
    t.match(found, { status: 'active', version: 4 })
    t.same(found.absences, [
      { id: now.data.id, from: day(-3), until: day(0) },
      { id: later.data.id, from: day(20), until: day(30) }
    ])
    t.same(idsOf(await admin.get(`/v1/memberships/${id}/absences`)), [over.data.id, now.data.id, later.data.id])
    const first = await admin.get(`/v1/memberships/${id}/absences?limit=2`)
    t.same(idsOf(first), [over.data.id, now.data.id])
    const cursor = first.data.page.next_cursor
    t.same(idsOf(await admin.get(`/v1/memberships/${id}/absences?limit=2&cursor=${cursor}`)), [later.data.id])

    const url = `/v1/memberships/${id}/absences/${later.data.id}`
    t.equal((await admin.post(`${url}/withdraw`, undefined, { 'if-match': '"2"' })).statusCode, 412)
    const withdrawn = await admin.post(`${url}/withdraw`)
    t.match(withdrawn, { statusCode: 200, headers: { etag: '"2"' }, data: { version: 2 } })
    t.type(withdrawn.data.withdrawn_at, 'string')
    t.same((await admin.post(`${url}/withdraw`)).data, withdrawn.data, 'twice is the same as once')
    t.match(await get(id), { version: 5, absences: [{ id: now.data.id }] })
    t.equal((await admin.get(`/v1/memberships/${id}/absences`)).data.data.length, 3, 'and is still told of')
    const events = await look(
      "select type, object_version from outbox_events where object_id = $1 and type like 'membership.absence%' order by at, id",
      [id]
    )
    t.same(
      events.map(({ type, object_version }) => `${type} ${object_version}`),
      [
        'membership.absence_planned 2',
        'membership.absence_planned 3',
        'membership.absence_planned 4',
        'membership.absence_withdrawn 5'
      ]
    )
  })

  await t.test('without a last day pause the membership, until it is resumed', async t => {
    const id = await member()
    t.match(await post(admin, id, 'resume'), { statusCode: 409, data: { code: 'not_paused' } })
    t.equal((await post(admin, id, 'pause', {}, { 'if-match': '"7"' })).statusCode, 412)
    const paused = await post(admin, id, 'pause')
    t.match(paused, { statusCode: 200, headers: { etag: '"2"' } })
    t.match(paused.data, { status: 'paused', absences: [{ from: day(0), until: null }], version: 2 })
    t.match(await post(admin, id, 'pause'), { statusCode: 409, data: { code: 'already_paused' } })
    t.match(await plan(id, day(9)), { statusCode: 409, data: { code: 'already_paused' } })
    const list = `/v1/groups/${group}/memberships`
    t.ok(idsOf(await admin.get(`${list}?status=paused`)).includes(id))
    t.notOk(idsOf(await admin.get(`${list}?status=active`)).includes(id))
    t.ok(idsOf(await admin.get(`${list}?active=true&limit=100`)).includes(id), 'still a member')

    t.equal((await plan(id, day(40), day(41))).statusCode, 201, 'what has a last day is another matter')
    t.equal((await post(admin, id, 'resume', {}, { 'if-match': '"2"' })).statusCode, 412)
    const resumed = await post(admin, id, 'resume', { on: day(11) })
    t.match(resumed.data, { status: 'active', version: 4 })
    t.same(
      resumed.data.absences.map(({ from, until }: Record<string, string>) => [from, until]),
      [
        [day(0), day(10)],
        [day(40), day(41)]
      ]
    )
    t.match(await post(admin, id, 'resume'), { statusCode: 409, data: { code: 'not_paused' } })
  })

  await t.test('that end before they begin are withdrawn', async t => {
    const today = await member()
    await post(admin, today, 'pause')
    t.match((await post(admin, today, 'resume')).data, { status: 'active', absences: [], version: 3 })
    t.same(await kept(today), [{ from_on: day(0), until_on: null, withdrawn: true }])

    const ahead = await member()
    t.match((await post(admin, ahead, 'pause', { from: day(5) })).data, {
      status: 'active',
      absences: [{ from: day(5) }]
    })
    t.equal((await post(admin, ahead, 'pause')).data.code, 'already_paused', 'one at a time')
    await post(admin, ahead, 'resume', { on: day(3) })
    t.match(await kept(ahead), [{ until_on: null, withdrawn: true }])
    t.equal((await post(admin, ahead, 'pause', { from: day(5) })).statusCode, 200)
    await post(admin, ahead, 'resume', { on: day(6) })
    t.match((await kept(ahead))[1], { from_on: day(5), until_on: day(5), withdrawn: false }, 'one day is enough')

    const before = await member()
    await post(admin, before, 'pause', { from: day(-9) })
    await post(admin, before, 'resume')
    t.match(await kept(before), [{ from_on: day(-9), until_on: day(-1), withdrawn: false }])
    t.same((await get(before)).absences, [])
  })

  await t.test('are refused where they make no sense, and nothing is kept', async t => {
    const id = await member()
    for (const [action, body, code, pointer] of [
      ['absences', { from: day(3), until: day(2) }, 'ends_before_it_begins', '#/until'],
      ['absences', { from: day(367) }, 'too_far_ahead', '#/from'],
      ['absences', { from: day(3), until: day(367) }, 'too_far_ahead', '#/until'],
      ['absences', {}, 'validation_failed', '#/from'],
      ['absences', { from: '2026-02-30' }, 'validation_failed', '#/from'],
      ['absences', { from: day(1), reason: 'ill' }, 'validation_failed', '#/reason'],
      ['pause', { from: day(367) }, 'too_far_ahead', '#/from'],
      ['pause', { until: day(3) }, 'validation_failed', '#/until'],
      ['resume', { from: day(3) }, 'validation_failed', '#/from']
    ] as const) {
      const refused = await post(admin, id, action, body)
      t.match(refused, { statusCode: 422, data: { code, errors: [{ pointer }] } }, JSON.stringify(body))
    }
    t.same(await kept(id), [])
    t.equal((await get(id)).version, 1)
    await post(admin, id, 'pause')
    t.match(await post(admin, id, 'resume', { on: day(367) }), { data: { code: 'too_far_ahead' } })
  })

  await t.test('are of members alone', async t => {
    const small = await makeGroup(admin, { capacity: 1, time_zone: zone })
    const join = async (path: string) =>
      (await admin.post(`/v1/groups/${small}/${path}`, { person_id: await makePerson(admin, 'Ben') })).data.id as string
    const [left, waits, asked] = [await join('memberships'), await join('memberships'), await join('join-requests')]
    const absence = (await plan(left, day(-40), day(30))).data.id
    await post(admin, left, 'leave', { left_on: day(0) })
    t.equal((await plan(left, day(-9), day(-8))).statusCode, 201, 'the last day counts')
    await look('update memberships set joined_on = joined_on - 40, left_on = joined_on - 30 where id = $1', [left])
    t.match(await get(left), { status: 'left' })
    t.equal((await get(waits)).status, 'offered')
    for (const id of [left, waits, asked]) {
      for (const [action, body] of [
        ['absences', { from: day(1) }],
        ['pause', {}],
        ['resume', {}]
      ] as const) {
        t.match(await post(admin, id, action, body), { statusCode: 409, data: { code: 'not_a_member' } }, action)
      }
    }
    const mistaken = await admin.post(`/v1/memberships/${left}/absences/${absence}/withdraw`)
    t.equal(mistaken.statusCode, 200, 'what was a mistake stays one')
  })

  await t.test('are one, however many pause or resume at once', async t => {
    const id = await member()
    const codes = async (action: string) =>
      (await allAtOnce(superuserUrl, 'membership_absences', 10, () => post(admin, id, action))).map(
        ({ data }) => data.code ?? data.status
      )
    const nine = (code: string) => Array(9).fill(code)
    t.same((await codes('pause')).sort(), [...nine('already_paused'), 'paused'])
    t.equal((await kept(id)).length, 1)
    t.same((await codes('resume')).sort(), ['active', ...nine('not_paused')])
    t.match(await get(id), { version: 3, absences: [] })
  })

  await t.test('of another membership, group or organization are not there, and not for observers', async t => {
    const id = await member()
    const absence = (await plan(id, day(1), day(2))).data.id
    const facilitator = await staff(admin, 'facilitator')
    await assign(admin, await makeGroup(admin), facilitator.staff_id)
    const elsewhere = await organization('Elsewhere')
    const observer = await staff(admin, 'observer')
    const paths = (membership: string, one: string) =>
      [
        ['GET', `${membership}/absences`],
        ['GET', `${membership}/absences/${one}`],
        ['POST', `${membership}/absences`],
        ['POST', `${membership}/absences/${one}/withdraw`],
        ['POST', `${membership}/pause`],
        ['POST', `${membership}/resume`]
      ] as const
    const told = (reply: Reply) => ({ ...reply.data, request_id: '' })
    const ask = (client: Client, method: 'GET' | 'POST', path: string) =>
      client.request({ method, url: `/v1/memberships/${path}` })
    const before = await kept(id)
    const nobodys = paths(randomUUID(), randomUUID())
    for (const [index, [method, path]] of paths(id, absence).entries()) {
      for (const client of [facilitator, elsewhere]) {
        const reply = await ask(client, method, path)
        t.equal(reply.statusCode, 404, `${method} ${path}`)
        t.same(told(reply), told(await ask(client, method, nobodys[index]![1])))
      }
      t.equal((await ask(observer, method, path)).statusCode, 403, `${method} ${path}`)
    }
    const other = await member()
    t.equal((await admin.get(`/v1/memberships/${other}/absences/${absence}`)).statusCode, 404)
    t.equal((await admin.post(`/v1/memberships/${other}/absences/${absence}/withdraw`)).statusCode, 404)
    t.same(await kept(id), before)
    await assign(admin, group, facilitator.staff_id)
    t.equal((await post(facilitator, id, 'pause')).statusCode, 200, 'but one’s own are')
  })
})
