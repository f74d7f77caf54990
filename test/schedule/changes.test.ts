import t from 'tap'
import { addDays, localDateOf, localTimeOf } from '../../src/clock/time-zones.ts'
import { startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makeMember } from '../support/circle.ts'

interface Listed {
  id: string
  series_id: string
  starts_at: string
  local_date: string
  local_time: string
  duration_minutes: number
  topic: string | null
  outcome: string
  original_date: string
  detached: boolean
  version: number
}

const week = (n: number) => daysFromNow(7 * n + 1)
const any = { 'if-match': '*' }

t.test('changing a series', async t => {
  const service = await startApp(t)
  const { look } = service
  const admin = await service.organization()
  const facilitator = await service.staff(admin, 'facilitator')
  const stranger = await service.staff(admin, 'facilitator')

  /** A weekly group of which three sessions are past. */
  async function weekly(fields: Record<string, unknown> = {}) {
    const group = await makeGroup(admin, { time_zone: 'Europe/Berlin' })
    await assign(admin, group, facilitator.staff_id)
    const made = await admin.post(`/v1/groups/${group}/series`, {
      starts_on: week(-3),
      start_time: '19:00',
      duration_minutes: 60,
      rrule: 'FREQ=WEEKLY',
      ...fields
    })
    t.equal(made.statusCode, 201, made.body)
    const list = async (): Promise<Listed[]> => (await admin.get(`/v1/groups/${group}/sessions?limit=100`)).data.data
    const on = async (date: string) => (await list()).find(one => one.original_date === date)!
    return { group, series: made.data.id as string, list, on }
  }
  const change = (id: string, fields: Record<string, unknown>) => facilitator.patch(`/v1/series/${id}`, fields, any)

  await t.test('all sessions to come follow; what is past, recorded or moved stays', async t => {
    const { group, series, list, on } = await weekly()
    const person = await makeMember(admin, group, 'Robin', week(-4))
    const past = await on(week(-2))
    const sheet = { records: [{ person_id: person, status: 'present' }] }
    t.equal((await facilitator.put(`/v1/sessions/${past.id}/attendance`, sheet)).statusCode, 200)
    const moved = await on(week(2))
    const to = new Date(Date.parse(moved.starts_at) + 86_400_000).toISOString()
    await facilitator.patch(`/v1/sessions/${moved.id}`, { starts_at: to }, any)
    const own = await on(week(3))
    await facilitator.patch(`/v1/sessions/${own.id}`, { topic: 'Guest' }, any)
    const before = await list()

    const changed = await change(series, {
      start_time: '18:30',
      duration_minutes: 90,
      topic: 'Spring',
      location: { city: 'Potsdam' },
      online_url: 'https://meet.example.org/spring'
    })
    t.match(changed, {
      statusCode: 200,
      data: { start_time: '18:30', detached_session_ids: [], version: 2, location: { city: 'Potsdam', notes: null } }
    })
    const after = await list()
    t.same(
      after.map(one => one.id),
      before.map(one => one.id),
      'nobody got another id'
    )
    for (const [index, one] of after.entries()) {
      if (one.local_date < daysFromNow(0)) t.same(one, before[index], 'past')
      else if (one.id === moved.id) t.match(one, { starts_at: to, local_time: '19:00', topic: 'Spring' })
      else {
        const topic = one.id === own.id ? 'Guest' : 'Spring'
        t.match(one, { local_time: '18:30', duration_minutes: 90, topic, location: { city: 'Potsdam' } })
      }
    }
    const late = after.at(-1)!
    t.equal(
      new Date(late.starts_at).toLocaleTimeString('de', {
        timeZone: 'Europe/Berlin',
        hour: '2-digit',
        minute: '2-digit'
      }),
      '18:30'
    )
    const version = (await on(week(4))).version
    await change(series, { topic: 'Spring', location: { city: 'Potsdam' } })
    t.equal((await on(week(4))).version, version, 'the same again changes no session')
  })

  await t.test('to other days: what nobody decided about goes, the rest is told of', async t => {
    const { series, list, on } = await weekly()
    const [topical, cancelled] = [await on(week(1)), await on(week(2))]
    await facilitator.patch(`/v1/sessions/${topical.id}`, { topic: 'Guest' }, any)
    await facilitator.post(`/v1/sessions/${cancelled.id}/cancel`, { reason: 'Snow' }, any)
    const carded = await on(week(3))
    t.equal((await admin.post('/v1/strategies', { title: 'Walk', session_id: carded.id })).statusCode, 201)
    const days = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA']
    const next = days[(new Date(week(1)).getUTCDay() + 1) % 7]
    const { data } = await change(series, { rrule: `FREQ=WEEKLY;BYDAY=${next}` })
    t.same(data.detached_session_ids.sort(), [topical.id, cancelled.id, carded.id].sort())
    const coming = (await list()).filter(one => one.local_date > daysFromNow(0))
    for (const one of coming) {
      const isLeft = data.detached_session_ids.includes(one.id)
      t.equal(one.detached, isLeft)
      t.equal(new Date(one.local_date).getUTCDay() === days.indexOf(next!), !isLeft)
    }
    t.match(await on(week(2)), { outcome: 'cancelled', series_id: series })
    t.ok(coming.length > 12)
    // And back again: the days that were left are taken up, and none is there twice.
    t.same((await change(series, { rrule: 'FREQ=WEEKLY' })).data.detached_session_ids, [])
    const again = (await list()).map(one => one.original_date)
    t.equal(new Set(again).size, again.length)
    t.match(await on(week(1)), { id: topical.id, topic: 'Guest', detached: false })
  })

  await t.test('from a day on: another series goes on with the same sessions', async t => {
    const { series, on, list } = await weekly({ rrule: 'FREQ=WEEKLY;COUNT=9' })
    const before = await list()
    const cancelled = await on(week(3))
    await facilitator.post(`/v1/sessions/${cancelled.id}/cancel`, { reason: 'Snow' }, any)
    const split = await facilitator.post(`/v1/series/${series}/split`, { from: week(2), start_time: '18:30' }, any)
    t.match(split, {
      statusCode: 201,
      data: {
        starts_on: week(2),
        start_time: '18:30',
        rrule: 'FREQ=WEEKLY;COUNT=4',
        continues_series_id: series,
        detached_session_ids: [],
        version: 1
      }
    })
    t.equal(split.headers.location, `/v1/series/${split.data.id}`)
    t.match((await admin.get(`/v1/series/${series}`)).data, { ends_on: daysFromNow(14), version: 2 })
    const after = await list()
    t.same(
      after.map(one => one.id),
      before.map(one => one.id)
    )
    for (const one of after) {
      const isRest = one.original_date >= week(2)
      t.match(one, { series_id: isRest ? split.data.id : series })
      t.equal(one.local_time, isRest ? '18:30' : '19:00')
      if (one.id === cancelled.id) t.match(one, { outcome: 'cancelled', reason: 'Snow' })
    }
    // What was cancelled keeps its occurrence from being made twice.
    await change(split.data.id, { topic: 'Light' })
    t.equal((await list()).length, before.length)
  })

  await t.test('is refused where it cannot be, and hidden from others', async t => {
    const { series, group, on } = await weekly()
    const split = (body: object, headers: Record<string, string> = any) =>
      facilitator.post(`/v1/series/${series}/split`, body, headers)
    for (const [body, code, pointer] of [
      [{ from: daysFromNow(2) }, 'no_occurrence', '#/from'],
      [{ from: week(-2) }, 'too_early', '#/from'],
      [{ from: daysFromNow(800) }, 'too_late', '#/from'],
      [{ from: week(2), rrule: 'FREQ=YEARLY' }, 'invalid_rrule', '#/rrule'],
      [{ from: week(2), rrule: 'FREQ=WEEKLY;UNTIL=20200101' }, 'invalid_rrule', '#/rrule'],
      [{ from: week(2), location: { latitude: 1 } }, 'incomplete_coordinates', '#/location/longitude']
    ] as const) {
      t.match(await split(body), { statusCode: 422, data: { errors: [{ code, pointer }] } }, code)
    }
    t.equal((await split({ from: week(2) }, {})).statusCode, 428)
    t.equal((await split({ from: week(2) }, { 'if-match': '"7"' })).statusCode, 412)
    t.match(await change(series, { rrule: 'no' }), { statusCode: 422, data: { errors: [{ pointer: '#/rrule' }] } })
    t.equal((await stranger.patch(`/v1/series/${series}`, { topic: 'x' }, any)).statusCode, 404)
    t.equal((await stranger.post(`/v1/series/${series}/split`, { from: week(2) }, any)).statusCode, 404)
    t.match(await look('select version, ends_on from series where id = $1', [series]), [{ version: 1, ends_on: null }])

    const card = await on(week(5))
    await admin.post('/v1/strategies', { title: 'Walk', session_id: card.id })
    const ended = await facilitator.post(`/v1/series/${series}/end`, { ends_on: week(1) }, any)
    t.match(ended, { statusCode: 200, data: { ends_on: week(1), detached_session_ids: [card.id] } })
    t.match(await on(week(5)), { detached: true, outcome: 'scheduled' })
    for (const ends_on of [week(1), week(3)]) {
      const again = await facilitator.post(`/v1/series/${series}/end`, { ends_on }, any)
      t.match(again, { statusCode: 409, data: { code: 'already_ended' } })
    }
    t.equal(await on(week(4)), undefined)
    t.match(await split({ from: week(3) }), { statusCode: 422, data: { code: 'no_occurrence' } })
    const sooner = await weekly()
    await facilitator.post(`/v1/series/${sooner.series}/end`, { ends_on: week(4) }, any)
    t.match(await facilitator.post(`/v1/series/${sooner.series}/end`, { ends_on: week(2) }, any), { statusCode: 200 })
    t.equal((await sooner.list()).at(-1)!.original_date, week(2))
    await admin.post(`/v1/groups/${group}/archive`, undefined, any)
    t.match(await split({ from: week(1) }), { statusCode: 409, data: { code: 'group_archived' } })
  })

  await t.test('shortened over sessions that are past or have a sheet, it leaves them, and says so', async t => {
    const { series, group, list, on } = await weekly()
    const person = await makeMember(admin, group, 'Robin', week(-4))
    const sheet = { records: [{ person_id: person, status: 'present' }] }
    await facilitator.put(`/v1/sessions/${(await on(week(-1))).id}/attendance`, sheet)
    const past = (await list()).filter(one => one.original_date > week(-3) && one.original_date < daysFromNow(1))
    t.equal(past.length, 2)
    const { data } = await facilitator.post(`/v1/series/${series}/end`, { ends_on: week(-3) }, any)
    t.same(data.detached_session_ids.sort(), past.map(one => one.id).sort())
    const left = (await list()).filter(one => one.original_date > week(-3))
    t.match(
      left,
      past.map(({ id, starts_at, outcome }) => ({ id, starts_at, outcome, detached: true }))
    )
    t.equal(left.length, 2)
  })

  await t.test('a sheet that was put before the start holds its session', async t => {
    const soon = new Date(Date.now() + 30 * 60_000).toISOString()
    const { series, group, on } = await weekly({
      starts_on: soon.slice(0, 10),
      start_time: soon.slice(11, 16),
      time_zone: 'UTC'
    })
    const person = await makeMember(admin, group, 'Robin', week(-4))
    const before = await on(soon.slice(0, 10))
    const put = await facilitator.put(`/v1/sessions/${before.id}/attendance`, {
      records: [{ person_id: person, status: 'present' }]
    })
    t.equal(put.statusCode, 200)
    const recorded = await on(soon.slice(0, 10))
    const later = new Date(Date.now() + 50 * 60_000).toISOString()
    await change(series, { start_time: later.slice(11, 16), topic: 'Light' })
    t.same(await on(soon.slice(0, 10)), recorded)
    const { data } = await facilitator.post(`/v1/series/${series}/end`, { ends_on: soon.slice(0, 10) }, any)
    t.same(data.detached_session_ids, [])
    await look('update series set ends_on = null, starts_on = starts_on - 7 where id = $1', [series])
    const shorter = { ends_on: addDays(soon.slice(0, 10), -1) }
    t.match((await facilitator.post(`/v1/series/${series}/end`, shorter, any)).data, {
      detached_session_ids: [before.id]
    })
    t.match(await on(soon.slice(0, 10)), { starts_at: before.starts_at, outcome: 'held', detached: true })
  })

  await t.test('today’s session stays where its new time has passed', async t => {
    const zones = ['Pacific/Honolulu', 'America/New_York', 'UTC', 'Asia/Kolkata', 'Asia/Tokyo', 'Pacific/Auckland']
    const noonish = zones.find(zone => {
      const hour = Number(localTimeOf(new Date(), zone).slice(0, 2))
      return hour >= 6 && hour < 18
    })!
    const today = localDateOf(new Date(), noonish)
    const { series, on } = await weekly({
      starts_on: today,
      start_time: '23:30',
      time_zone: noonish,
      rrule: 'FREQ=DAILY'
    })
    const before = await on(today)
    t.equal((await change(series, { start_time: '00:05' })).statusCode, 200)
    t.same(await on(today), before)
    t.match(await on(addDays(today, 1)), { local_time: '00:05' })
    t.equal(
      (await facilitator.post(`/v1/series/${series}/split`, { from: today, start_time: '00:05' }, any)).statusCode,
      422
    )
  })

  await t.test('a daily series of many years is split as well', async t => {
    const { series } = await weekly({ starts_on: daysFromNow(-390), rrule: 'FREQ=DAILY' })
    await look("update series set starts_on = '2020-01-01' where id = $1", [series])
    t.equal((await facilitator.post(`/v1/series/${series}/split`, { from: week(1) }, any)).statusCode, 201)
  })

  await t.test('a session is not moved onto another unless somebody insists', async t => {
    const { on } = await weekly()
    const [one, other] = [await on(week(1)), await on(week(2))]
    const to = new Date(Date.parse(other.starts_at) + 30 * 60_000).toISOString()
    const move = (query: string) => facilitator.patch(`/v1/sessions/${one.id}${query}`, { starts_at: to }, any)
    t.match(await move(''), { statusCode: 409, data: { code: 'session_overlaps' } })
    const beside = new Date(Date.parse(other.starts_at) + 3_600_000).toISOString()
    t.equal((await facilitator.patch(`/v1/sessions/${one.id}`, { starts_at: beside }, any)).statusCode, 200)
    t.equal((await move('?force=true')).statusCode, 200)
    await facilitator.post(`/v1/sessions/${other.id}/cancel`, { reason: 'Snow' }, any)
    t.equal((await move('')).statusCode, 200, 'a cancelled one is in nobody’s way')
  })
})
