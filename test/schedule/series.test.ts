import t from 'tap'
import { v7 as uuid } from 'uuid'
import { extendSeries } from '../../src/schedule/extend-series.ts'
import { startApp } from '../support/app.ts'
import { daysFromNow, makeGroup } from '../support/circle.ts'
import { until } from '../support/process.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'

interface Listed {
  id: string
  starts_at: string
  local_date: string
  local_time: string
  outcome: string
}

t.test('series', async t => {
  const service = await startApp(t)
  const { app, organization, staff, look } = service
  const admin = await organization()
  const group = await makeGroup(admin, { time_zone: 'America/New_York' })
  const weekly = { starts_on: '2026-10-20', start_time: '19:00', duration_minutes: 90, rrule: 'FREQ=WEEKLY;BYDAY=TU' }
  const sessionsOf = async (query: string): Promise<Listed[]> =>
    (await admin.get(`/v1/groups/${group}/sessions?limit=100&${query}`)).data.data

  await t.test('make sessions from their first day to 90 days ahead, at the same time by the clock', async t => {
    const starts_on = daysFromNow(-60)
    const made = await admin.post(`/v1/groups/${group}/series`, { starts_on, start_time: '19:00', rrule: 'freq=daily' })
    t.equal(made.statusCode, 201, made.body)
    t.match(made.data, {
      group_id: group,
      starts_on,
      duration_minutes: 90,
      time_zone: 'America/New_York',
      rrule: 'FREQ=DAILY',
      ends_on: null,
      version: 1
    })
    t.equal(made.headers.location, `/v1/series/${made.data.id}`)
    t.same((await admin.get(`/v1/series/${made.data.id}`)).data, made.data)
    const rows = await look(
      'select count(*)::int as n, min(local_date)::text as first, max(local_date)::text as last from sessions where series_id = $1',
      [made.data.id]
    )
    const [first, last] = [rows[0].first, rows[0].last]
    t.equal(first, starts_on)
    t.equal(rows[0].n, (Date.parse(last) - Date.parse(first)) / 86_400_000 + 1)
    t.ok(last >= daysFromNow(89) && last <= daysFromNow(91), last)
    t.ok((await sessionsOf(`from=${starts_on}`)).every(session => session.local_time === '19:00'))
    const next = (await admin.get(`/v1/groups/${group}`)).data.next_session_at
    t.ok(Date.parse(next) > Date.now() && Date.parse(next) < Date.now() + 86_400_000, next)
    const ended = await admin.post(
      `/v1/series/${made.data.id}/end`,
      { ends_on: daysFromNow(-1) },
      { 'if-match': '"1"' }
    )
    t.match(ended.data, { ends_on: daysFromNow(-1), version: 2 })
    const left = await look(
      'select count(*)::int as n, count(*) filter (where starts_at > now())::int as coming from sessions where series_id = $1',
      [made.data.id]
    )
    t.equal(left[0].coming, 0)
    t.ok(left[0].n >= 60, 'past sessions stay')
    t.match(await admin.post(`/v1/series/${made.data.id}/end`, undefined, { 'if-match': '"2"' }), {
      statusCode: 409,
      data: { code: 'already_ended' }
    })
    await look('delete from sessions where series_id = $1', [made.data.id])
  })

  await t.test('keep their wall-clock time over the autumn change', async t => {
    const made = await admin.post(`/v1/groups/${group}/series`, weekly)
    t.equal(made.statusCode, 201, made.body)
    t.same(
      (await sessionsOf('from=2026-10-20&to=2026-11-11')).map(session => [session.local_date, session.starts_at]),
      [
        ['2026-10-20', '2026-10-20T23:00:00.000Z'],
        ['2026-10-27', '2026-10-27T23:00:00.000Z'],
        ['2026-11-03', '2026-11-04T00:00:00.000Z'],
        ['2026-11-10', '2026-11-11T00:00:00.000Z']
      ]
    )
    t.equal((await sessionsOf('from=2026-11-04T00:00:00Z&to=2026-11-11T00:00:00Z')).length, 1, 'instants, half-open')
    t.equal((await admin.get(`/v1/groups/${group}/series?limit=1`)).data.data.length, 1)
  })

  await t.test('are refused with a pointer', async t => {
    const before = await look('select count(*)::int as n from sessions')
    for (const [fields, pointer, code] of [
      [{ rrule: 'FREQ=HOURLY' }, '#/rrule', 'invalid_rrule'],
      [{ rrule: 'every tuesday' }, '#/rrule', 'invalid_rrule'],
      [{ rrule: 'FREQ=MONTHLY;BYMONTHDAY=30;BYDAY=1MO' }, '#/rrule', 'invalid_rrule'],
      [{ rrule: 'FREQ=WEEKLY;UNTIL=20200101' }, '#/rrule', 'invalid_rrule'],
      [{ starts_on: daysFromNow(-402) }, '#/starts_on', 'too_early'],
      [{ start_time: '24:00' }, '#/start_time', 'pattern'],
      [{ time_zone: 'EST' }, '#/time_zone', 'format'],
      [{ starts_on: '2026-02-30' }, '#/starts_on', 'format'],
      [{ duration_minutes: 4 }, '#/duration_minutes', 'minimum']
    ] as const) {
      const refused = await admin.post(`/v1/groups/${group}/series`, { ...weekly, ...fields })
      t.match(refused, { statusCode: 422, data: { errors: [{ pointer, code }] } }, JSON.stringify(fields))
    }
    const wrong = await admin.post(`/v1/groups/${group}/series`, { ...weekly, start_time: '7pm' })
    t.match(wrong.data, { errors: [{ detail: 'must be written like 19:00' }] })
    t.same(await look('select count(*)::int as n from sessions'), before)
  })

  await t.test('are hidden from other organizations and groups', async t => {
    const made = await admin.post(`/v1/groups/${group}/series`, weekly)
    const elsewhere = await organization('Elsewhere')
    const facilitator = await staff(admin, 'facilitator')
    const strip = (reply: { statusCode: number; body: string }) => [
      reply.statusCode,
      reply.body.replace(/"request_id":"[^"]+"/, '')
    ]
    for (const stranger of [elsewhere, facilitator]) {
      t.same(strip(await stranger.get(`/v1/series/${made.data.id}`)), strip(await stranger.get(`/v1/series/${uuid()}`)))
      t.equal((await stranger.get(`/v1/groups/${group}/series`)).statusCode, 404)
      t.equal((await stranger.post(`/v1/groups/${group}/series`, weekly)).statusCode, 404)
      t.equal((await stranger.post(`/v1/groups/${group}/series`, {})).statusCode, 404)
      t.equal((await stranger.post(`/v1/series/${made.data.id}/end`, {}, { 'if-match': '*' })).statusCode, 404)
    }
  })

  await t.test('are extended by themselves, by several replicas at once, without making a session twice', async t => {
    const made = await admin.post(`/v1/groups/${group}/series`, {
      ...weekly,
      rrule: 'FREQ=DAILY',
      starts_on: daysFromNow(0)
    })
    const later = new Date(Date.now() + 30 * 86_400_000)
    const count = async () =>
      (
        await look(
          'select count(*)::int as n, count(distinct occurs_on)::int as days, max(occurs_on)::text as last from sessions where series_id = $1',
          [made.data.id]
        )
      )[0]
    const before = await count()
    await Promise.all([1, 2, 3].map(() => extendSeries(app.db, app.log, 90, later)))
    const after = await count()
    t.equal(after.n, before.n + 30)
    t.equal(after.days, after.n)
    t.equal(await extendSeries(app.db, app.log, 90, later), 0)
    t.match((await admin.get(`/v1/series/${made.data.id}`)).data, { version: 1 }, 'nobody changed it')
  })

  await t.test('one that cannot be extended does not keep the others from it', async t => {
    const many = await Promise.all(
      [1, 2, 3].map(() => admin.post(`/v1/groups/${group}/series`, { ...weekly, starts_on: daysFromNow(0) }))
    )
    const [broken, ...sound] = many.map(made => made.data.id as string)
    await look("update series set rrule = 'FREQ=NEVER' where id = $1", [broken])
    const errors: unknown[] = []
    const later = new Date(Date.now() + 60 * 86_400_000)
    await extendSeries(app.db, { error: (told: object) => errors.push(told) } as never, 90, later)
    t.match(errors, [{ series_id: broken }])
    const rows = await look('select id, extended_until > $2 as extended from series where id = any ($1)', [
      [broken, ...sound],
      daysFromNow(140)
    ])
    for (const { id, extended } of rows) t.equal(extended, id !== broken)
    await look("update series set rrule = 'FREQ=WEEKLY' where id = $1", [broken])
  })

  await t.test('nor does what is still being undone of a try before', async t => {
    const many = await Promise.all(
      [1, 2, 3].map(() => admin.post(`/v1/groups/${group}/series`, { ...weekly, starts_on: daysFromNow(0) }))
    )
    const [broken, held, free] = many.map(made => made.data.id as string)
    await look("update series set rrule = 'FREQ=NEVER' where id = $1", [broken])
    const superuser = await lookingPastWalls(t, service)
    await superuser.query('begin')
    await superuser.query('select from series where id = $1 for update', [held])
    const extending = extendSeries(app.db, { error() {} } as never, 90, new Date(Date.now() + 60 * 86_400_000))
    await until(
      async () =>
        (await look("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"))
          .length > 0
    )
    await superuser.query('rollback')
    await extending
    const rows = await look('select id from series where id = any ($1) and extended_until > $2', [
      [broken, held, free],
      daysFromNow(140)
    ])
    t.same(rows.map(row => row.id).sort(), [held, free].sort())
    await look("update series set rrule = 'FREQ=WEEKLY' where id = $1", [broken])
  })

  await t.test('with an end to come are extended up to it; what somebody touched stays', async t => {
    const made = await admin.post(`/v1/groups/${group}/series`, {
      ...weekly,
      rrule: 'FREQ=DAILY',
      starts_on: daysFromNow(0)
    })
    const url = `/v1/series/${made.data.id}`
    t.match(await admin.post(`${url}/end`, { ends_on: daysFromNow(-3) }, { 'if-match': '"1"' }), {
      statusCode: 422,
      data: { errors: [{ pointer: '#/ends_on', code: 'ends_before_start' }] }
    })
    const touched = (
      await look('select id from sessions where series_id = $1 and occurs_on = $2', [made.data.id, daysFromNow(50)])
    )[0].id
    await admin.patch(`/v1/sessions/${touched}`, { topic: 'Farewell' }, { 'if-match': '"1"' })
    const ends_on = daysFromNow(100)
    t.equal((await admin.post(`${url}/end`, { ends_on }, { 'if-match': '"1"' })).statusCode, 200)
    await extendSeries(app.db, app.log, 90, new Date(Date.now() + 30 * 86_400_000))
    const [{ last }] = await look('select max(occurs_on)::text as last from sessions where series_id = $1', [
      made.data.id
    ])
    t.equal(last, ends_on)

    const other = await admin.post(`/v1/groups/${group}/series`, {
      ...weekly,
      rrule: 'FREQ=DAILY',
      starts_on: daysFromNow(0)
    })
    const [own, next] = (
      await look('select id from sessions where series_id = $1 and occurs_on in ($2, $3) order by occurs_on', [
        other.data.id,
        daysFromNow(50),
        daysFromNow(51)
      ])
    ).map(row => row.id)
    await admin.patch(`/v1/sessions/${own}`, { topic: 'Farewell' }, { 'if-match': '"1"' })
    await admin.post(`/v1/series/${other.data.id}/end`, undefined, { 'if-match': '"1"' })
    t.equal((await admin.get(`/v1/sessions/${own}`)).statusCode, 200)
    t.equal((await admin.get(`/v1/sessions/${next}`)).statusCode, 404)
    t.match(await look('select operation from audit_entries where object_id = $1', [next]), [
      { operation: 'session.removed' }
    ])
  })
})
