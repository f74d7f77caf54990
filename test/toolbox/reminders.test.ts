import fc from 'fast-check'
import t from 'tap'
import { Temporal } from 'temporal-polyfill'
import { startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember } from '../support/circle.ts'
import { allAtOnce } from '../support/gate.ts'

interface Item {
  at: string
  local_date: string
  local_time: string
  title: string
  done: boolean
}

t.test('reminders of practice', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const facilitator = await service.staff(admin, 'facilitator')
  await assign(admin, group, facilitator.staff_id)
  const stranger = await service.staff(admin, 'facilitator')
  const card = async (title: string, more = {}): Promise<string> =>
    (await admin.post('/v1/strategies', { title, ...more })).data.id
  const walk = await card('Walk')
  const newcomer = () => makeMember(admin, group, 'Robin')
  const remind = (person: string, body: object, client = facilitator) =>
    client.post(`/v1/people/${person}/practice-reminders`, {
      strategy_id: walk,
      rrule: 'FREQ=DAILY',
      time: '08:30',
      ...body
    })
  const feed = async (person: string, query = {}): Promise<Item[]> => {
    const reply = await facilitator.get(`/v1/people/${person}/feed?${new URLSearchParams(query)}`)
    if (reply.statusCode !== 200) throw new Error(reply.body)
    return reply.data.data
  }

  await t.test('come up in the feed', async t => {
    const person = await newcomer()
    t.same(await feed(person), [])
    const made = await remind(person, {
      rrule: 'byday=mo,th;freq=weekly',
      starts_on: '2026-10-01',
      time_zone: 'America/New_York'
    })
    t.match(made, {
      statusCode: 201,
      headers: { location: `/v1/practice-reminders/${made.data.id}`, etag: '"1"' },
      data: { strategy_title: 'Walk', rrule: 'FREQ=WEEKLY;BYDAY=MO,TH', starts_on: '2026-10-01', ended_at: null }
    })
    t.same((await facilitator.get(made.headers.location as string)).data, made.data)
    const items = await feed(person, { from: '2026-10-29T00:00:00Z', until: '2026-11-06T00:00:00Z' })
    t.same(items, [
      { ...item('2026-10-29T12:30:00Z', '2026-10-29'), practice_reminder_id: made.data.id },
      { ...item('2026-11-02T13:30:00Z', '2026-11-02'), practice_reminder_id: made.data.id },
      { ...item('2026-11-05T13:30:00Z', '2026-11-05'), practice_reminder_id: made.data.id }
    ])
    // From the first instant on, and before the last.
    t.equal((await feed(person, { from: '2026-10-29T12:30:00Z', until: '2026-11-02T13:30:00Z' })).length, 1)
    t.equal((await feed(person, { from: '2026-10-29T12:30:01Z', until: '2026-11-02T13:30:01Z' })).length, 1)

    for (let twice = 0; twice < 2; twice++) {
      const ended = await facilitator.post(`/v1/practice-reminders/${made.data.id}/end`)
      t.match(ended, { statusCode: 200, data: { version: 2, ended_at: /Z$/ } })
    }
    t.same(await feed(person, { from: '2026-10-29T00:00:00Z', until: '2026-11-06T00:00:00Z' }), [])
    const list = `/v1/people/${person}/practice-reminders`
    t.equal((await facilitator.get(list)).data.data.length, 1)
    t.equal((await facilitator.get(`${list}?ended=true`)).data.data.length, 1)
    t.equal((await facilitator.get(`${list}?ended=false`)).data.data.length, 0)
  })

  function item(at: string, local_date: string) {
    const where = { local_date, local_time: '08:30', time_zone: 'America/New_York' }
    return { kind: 'practice_reminder', at, ...where, strategy_id: walk, title: 'Walk', done: false }
  }

  await t.test('begin today where the organization is, unless told otherwise', async t => {
    const person = await newcomer()
    const { time_zone } = (await admin.get('/v1/organization')).data
    const { data } = await remind(person, {})
    t.match(data, { time_zone, starts_on: Temporal.Now.plainDateISO(time_zone).toString() })
    t.match((await feed(person)).length, 7, 'a week')
    await remind(person, { time: '23:59' })
    const items = await feed(person)
    t.same(
      items.map(({ at }) => at),
      items.map(({ at }) => at).sort(),
      'by time'
    )
  })

  await t.test('are done once the log has the card that day, where the person is', async t => {
    const person = await newcomer()
    await remind(person, { time: '22:00', starts_on: '2026-11-01', time_zone: 'Pacific/Auckland' })
    const range = { from: '2026-11-09T00:00:00Z', until: '2026-11-12T00:00:00Z' }
    const done = async () => (await feed(person, range)).filter(one => one.done).map(({ local_date }) => local_date)
    t.same(await done(), [])
    // 2026-11-10 23:30 there.
    const practice = { strategy_id: walk, practiced_at: '2026-11-10T10:30:00Z' }
    const { id } = (await facilitator.post(`/v1/people/${person}/practices`, practice)).data
    t.same(await done(), ['2026-11-10'])
    await facilitator.post(`/v1/practices/${id}/void`)
    t.same(await done(), [])
  })

  await t.test('come up when a calendar that counts day by day says so', async () => {
    const zones = [
      'America/New_York',
      'Europe/Dublin',
      'Australia/Lord_Howe',
      'America/Phoenix',
      'Asia/Kathmandu',
      'UTC'
    ]
    const rule = fc.record({
      zone: fc.constantFrom(...zones),
      start: fc.integer({ min: 0, max: 400 }),
      every: fc.integer({ min: 1, max: 9 }),
      hour: fc.integer({ min: 0, max: 23 }),
      minute: fc.constantFrom(0, 30, 59),
      from: fc.integer({ min: 0, max: 500 * 24 }),
      hours: fc.integer({ min: 0, max: 31 * 24 })
    })
    const origin = Temporal.Now.plainDateISO('UTC').subtract({ days: 300 })
    await fc.assert(
      fc.asyncProperty(rule, async ({ zone, start, every, hour, minute, from, hours }) => {
        const person = await newcomer()
        const starts_on = origin.add({ days: start })
        const time = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`
        const made = await remind(person, {
          rrule: `FREQ=DAILY;INTERVAL=${every}`,
          starts_on: starts_on.toString(),
          time,
          time_zone: zone
        })
        if (made.statusCode !== 201) return false
        const first = origin.toZonedDateTime('UTC').toInstant().add({ hours: from })
        const last = first.add({ hours })
        const expected: string[] = []
        for (let n = 0; n < 1000; n += every) {
          const wall = starts_on.add({ days: n }).toPlainDateTime({ hour, minute })
          const zoned = wall.toZonedDateTime(zone, { disambiguation: 'earlier' })
          const skipped = !zoned.toPlainDateTime().equals(wall)
          const instant = zoned.toInstant()
          if (skipped || Temporal.Instant.compare(instant, first) < 0) continue
          if (Temporal.Instant.compare(instant, last) >= 0) break
          expected.push(instant.toString())
        }
        const found = await feed(person, { from: first.toString(), until: last.toString() })
        return found.map(({ at }) => at).join() === expected.join()
      }),
      { numRuns: 60 }
    )
  })

  await t.test('are refused where they cannot be', async t => {
    const person = await newcomer()
    for (const [body, pointer] of [
      [{ rrule: 'FREQ=HOURLY' }, '#/rrule'],
      [{ rrule: 'FREQ=YEARLY' }, '#/rrule'],
      [{ time: '24:00' }, '#/time'],
      [{ time_zone: 'Mars/Olympus' }, '#/time_zone'],
      [{ starts_on: '2020-01-01' }, '#/starts_on'],
      [{ starts_on: '2036-01-01' }, '#/starts_on'],
      [{ strategy_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60' }, '#/strategy_id'],
      [{ strategy_id: await card('Ours', { visibility: 'group', group_id: await makeGroup(admin) }) }, '#/strategy_id']
    ] as const) {
      t.match(await remind(person, body), { statusCode: 422, data: { errors: [{ pointer }] } }, JSON.stringify(body))
    }
    for (const query of [
      'from=2199-12-30T00:00:00Z',
      'from=1900-01-01T00:00:00Z',
      'from=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z',
      'from=2026-11-01T00:00:00Z&until=2026-12-03T00:00:00Z',
      'from=2026-11-01'
    ]) {
      t.match(await facilitator.get(`/v1/people/${person}/feed?${query}`), {
        statusCode: 400,
        data: { code: 'invalid_query' }
      })
    }
    await service.look(
      `insert into practice_reminders (organization_id, id, person_id, strategy_id, starts_on, time, time_zone, rrule)
       select $1, gen_random_uuid(), $2, $3, '2026-11-01', '08:00', 'UTC', 'FREQ=DAILY' from generate_series(1, 50)`,
      [admin.organization_id, person, walk]
    )
    t.match(await remind(person, {}), { statusCode: 409, data: { code: 'too_many_reminders' } })
    t.equal((await feed(person, { from: '2026-11-01T00:00:00Z', until: '2026-12-02T00:00:00Z' })).length, 50 * 31)
    await service.look(
      `update practice_reminders set ended_at = now() where id in (select id from practice_reminders where person_id = $1 limit 1)`,
      [person]
    )
    const atOnce = await allAtOnce(service.superuserUrl, 'practice_reminders', 4, () => remind(person, {}))
    t.same(atOnce.map(reply => reply.statusCode).sort(), [201, 409, 409, 409])
  })

  await t.test('are there for those who see the person, of cards that they read', async t => {
    const person = await newcomer()
    const { id } = (await remind(person, {})).data
    t.equal((await stranger.get(`/v1/people/${person}/practice-reminders`)).statusCode, 404)
    t.equal((await remind(person, {}, stranger)).statusCode, 404)
    t.equal((await stranger.get(`/v1/practice-reminders/${id}`)).statusCode, 404)
    t.equal((await stranger.post(`/v1/practice-reminders/${id}/end`)).statusCode, 404)
    await admin.post(`/v1/strategies/${walk}/reports`, { reason: 'harmful' })
    t.same(await feed(person), [], 'nobody is reminded of what may harm')
    t.equal((await facilitator.get(`/v1/practice-reminders/${id}`)).statusCode, 404)
  })
})
