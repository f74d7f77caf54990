import t from 'tap'
import { addDays, localTimeOf } from '../../src/clock/time-zones.ts'
import { keepWallClock } from '../../src/schedule/keep-wall-clock.ts'
import { startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makeMember } from '../support/circle.ts'

t.test('sessions further ahead', async t => {
  const service = await startApp(t)
  const { look } = service
  const admin = await service.organization()
  const observer = await service.staff(admin, 'observer')
  const stranger = await service.staff(admin, 'facilitator')
  const weekly = { starts_on: daysFromNow(1), start_time: '19:00', rrule: 'FREQ=WEEKLY' }
  async function group() {
    const id = await makeGroup(admin)
    const series = await admin.post(`/v1/groups/${id}/series`, weekly)
    const last = async () =>
      (await look('select max(local_date)::text as last from sessions where group_id = $1', [id]))[0].last
    return { id, series: series.data.id as string, last }
  }

  await t.test('are made when somebody asks for them', async t => {
    const { id, last } = await group()
    const horizon = await last()
    t.ok(horizon <= daysFromNow(91) && horizon > daysFromNow(83))
    const ask = (query: string, client = observer) => client.get(`/v1/groups/${id}/sessions?limit=100&${query}`)
    await ask(`to=${daysFromNow(60)}`)
    t.equal((await stranger.get(`/v1/groups/${id}/sessions?to=${daysFromNow(200)}`)).statusCode, 404)
    t.equal(await last(), horizon, 'not for others')
    const answers = await Promise.all([1, 2, 3].map(() => ask(`to=${daysFromNow(200)}`)))
    for (const { data } of answers) t.equal(data.data.length, 29, 'each has them all')
    t.equal(await last(), addDays(weekly.starts_on, 28 * 7))
    const far = (await ask(`from=${daysFromNow(300)}T00:00:00Z`)).data.data
    t.ok(far.length >= 4 && far.length <= 5, 'a month from there')
    const across = await observer.get(`/v1/sessions?group_id=${id}&from=${daysFromNow(500)}&to=${daysFromNow(530)}`)
    t.ok(across.data.data.length >= 4, 'also in the list across groups')
    t.equal((await stranger.get(`/v1/sessions?group_id=${id}&to=${daysFromNow(700)}`)).statusCode, 200)
    t.ok((await last()) <= daysFromNow(531), 'not for others')
    await ask(`to=${daysFromNow(5000)}`)
    t.ok((await last()) > daysFromNow(720) && (await last()) <= daysFromNow(731), 'two years at the most')
  })

  await t.test('but none of what has ended', async t => {
    const { id, series, last } = await group()
    const ends_on = daysFromNow(120)
    await admin.post(`/v1/series/${series}/end`, { ends_on }, { 'if-match': '*' })
    await admin.get(`/v1/groups/${id}/sessions?to=${daysFromNow(400)}`)
    t.ok((await last()) <= ends_on && (await last()) > daysFromNow(112))
  })

  await t.test('keep what clocks show, when the rules of a time zone change; past ones stay', async t => {
    const id = await makeGroup(admin, { time_zone: 'America/New_York' })
    const series = { ...weekly, starts_on: daysFromNow(-14), rrule: 'FREQ=DAILY', duration_minutes: 90 }
    await admin.post(`/v1/groups/${id}/series`, series)
    const person = await makeMember(admin, id, 'Robin', daysFromNow(-30))
    const all = () =>
      look(
        'select id, starts_at, ends_at, local_date, local_time, version, starts_at > now() as coming from sessions where group_id = $1 order by local_date',
        [id]
      )
    const before = await all()
    const recorded = before.find(one => !one.coming)!
    await admin.put(`/v1/sessions/${recorded.id}/attendance`, { records: [{ person_id: person, status: 'present' }] })
    await assign(admin, id, stranger.staff_id)
    // As if they had been made when the zone was an hour further east, and had no summer time.
    await look(
      `update sessions set starts_at = (local_date + local_time::time) at time zone '-04:00', ends_at = (local_date + local_time::time) at time zone '-04:00' + interval '90 minutes'
       where group_id = $1 and sheet_version = 0 and starts_at not between now() - interval '1 day' and now() + interval '1 day'`,
      [id]
    )
    const wrong = await all()
    const moved = await keepWallClock(service.app.db)
    t.ok(moved > 20, `${moved} were moved`)
    for (const [index, one] of (await all()).entries()) {
      if (one.coming) {
        t.equal(localTimeOf(one.starts_at, 'America/New_York'), '19:00')
        t.equal(
          one.starts_at.getTime?.() ?? one.starts_at,
          before[index]!.starts_at.getTime?.() ?? before[index]!.starts_at
        )
        t.equal(Date.parse(one.ends_at) - Date.parse(one.starts_at), 90 * 60_000)
      } else if (one.id !== recorded.id) t.same(one, wrong[index], 'past')
    }
    t.equal(await keepWallClock(service.app.db), 0, 'once')

    // In the second of two equal hours, and not on the minute: as somebody meant it.
    for (const starts_at of ['2027-11-07T06:30:00Z', '2027-05-01T18:30:30.500Z']) {
      const made = await admin.post(`/v1/groups/${id}/sessions`, { starts_at })
      t.equal(await keepWallClock(service.app.db), 0, starts_at)
      t.equal(Date.parse((await admin.get(`/v1/sessions/${made.data.id}`)).data.starts_at), Date.parse(starts_at))
    }
  })
})
