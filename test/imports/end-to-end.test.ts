import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { addDays, localDateOf, localTimeOf } from '../../src/clock/time-zones.ts'
import { type Client, startApp } from '../support/app.ts'
import { makeMember, makePerson } from '../support/circle.ts'
import { root } from '../support/root.ts'

/** A real list of 658 weekly meetings in San Francisco and Marin, without its contacts. */
const list: Record<string, unknown>[] = JSON.parse(
  readFileSync(join(root, 'test/data/meeting-guide-sf-marin.json'), 'utf8')
)
const url = '/v1/imports/meeting-guide?time_zone=America/Los_Angeles'
const zone = 'America/Los_Angeles'

interface Listed {
  id: string
  slug: string
  name: string
  languages: string[]
  location: { city: string | null; notes: string | null; latitude: number; longitude: number } | null
}

/** A whole list, page by page. */
async function all<Row = Listed>(who: Client, path: string): Promise<Row[]> {
  const rows: Row[] = []
  const join = path.includes('?') ? '&' : '?'
  for (let cursor = ''; ; ) {
    const { statusCode, data, body } = await who.get(`${path}${join}limit=100${cursor}`)
    if (statusCode !== 200) throw new Error(body)
    rows.push(...data.data)
    if (!data.page.has_more) return rows
    cursor = `&cursor=${data.page.next_cursor}`
  }
}

/** The Sunday on which clocks in Los Angeles last went back, at least so many days ago: at most 379 days for 8. */
function lastAutumnChange(daysAgo: number): string {
  const noonInUtc = (day: string) => localTimeOf(`${day}T12:00:00Z`, zone)
  for (let day = addDays(localDateOf(new Date(), zone), -daysAgo); ; day = addDays(day, -1)) {
    if (noonInUtc(addDays(day, -1)) === '05:00' && noonInUtc(day) === '04:00') return day
  }
}

