import * as fc from 'fast-check'
import t from 'tap'
import { Compile } from 'typebox/compile'
import { addDays, instantOf, localDateOf, localTimeOf } from '../../src/clock/time-zones.ts'
import { serviceActor } from '../../src/database/actor.ts'
import { importMeetingGuide, readMeetings } from '../../src/imports/import-meeting-guide.ts'
import { meetingGuideTypes } from '../../src/imports/meeting-guide-types.ts'
import { MeetingGuideImport } from '../../src/imports/schemas.ts'
import { type Client, type Reply, startApp } from '../support/app.ts'

const url = '/v1/imports/meeting-guide'
const everyDay = [0, 1, 2, 3, 4, 5, 6]
const weekly = {
  slug: 'sunday-serenity',
  name: 'Sunday Serenity',
  day: 0,
  time: '18:00',
  end_time: '19:30',
  timezone: 'America/Los_Angeles',
  types: ['O', 'S', 'X', 'D', 'C'],
  location: 'Community Center',
  address: '123 Main Street',
  city: 'Anytown',
  state: 'CA',
  contact_1_name: 'Zoltan',
  contact_1_email: 'zoltan@example.org'
}

type Session = {
  id: string
  series_id: string
  starts_at: string
  local_date: string
  local_time: string
  outcome: string
}

/** A zone where it is day: two hours ago and in two hours are today. */
const now = new Date()
const zone = ['UTC', 'Asia/Tokyo', 'Asia/Kolkata', 'America/Los_Angeles', 'America/New_York', 'Pacific/Auckland'].find(
  name => localTimeOf(now, name) > '06:00' && localTimeOf(now, name) < '18:00'
)!
const today = localDateOf(now, zone)
const at = (hours: number) => localTimeOf(new Date(now.getTime() + hours * 3_600_000), zone)

