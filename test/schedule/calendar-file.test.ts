import t from 'tap'
import { addDays } from '../../src/clock/time-zones.ts'
import { readCalendar } from '../../src/schedule/calendar-file.ts'
import { type Client, startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup } from '../support/circle.ts'

const calendar = (...events: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Test//EN', ...events, 'END:VCALENDAR', ''].join('\r\n')
const event = (uid: string, ...lines: string[]) => ['BEGIN:VEVENT', `UID:${uid}`, ...lines, 'END:VEVENT'].join('\r\n')
const now = new Date('2026-11-28T12:00:00Z')

t.test('a calendar file is read', async t => {
  const read = async (...events: string[]) => await readCalendar(calendar(...events), 'America/New_York', now)
  const days = async (...lines: string[]) =>
    (await read(event('a', ...lines))).days.map(day => [day.starts_on, day.ends_on])

  await t.test('whole days, the last of which the file leaves out', async t => {
    t.same(await days('DTSTART;VALUE=DATE:20261224', 'DTEND;VALUE=DATE:20270102'), [['2026-12-24', '2027-01-01']])
    t.same(await days('DTSTART;VALUE=DATE:20261224'), [['2026-12-24', '2026-12-24']])
    t.same(await days('DTSTART;VALUE=DATE:20261224', 'DURATION:P2D'), [['2026-12-24', '2026-12-25']])
    t.same(
      await days('DTSTART;VALUE=DATE:20261120', 'DTEND;VALUE=DATE:20261201'),
      [['2026-11-20', '2026-11-30']],
      'begun'
    )
  })

  await t.test('hours are the local days that they touch', async t => {
    t.same(await days('DTSTART:20261224T180000', 'DTEND:20261225T000000'), [['2026-12-24', '2026-12-24']])
    t.same(await days('DTSTART:20261224T180000', 'DTEND:20261225T000100'), [['2026-12-24', '2026-12-25']])
    t.same(await days('DTSTART:20261225T020000Z', 'DTEND:20261225T030000Z'), [['2026-12-24', '2026-12-24']], 'in UTC')
    t.same(await days('DTSTART;TZID=Asia/Tokyo:20261225T020000', 'DURATION:PT1H'), [['2026-12-25', '2026-12-25']])
  })

  await t.test('each day of an event that recurs, within two years', async t => {
    t.same(await days('DTSTART;VALUE=DATE:20100101', 'RRULE:FREQ=YEARLY'), [
      ['2027-01-01', '2027-01-01'],
      ['2028-01-01', '2028-01-01']
    ])
    t.same(await days('DTSTART;VALUE=DATE:20101125', 'RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH'), [
      ['2027-11-25', '2027-11-25'],
      ['2028-11-23', '2028-11-23']
    ])
    t.same(await days('DTSTART;VALUE=DATE:20200101', 'RRULE:FREQ=YEARLY;UNTIL=20270101'), [
      ['2027-01-01', '2027-01-01']
    ])
    t.same(await days('DTSTART;VALUE=DATE:20200101', 'RRULE:FREQ=YEARLY', 'EXDATE;VALUE=DATE:20270101'), [
      ['2028-01-01', '2028-01-01']
    ])
    const evening = 'DTSTART:20270107T020000Z'
    t.same(
      await days(evening, 'RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=3'),
      ['2027-01-06', '2027-01-13', '2027-01-20'].map(day => [day, day]),
      'in UTC, it recurs on days of UTC'
    )
    const until = async (text: string) => (await days(evening, `RRULE:FREQ=DAILY;UNTIL=${text}`)).length
    t.equal(await until('20270109T020000Z'), 3)
    t.equal(await until('20270109T015959Z'), 2)
    t.equal(await until('20270109'), 3)
    const moved = await read(
      event('a', 'DTSTART;VALUE=DATE:20200101', 'RRULE:FREQ=YEARLY', 'SUMMARY:New Year'),
      event('a', 'RECURRENCE-ID;VALUE=DATE:20270101', 'DTSTART;VALUE=DATE:20270104', 'SUMMARY:Later')
    )
    t.match(moved.days, [
      { starts_on: '2028-01-01', name: 'New Year' },
      { starts_on: '2027-01-04', name: 'Later' }
    ])
    t.equal(moved.days.length, 2)
  })

  await t.test('what cannot be read is told of, and costs little', async t => {
    const code = async (...lines: string[]) => {
      const began = performance.now()
      const { days, faults } = await read(event('a', ...lines))
      t.ok(performance.now() - began < 2000)
      return days.length > 0 ? 'read' : faults[0]!.code
    }
    const start = 'DTSTART;VALUE=DATE:20200101'
    t.equal(await code('SUMMARY:x'), 'invalid_event')
    t.equal(await code('DTSTART:nonsense'), 'invalid_event')
    t.equal(await code('DTSTART;VALUE=DATE:20261224', 'DTEND:nonsense'), 'invalid_event')
    t.equal(await code('DTSTART;VALUE=DATE:20261224', 'EXDATE:nonsense'), 'invalid_event')
    t.equal(await code('DTSTART;VALUE=DATE:20261224', 'RRULE:nonsense'), 'invalid_event')
    for (const lines of [
      ['DTSTART;VALUE=DATE:20270230'],
      ['DTSTART;VALUE=DATE:20271301'],
      ['DTSTART:20270635T270000Z'],
      ['DTSTART:20270605T270000Z'],
      ['DTSTART;VALUE=DATE:20270510', 'DTEND;VALUE=DATE:20270505'],
      ['DTSTART;VALUE=DATE:20261224', 'EXDATE;VALUE=DATE:20270230'],
      ['DTSTART;VALUE=DATE:20261224', 'RDATE;VALUE=DATE:20270105'],
      ['DTSTART;VALUE=DATE:20261224', 'RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20270105'],
      ['DTSTART;VALUE=DATE:20261224', 'RRULE:FREQ=SOMETIMES']
    ])
      t.equal(await code(...lines), 'invalid_event', lines.join())
    // One that the library does not read leaves the others as they are.
    const beside = await read(
      event('bad', start, 'RRULE:FREQ=SOMETIMES'),
      event('good', 'DTSTART;VALUE=DATE:20270105', `SUMMARY:${'x'.repeat(199)}🎄 and more`)
    )
    t.match(beside.faults, [{ uid: 'bad', code: 'invalid_event' }])
    t.match(beside.days, [{ uid: 'good', starts_on: '2027-01-05', name: `${'x'.repeat(199)}🎄` }])
    const began = performance.now()
    const unclosed = `BEGIN:VCALENDAR\r\n${'BEGIN:VEVENT\r\n'.repeat(70_000)}`
    await t.rejects(readCalendar(unclosed, 'UTC', now), { status: 400, code: 'malformed_calendar' })
    const bad = Array.from({ length: 1001 }, (_, n) => event(`${n}`, start, 'RRULE:FREQ=SOMETIMES'))
    await t.rejects(read(...bad), { status: 422, code: 'too_many_rows' })
    t.ok(performance.now() - began < 2000)
    const named = await read(event('a', start, 'SUMMARY:New Year'))
    t.match(named.faults, [{ uid: 'a', name: 'New Year', code: 'past' }])
    const many = Array.from({ length: 1001 }, (_, n) => event(`${n}`, start))
    await t.rejects(read(...many), { status: 422, code: 'too_many_rows' })
    const busy = Array.from({ length: 20 }, (_, n) => event(`${n}`, start, 'RRULE:FREQ=WEEKLY;COUNT=440'))
    await t.rejects(read(...busy), { status: 422, code: 'too_many_rows' }, 'days')
    t.equal(await code(start, 'DTEND;VALUE=DATE:20990101'), 'invalid_event')
    t.equal(await code(start), 'past')
    t.equal(await code('DTSTART;VALUE=DATE:20300101'), 'past')
    t.equal(await code('DTSTART;VALUE=DATE:20261224', 'STATUS:CANCELLED'), 'cancelled')
    t.equal(await code(start, 'RRULE:FREQ=DAILY'), 'too_many')
    for (const rule of ['SECONDLY', 'HOURLY;BYMONTH=2;BYMONTHDAY=30']) {
      t.equal(await code(start, `RRULE:FREQ=${rule}`), 'invalid_event', rule)
    }
    t.equal(await code(start, 'RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31'), 'past')
    const nameless = await read(['BEGIN:VEVENT', start, 'END:VEVENT'].join('\r\n'))
    t.match(nameless.faults, [{ uid: null, code: 'invalid_event' }])
    for (const text of ['', 'hello', 'BEGIN:VCALENDAR', 'BEGIN:VEVENT\r\nEND:VEVENT', '{"a":1}']) {
      await t.rejects(readCalendar(text, 'UTC', now), { status: 400, code: 'malformed_calendar' }, text)
    }
  })
})

t.test('a calendar of closures', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const facilitator = await service.staff(admin, 'facilitator')
  const group = await makeGroup(admin)
  await assign(admin, group, facilitator.staff_id)
  await admin.post(`/v1/groups/${group}/series`, {
    starts_on: daysFromNow(0),
    start_time: '19:00',
    rrule: 'FREQ=DAILY'
  })
  const send = (payload: string, client: Client = admin, query = '') =>
    client.request({
      method: 'POST',
      url: `/v1/imports/closures${query}`,
      headers: { 'content-type': 'text/calendar' },
      payload
    })
  const basic = (day: string) => day.replaceAll('-', '')
  const shut = (uid: string, from: string, until: string, name = 'Shut') =>
    event(uid, `DTSTART;VALUE=DATE:${basic(from)}`, `DTEND;VALUE=DATE:${basic(addDays(until, 1))}`, `SUMMARY:${name}`)
  const closed = async () =>
    (await admin.get(`/v1/groups/${group}/sessions?limit=100&outcome=cancelled`)).data.data.map(
      (one: { local_date: string }) => one.local_date
    )
  const [a, b, c] = [daysFromNow(5), daysFromNow(6), daysFromNow(20)]

  await t.test('closes the days of its events, once', async t => {
    const file = calendar(shut('one', a, b), shut('two', c, c, 'Fair'), event('old', 'DTSTART;VALUE=DATE:20200101'))
    const first = await send(file)
    t.match(first, {
      statusCode: 207,
      data: {
        results: [
          { uid: 'one', name: 'Shut', starts_on: a, ends_on: b, result: 'created', problem: null },
          { uid: 'two', name: 'Fair', result: 'created' },
          { uid: 'old', result: 'skipped', closure_id: null, problem: { code: 'past' } }
        ],
        counts: { created: 2, updated: 0, unchanged: 0, removed: 0, skipped: 1 }
      }
    })
    t.same(await closed(), [a, b, c])
    t.match((await send(file)).data.counts, { created: 0, unchanged: 2 })
    t.equal((await admin.get('/v1/closures')).data.data.length, 2)

    await admin.post(`/v1/closures/${first.data.results[1].closure_id}/remove`, undefined, { 'if-match': '*' })
    t.match((await send(file)).data.counts, { created: 0, unchanged: 2 }, 'removed by hand, it stays so')
    t.same(await closed(), [a, b])
  })

  await t.test('an event that changed, moved or was cancelled takes its closure along', async t => {
    t.match((await send(calendar(shut('one', a, a)))).data.counts, { updated: 1 })
    t.same(await closed(), [a])
    t.match((await send(calendar(shut('one', b, b)))).data.counts, { created: 1, removed: 1 })
    t.same(await closed(), [b])
    const cancelled = event('one', `DTSTART;VALUE=DATE:${basic(b)}`, 'STATUS:CANCELLED')
    t.match((await send(calendar(cancelled))).data.counts, { removed: 1, skipped: 1 })
    t.same(await closed(), [])
  })

  await t.test('an event that cannot be read opens nothing', async t => {
    t.match((await send(calendar(shut('one', c, c)))).data.counts, { created: 1 })
    const unread = event('one', `DTSTART;VALUE=DATE:${basic(c)}`, 'RRULE:FREQ=SECONDLY')
    t.match((await send(calendar(unread))).data.counts, { removed: 0, skipped: 1 })
    t.same(await closed(), [c])
    t.match((await send(calendar(event('one', 'DTSTART;VALUE=DATE:20200101')))).data.counts, { removed: 1 })
    t.same(await closed(), [])
  })

  await t.test('the days of a group are those of its own clocks', async t => {
    const there = await makeGroup(admin, { time_zone: 'Pacific/Auckland' })
    const late = calendar(event('late', `DTSTART:${basic(a)}T230000Z`, `DTEND:${basic(a)}T233000Z`))
    const { results } = (await send(late, admin, `?group_id=${there}`)).data
    t.match(results, [{ result: 'created', starts_on: addDays(a, 1), ends_on: addDays(a, 1) }])
    await admin.post(`/v1/closures/${results[0].closure_id}/remove`, undefined, { 'if-match': '*' })
  })

  await t.test('is for those whom it concerns', async t => {
    const file = calendar(shut('theirs', a, a))
    t.equal((await send(file, facilitator)).statusCode, 403)
    t.match((await send(file, facilitator, `?group_id=${group}`)).data.results, [{ result: 'created' }])
    t.match((await admin.get('/v1/closures')).data.data, [{ group_id: group, starts_on: a }])
    const stranger = await service.staff(admin, 'facilitator')
    t.match(await send(file, stranger, `?group_id=${group}`), {
      statusCode: 422,
      data: { errors: [{ parameter: 'group_id', code: 'unknown_reference' }] }
    })
    t.equal((await send('hello')).statusCode, 400)
    t.equal((await admin.post('/v1/imports/closures', {})).statusCode, 415)
  })
})