t.test('a real list, from the import to the sheets', async t => {
  const { organization, look } = await startApp(t)
  const admin = await organization()
  const slugs = new Map<string, string>()

  await t.test('is imported whole', async t => {
    const started = performance.now()
    const reply = await admin.post(url, list, { 'idempotency-key': 'sf-marin' })
    const seconds = (performance.now() - started) / 1000
    t.equal(reply.statusCode, 207)
    t.ok(seconds < 6, `in ${seconds.toFixed(1)} s`)
    t.same(reply.data.counts, { created: 658, updated: 0, unchanged: 0, skipped: 0 })
    t.equal(reply.data.results.length, 658)
    for (const { slug, group_id } of reply.data.results) slugs.set(slug, group_id)
    t.equal(slugs.size, 658)
    t.equal((await admin.post(url, list, { 'idempotency-key': 'sf-marin' })).headers['idempotency-replayed'], 'true')
    const [made] = await look('select count(*)::int as sessions, count(distinct group_id)::int as groups from sessions')
    t.equal(made.groups, 658)
    // 91 days, today and the horizon among them, are 13 weeks.
    t.equal(made.sessions, 658 * 13)
  })

  await t.test('is unchanged the second time', async t => {
    const state = () =>
      look(`select (select md5(string_agg(g::text, '' order by id)) from groups g) as groups,
        (select md5(string_agg(s::text, '' order by id)) from series s) as series,
        (select md5(string_agg(s::text, '' order by id)) from sessions s) as sessions,
        (select count(*) from audit_entries) as audit, (select count(*) from outbox_events) as events`)
    const before = await state()
    t.same((await admin.post(url, list)).data.counts, { created: 0, updated: 0, unchanged: 658, skipped: 0 })
    t.same(await state(), before)
  })

  await t.test('takes changed rows beside bad ones', async t => {
    const changed = list.map(row => {
      if (row.slug === 'gratitude-414') return { ...row, name: 'Gratitude and Tea' }
      if (row.slug === 'caledonia-303') return { ...row, time: '06:10', end_time: '07:10' }
      if (row.slug === 'marin-city-fellowship-speaker-619') return { ...row, time: 'evening' }
      return row
    })
    const reply = await admin.post(url, [...changed, null, list[1]])
    t.same(reply.data.counts, { created: 0, updated: 2, unchanged: 655, skipped: 3 })
    const told = (index: number) => reply.data.results.at(index).problem.errors
    t.match(told(0), [{ pointer: '#/0/time', code: 'invalid_time' }])
    t.match(told(-2), [{ pointer: '#/658', code: 'not_an_object' }])
    t.match(told(-1), [{ pointer: '#/659/slug', code: 'duplicate_slug' }])
    t.match((await admin.get('/v1/groups?q=gratitude%20tea')).data.data, [{ slug: 'gratitude-414', version: 2 }])
    const series = await all<{ start_time: string; ends_on: string | null }>(
      admin,
      `/v1/groups/${slugs.get('caledonia-303')}/series`
    )
    t.same(
      series.filter(({ ends_on }) => ends_on === null).map(({ start_time }) => start_time),
      ['06:10']
    )
  })

  await t.test('is listed and searched by place and language', async t => {
    const groups = await all(admin, '/v1/groups')
    t.equal(groups.length, 658)
    t.same(new Set(groups.map(({ slug }) => slug)), new Set(slugs.keys()))

    const sausalito = await all(admin, '/v1/groups?q=Sausalito')
    t.same(sausalito.map(({ slug }) => slug).sort(), [
      'caledonia-303',
      'gratitude-414',
      'marin-city-fellowship-speaker-619'
    ])
    t.same(await all(admin, '/v1/groups?q=SAUSÁLITO'), sausalito)

    const spanish = await all(admin, '/v1/groups?language=es')
    t.equal(spanish.length, 11)
    t.ok(spanish.every(({ languages }) => languages.includes('es')))
    t.ok((await all(admin, '/v1/groups?language=es&q=espanol')).some(({ slug }) => slug === 'aa-en-espanol-245'))

    const [lat, lng, km] = [37.93662, -122.534462, 10]
    const near = await all(admin, `/v1/groups?lat=${lat}&lng=${lng}&km=${km}`)
    t.equal(near[0]?.location?.latitude, lat, 'the nearest first')
    const away = (row: Record<string, unknown>) => {
      const radians = (degrees: number) => (degrees * Math.PI) / 180
      const [a, b] = [radians(lat), radians(Number(row.latitude))]
      const [x, y] = [(radians(Number(row.longitude)) - radians(lng)) * Math.cos((a + b) / 2), b - a]
      return Math.hypot(x, y) * 6371
    }
    const within = list.filter(row => row.latitude !== undefined && away(row) <= km).map(({ slug }) => slug)
    t.ok(within.length > 5 && within.length < 200, `${within.length} within ${km} km`)
    t.same(near.map(({ slug }) => slug).sort(), within.sort())
    t.same(await all(admin, `/v1/groups?lat=${lat}&lng=${lng}&km=${km}&language=tl`), [])
  })

  await t.test('gets sheets on both sides of the autumn change, read back by date', async t => {
    const sunday = lastAutumnChange(8)
    // Tuesdays at 19:00: two before the clocks go back, one after.
    const days = [-12, -5, 2].map(offset => addDays(sunday, offset))
    const instants = [
      `${addDays(days[0]!, 1)}T02:00:00.000Z`,
      `${addDays(days[1]!, 1)}T02:00:00.000Z`,
      `${addDays(days[2]!, 1)}T03:00:00.000Z`
    ]
    const group_id = slugs.get('gratitude-414')!
    const series = await admin.post(`/v1/groups/${group_id}/series`, {
      starts_on: days[0],
      start_time: '19:00',
      duration_minutes: 90,
      rrule: 'FREQ=WEEKLY;BYDAY=TU'
    })
    t.equal(series.statusCode, 201, series.body)
    t.equal(series.data.time_zone, zone, "the imported group's own")

    const between = `group_id=${group_id}&from=${days[0]}&to=${addDays(sunday, 3)}`
    type Session = {
      id: string
      local_date: string
      local_time: string
      starts_at: string
      outcome: string
      counts: object
    }
    const read = () => all<Session>(admin, `/v1/sessions?${between}`)
    const sessions = await read()
    const when = (rows: { local_date: string; starts_at: string }[]) =>
      rows.map(row => [row.local_date, new Date(row.starts_at).toISOString()])
    const expected = days.map((day, index) => [day, instants[index]])
    t.same(when(sessions), expected)
    t.ok(sessions.every(({ local_time }) => local_time === '19:00'))

    const ana = await makeMember(admin, group_id, 'Ana', addDays(days[0]!, -30))
    const ben = await makeMember(admin, group_id, 'Ben', days[1])
    const walker = await makePerson(admin, 'Wanda')
    const sheets = [
      { records: [{ person_id: ana, status: 'present' }], walk_ins: [{ display_name: 'Lee' }], anonymous_count: 3 },
      {
        records: [
          { person_id: ana, status: 'absent' },
          { person_id: ben, status: 'present', mode: 'in_person', minutes: 90 }
        ],
        walk_ins: [{ person_id: walker }, { display_name: 'Lee' }]
      },
      {
        records: [{ person_id: ana, status: 'present' }],
        walk_ins: [{ person_id: walker, mode: 'video' }],
        anonymous_count: 12
      }
    ]
    for (const [index, sheet] of sheets.entries()) {
      const put = await admin.put(`/v1/sessions/${sessions[index]!.id}/attendance`, sheet)
      t.equal(put.statusCode, 200)
      t.same((await admin.get(`/v1/sessions/${sessions[index]!.id}/attendance`)).data, put.data)
    }

    t.match(
      (await read()).map(({ local_date, outcome, counts }) => ({ local_date, outcome, counts })),
      [
        {
          local_date: days[0],
          outcome: 'held',
          counts: { present: 1, absent: 0, not_recorded: 0, walk_ins: 1, anonymous: 3, total: 5 }
        },
        {
          local_date: days[1],
          outcome: 'held',
          counts: { present: 1, absent: 1, not_recorded: 0, walk_ins: 2, anonymous: 0, total: 3 }
        },
        {
          local_date: days[2],
          outcome: 'held',
          counts: { present: 1, absent: 0, not_recorded: 1, walk_ins: 1, anonymous: 12, total: 14 }
        }
      ]
    )
    // The evening of a Tuesday in California is Wednesday in UTC: days are those of the group.
    for (const [index, day] of days.entries()) {
      const of = (query: string) => all<Session>(admin, `/v1/sessions?group_id=${group_id}&${query}`)
      t.same(when(await of(`from=${day}&to=${addDays(day, 1)}`)), [expected[index]])
      t.same(await of(`from=${addDays(day, 1)}&to=${addDays(day, 2)}`), [])
      const second = new Date(Date.parse(instants[index]!) + 1000).toISOString()
      t.same(when(await of(`from=${instants[index]}&to=${second}`)), [expected[index]], 'by instants, half-open')
      t.same(await of(`from=${second}&to=${addDays(day, 2)}T00:00:00Z`), [])
    }

    type Row = {
      local_date: string
      starts_at: string
      display_name: string
      walk_in: boolean
      status: string
      person_id: string | null
    }
    const rows = await all<Row>(admin, `/v1/attendance?${between}`)
    const said = rows.map(row => [...when([row])[0]!, row.display_name, row.walk_in, row.status].join(' ')).sort()
    t.same(
      said,
      [
        [0, 'Ana false present'],
        [0, 'Lee true present'],
        [1, 'Ana false absent'],
        [1, 'Ben false present'],
        [1, 'Lee true present'],
        [1, 'Wanda true present'],
        [2, 'Ana false present'],
        [2, 'Wanda true present']
      ].map(([index, who]) => `${days[index as number]} ${instants[index as number]} ${who}`)
    )
    t.ok(
      rows.every(row => (row.display_name === 'Lee') === (row.person_id === null)),
      'only a name stays only a name'
    )
    const from = `/v1/attendance?group_id=${group_id}&from=${sunday}&to=${addDays(sunday, 3)}`
    t.same(when(await all<Row>(admin, from)), [expected[2], expected[2]])
    t.same(
      (await all<Row>(admin, `/v1/people/${walker}/attendance?from=${days[0]}&to=${addDays(sunday, 3)}`)).map(
        row => row.local_date
      ),
      days.slice(1)
    )
  })
})