t.test('the import of a Meeting Guide list', async t => {
  const service = await startApp(t)
  const { app, organization, staff, look } = service
  const admin = await organization()

  const send = (rows: unknown, who: Client = admin, query = '', headers = {}) =>
    who.request({
      method: 'POST',
      url: `${url}${query}`,
      headers: { 'content-type': 'application/json', ...headers },
      payload: typeof rows === 'string' ? rows : JSON.stringify(rows)
    })
  /** The one result of a list of one row. */
  const take = async (row: unknown, who = admin) => {
    const reply = await send([row], who)
    if (reply.statusCode !== 207) throw new Error(reply.body)
    return reply.data.results[0]
  }
  /** A list that was imported so many days ago. */
  const takenBefore = async (days: number, rows: unknown[], who = admin) =>
    app.db.write(serviceActor(who.organization_id, 'long-ago'), async tx =>
      importMeetingGuide(
        tx,
        await readMeetings(rows, { time_zone: null }),
        { end_left: false, horizonDays: 90 },
        new Date(now.getTime() - days * 86_400_000)
      )
    )
  const groupOf = async (id: string, who = admin) => (await who.get(`/v1/groups/${id}`)).data
  const seriesOf = async (id: string, who = admin) => (await who.get(`/v1/groups/${id}/series`)).data.data
  const sessionsOf = async (id: string, who = admin): Promise<Session[]> => {
    const all: Session[] = []
    for (let next = `/v1/groups/${id}/sessions?limit=100`; ; ) {
      const { data, page } = (await who.get(next)).data
      all.push(...data)
      if (page.next_cursor === null) return all
      next = `/v1/groups/${id}/sessions?limit=100&cursor=${page.next_cursor}`
    }
  }
  /** Everything that an import may write, of all organizations. */
  const everything = async () => ({
    groups: await look('select * from groups order by id'),
    series: await look('select * from series order by id'),
    sessions: await look('select * from sessions order by id'),
    audit: await look('select * from audit_entries order by id'),
    events: await look('select * from outbox_events order by id')
  })
  const recorded = async (object_id: string) =>
    (await look('select operation from audit_entries where object_id = $1 order by id', [object_id])).map(
      row => row.operation
    )

  await t.test('makes a group with a weekly series of each row', async t => {
    const reply = await send([weekly])
    t.equal(reply.statusCode, 207, reply.body)
    const [result] = reply.data.results
    t.same(reply.data, {
      results: [{ index: 0, slug: 'sunday-serenity', result: 'created', group_id: result.group_id, problem: null }],
      left: [],
      counts: { created: 1, updated: 0, unchanged: 0, skipped: 0 }
    })
    t.match(await groupOf(result.group_id), {
      name: 'Sunday Serenity',
      slug: 'sunday-serenity',
      topics: ['discussion'],
      access: 'open',
      format: 'ongoing',
      mode: 'in_person',
      location: { address: '123 Main Street', city: 'Anytown', region: 'CA', country: null, notes: 'Community Center' },
      languages: ['es'],
      accessibility: ['wheelchair access'],
      audience: ['fellowship members only'],
      capacity: null,
      status: 'active',
      visibility: 'listed',
      time_zone: 'America/Los_Angeles',
      archived_at: null,
      version: 1
    })
    const [series, ...more] = await seriesOf(result.group_id)
    t.same(more, [])
    const first = Date.parse(`${localDateOf(new Date(), 'America/Los_Angeles')}T00:00:00Z`)
    const starts_on = new Date(first + ((7 - new Date(first).getUTCDay()) % 7) * 86_400_000).toISOString().slice(0, 10)
    t.match(series, {
      starts_on,
      start_time: '18:00',
      duration_minutes: 90,
      time_zone: 'America/Los_Angeles',
      rrule: 'FREQ=WEEKLY;BYDAY=SU',
      ends_on: null,
      version: 1
    })
    const sessions = await sessionsOf(result.group_id)
    const days = Array.from({ length: 14 }, (_, week) => addDays(starts_on, 7 * week)).filter(
      day => day < series.sessions_until
    )
    t.same(
      sessions.map(({ local_date, local_time, starts_at }) => ({ local_date, local_time, starts_at })),
      days.map(day => ({
        local_date: day,
        local_time: '18:00',
        starts_at: instantOf(day, '18:00', 'America/Los_Angeles').replace('Z', '.000Z')
      }))
    )
    t.ok(days.length >= 13)
    t.same(await recorded(result.group_id), ['group.created'])
    t.same(await recorded(series.id), ['series.created'])
    const events = await look(
      'select type, object_version from outbox_events where object_id = any ($1) order by type',
      [[result.group_id, series.id]]
    )
    t.same(
      events,
      ['group.created', 'series.created'].map(type => ({ type, object_version: 1 }))
    )
    t.equal((await look('select source from series where id = $1', [series.id]))[0].source, 'meeting_guide')
    t.notMatch(JSON.stringify(await everything()), /Zoltan/i, 'people are never read')
  })

  await t.test('sent again changes nothing', async t => {
    const before = await everything()
    const again = await take(weekly)
    t.match(again, { result: 'unchanged', group_id: String, problem: null })
    t.same(await everything(), before)
  })

  await t.test('a changed row changes the group, not its series', async t => {
    const rows = [
      { ...weekly, slug: 'changed' },
      { ...weekly, slug: 'not-changed' }
    ]
    const ids = (await send(rows)).data.results.map((result: { group_id: string }) => result.group_id)
    const [before, other] = [await everything(), await groupOf(ids[1])]
    const reply = await send([
      { ...rows[0], name: 'Séance du soir', notes: 'Ring twice', types: ['W'], address: '9 Elm Street' },
      rows[1]
    ])
    t.match(reply.data, {
      results: [{ result: 'updated' }, { result: 'unchanged' }],
      counts: { updated: 1, unchanged: 1 }
    })
    t.match(await groupOf(ids[0]), {
      name: 'Séance du soir',
      description: 'Ring twice',
      topics: [],
      languages: [],
      audience: ['women'],
      location: { address: '9 Elm Street' },
      version: 2
    })
    t.same(await groupOf(ids[1]), other)
    const after = await everything()
    t.same(after.series, before.series)
    t.same(after.sessions, before.sessions)
    t.equal(after.audit.length, before.audit.length + 1)
    t.same(await recorded(ids[0]), ['group.created', 'group.changed'])
    t.match((await admin.get('/v1/groups?q=seance%20elm')).data.data, [{ id: ids[0] }], 'search follows')
  })

  await t.test('another time replaces what is to come and leaves what was', async t => {
    const row = { ...weekly, slug: 'moves', day: everyDay, timezone: zone, time: at(2), end_time: '' }
    const { body } = await takenBefore(20, [row])
    const { group_id } = (body as MeetingGuideImport).results[0]!
    const id = group_id!
    const old = await sessionsOf(id)
    t.equal(old[0]!.local_date, addDays(today, -20))
    const tomorrow = old.find(session => session.local_date === addDays(today, 1))!
    const nextWeek = old.find(session => session.local_date === addDays(today, 7))!
    await admin.put(`/v1/sessions/${old[3]!.id}/attendance`, { records: [], anonymous_count: 4 })
    await admin.post(`/v1/sessions/${nextWeek.id}/cancel`, { reason: 'Holiday' }, { 'if-match': '*' })

    t.match(await take({ ...row, time: at(3) }), { result: 'updated', group_id: id })
    const [ended, begun] = await seriesOf(id)
    t.match(ended, { start_time: at(2), ends_on: addDays(today, -1), version: 2 })
    t.match(begun, { start_time: at(3), starts_on: today, ends_on: null, version: 1 })
    t.equal((await groupOf(id)).version, 1, 'the group itself did not change')
    t.same(
      [await recorded(ended.id), await recorded(begun.id)],
      [['series.created', 'series.ended'], ['series.created']]
    )

    const left = await sessionsOf(id)
    const [kept, fresh] = [ended, begun].map(({ id }) => left.filter(session => session.series_id === id)) as [
      Session[],
      Session[]
    ]
    t.same(
      kept.map(({ id, outcome }) => [id, outcome]),
      [
        ...old.slice(0, 20).map(({ id }, index) => [id, index === 3 ? 'held' : 'scheduled']),
        [nextWeek.id, 'cancelled']
      ],
      'past ones, and what was decided'
    )
    t.notOk(left.some(({ id }) => id === tomorrow.id))
    t.same(fresh[0]?.local_date, today, "today's had not begun")
    t.notOk(
      fresh.some(({ local_date }) => local_date === nextWeek.local_date),
      'a cancelled day stays cancelled'
    )
    t.equal(new Set(left.map(({ local_date }) => local_date)).size, left.length, 'one session a day')
    t.equal(addDays(fresh.at(-1)!.local_date, 1), begun.sessions_until)

    const before = await everything()
    t.match(await take({ ...row, time: at(3) }), { result: 'unchanged' })
    t.same(await everything(), before)
  })

  await t.test("today's session stays once it has begun", async t => {
    const row = { ...weekly, slug: 'begun', day: everyDay, timezone: zone, time: at(-2) }
    const { body } = await takenBefore(2, [row])
    const id = (body as MeetingGuideImport).results[0]!.group_id!
    t.match(await take({ ...row, time: at(2) }), { result: 'updated' })
    const [ended, begun] = await seriesOf(id)
    t.match(ended, { ends_on: today })
    t.match(begun, { starts_on: addDays(today, 1) })
    const left = await sessionsOf(id)
    t.same(
      left.slice(0, 4).map(({ local_date, local_time }) => [local_date, local_time]),
      [
        [addDays(today, -2), at(-2)],
        [addDays(today, -1), at(-2)],
        [today, at(-2)],
        [addDays(today, 1), at(2)]
      ]
    )
  })

  await t.test('day, length and zone are the time as well', async t => {
    const row = { ...weekly, slug: 'time', day: 2 }
    const { group_id } = await take(row)
    const changes: [object, object][] = [
      [{ day: [2, 4] }, { rrule: 'FREQ=WEEKLY;BYDAY=TU,TH' }],
      [{ end_time: '20:00' }, { duration_minutes: 120, rrule: 'FREQ=WEEKLY;BYDAY=TU' }],
      [{ timezone: 'America/New_York' }, { time_zone: 'America/New_York', duration_minutes: 90 }]
    ]
    for (const [change, expected] of changes) {
      t.match(await take({ ...row, ...change }), { result: 'updated', group_id })
      const all = await seriesOf(group_id)
      const running = all.filter((series: { ends_on: string | null }) => series.ends_on === null)
      t.match(running, [expected])
      t.equal(running.length, 1)
      const sessions = await sessionsOf(group_id)
      t.ok(
        sessions.every(({ series_id, starts_at }) => series_id === running[0].id || Date.parse(starts_at) <= Date.now())
      )
    }
  })

  await t.test('what people decided stays', async t => {
    const rows = ['closed', 'paused', 'private'].map(slug => ({ ...weekly, slug }))
    const ids: string[] = (await send(rows)).data.results.map((result: { group_id: string }) => result.group_id)
    const decided = [
      { status: 'closed', status_reason: 'Ended' },
      { status: 'paused', status_reason: 'Summer' },
      { access: 'closed', visibility: 'unlisted', capacity: 12, format: 'fixed_length' }
    ]
    for (const [index, id] of ids.entries()) await admin.patch(`/v1/groups/${id}`, decided[index], { 'if-match': '*' })
    const before = await everything()
    t.match((await send(rows)).data.counts, { unchanged: 3, updated: 0 })
    t.same(await everything(), before)
    t.match(
      (await send(rows.map(row => ({ ...row, name: 'Renamed', time: '20:00', end_time: '21:00' })))).data.counts,
      { updated: 3 }
    )
    for (const [index, id] of ids.entries()) t.match(await groupOf(id), { name: 'Renamed', ...decided[index] })
    t.same(
      await Promise.all(ids.map(async id => (await seriesOf(id)).length)),
      [1, 2, 2],
      'in a closed group nothing begins and nothing ends'
    )

    const tc = { ...weekly, slug: 'tc', types: ['TC'] }
    const { group_id } = await take(tc)
    t.match(await groupOf(group_id), { status: 'paused', status_reason: 'Temporarily closed' })
    t.match(await take({ ...tc, types: [] }), { result: 'updated' })
    t.match(await groupOf(group_id), { status: 'active', status_reason: null })

    await admin.post(`/v1/groups/${group_id}/archive`, undefined, { 'if-match': '*' })
    t.match(await take(tc), { result: 'skipped', group_id, problem: { code: 'group_archived' } })
    t.match(await groupOf(group_id), { status: 'active' })
  })

  await t.test('a group made by hand is taken over, its series are not', async t => {
    const made = await admin.post('/v1/groups', { name: 'By hand', slug: 'by-hand', mode: 'online', capacity: 9 })
    const series = {
      starts_on: addDays(today, -30),
      start_time: '18:00',
      duration_minutes: 45,
      rrule: 'FREQ=WEEKLY;BYDAY=SU'
    }
    const url = `/v1/groups/${made.data.id}/series`
    const hand = await admin.post(url, { ...series, time_zone: 'America/Los_Angeles' })
    t.equal(hand.statusCode, 201, hand.body)
    t.match(await take({ ...weekly, slug: 'by-hand' }), { result: 'updated', group_id: made.data.id })
    t.match(await groupOf(made.data.id), { name: 'Sunday Serenity', capacity: 9, visibility: 'unlisted', version: 2 })
    // The list says that the group speaks Spanish.
    const untouched = { ...hand.data, sentence: 'Cada domingo a las 18:00' }
    t.same(await seriesOf(made.data.id), [untouched], 'it is this meeting already')
    t.match(await take({ ...weekly, slug: 'by-hand' }), { result: 'unchanged' })

    t.match(await take({ ...weekly, slug: 'by-hand', day: 1 }), { result: 'updated' })
    const [first, second] = await seriesOf(made.data.id)
    t.same(first, untouched)
    t.match(second, { rrule: 'FREQ=WEEKLY;BYDAY=MO' })
    await admin.post(`/v1/series/${second.id}/end`, {}, { 'if-match': '*' })
    t.match(
      await take({ ...weekly, slug: 'by-hand', day: 1 }),
      { result: 'unchanged' },
      'what people ended stays ended'
    )
    t.match(await take({ ...weekly, slug: 'by-hand', day: 2 }), { result: 'updated' })
    t.equal((await seriesOf(made.data.id)).length, 3)
  })

  await t.test('a group that the list names no more is told of, and ended only when asked', async t => {
    const other = await organization('Left')
    const [stays, leaves] = [
      { ...weekly, slug: 'stays' },
      { ...weekly, slug: 'leaves', day: (weekly.day + 1) % 7 }
    ]
    const first = await send([stays, leaves], other)
    t.same(first.data.left, [])
    const group_id = first.data.results[1].group_id
    const told = { slug: 'leaves', group_id, ended: false }
    t.same((await send([stays], other)).data.left, [told])
    t.match(await seriesOf(group_id, other), [{ ends_on: null }], 'not asked')
    const unread = await send([stays, { slug: 'leaves', name: 'No time' }], other)
    t.match(
      unread.data,
      { results: [{}, { result: 'skipped' }], left: [] },
      'a row that cannot be taken is in the list'
    )
    const ended = await send([stays], other, '?end_left=true')
    t.same(ended.data.left, [{ ...told, ended: true }])
    t.match(ended.data.counts, { unchanged: 1 })
    t.match(await seriesOf(group_id, other), [{ ends_on: String }])
    t.same(
      (await sessionsOf(group_id, other)).filter(session => Date.parse(session.starts_at) > Date.now() + 86_400_000),
      []
    )
    t.same((await send([stays], other, '?end_left=true')).data.left, [], 'once')
    t.match((await send([stays, leaves], other)).data.counts, { updated: 1, unchanged: 1 })
    t.match(await seriesOf(group_id, other), [{ ends_on: String }, { ends_on: null }], 'and begins anew')
    t.match((await send([stays, leaves], other)).data.counts, { unchanged: 2 })
    t.ok((await sessionsOf(group_id, other)).length > 10)
    t.same(
      (await send([weekly], admin, '?end_left=true')).data.left.filter((one: { slug: string }) => one.slug === 'stays'),
      []
    )
  })

  await t.test('a bad row harms no other', async t => {
    const rows = [
      null,
      { ...weekly, slug: 'good', timezone: undefined },
      [],
      { ...weekly, slug: 'bad', time: '25:00', day: 9 },
      { ...weekly, slug: 'Good' },
      { ...weekly, slug: 'twice', name: 'x'.repeat(201) },
      { ...weekly, slug: 'twice' },
      7,
      { slug: 'x', 'no/such': { deeply: [{ nested: true }] } }
    ]
    const reply = await send(rows, admin, '?time_zone=Europe/Berlin')
    t.equal(reply.statusCode, 207, reply.body)
    t.ok(Compile(MeetingGuideImport).Check({ ...reply.data, results: [] }))
    t.same(reply.data.counts, { created: 2, updated: 0, unchanged: 0, skipped: 7 })
    const told = (index: number) => {
      const { problem, ...result } = reply.data.results[index]
      t.equal(result.index, index)
      return [
        result.slug,
        result.result,
        problem?.code,
        ...(problem?.errors ?? []).map((error: { pointer: string; code: string }) => `${error.pointer} ${error.code}`)
      ]
    }
    t.same(told(0), [null, 'skipped', 'invalid_row', '#/0 not_an_object'])
    t.same(told(1), ['good', 'created', undefined])
    t.equal((await groupOf(reply.data.results[1].group_id)).time_zone, 'Europe/Berlin')
    t.same(told(3), ['bad', 'skipped', 'invalid_row', '#/3/day invalid_day', '#/3/time invalid_time'])
    t.same(told(4), ['good', 'skipped', 'duplicate_slug', '#/4/slug duplicate_slug'])
    t.same(told(5), ['twice', 'skipped', 'invalid_row', '#/5/name too_long'])
    t.same(told(6), ['twice', 'created', undefined], 'only a good row takes its slug')
    t.same(told(7), [null, 'skipped', 'invalid_row', '#/7 not_an_object'])
    t.equal(
      (
        await look('select count(*)::int as n from groups where organization_id = $1 and slug = $2', [
          admin.organization_id,
          'bad'
        ])
      )[0].n,
      0
    )
    t.match((await send([{ ...weekly, slug: 'zoneless', timezone: '' }])).data.results[0].problem.errors, [
      { pointer: '#/0/timezone', code: 'time_zone_required' }
    ])
  })

  await t.test('is refused whole for what is no list, and nothing changes', async t => {
    const before = await everything()
    const refused = async (reply: Promise<Reply>, status: number, match: object, what: string) => {
      const { statusCode, data } = await reply
      t.match({ statusCode, data }, { statusCode: status, data: match }, what)
    }
    await refused(send({ ...weekly }), 422, { errors: [{ pointer: '#', code: 'type' }] }, 'an object')
    await refused(send('"x"'), 422, { errors: [{ code: 'type' }] }, 'a text')
    await refused(send('[]'), 422, { errors: [{ pointer: '#', code: 'min_items' }] }, 'empty')
    await refused(send(Array(10_001).fill(1)), 422, { errors: [{ code: 'max_items' }] }, 'too many')
    await refused(send('[{]'), 400, { code: 'malformed_json' }, 'no JSON')
    await refused(send(`[{"slug":"a","slug":"b"}]`), 400, { code: 'duplicate_key' }, 'a key twice')
    await refused(send(`["${'x'.repeat(8 * 1024 * 1024)}"]`), 413, { code: 'payload_too_large' }, 'over 8 MiB')
    await refused(send([weekly], admin, '?time_zone=EST'), 400, { code: 'invalid_query' }, 'no zone')
    await refused(send([weekly], admin, '?time_zone=UTC&time_zone=UTC'), 400, { code: 'invalid_query' }, 'twice')
    await refused(send([weekly], admin, '?zone=UTC'), 400, { code: 'invalid_query' }, 'unknown')
    await refused(admin.post(url), 422, { errors: [{ code: 'type' }] }, 'no body')
    t.same(await everything(), before)
    t.equal((await send(`["${'x'.repeat(8 * 1024 * 1024 - 4)}"]`)).statusCode, 207, '8 MiB')
    t.match((await send(Array(10_000).fill(1))).data.counts, { skipped: 10_000 })
  })

  await t.test('is for administrators and coordinators', async t => {
    for (const role of ['facilitator', 'observer'] as const) {
      t.match(await send('no JSON', await staff(admin, role)), {
        statusCode: 403,
        data: { code: 'insufficient_scope' }
      })
    }
    const narrow = await admin.post('/v1/api-keys', { name: 'groups', scopes: ['groups:write', 'imports:read'] })
    t.equal((await send([weekly], service.client(narrow.data.secret, admin.organization_id))).statusCode, 403)
    t.equal((await send([weekly], await staff(admin, 'coordinator'))).statusCode, 207)
    t.equal((await app.inject({ method: 'POST', url, payload: [weekly] })).statusCode, 401)
  })

  await t.test('a lost answer can be asked for again', async t => {
    const rows = [{ ...weekly, slug: 'once' }, null]
    const [one, other] = await Promise.all([1, 2].map(() => send(rows, admin, '', { 'idempotency-key': 'list-1' })))
    t.same([one!.statusCode, other!.statusCode], [207, 207])
    t.same(other!.data, one!.data)
    t.same([one, other].map(reply => reply!.headers['idempotency-replayed']).sort(), ['true', undefined])
    const before = await everything()
    const again = await send(rows, admin, '', { 'idempotency-key': 'list-1' })
    t.match(again, { statusCode: 207, headers: { 'idempotency-replayed': 'true' } })
    t.same(again.data, one!.data)
    t.same(await everything(), before)
    t.match(await send([weekly], admin, '', { 'idempotency-key': 'list-1' }), {
      statusCode: 422,
      data: { code: 'idempotency_key_reused' }
    })
  })

  await t.test('two at once take the list once', async t => {
    const rows = Array.from({ length: 40 }, (_, index) => ({ ...weekly, slug: `at-once-${index}` }))
    const replies = await Promise.all([1, 2, 3].map(() => send(rows)))
    t.same(replies.map(reply => reply.data.counts.created).sort(), [0, 0, 40])
    t.same(replies.map(reply => reply.data.counts.unchanged).sort(), [0, 40, 40])
  })

  await t.test('another organization has slugs of its own', async t => {
    const elsewhere = await organization('Elsewhere')
    const before = await everything()
    const result = await take({ ...weekly, name: 'Elsewhere' }, elsewhere)
    t.match(result, { result: 'created' })
    const after = await everything()
    for (const table of ['groups', 'series', 'sessions', 'audit', 'events'] as const) {
      const ours = (rows: { organization_id: string }[]) =>
        rows.filter(row => row.organization_id === admin.organization_id)
      t.same(ours(after[table]), ours(before[table]), table)
    }
    t.equal((await admin.get(`/v1/groups/${result.group_id}`)).statusCode, 404)
    t.match(await take(weekly), { result: 'unchanged' })
    t.match((await elsewhere.get('/v1/groups')).data.data, [{ id: result.group_id, name: 'Elsewhere' }])
  })

  await t.test('whatever the rows are, they are taken or refused, and the same the second time', async t => {
    const somewhere = await organization('Somewhere')
    const text = fc.string({ unit: 'grapheme', maxLength: 300 })
    const part = fc.constantFrom('Chicago', 'CA', 'IL 60641', 'USA', '9 Elm St', 'Old Town', '<p>', '', null)
    const near = fc.record(
      {
        slug: fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.nat(), fc.webPath()),
        name: fc.oneof(part, text),
        day: fc.oneof(fc.integer({ min: 0, max: 7 }), fc.array(fc.integer({ min: 0, max: 6 }))),
        time: fc.constantFrom('00:00', '2:30', '19:00', '23:59', '24:00'),
        end_time: fc.constantFrom('24:00', '00:00', '19:00', '07:30', ''),
        timezone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Pacific/Apia', ''),
        address: part,
        city: part,
        formatted_address: fc.array(part, { maxLength: 5 }).map(parts => parts.join(', ')),
        notes: fc.oneof(text, fc.jsonValue()),
        latitude: fc.oneof(fc.double(), fc.constant('37.8')),
        longitude: fc.oneof(fc.double({ min: -180, max: 180 }), fc.constant('-122.3')),
        approximate: fc.constantFrom('yes', 'no'),
        types: fc.array(fc.constantFrom(...Object.keys(meetingGuideTypes), 'ONL', 'QQ')),
        conference_url: fc.oneof(fc.webUrl(), fc.constant('x')),
        conference_phone: fc.constantFrom('+1 669 900 6833', '+1,,2#', '')
      },
      { requiredKeys: ['slug', 'day', 'time'] }
    )
    let taken = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 9, arbitrary: near }, fc.jsonValue()), { minLength: 1, maxLength: 30 }),
        async rows => {
          const written = JSON.stringify(rows)
          const reply = await send(written, somewhere, '?time_zone=UTC')
          // `__proto__` as a key and half of a pair are refused by the floor.
          if (reply.statusCode === 400) return
          const { results, counts } = reply.data
          taken += rows.length - counts.skipped
          if (reply.statusCode !== 207 || results.length !== rows.length) throw new Error(reply.body)
          const again = await send(written, somewhere, '?time_zone=UTC')
          const skipped = results.filter((result: { result: string }) => result.result === 'skipped').length
          if (again.data.counts.unchanged !== rows.length - skipped) throw new Error(again.body)
        }
      ),
      { numRuns: 60 }
    )
    t.ok(taken > 50, `${taken} rows were taken`)
  })
})
