import t from 'tap'
import { addDays } from '../../src/clock/time-zones.ts'
import { extendSeries } from '../../src/schedule/extend-series.ts'
import { type Client, startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup } from '../support/circle.ts'
import { closeGate } from '../support/gate.ts'
import { until } from '../support/process.ts'

interface Listed {
  id: string
  local_date: string
  outcome: string
  reason: string | null
  closure_id: string | null
  version: number
}

const any = { 'if-match': '*' }

t.test('closures', async t => {
  const service = await startApp(t)
  const { app, look } = service
  const admin = await service.organization()
  const facilitator = await service.staff(admin, 'facilitator')
  const stranger = await service.staff(admin, 'facilitator')
  const observer = await service.staff(admin, 'observer')

  async function daily(from = -3) {
    const group = await makeGroup(admin, { time_zone: 'Asia/Tokyo' })
    await assign(admin, group, facilitator.staff_id)
    const series = await admin.post(`/v1/groups/${group}/series`, {
      starts_on: daysFromNow(from),
      start_time: '07:00',
      rrule: 'FREQ=DAILY'
    })
    if (series.statusCode !== 201) throw new Error(series.body)
    const list = async (): Promise<Listed[]> => (await admin.get(`/v1/groups/${group}/sessions?limit=100`)).data.data
    const on = async (date: string) => (await list()).find(one => one.local_date === date)!
    return { group, series: series.data.id as string, list, on }
  }
  const close = async (fields: Record<string, unknown>, client: Client = admin) =>
    await client.post('/v1/closures', { name: 'Holiday', ...fields })
  const remove = (id: string, client: Client = admin) => client.post(`/v1/closures/${id}/remove`, undefined, any)

  await t.test('call off what is to come on their days, and give back exactly that', async t => {
    const [one, two] = [await daily(), await daily()]
    const [first, last] = [daysFromNow(5), daysFromNow(7)]
    const called = await one.on(daysFromNow(6))
    await facilitator.post(`/v1/sessions/${called.id}/cancel`, { reason: 'Ill' }, any)
    await facilitator.patch(`/v1/sessions/${(await one.on(first)).id}`, { topic: 'Own' }, any)
    const before = [await one.list(), await two.list()]

    const made = await close({ starts_on: first, ends_on: last })
    t.match(made, {
      statusCode: 201,
      data: { group_id: null, name: 'Holiday', cancelled_sessions: 5, removed_at: null }
    })
    t.equal(made.headers.location, `/v1/closures/${made.data.id}`)
    for (const session of [...(await one.list()), ...(await two.list())]) {
      const isClosed = session.local_date >= first && session.local_date <= last && session.id !== called.id
      t.match(
        session,
        isClosed
          ? { outcome: 'cancelled', reason: 'Holiday', closure_id: made.data.id }
          : { closure_id: null, outcome: session.id === called.id ? 'cancelled' : 'scheduled' },
        session.local_date
      )
    }
    const removed = await remove(made.data.id)
    t.match(removed, { statusCode: 200, data: { removed_at: String, cancelled_sessions: 0, version: 2 } })
    t.match(await remove(made.data.id), { statusCode: 200, data: { version: 2 } }, 'twice is once')
    const plain = (sessions: Listed[]) => sessions.map(({ version: _, ...rest }) => ({ ...rest, updated_at: null }))
    t.same([plain(await one.list()), plain(await two.list())], before.map(plain))
  })

  await t.test('of one group, at its own hour', async t => {
    const [one, two] = [await daily(), await daily()]
    const day = daysFromNow(9)
    const { data } = await close({ group_id: one.group, starts_on: day }, facilitator)
    t.match(data, { group_id: one.group, starts_on: day, ends_on: day, cancelled_sessions: 1 })
    t.equal((await one.on(day)).outcome, 'cancelled')
    t.equal((await two.on(day)).outcome, 'scheduled')
    t.equal((await one.on(addDays(day, -1))).outcome, 'scheduled')
    t.equal((await one.on(addDays(day, 1))).outcome, 'scheduled')
  })

  await t.test('are held anyway where somebody says so, whatever else closes', async t => {
    const { on, group } = await daily()
    const day = daysFromNow(4)
    const [a, b] = [
      await close({ starts_on: day, name: 'A' }),
      await close({ group_id: group, starts_on: day, name: 'B' })
    ]
    t.match(await on(day), { closure_id: a.data.id, reason: 'A' })
    await remove(a.data.id)
    t.match(await on(day), { closure_id: b.data.id, reason: 'B', outcome: 'cancelled' }, 'the other closes it still')
    const held = await facilitator.post(`/v1/sessions/${(await on(day)).id}/reinstate`, undefined, any)
    t.match(held.data, { outcome: 'scheduled', reason: null, closure_id: null })
    const c = await close({ starts_on: day, name: 'C' })
    t.match(await on(day), { outcome: 'scheduled', closure_id: null })
    await remove(c.data.id)
    await remove(b.data.id)
    t.match(await on(day), { outcome: 'scheduled', closure_id: null })
  })

  await t.test('leave what somebody called off for another reason', async t => {
    const { on } = await daily()
    const day = daysFromNow(4)
    const { data } = await close({ starts_on: day })
    const { id } = await on(day)
    t.match((await facilitator.post(`/v1/sessions/${id}/cancel`, { reason: 'Ill' }, any)).data, {
      reason: 'Ill',
      closure_id: null
    })
    await remove(data.id)
    t.match(await on(day), { outcome: 'cancelled', reason: 'Ill' })
  })

  await t.test('close what is made later, and nothing that is past', async t => {
    const day = daysFromNow(95)
    const { data } = await close({ starts_on: daysFromNow(-2), ends_on: daysFromNow(-1) })
    const { series, on } = await daily()
    t.equal((await on(daysFromNow(-2))).outcome, 'scheduled')
    const late = await close({ starts_on: daysFromNow(-3), ends_on: daysFromNow(-3) })
    t.match(late.data, { cancelled_sessions: 0 })
    t.equal((await on(daysFromNow(-3))).outcome, 'scheduled')
    const far = await close({ starts_on: day, name: 'Far' })
    t.equal(far.data.cancelled_sessions, 0)
    await extendSeries(app.db, app.log, 90, new Date(Date.now() + 10 * 86_400_000))
    t.match(
      await look('select outcome, reason, closure_id from sessions where series_id = $1 and local_date = $2', [
        series,
        day
      ]),
      [{ outcome: 'cancelled', reason: 'Far', closure_id: far.data.id }]
    )
    await remove(far.data.id)
    t.match(await look('select outcome from sessions where series_id = $1 and local_date = $2', [series, day]), [
      { outcome: 'scheduled' }
    ])
    t.equal((await remove(data.id)).statusCode, 200)
  })

  await t.test('that are over gave their sessions away: those stay as they were', async t => {
    const { on } = await daily()
    const day = daysFromNow(3)
    const { data } = await close({ starts_on: day })
    const { id } = await on(day)
    await look(
      "update sessions set starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour' where id = $1",
      [id]
    )
    await remove(data.id)
    t.match((await admin.get(`/v1/sessions/${id}`)).data, { outcome: 'cancelled', closure_id: data.id })
  })

  await t.test('and series: a day that is closed follows its series', async t => {
    const { series, on } = await daily()
    const day = daysFromNow(5)
    const { data } = await close({ starts_on: day })
    await admin.patch(`/v1/series/${series}`, { start_time: '08:00' }, any)
    t.match(await on(day), { outcome: 'cancelled', closure_id: data.id, local_time: '08:00' })
    await admin.post(`/v1/series/${series}/end`, { ends_on: daysFromNow(4) }, any)
    t.equal(await on(day), undefined, 'nobody decided about it')
    t.match((await remove(data.id)).data, { cancelled_sessions: 0 })
  })

  for (const closesFirst of [false, true]) {
    await t.test(`miss nothing that is made at the same time (closed ${closesFirst ? 'first' : 'last'})`, async t => {
      const group = await makeGroup(admin)
      const day = daysFromNow(20)
      const series = { starts_on: daysFromNow(1), start_time: '19:00', rrule: 'FREQ=DAILY' }
      const waiting = (count: number) =>
        until(async () => {
          const rows = await look(
            "select 1 from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper' and wait_event_type = 'Lock'"
          )
          return rows.length === count
        })
      // Each has done everything but its audit when the other begins.
      const open = await closeGate(service.superuserUrl, 'audit_entries')
      const both = [() => close({ starts_on: day }), () => admin.post(`/v1/groups/${group}/series`, series)]
      if (!closesFirst) both.reverse()
      const first = both[0]!()
      await waiting(1)
      const second = both[1]!()
      await waiting(2)
      await open()
      const [closure, made] = closesFirst ? [await first, await second] : [await second, await first]
      t.same([closure.statusCode, made.statusCode], [201, 201])
      const rows = await look('select closure_id from sessions where group_id = $1 and local_date = $2', [group, day])
      t.same(rows, [{ closure_id: closure.data.id }])
      await remove(closure.data.id)
    })
  }

  await t.test('and a series that changes at that moment do not wait for each other', async t => {
    const { series } = await daily()
    const deadlocks = async () =>
      (await look('select deadlocks::int as n from pg_stat_database where datname = current_database()'))[0].n
    const before = await deadlocks()
    // The series has changed sessions, and is about to make others, when somebody closes a day.
    const open = await closeGate(service.superuserUrl, 'audit_entries')
    const changing = admin.patch(`/v1/series/${series}`, { start_time: '09:00', rrule: 'FREQ=DAILY;INTERVAL=3' }, any)
    const waiting = (count: number) =>
      until(async () => {
        const rows = await look(
          "select 1 from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper' and wait_event_type = 'Lock'"
        )
        return rows.length === count
      })
    await waiting(1)
    const closing = close({ starts_on: daysFromNow(6) })
    await waiting(2)
    await open()
    const [changed, closed] = await Promise.all([changing, closing])
    t.same([changed.statusCode, closed.statusCode], [200, 201])
    await look('select pg_stat_force_next_flush()')
    t.equal(await deadlocks(), before)
    await remove(closed.data.id)
  })

  await t.test('are refused where they cannot be', async t => {
    const day = daysFromNow(3)
    const group = await makeGroup(admin)
    for (const [fields, pointer, code] of [
      [{ starts_on: day, ends_on: daysFromNow(2) }, '#/ends_on', 'ends_before_start'],
      [{ starts_on: day, ends_on: daysFromNow(500) }, '#/ends_on', 'too_long'],
      [{ starts_on: day, group_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60' }, '#/group_id', 'unknown_reference'],
      [{ starts_on: '2026-02-30' }, '#/starts_on', 'format'],
      [{ starts_on: day, name: ' ' }, '#/name', 'format']
    ] as const) {
      t.match(await close(fields), { statusCode: 422, data: { errors: [{ pointer, code }] } }, code)
    }
    t.match(await close({ starts_on: day }, facilitator), { statusCode: 403, data: { code: 'not_permitted' } })
    t.match(await close({ starts_on: day, group_id: group }, facilitator), { statusCode: 422 })
    t.equal((await close({ starts_on: day, group_id: group }, observer)).statusCode, 403)
    const whole = await close({ starts_on: day })
    t.equal((await remove(whole.data.id, facilitator)).statusCode, 403)
    t.equal((await admin.post(`/v1/closures/${whole.data.id}/remove`)).statusCode, 428)
    t.equal(
      (await admin.post(`/v1/closures/${whole.data.id}/remove`, undefined, { 'if-match': '"7"' })).statusCode,
      412
    )
    await remove(whole.data.id)
  })

  await t.test('are listed for whom they concern', async t => {
    const { group } = await daily()
    const day = daysFromNow(200)
    const own = (await close({ group_id: group, starts_on: day }, facilitator)).data
    const whole = (await close({ starts_on: addDays(day, 1), ends_on: addDays(day, 3) })).data
    const ids = async (client: Client, query = '') =>
      (await client.get(`/v1/closures?from=${day}${query}`)).data.data.map((one: { id: string }) => one.id)
    t.same(await ids(facilitator), [own.id, whole.id])
    t.same(await ids(observer), [own.id, whole.id])
    t.same(await ids(stranger), [whole.id])
    t.same(await ids(stranger, `&group_id=${group}`), [whole.id])
    t.same(await ids(admin, `&to=${addDays(day, 1)}`), [own.id])
    t.same(await ids(admin, '&limit=1'), [own.id])
    t.equal((await stranger.get(`/v1/closures/${own.id}`)).statusCode, 404)
    t.equal((await remove(own.id, stranger)).statusCode, 404)
    t.equal((await facilitator.get(`/v1/closures/${own.id}`)).headers.etag, '"1"')
    const elsewhere = await service.organization('Elsewhere')
    t.same((await elsewhere.get('/v1/closures')).data.data, [])
    await remove(whole.data?.id ?? whole.id)
    t.same(await ids(admin), [own.id], 'what was removed is not listed')
  })
})
