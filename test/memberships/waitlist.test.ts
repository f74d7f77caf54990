import { randomUUID } from 'node:crypto'
import t from 'tap'
import { offerSeatsEverywhere } from '../../src/memberships/offer-seats.ts'
import { seatFor } from '../../src/memberships/seats.ts'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makePerson, makeSession } from '../support/circle.ts'

const join = async (client: Client, group: string, body: object = {}, query = '') =>
  await client.post(
    `/v1/groups/${group}/memberships${query}`,
    'person_id' in body ? body : { person_id: await makePerson(client, 'Ana'), ...body }
  )
const act = (client: Client, id: string, action: string, body?: object) =>
  client.post(`/v1/memberships/${id}/${action}`, body)
const idsOf = (reply: Reply): string[] => reply.data.data.map((one: { id: string }) => one.id)
const brief = ({ data }: Reply) => [data.status, data.position, data.over_capacity]

t.test('a seat, an extra one or none', async t => {
  const of = (capacity: number | null, capacity_rule: 'hard' | 'soft', taken: number, waiting: number, force = false) =>
    seatFor({ capacity, capacity_rule }, { taken, waiting }, force)
  t.equal(of(null, 'hard', 900, 0), 'free')
  t.equal(of(3, 'hard', 2, 0), 'free')
  t.equal(of(3, 'hard', 3, 0), 'none')
  t.equal(of(3, 'hard', 4, 0), 'none')
  t.equal(of(3, 'hard', 2, 1), 'none', 'who waits comes first')
  t.equal(of(3, 'hard', 2, 1, true), 'free')
  t.equal(of(3, 'hard', 3, 0, true), 'extra')
  t.equal(of(3, 'soft', 2, 0), 'free')
  t.equal(of(3, 'soft', 3, 5), 'extra')
})

