import { randomUUID } from 'node:crypto'
import t from 'tap'
import { localDateOf } from '../../src/clock/time-zones.ts'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { allAtOnce } from '../support/gate.ts'

t.test('memberships', async t => {
  const { organization, staff, look, superuserUrl } = await startApp(t, { POOL_SIZE: '20' })
  const admin = await organization()
  const other = await organization('Elsewhere')
  const facilitator = await staff(admin, 'facilitator')

  const group = async (client: Client, time_zone = 'Europe/Berlin') =>
    (await client.post('/v1/groups', { name: 'Circle', mode: 'online', time_zone })).data.id as string
  const person = async (client: Client, display_name = 'Ana') =>
    (await client.post('/v1/people', { display_name })).data.id as string
  const join = (client: Client, group_id: string, body: unknown) =>
    client.post(`/v1/groups/${group_id}/memberships`, body)
  const leave = (client: Client, id: string, body?: unknown) => client.post(`/v1/memberships/${id}/leave`, body)
  const days = (count: number, zone = 'Europe/Berlin') => localDateOf(new Date(Date.now() + count * 86_400_000), zone)
  const kept = async () =>
    (
      await look(
        `select md5(string_agg(x, '' order by x)) as sum from (
          select m::text as x from memberships m union all select o::text from outbox_events o where object_type = 'membership') t`
      )
    )[0].sum
  const told = (reply: Reply) => ({ ...reply.data, request_id: '', status: reply.statusCode })

  await t.test('begin, count up to and including their last day, and begin again', async t => {
    const group_id = await group(admin)
    const person_id = await person(admin)
    const made = await join(admin, group_id, { person_id, joined_on: '2026-01-05' })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/memberships/${made.data.id}`)
    t.equal(made.headers.etag, '"1"')
    t.match(made.data, {
      group_id,
      person_id,
      display_name: 'Ana',
      joined_on: '2026-01-05',
      left_on: null,
      left_reason: null,
      version: 1
    })
    t.same((await admin.get(made.headers.location as string)).data, made.data)

    t.equal((await admin.post(`/v1/memberships/${made.data.id}/leave`, {}, { 'if-match': '"4"' })).statusCode, 412)
    const left = await leave(admin, made.data.id, { left_on: '2026-03-02', reason: 'feels_well' })
    t.match(left.data, { left_on: '2026-03-02', left_reason: 'feels_well', version: 2 })
    t.equal(left.headers.etag, '"2"')
    const twice = await leave(admin, made.data.id)
    t.equal(twice.statusCode, 409)
    t.equal(twice.data.code, 'already_left')

    const overlapping = await join(admin, group_id, { person_id, joined_on: '2026-03-02' })
    t.equal(overlapping.statusCode, 409, 'the last day still counts')
    t.equal(overlapping.data.code, 'membership_overlaps')
    t.equal((await join(admin, group_id, { person_id, joined_on: '2025-12-01' })).data.code, 'membership_overlaps')
    const again = await join(admin, group_id, { person_id, joined_on: '2026-03-03' })
    t.equal(again.statusCode, 201)
    t.not(again.data.id, made.data.id)

    const on = async (day: string) =>
      (await admin.get(`/v1/groups/${group_id}/memberships?on=${day}`)).data.data.map((one: { id: string }) => one.id)
    t.same(await on('2026-01-04'), [])
    t.same(await on('2026-01-05'), [made.data.id])
    t.same(await on('2026-03-02'), [made.data.id])
    t.same(await on('2026-03-03'), [again.data.id])

    const all = await admin.get(`/v1/groups/${group_id}/memberships?limit=1`)
    t.equal(all.data.data[0].id, made.data.id)
    const next = await admin.get(`/v1/groups/${group_id}/memberships?limit=1&cursor=${all.data.page.next_cursor}`)
    t.same(next.data, { data: [again.data], page: { next_cursor: null, has_more: false } })
    t.match(next.headers.etag, undefined)
    const ids = (reply: Reply) => reply.data.data.map((one: { id: string }) => one.id)
    t.same(ids(await admin.get(`/v1/groups/${group_id}/memberships?active=true`)), [again.data.id])
    t.same(ids(await admin.get(`/v1/groups/${group_id}/memberships?active=false`)), [made.data.id])
    t.same(ids(await admin.get(`/v1/people/${person_id}/memberships`)), [made.data.id, again.data.id])
    t.same(ids(await admin.get(`/v1/people/${person_id}/memberships?on=2026-02-01`)), [made.data.id])
    t.equal((await admin.get(`/v1/groups/${group_id}`)).data.member_count, 1)

    const events = await look(
      `select type, object_version from outbox_events where organization_id = $1 and object_type = 'membership' order by at, id`,
      [admin.organization_id]
    )
    t.same(
      events.map(event => `${event.type} ${event.object_version}`),
      ['membership.created 1', 'membership.ended 2', 'membership.created 1']
    )
  })

  await t.test('begin and end today, by the clocks of the group, unless a day is given', async t => {
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const group_id = await group(admin, zone)
      const before = days(0, zone)
      const made = await join(admin, group_id, { person_id: await person(admin) })
      t.ok([before, days(0, zone)].includes(made.data.joined_on), made.data.joined_on)
      const left = await leave(admin, made.data.id)
      t.ok([before, days(0, zone)].includes(left.data.left_on))
      t.equal(left.data.left_reason, null)
      t.equal((await admin.get(`/v1/groups/${group_id}`)).data.member_count, 1, 'still a member today')
      t.equal((await leave(admin, made.data.id)).data.code, 'already_left')
    }
  })

  await t.test('are refused where they cannot be, and nothing is kept', async t => {
    const group_id = await group(admin)
    const person_id = await person(admin)
    const before = await kept()
    for (const [body, pointer] of [
      [{}, '#/person_id'],
      [{ person_id: 'x' }, '#/person_id'],
      [{ person_id, joined_on: '2026-02-30' }, '#/joined_on'],
      [{ person_id, joined_on: null }, '#/joined_on'],
      [{ person_id, joined_on: days(367) }, '#/joined_on'],
      [{ person_id, left_on: '2026-02-28' }, '#/left_on'],
      [{ person_id, version: 3 }, '#/version'],
      [{ person_id, organization_id: other.organization_id }, '#/organization_id']
    ] as const) {
      const refused = await join(admin, group_id, body)
      t.equal(refused.statusCode, 422, JSON.stringify(body))
      t.equal(refused.data.errors[0].pointer, pointer)
    }
    t.equal(await kept(), before)

    const made = await join(admin, group_id, { person_id, joined_on: days(3) })
    t.equal(made.statusCode, 201)
    const after = await kept()
    for (const [body, code] of [
      [undefined, 'left_before_joining'],
      [{ left_on: days(2) }, 'left_before_joining'],
      [{ left_on: days(367) }, 'too_far_ahead'],
      [{ reason: 'bored' }, 'validation_failed'],
      [{ joined_on: days(0) }, 'validation_failed']
    ] as const) {
      const refused = await leave(admin, made.data.id, body)
      t.equal(refused.statusCode, 422, JSON.stringify(body))
      t.equal(refused.data.code, code)
    }
    t.equal(await kept(), after)

    t.equal((await admin.patch(`/v1/groups/${group_id}`, { status: 'closed' }, { 'if-match': '*' })).statusCode, 200)
    const someone = await person(admin)
    t.equal((await join(admin, group_id, { person_id: someone })).data.code, 'group_closed')
    await admin.post(`/v1/groups/${group_id}/archive`, undefined, { 'if-match': '*' })
    t.equal((await join(admin, group_id, { person_id: someone })).data.code, 'group_archived')
    t.equal(await kept(), after)
    t.equal((await leave(admin, made.data.id, { left_on: days(3) })).statusCode, 200, 'leaving is always possible')
  })

  await t.test('are one, however many try at once', async t => {
    const group_id = await group(admin)
    const person_id = await person(admin)
    const answers = await allAtOnce(superuserUrl, 'memberships', 30, () => join(admin, group_id, { person_id }))
    t.equal(answers.filter(answer => answer.statusCode === 201).length, 1)
    const refused = answers.filter(answer => answer.statusCode === 409)
    t.equal(refused.length, 29)
    t.ok(refused.every(answer => answer.data.code === 'membership_overlaps'))
    t.equal((await look('select from memberships where group_id = $1', [group_id])).length, 1)

    const leaving = await Promise.all(
      Array.from({ length: 10 }, () => leave(admin, answers.find(answer => answer.statusCode === 201)!.data.id))
    )
    t.equal(leaving.filter(answer => answer.statusCode === 200).length, 1)
    t.equal(leaving.filter(answer => answer.statusCode === 409).length, 9)
  })

  await t.test('of the groups facilitated now are a facilitator’s to keep, and no others', async t => {
    const mine = await group(admin)
    const theirs = await group(admin)
    await admin.post(`/v1/groups/${mine}/facilitators`, { staff_id: facilitator.staff_id })
    const own = await person(facilitator, 'Own')
    const joined = await join(facilitator, mine, { person_id: own })
    t.equal(joined.statusCode, 201, joined.body)
    t.equal((await facilitator.get(`/v1/groups/${mine}/memberships`)).data.data[0].display_name, 'Own')

    const stranger = await person(admin, 'Stranger')
    const hidden = (await join(admin, theirs, { person_id: stranger })).data.id
    const foreign = await person(other, 'Foreign')
    const before = await kept()
    const random = await join(facilitator, mine, { person_id: randomUUID() })
    t.match(random.data, { status: 422, code: 'unknown_reference', errors: [{ pointer: '#/person_id' }] })
    t.same(told(await join(facilitator, mine, { person_id: stranger })), told(random))
    t.same(told(await join(facilitator, mine, { person_id: foreign })), told(random))
    t.same(told(await join(admin, mine, { person_id: foreign })), told(random))

    const theirGroup = `/v1/groups/${theirs}/memberships`
    const noGroup = `/v1/groups/${randomUUID()}/memberships`
    t.same(told(await facilitator.get(theirGroup)), told(await facilitator.get(noGroup)))
    for (const body of [{ person_id: own }, { person_id: stranger }, { nonsense: 1 }]) {
      const refused = await facilitator.post(theirGroup, body)
      t.equal(refused.statusCode, 404)
      t.same(told(refused), told(await facilitator.post(noGroup, body)))
    }
    t.same(
      told(await facilitator.get(`/v1/memberships/${hidden}`)),
      told(await facilitator.get(`/v1/memberships/${randomUUID()}`))
    )
    for (const body of [{}, { nonsense: 1 }]) {
      const refused = await leave(facilitator, hidden, body)
      t.equal(refused.statusCode, 404)
      t.same(told(refused), told(await leave(facilitator, randomUUID(), body)))
    }
    t.equal(await kept(), before)
    t.equal((await leave(facilitator, joined.data.id)).statusCode, 200)
  })

  await t.test('of another organization are as if they were not there', async t => {
    const group_id = await group(other)
    const person_id = await person(other)
    const hidden = (await join(other, group_id, { person_id })).data.id
    const before = await kept()
    for (const ask of [
      (id: string) => admin.get(`/v1/groups/${id}/memberships`),
      (id: string) => join(admin, id, { person_id: randomUUID() })
    ]) {
      t.same(told(await ask(group_id)), told(await ask(randomUUID())))
      t.equal((await ask(group_id)).statusCode, 404)
    }
    for (const ask of [(id: string) => admin.get(`/v1/memberships/${id}`), (id: string) => leave(admin, id)]) {
      t.same(told(await ask(hidden)), told(await ask(randomUUID())))
      t.equal((await ask(hidden)).statusCode, 404)
    }
    t.equal((await admin.get(`/v1/people/${person_id}/memberships`)).statusCode, 404)
    t.equal(await kept(), before)
  })

  await t.test('are not for observers, and need their scopes', async t => {
    const group_id = await group(admin)
    const observer = await staff(admin, 'observer')
    t.equal((await observer.get(`/v1/groups/${group_id}/memberships`)).statusCode, 403)
    t.equal((await join(observer, group_id, { person_id: randomUUID() })).statusCode, 403)
    const { data } = await admin.post('/v1/api-keys', {
      name: 'Names only',
      scopes: ['people:read', 'memberships:read']
    })
    const key = { authorization: `Bearer ${data.secret}` }
    t.equal((await admin.get(`/v1/groups/${group_id}/memberships`, key)).statusCode, 200)
    t.equal((await admin.post(`/v1/groups/${group_id}/memberships`, {}, key)).data.code, 'insufficient_scope')
  })
})
