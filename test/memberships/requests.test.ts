import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makeMember, makePerson } from '../support/circle.ts'

const act = (client: Client, id: string, action: string, body?: object, headers = {}) =>
  client.post(`/v1/memberships/${id}/${action}`, body, headers)

t.test('requests to join', async t => {
  const { organization, staff, look, log } = await startApp(t)
  const admin = await organization()
  const ask = async (client: Client, group: string, body: object = {}) =>
    await client.post(
      `/v1/groups/${group}/join-requests`,
      'person_id' in body ? body : { person_id: await makePerson(client, 'Ana'), ...body }
    )
  const get = async (id: string) => (await admin.get(`/v1/memberships/${id}`)).data
  const rowsOf = (group: string) => look('select * from memberships where group_id = $1 order by id', [group])

  await t.test('hold no seat and no place until they are approved', async t => {
    const group = await makeGroup(admin, { capacity: 2 })
    const asked = await ask(admin, group, { message: 'A friend told me.\nIs there a lift?' })
    t.match(asked, { statusCode: 201, headers: { location: `/v1/memberships/${asked.data.id}`, etag: '"1"' } })
    t.match(asked.data, {
      status: 'requested',
      message: 'A friend told me.\nIs there a lift?',
      joined_on: null,
      position: null,
      not_joined_reason: null,
      over_capacity: false,
      absences: []
    })
    t.same(await get(asked.data.id), asked.data)
    const others = [await ask(admin, group), await ask(admin, group), await ask(admin, group, { message: null })]
    t.same(
      others.map(({ data }) => [data.status, data.message]),
      others.map(() => ['requested', null])
    )
    await makeMember(admin, group, 'Ben')
    t.equal((await admin.get(`/v1/groups/${group}/memberships?status=active`)).data.data.length, 1)

    t.equal((await act(admin, asked.data.id, 'approve', {}, { 'if-match': '"2"' })).statusCode, 412)
    const approved = await act(admin, asked.data.id, 'approve', { joined_on: daysFromNow(2) })
    t.match(approved, { statusCode: 200, headers: { etag: '"2"' } })
    t.match(approved.data, { status: 'active', joined_on: daysFromNow(2), message: asked.data.message })
    t.match(await act(admin, asked.data.id, 'approve'), { statusCode: 409, data: { code: 'not_requested' } })
    t.match(await act(admin, asked.data.id, 'refuse'), { statusCode: 409, data: { code: 'not_requested' } })

    const waits = await act(admin, others[1]!.data.id, 'approve', { joined_on: daysFromNow(2) })
    t.match(waits.data, { status: 'waitlisted', position: 1, joined_on: null, over_capacity: false })
    const last = await act(admin, others[0]!.data.id, 'approve')
    t.match(last.data, { status: 'waitlisted', position: 2 }, 'in the order of the answers')
    t.match(await act(admin, last.data.id, 'approve'), { statusCode: 409, data: { code: 'not_requested' } })
    const forced = await admin.post(`/v1/memberships/${others[2]!.data.id}/approve?force=true`)
    t.match(forced.data, { status: 'active', over_capacity: true, joined_on: daysFromNow(0) })
    const walkIn = await admin.post(`/v1/memberships/${last.data.id}/approve?force=true`)
    t.match(walkIn.data, { status: 'active', over_capacity: true, position: null }, 'also whoever waits')
    t.match(await get(waits.data.id), { status: 'waitlisted', position: 1 })
  })

  await t.test('whoever waits and is let in takes the seat that is free before an extra one', async t => {
    const group = await makeGroup(admin, { capacity: 1 })
    await makeMember(admin, group, 'Ben')
    const waits = await act(admin, (await ask(admin, group)).data.id, 'approve')
    await admin.patch(`/v1/groups/${group}`, { capacity: 2 }, { 'if-match': '*' })
    const admitted = await admin.post(`/v1/memberships/${waits.data.id}/approve?force=true`)
    t.match(admitted.data, { status: 'active', over_capacity: false, offer_expires_at: null })
  })

  await t.test('are refused or withdrawn, once, and may be made again', async t => {
    const group = await makeGroup(admin)
    const first = await ask(admin, group)
    const { person_id } = first.data
    const twice = await ask(admin, group, { person_id })
    t.match(twice, { statusCode: 409, data: { code: 'already_requested' } })
    const joins = await admin.post(`/v1/groups/${group}/memberships`, { person_id })
    t.match(joins, { statusCode: 409, data: { code: 'already_requested' } }, 'nor is it passed by')
    const refused = await act(admin, first.data.id, 'refuse')
    t.match(refused.data, { status: 'not_joined', not_joined_reason: 'refused', version: 2 })
    t.equal((await act(admin, first.data.id, 'refuse')).data.code, 'not_requested')
    t.equal((await act(admin, first.data.id, 'withdraw')).data.code, 'not_pending')

    const second = await ask(admin, group, { person_id })
    t.match((await act(admin, second.data.id, 'withdraw')).data, { not_joined_reason: 'withdrawn' })
    t.equal((await act(admin, second.data.id, 'approve')).data.code, 'not_requested')
    const third = await ask(admin, group, { person_id })
    t.equal((await act(admin, third.data.id, 'approve')).data.status, 'active')
    t.match(await ask(admin, group, { person_id }), { statusCode: 409, data: { code: 'membership_overlaps' } })
    const events = await look(
      'select type from outbox_events where object_id = any ($1) and object_type = $2 order by at, id',
      [[first.data.id, second.data.id, third.data.id], 'membership']
    )
    t.same(
      events.map(({ type }) => type.slice('membership.'.length)),
      ['requested', 'refused', 'requested', 'withdrawn', 'requested', 'approved']
    )
  })

  await t.test('cannot be made where nobody joins, nor of people unseen; and nothing is kept', async t => {
    const group = await makeGroup(admin)
    const elsewhere = await organization('Elsewhere')
    const foreign = await makePerson(elsewhere, 'Foreign')
    const person_id = await makePerson(admin, 'Ana')
    for (const [body, pointer] of [
      [{}, '#/person_id'],
      [{ person_id: randomUUID() }, '#/person_id'],
      [{ person_id: foreign }, '#/person_id'],
      [{ person_id, message: '' }, '#/message'],
      [{ person_id, message: 'x'.repeat(2001) }, '#/message'],
      [{ person_id, joined_on: daysFromNow(0) }, '#/joined_on']
    ] as const) {
      const refused = await admin.post(`/v1/groups/${group}/join-requests`, body)
      t.equal(refused.statusCode, 422, JSON.stringify(body).slice(0, 80))
      t.equal(refused.data.errors[0].pointer, pointer)
    }
    const waits = (await ask(admin, group)).data.id
    const far = await act(admin, waits, 'approve', { joined_on: daysFromNow(370) })
    t.match(far, { statusCode: 422, data: { code: 'too_far_ahead' } })
    await admin.patch(`/v1/groups/${group}`, { status: 'closed' }, { 'if-match': '*' })
    t.match(await ask(admin, group, { person_id }), { statusCode: 409, data: { code: 'group_closed' } })
    t.match(await act(admin, waits, 'approve'), { statusCode: 409, data: { code: 'group_closed' } })
    await admin.post(`/v1/groups/${group}/archive`, undefined, { 'if-match': '*' })
    t.match(await ask(admin, group, { person_id }), { statusCode: 409, data: { code: 'group_archived' } })
    t.match(await act(admin, waits, 'approve'), { statusCode: 409, data: { code: 'group_archived' } })
    t.match(await rowsOf(group), [{ stage: 'requested', version: 1 }])
    t.equal((await act(admin, waits, 'refuse')).statusCode, 200)
  })

  await t.test('are kept sealed, each for its own place, and told to those who read', async t => {
    const group = await makeGroup(admin)
    const message = 'Nobody at home knows that I come'
    const [one, two] = [await ask(admin, group, { message }), await ask(admin, group, { message: 'Another' })]
    const [row] = await rowsOf(group)
    t.ok(Buffer.isBuffer(row.message_sealed))
    t.notOk(row.message_sealed.includes('Nobody'))
    const { data } = await admin.post('/v1/api-keys', { name: 'Writes', scopes: ['memberships:write'] })
    const writes = { authorization: `Bearer ${data.secret}` }
    t.match(await act(admin, one.data.id, 'approve', {}, writes), { statusCode: 200, data: { message: null } })
    t.equal((await get(one.data.id)).message, message)

    await look(
      `update memberships set message_sealed = (select message_sealed from memberships where id = $1) where id = $2`,
      [one.data.id, two.data.id]
    )
    log.length = 0
    t.equal((await get(two.data.id)).message, null, 'what was moved does not open')
    const errors = log.map(line => JSON.parse(line)).filter(({ level }) => level === 50)
    t.match(errors, [{ membership_id: two.data.id, msg: 'the message of a membership does not open' }])
    t.notMatch(log.join(''), /Nobody at home/)
    const listed = await admin.get(`/v1/groups/${group}/memberships`)
    t.same(
      listed.data.data.map((row: { message: string | null }) => row.message),
      [message, null]
    )
  })

  await t.test('let a facilitator of the group see who asks, and are hidden from all others', async t => {
    const group = await makeGroup(admin)
    const asked = await ask(admin, group, { message: 'Hello' })
    const mine = await staff(admin, 'facilitator')
    const others = await staff(admin, 'facilitator')
    const observer = await staff(admin, 'observer')
    const elsewhere = await organization('Elsewhere')
    await assign(admin, group, mine.staff_id)
    await assign(admin, await makeGroup(admin), others.staff_id)
    const before = await rowsOf(group)
    for (const client of [others, elsewhere]) {
      for (const action of ['approve', 'refuse', 'withdraw']) {
        t.equal((await act(client, asked.data.id, action)).statusCode, 404, action)
      }
      const request = await client.post(`/v1/groups/${group}/join-requests`, { person_id: asked.data.person_id })
      t.equal(request.statusCode, 404)
      t.equal((await client.get(`/v1/people/${asked.data.person_id}`)).statusCode, 404)
    }
    for (const action of ['approve', 'refuse', 'withdraw']) {
      t.equal((await act(observer, asked.data.id, action)).statusCode, 403, action)
    }
    t.equal((await observer.post(`/v1/groups/${group}/join-requests`, {})).statusCode, 403)
    t.same(await rowsOf(group), before)

    t.equal((await mine.get(`/v1/people/${asked.data.person_id}`)).statusCode, 200)
    t.equal((await mine.get(`/v1/groups/${group}/memberships?status=requested`)).data.data[0].message, 'Hello')
    t.equal((await act(mine, asked.data.id, 'approve')).data.status, 'active')
  })

  await t.test('are made once with one Idempotency-Key', async t => {
    const group = await makeGroup(admin)
    const body = { person_id: await makePerson(admin, 'Ana'), message: 'Once' }
    const key = { 'idempotency-key': 'ask-1' }
    const first = await admin.post(`/v1/groups/${group}/join-requests`, body, key)
    const again = await admin.post(`/v1/groups/${group}/join-requests`, body, key)
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.equal(again.body, first.body)
    t.equal((await rowsOf(group)).length, 1)
  })
})
