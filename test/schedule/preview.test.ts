import * as fc from 'fast-check'
import t from 'tap'
import { Temporal } from 'temporal-polyfill'
import { instantOf, isShownAgain, timeZones } from '../../src/clock/time-zones.ts'
import { startApp } from '../support/app.ts'
import { daysFromNow, makeGroup } from '../support/circle.ts'

t.test('a time that clocks show twice is told from one that they do not', async t => {
  const days = fc.date({ min: new Date('2020-01-01'), max: new Date('2029-12-31'), noInvalidDate: true })
  const minute = fc.integer({ min: 0, max: 1439 })
  let twice = 0
  // Each change of clocks in ten years, and some days of each zone without one.
  for (const zone of [
    'America/New_York',
    'Europe/Dublin',
    'Australia/Lord_Howe',
    'America/Phoenix',
    'Africa/Casablanca'
  ]) {
    let at = Temporal.Instant.from('2020-01-01T00:00:00Z').toZonedDateTimeISO(zone)
    for (;;) {
      const change = at.getTimeZoneTransition('next')
      if (change === null || change.year > 2029) break
      for (const minutes of [-120, -61, -60, -31, -30, -1, 0, 1, 29, 30, 59, 60, 90]) {
        const wall = change.add({ minutes }).toPlainDateTime()
        const [earlier, later] = (['earlier', 'later'] as const).map(disambiguation =>
          wall.toZonedDateTime(zone, { disambiguation })
        )
        const isTwice = earlier!.epochMilliseconds < later!.epochMilliseconds && earlier!.toPlainDateTime().equals(wall)
        const text = wall.toString({ smallestUnit: 'minute' })
        const first = instantOf(text.slice(0, 10), text.slice(11), zone)
        t.equal(isShownAgain(first, zone), isTwice, `${zone} ${text}`)
        if (isTwice) twice++
      }
      at = change
    }
  }
  t.ok(twice > 100, `${twice} times that come twice`)
  fc.assert(
    fc.property(fc.constantFrom(...timeZones), days, minute, (zone, day, minutes) => {
      const wall = Temporal.PlainDateTime.from(day.toISOString().slice(0, 10)).add({ minutes })
      const [earlier, later] = (['earlier', 'later'] as const).map(disambiguation =>
        wall.toZonedDateTime(zone, { disambiguation })
      )
      const isTwice = earlier!.epochMilliseconds < later!.epochMilliseconds && earlier!.toPlainDateTime().equals(wall)
      const text = wall.toString({ smallestUnit: 'minute' })
      return isShownAgain(instantOf(text.slice(0, 10), text.slice(11), zone), zone) === isTwice
    }),
    { numRuns: 500 }
  )
})