t.test('seats and the line', async t => {
  const service = await startApp(t)
  const { organization, staff, look } = service
  const admin = await organization()
  const get = async (id: string) => (await admin.get(`/v1/memberships/${id}`)).data
  const waiting = async (group: string) =>
    (await admin.get(`/v1/groups/${group}/memberships?status=waitlisted`)).data.data.map(
      (one: { id: string; position: number }) => [one.id, one.position]
    )
  const set = async (group: string, changes: object) => {
    const changed = await admin.patch(`/v1/groups/${group}`, changes, { 'if-match': '*' })
    if (changed.statusCode !== 200) throw new Error(changed.body)
  }
  const events = async (ids: string[]) =>
    (
      await look(
        `select type, object_id from outbox_events where object_type = 'membership' and object_id = any ($1) order by at, id`,
        [ids]
      )
    ).map(({ type, object_id }) => `${type} ${ids.indexOf(object_id)}`)
  const expire = (...ids: string[]) =>
    look("update memberships set offer_expires_at = now() - interval '1 second' where id = any ($1)", [ids])
  const job = () => offerSeatsEverywhere(service.app.db, service.app.log)
  /** A group of so many seats, all taken, and so many who wait. */
  const full = async (capacity: number, waiters: number) => {
    const group = await makeGroup(admin, { capacity })
    const members: string[] = []
    const line: string[] = []
    for (let n = 0; n < capacity + waiters; n++)
      (n < capacity ? members : line).push((await join(admin, group)).data.id)
    return { group, members, line }
  }

  await t.test('whoever comes when every seat is taken waits in line, and holds no place on the roster', async t => {
    const group = await makeGroup(admin, { capacity: 2 })
    t.same(brief(await join(admin, group)), ['active', null, false])
    t.same(
      brief(await join(admin, group, { joined_on: daysFromNow(9) })),
      ['active', null, false],
      'a seat from now on'
    )
    const third = await join(admin, group, { joined_on: '2026-01-01' })
    t.match(third, { statusCode: 201, headers: { location: `/v1/memberships/${third.data.id}`, etag: '"1"' } })
    t.match(third.data, { status: 'waitlisted', position: 1, joined_on: null, offer_expires_at: null, left_on: null })
    t.same(await get(third.data.id), third.data)
    const fourth = await join(admin, group)
    t.same(brief(fourth), ['waitlisted', 2, false])
    t.same(await waiting(group), [
      [third.data.id, 1],
      [fourth.data.id, 2]
    ])
    t.same(await events([third.data.id]), ['membership.waitlisted 0'])

    t.equal((await admin.get(`/v1/groups/${group}`)).data.member_count, 1)
    const person = `/v1/people/${third.data.person_id}/memberships`
    for (const query of ['?active=true', '?active=false', `?on=${daysFromNow(0)}`, '?status=active']) {
      t.notOk(idsOf(await admin.get(`/v1/groups/${group}/memberships${query}`)).includes(third.data.id), query)
      t.same(idsOf(await admin.get(person + query)), [], query)
    }
    t.same(idsOf(await admin.get(`${person}?status=waitlisted`)), [third.data.id])
    const session = await admin.post(`/v1/groups/${group}/sessions`, {
      starts_at: new Date().toISOString(),
      duration_minutes: 60
    })
    const { data: sheet } = await admin.get(`/v1/sessions/${session.data.id}/attendance`)
    t.equal(sheet.roster.length, 1)
    t.equal((await admin.get(`/v1/groups/${group}/handover`)).data.roster.length, 1)

    const again = await join(admin, group, { person_id: third.data.person_id })
    t.match(again, { statusCode: 409, data: { code: 'already_requested' } })
    for (const force of ['?force=true', '']) {
      const twice = await join(admin, group, { person_id: fourth.data.person_id }, force)
      t.equal(twice.data.code, 'already_requested')
    }
    t.equal((await waiting(group)).length, 2)
  })

  await t.test('a soft capacity, or whoever insists, lets in; there is no line without a capacity', async t => {
    const soft = await makeGroup(admin, { capacity: 1, capacity_rule: 'soft' })
    t.same(brief(await join(admin, soft)), ['active', null, false])
    t.same(brief(await join(admin, soft)), ['active', null, true])
    t.equal((await admin.get(`/v1/groups/${soft}`)).data.capacity_rule, 'soft')

    const hard = await makeGroup(admin, { capacity: 1 })
    t.equal((await admin.get(`/v1/groups/${hard}`)).data.capacity_rule, 'hard')
    t.same(brief(await join(admin, hard, {}, '?force=true')), ['active', null, false], 'there was a seat')
    const forced = await join(admin, hard, { joined_on: '2026-02-01' }, '?force=true')
    t.same(brief(forced), ['active', null, true])
    t.equal(forced.data.joined_on, '2026-02-01')
    t.same(brief(await join(admin, hard, {}, '?force=false')), ['waitlisted', 1, false])

    const endless = await makeGroup(admin)
    for (let n = 0; n < 3; n++) t.same(brief(await join(admin, endless)), ['active', null, false])
    t.equal((await admin.patch(`/v1/groups/${hard}`, { capacity_rule: 'firm' }, { 'if-match': '*' })).statusCode, 422)
    await set(hard, { capacity_rule: 'soft' })
    t.same(brief(await join(admin, hard)), ['active', null, true])
  })

  await t.test('the seat of whoever leaves is offered to the first in line, and accepted', async t => {
    const { group, members, line } = await full(2, 3)
    const before = Date.now()
    t.equal((await act(admin, members[0]!, 'leave')).statusCode, 200)
    const offered = await get(line[0]!)
    t.match(offered, { status: 'offered', position: null, joined_on: null, version: 2 })
    const hours = (Date.parse(offered.offer_expires_at) - before) / 3_600_000
    t.ok(hours > 47.9 && hours < 48.1, `${hours} hours`)
    t.same(await waiting(group), [
      [line[1], 1],
      [line[2], 2]
    ])
    t.same(brief(await join(admin, group)), ['waitlisted', 3, false], 'an offer holds its seat')

    t.equal((await admin.post(`/v1/memberships/${line[0]}/accept`, {}, { 'if-match': '"1"' })).statusCode, 412)
    const far = await act(admin, line[0]!, 'accept', { joined_on: daysFromNow(370) })
    t.match(far, { statusCode: 422, data: { code: 'too_far_ahead', errors: [{ pointer: '#/joined_on' }] } })
    const accepted = await act(admin, line[0]!, 'accept', { joined_on: daysFromNow(1) })
    t.match(accepted, { statusCode: 200, headers: { etag: '"3"' } })
    t.match(accepted.data, {
      status: 'active',
      joined_on: daysFromNow(1),
      offer_expires_at: null,
      over_capacity: false
    })
    for (const action of ['accept', 'decline']) {
      t.match(await act(admin, line[0]!, action), { statusCode: 409, data: { code: 'not_offered' } }, action)
      t.match(await act(admin, line[1]!, action), { statusCode: 409, data: { code: 'not_offered' } }, 'who waits')
    }
    t.equal((await act(admin, line[0]!, 'withdraw')).data.code, 'not_pending')
    t.same(await events([line[0]!]), ['membership.waitlisted 0', 'membership.offered 0', 'membership.accepted 0'])
    t.equal((await get(line[1]!)).status, 'waitlisted', 'there was one seat')
  })

  await t.test('hours of an offer are the organization’s to set', async t => {
    const there = await organization('Brief')
    const settings = await there.patch('/v1/organization', { settings: { offer_hours: 2 } }, { 'if-match': '*' })
    t.equal(settings.statusCode, 200, settings.body)
    const group = await makeGroup(there, { capacity: 1 })
    const [first, second] = [await join(there, group), await join(there, group)]
    await act(there, first.data.id, 'leave')
    const { data } = await there.get(`/v1/memberships/${second.data.id}`)
    const minutes = (Date.parse(data.offer_expires_at) - Date.now()) / 60_000
    t.ok(minutes > 118 && minutes <= 120, `${minutes} minutes`)
  })

  await t.test(
    'whoever declines, withdraws or lets an offer end leaves it to the next; places are never given twice',
    async t => {
      const { group, members, line } = await full(1, 4)
      await act(admin, members[0]!, 'leave')
      const declined = await act(admin, line[0]!, 'decline')
      t.match(declined.data, {
        status: 'not_joined',
        not_joined_reason: 'declined',
        offer_expires_at: null,
        position: null
      })
      t.match(await act(admin, line[0]!, 'decline'), { statusCode: 409, data: { code: 'not_offered' } })
      t.equal((await get(line[1]!)).status, 'offered')

      const withdrawn = await act(admin, line[1]!, 'withdraw')
      t.match(withdrawn.data, { status: 'not_joined', not_joined_reason: 'withdrawn' })
      t.match(await act(admin, line[1]!, 'withdraw'), { statusCode: 409, data: { code: 'not_pending' } })
      t.equal((await get(line[2]!)).status, 'offered')

      await expire(line[2]!)
      const over = { status: 'not_joined', not_joined_reason: 'expired', offer_expires_at: null, version: 2 }
      t.match(await get(line[2]!), over, 'before anybody wrote it down')
      t.same(idsOf(await admin.get(`/v1/groups/${group}/memberships?status=offered`)), [])
      t.ok(idsOf(await admin.get(`/v1/groups/${group}/memberships?status=not_joined`)).includes(line[2]!))
      for (const action of ['accept', 'decline']) {
        t.match(await act(admin, line[2]!, action), { statusCode: 409, data: { code: 'offer_expired' } }, action)
      }
      t.equal((await act(admin, line[2]!, 'withdraw')).data.code, 'not_pending')

      const person_id = (await get(line[2]!)).person_id
      const again = await join(admin, group, { person_id })
      t.same(brief(again), ['waitlisted', 1, false], 'whose offer ended may wait again, at the end')
      t.equal((await get(line[3]!)).status, 'offered', 'and the next was offered the seat first')
      t.match(await get(line[2]!), { ...over, version: 3 })
      t.equal((await act(admin, line[2]!, 'accept')).data.code, 'offer_expired')
      const places = await look('select place from memberships where group_id = $1 and place is not null order by id', [
        group
      ])
      t.same(
        places.map(row => row.place),
        [1, 2, 3, 4, 5]
      )
      t.same(await events([line[2]!, line[3]!]), [
        'membership.waitlisted 0',
        'membership.waitlisted 1',
        'membership.offered 0',
        'membership.expired 0',
        'membership.offered 1'
      ])
      await act(admin, again.data.id, 'withdraw')
      const last = await join(admin, group)
      t.same(brief(last), ['waitlisted', 1, false])
      t.equal((await look('select place from memberships where id = $1', [last.data.id]))[0].place, 6)
    }
  )

  await t.test('a place in line stays as others come and go', async t => {
    const { group, line } = await full(1, 5)
    await act(admin, line[1]!, 'withdraw')
    t.same(
      await waiting(group),
      [line[0], line[2], line[3], line[4]].map((id, index) => [id, index + 1])
    )
    // Whatever the order of ids says.
    await look('update memberships set place = place + 10 where id = $1', [line[0]])
    t.same(
      await waiting(group),
      [line[2], line[3], line[4], line[0]].map((id, index) => [id, index + 1])
    )
    const url = `/v1/groups/${group}/memberships?status=waitlisted&limit=3`
    const first = await admin.get(url)
    t.same(idsOf(first), [line[2], line[3], line[4]])
    const next = await admin.get(`${url}&cursor=${first.data.page.next_cursor}`)
    t.same(idsOf(next), [line[0]])
    t.equal(next.data.data[0].position, 4)
    t.equal(next.data.page.next_cursor, null)
  })

  await t.test('lists page through members by first day and then through all others', async t => {
    const { group, members, line } = await full(3, 4)
    await look("update memberships set joined_on = '2026-03-01' where id = $1", [members[1]])
    await look("update memberships set joined_on = '2026-01-01' where id = $1", [members[2]])
    const wanted = [members[2], members[1], members[0], ...line]
    for (const limit of [1, 2, 3, 4]) {
      const seen: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: Reply = await admin.get(
          `/v1/groups/${group}/memberships?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`
        )
        seen.push(...idsOf(page))
        cursor = page.data.page.next_cursor
      }
      t.same(seen, wanted, `${limit} at a time`)
    }
  })

  await t.test('whose last day is to come holds a seat until then, and the job offers it', async t => {
    const { group, members, line } = await full(1, 2)
    await act(admin, members[0]!, 'leave', { left_on: daysFromNow(3) })
    t.equal((await get(line[0]!)).status, 'waitlisted')
    await job()
    t.equal((await get(line[0]!)).status, 'waitlisted')
    await look('update memberships set left_on = joined_on where id = $1', [members[0]])
    t.equal((await get(members[0]!)).status, 'active', 'the last day counts')
    t.equal(await job(), 1)
    t.match(await get(line[0]!), { status: 'offered', version: 2 })
    t.equal((await get(line[1]!)).status, 'waitlisted')
    t.equal(await job(), 0, 'whoever is second finds nothing')
    await expire(line[0]!)
    t.same(
      (await Promise.all([job(), job(), job()])).some(groups => groups > 0),
      true
    )
    t.match(await get(line[0]!), { not_joined_reason: 'expired', version: 3 })
    t.match(await get(line[1]!), { status: 'offered', version: 2 }, 'once, however many looked')
    const [{ count }] = await look(
      "select count(*)::int as count from audit_entries where operation = 'membership.offered' and object_id = $1 and api_key_id is null",
      [line[1]]
    )
    t.equal(count, 1, 'by nobody’s key')
    t.equal((await admin.get(`/v1/groups/${group}`)).data.member_count, 1)
  })

  await t.test('a lower capacity puts nobody out, and a higher one is offered within the minute', async t => {
    const { group, members, line } = await full(3, 3)
    await act(admin, members[0]!, 'leave')
    t.equal((await get(line[0]!)).status, 'offered')
    await set(group, { capacity: 1 })
    await job()
    for (const id of members.slice(1)) t.equal((await get(id)).status, 'active')
    const accepted = await act(admin, line[0]!, 'accept')
    t.same(brief(accepted), ['active', null, true], 'a seat that was kept is kept, though it is one too many by now')
    await act(admin, members[1]!, 'leave')
    t.same(await waiting(group), [
      [line[1], 1],
      [line[2], 2]
    ])
    await set(group, { capacity: 4 })
    t.equal(await job(), 1)
    t.same(await waiting(group), [])
    t.equal((await get(line[2]!)).status, 'offered')
    t.same(brief(await join(admin, group)), ['waitlisted', 1, false])
    await set(group, { capacity: null })
    t.same(brief(await join(admin, group)), ['active', null, false], 'after those who waited were offered seats')
    t.same(await waiting(group), [])
  })

  await t.test('where a capacity becomes soft, nobody passes those who wait', async t => {
    const { group, line } = await full(1, 2)
    await set(group, { capacity_rule: 'soft' })
    t.equal(await job(), 1)
    for (const id of line) t.equal((await get(id)).status, 'offered')
    t.equal(await job(), 0)
    t.same(brief(await act(admin, line[1]!, 'accept')), ['active', null, true], 'there are more than seats')
    t.same(brief(await join(admin, group)), ['active', null, true])

    const other = await full(2, 1)
    await act(admin, other.members[0]!, 'leave')
    await set(other.group, { capacity_rule: 'soft' })
    t.same(brief(await act(admin, other.line[0]!, 'accept')), ['active', null, false], 'there was a seat')

    const wide = await full(2, 3)
    await set(wide.group, { capacity: 4, capacity_rule: 'soft' })
    await job()
    t.same(brief(await act(admin, wide.line[0]!, 'accept')), ['active', null, false], 'the third of four')
    t.same(brief(await join(admin, wide.group)), ['active', null, false], 'offers hold no seats there')
    await set(wide.group, { capacity: 2, capacity_rule: 'hard' })
    for (const id of wide.line.slice(1)) {
      t.same(brief(await act(admin, id, 'accept')), ['active', null, true], 'more than two')
    }
  })

  await t.test('who was expected and did not come, and left, may come again', async t => {
    const group = await makeGroup(admin, { capacity: 1 })
    const first = await join(admin, group, { joined_on: '2026-01-01' })
    const { person_id } = first.data
    for (const minutesAgo of [3000, 1500]) {
      const session = await makeSession(admin, group, minutesAgo)
      const sheet = await admin.put(`/v1/sessions/${session}/attendance`, {
        records: [{ person_id, status: 'absent' }]
      })
      t.match(sheet.data.roster, [{ status: 'absent', expected: 'yes' }])
    }
    await act(admin, first.data.id, 'leave', { left_on: daysFromNow(-1) })
    t.same(brief(await join(admin, group, { person_id })), ['active', null, false])
  })

  await t.test('nothing is offered where nobody joins any more', async t => {
    const { group, members, line } = await full(2, 3)
    await act(admin, members[0]!, 'leave')
    await set(group, { status: 'closed' })
    t.match(await act(admin, line[0]!, 'accept'), { statusCode: 409, data: { code: 'group_closed' } })
    t.equal((await act(admin, line[0]!, 'decline')).statusCode, 200, 'saying no is always possible')
    await act(admin, members[1]!, 'leave')
    await job()
    t.equal((await get(line[1]!)).status, 'waitlisted')
    t.equal((await act(admin, line[1]!, 'withdraw')).statusCode, 200)
    await set(group, { status: 'active' })
    await admin.post(`/v1/groups/${group}/archive`, undefined, { 'if-match': '*' })
    await job()
    t.equal((await get(line[2]!)).status, 'waitlisted')
    await admin.post(`/v1/groups/${group}/restore`, undefined, { 'if-match': '*' })
    await job()
    t.equal((await get(line[2]!)).status, 'offered')
  })

  await t.test('one group in which it fails does not keep the others from their seats', async t => {
    const [one, two] = [await full(1, 1), await full(1, 1)]
    for (const { group } of [one, two]) await set(group, { capacity: 2 })
    const broken = [one, two].sort((a, b) => (a.group < b.group ? -1 : 1))
    await look(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger refuse before update on memberships for each row when (old.group_id = '${broken[0]!.group}') execute function refuse()`)
    t.equal(await job(), 1)
    t.equal((await get(broken[1]!.line[0]!)).status, 'offered')
    await look('drop trigger refuse on memberships; drop function refuse()')
    t.ok(service.log.some(line => line.includes(broken[0]!.group) && line.includes('seats could not be offered')))
    t.equal(await job(), 1)
    t.equal((await get(broken[0]!.line[0]!)).status, 'offered')
  })

  await t.test('former episodes never stand in the way', async t => {
    const group = await makeGroup(admin, { capacity: 1 })
    const person_id = await makePerson(admin, 'Bea')
    const left = await join(admin, group, { person_id, joined_on: '2026-01-01' })
    t.match(await join(admin, group, { person_id }), { statusCode: 409, data: { code: 'membership_overlaps' } })
    const request = await admin.post(`/v1/groups/${group}/join-requests`, { person_id })
    t.match(request, { statusCode: 409, data: { code: 'membership_overlaps' } })
    await admin.post(`/v1/memberships/${left.data.id}/absences`, { from: '2026-02-01', until: '2026-03-01' })
    await act(admin, left.data.id, 'leave', { left_on: '2026-04-01' })
    t.equal((await get(left.data.id)).status, 'left')
    const other = await join(admin, group)
    for (const end of ['withdraw', 'withdraw']) {
      const waits = await join(admin, group, { person_id })
      t.same(brief(waits), ['waitlisted', 1, false])
      t.equal((await act(admin, waits.data.id, end)).statusCode, 200)
    }
    const refused = await admin.post(`/v1/groups/${group}/join-requests`, { person_id })
    t.equal((await act(admin, refused.data.id, 'refuse')).data.not_joined_reason, 'refused')
    await act(admin, other.data.id, 'leave')
    t.same(brief(await join(admin, group, { person_id })), ['active', null, false])
    t.equal((await admin.get(`/v1/people/${person_id}/memberships`)).data.data.length, 5)
  })

  await t.test('whoever waits does not leave, and whoever belongs does not wait', async t => {
    const { members, line } = await full(1, 1)
    t.match(await act(admin, line[0]!, 'leave'), { statusCode: 409, data: { code: 'not_a_member' } })
    for (const action of ['accept', 'decline', 'withdraw', 'approve', 'refuse']) {
      t.equal((await act(admin, members[0]!, action)).statusCode, 409, action)
    }
  })

  await t.test('of another group or organization there is no line, and none for observers', async t => {
    const { group, members, line } = await full(1, 1)
    await act(admin, members[0]!, 'leave')
    const facilitator = await staff(admin, 'facilitator')
    await assign(admin, await makeGroup(admin), facilitator.staff_id)
    const elsewhere = await organization('Elsewhere')
    const observer = await staff(admin, 'observer')
    const told = (reply: Reply) => ({ ...reply.data, request_id: '', status: reply.statusCode })
    const before = await look('select * from memberships where group_id = $1 order by id', [group])
    for (const client of [facilitator, elsewhere]) {
      for (const action of ['accept', 'decline', 'withdraw', 'approve', 'refuse', 'leave']) {
        const reply = await act(client, line[0]!, action)
        t.equal(reply.statusCode, 404, action)
        t.same(told(reply), told(await act(client, randomUUID(), action)))
      }
      t.equal((await client.get(`/v1/groups/${group}/memberships?status=offered`)).statusCode, 404)
      t.equal((await client.post(`/v1/groups/${group}/join-requests`, {})).statusCode, 404)
    }
    for (const action of ['accept', 'decline', 'withdraw', 'approve', 'refuse']) {
      t.equal((await act(observer, line[0]!, action)).statusCode, 403, action)
    }
    t.same(await look('select * from memberships where group_id = $1 order by id', [group]), before)

    await assign(admin, group, facilitator.staff_id)
    t.equal((await act(facilitator, line[0]!, 'accept')).statusCode, 200, 'but one’s own is')
  })
})