t.test('preview', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const stored = async () => (await service.look('select count(*)::int as n from series'))[0].n
  const year = new Date().getUTCFullYear() + 1
  /** The n-th Sunday of a month of next year. */
  const sunday = (month: number, n: number) => {
    const first = new Date(Date.UTC(year, month - 1, 1)).getUTCDay()
    return `${year}-${String(month).padStart(2, '0')}-${String(1 + ((7 - first) % 7) + 7 * (n - 1)).padStart(2, '0')}`
  }

  await t.test('shows what a rule would make, and stores nothing', async t => {
    const before = await stored()
    const reply = await admin.post('/v1/series/preview', {
      starts_on: `${year}-01-01`,
      start_time: '19:00',
      duration_minutes: 60,
      rrule: 'bymonthday=31;freq=monthly',
      time_zone: 'America/New_York',
      limit: 3
    })
    t.equal(reply.statusCode, 200, reply.body)
    t.match(reply.data, {
      rrule: 'FREQ=MONTHLY;BYMONTHDAY=31',
      sentence: 'Every month on the 31st at 19:00',
      language: 'en',
      time_zone: 'America/New_York',
      has_more: true,
      warnings: []
    })
    t.same(
      reply.data.occurrences.map((occurrence: { local_date: string }) => occurrence.local_date),
      [`${year}-01-31`, `${year}-03-31`, `${year}-05-31`],
      'months without a 31st are skipped'
    )
    t.same(reply.data.occurrences[0], {
      starts_at: `${year}-02-01T00:00:00.000Z`,
      ends_at: `${year}-02-01T01:00:00.000Z`,
      local_date: `${year}-01-31`,
      local_time: '19:00'
    })
    t.equal(await stored(), before)
  })

  await t.test('warns of days on which clocks leave the time out, or show it twice', async t => {
    const warnings = async (time_zone: string, start_time: string) => {
      const reply = await admin.post('/v1/series/preview', {
        starts_on: `${year}-01-01`,
        start_time,
        rrule: `FREQ=DAILY;UNTIL=${year}1231`,
        time_zone
      })
      t.equal(reply.statusCode, 200, reply.body)
      return reply.data.warnings.map((one: { code: string; local_date: string }) => `${one.code} ${one.local_date}`)
    }
    t.same(await warnings('America/New_York', '02:30'), [`time_skipped ${sunday(3, 2)}`])
    t.same(await warnings('America/New_York', '01:30'), [`time_repeated ${sunday(11, 1)}`])
    t.same(await warnings('Australia/Lord_Howe', '02:15'), [`time_skipped ${sunday(10, 1)}`], 'half an hour')
    t.same(await warnings('Australia/Lord_Howe', '01:45'), [`time_repeated ${sunday(4, 1)}`])
    t.same(await warnings('Australia/Lord_Howe', '02:30'), [])
    // 09:00 in UTC is 01:00 there: the rule ends before the hour that is left out.
    const ended = await admin.post('/v1/series/preview', {
      starts_on: `${year}-03-01`,
      start_time: '02:30',
      rrule: `FREQ=DAILY;UNTIL=${sunday(3, 2).replaceAll('-', '')}T090000Z`,
      time_zone: 'America/Los_Angeles'
    })
    t.same(ended.data.warnings, [])
    t.same(await warnings('America/Phoenix', '02:30'), [])
    const told = await admin.post('/v1/series/preview', {
      starts_on: `${year}-01-01`,
      start_time: '02:30',
      rrule: 'FREQ=DAILY',
      time_zone: 'America/New_York',
      language: 'de'
    })
    t.match(told.data.warnings[0].detail, /^Am \d+\. März \d{4} lassen die Uhren 02:30 aus/)
  })

  await t.test('takes what is not given from the group, or else from the organization', async t => {
    const group = await makeGroup(admin, { time_zone: 'Europe/Madrid', languages: ['es'] })
    const weekly = { starts_on: daysFromNow(1), start_time: '19:00', rrule: 'FREQ=WEEKLY;BYDAY=TU' }
    const ofGroup = (await admin.post('/v1/series/preview', { ...weekly, group_id: group })).data
    t.match(ofGroup, { time_zone: 'Europe/Madrid', language: 'es', sentence: 'Cada martes a las 19:00' })
    const [one] = ofGroup.occurrences
    t.equal(Date.parse(one.ends_at) - Date.parse(one.starts_at), 90 * 60_000, 'the usual length')
    const mine = (await admin.get('/v1/organization')).data
    t.match((await admin.post('/v1/series/preview', weekly)).data, { time_zone: mine.time_zone, language: 'en' })
  })

  await t.test('refuses what no series could be, and tells where', async t => {
    const refused = async (changes: object, pointer: string, code: string) => {
      const body = { starts_on: daysFromNow(1), start_time: '19:00', rrule: 'FREQ=WEEKLY', ...changes }
      const reply = await admin.post('/v1/series/preview', body)
      t.equal(reply.statusCode, 422, reply.body)
      t.match(reply.data.errors?.[0] ?? reply.data, { pointer, code })
    }
    await refused({ rrule: 'FREQ=YEARLY' }, '#/rrule', 'invalid_rrule')
    await refused({ rrule: 'FREQ=WEEKLY;UNTIL=20200101' }, '#/rrule', 'invalid_rrule')
    await refused({ starts_on: daysFromNow(800) }, '#/starts_on', 'too_late')
    await refused({ time_zone: 'EST' }, '#/time_zone', 'format')
  })

  await t.test('of a group that one does not see there is none', async t => {
    const body = { starts_on: daysFromNow(1), start_time: '19:00', rrule: 'FREQ=WEEKLY' }
    const other = await service.organization()
    const facilitator = await service.staff(admin, 'facilitator')
    for (const group_id of [await makeGroup(other), await makeGroup(admin)]) {
      const reply = await facilitator.post('/v1/series/preview', { ...body, group_id })
      t.equal(reply.statusCode, 422)
      t.match(reply.data.errors[0], { pointer: '#/group_id', code: 'unknown_reference' })
    }
    t.equal((await facilitator.post('/v1/series/preview', body)).statusCode, 200)
  })
})

t.test('a series tells its sentence and what comes next, as it is by now', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group = await makeGroup(admin, { time_zone: 'Europe/Paris', languages: ['fr', 'en'] })
  const made = await admin.post(`/v1/groups/${group}/series`, {
    starts_on: daysFromNow(1),
    start_time: '18:30',
    rrule: 'FREQ=DAILY'
  })
  t.equal(made.statusCode, 201, made.body)
  t.equal(made.data.sentence, 'Chaque jour à 18:30')
  t.equal(made.data.next_occurrences.length, 3)
  const [first, second] = made.data.next_occurrences
  t.match(first, { local_time: '18:30' })
  const day = 86_400_000
  const moved = new Date(Date.parse(second.starts_at) + 30 * day).toISOString()
  t.equal(
    (await admin.patch(`/v1/sessions/${second.session_id}?force=true`, { starts_at: moved }, { 'if-match': '"1"' }))
      .statusCode,
    200
  )
  t.equal(
    (await admin.post(`/v1/sessions/${first.session_id}/cancel`, { reason: 'snow' }, { 'if-match': '"1"' })).statusCode,
    200
  )
  const now = (await admin.get(`/v1/series/${made.data.id}`)).data
  t.same(now.next_occurrences[0], made.data.next_occurrences[2], 'the moved and the cancelled one are not next')
  t.equal(now.next_occurrences.length, 3)
  t.same((await admin.get(`/v1/groups/${group}/series`)).data.data, [now])
})
