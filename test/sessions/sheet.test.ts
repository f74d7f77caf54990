import t from 'tap'
import { v7 as uuid } from 'uuid'
import { type Client, startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makeMember, makePerson, makeSession } from '../support/circle.ts'

t.test('the attendance sheet', async t => {
  const service = await startApp(t)
  const { organization, staff, look } = service
  const admin = await organization()
  const group = await makeGroup(admin)
  const [ana, ben, cleo] = [
    await makeMember(admin, group, 'Ana'),
    await makeMember(admin, group, 'Ben'),
    await makeMember(admin, group, 'Cleo')
  ]
  const walker = await makePerson(admin, 'Wanda')
  const sheetOf = (session: string) => `/v1/sessions/${session}/attendance`
  const stored = async (session: string) => [
    await look(
      'select person_id, display_name, kind, status from attendance where session_id = $1 order by kind, position',
      [session]
    ),
    await look('select version, rows from attendance_versions where session_id = $1 order by version', [session]),
    await look('select outcome, sheet_version, anonymous_count from sessions where id = $1', [session])
  ]

  await t.test('is the roster of the day before anything was put', async t => {
    const session = await makeSession(admin, group)
    const late = await makeMember(admin, group, 'Zoe', daysFromNow(1))
    const sheet = await admin.get(sheetOf(session))
    t.equal(sheet.headers.etag, '"0"')
    t.same(
      sheet.data.roster.map((row: { display_name: string }) => row.display_name),
      ['Ana', 'Ben', 'Cleo']
    )
    t.notMatch(sheet.body, late)
    t.match(sheet.data, {
      session_id: session,
      version: 0,
      submitted_at: null,
      submitted_by: null,
      walk_ins: [],
      anonymous_count: 0,
      counts: { present: 0, absent: 0, excused: 0, not_recorded: 3, walk_ins: 0, anonymous: 0, total: 0 }
    })
  })

  await t.test('is written whole in one request, and read back the same', async t => {
    const session = await makeSession(admin, group)
    const put = await admin.put(sheetOf(session), {
      records: [
        { person_id: ana, status: 'present', mode: 'in_person', arrived_late: false, minutes: 90 },
        { person_id: ben, status: 'excused' }
      ],
      walk_ins: [{ display_name: 'Ana' }, { person_id: walker, mode: 'video' }],
      anonymous_count: 3
    })
    t.equal(put.statusCode, 200, put.body)
    t.equal(put.headers.etag, '"1"')
    t.same((await admin.get(sheetOf(session))).data, put.data)
    t.match(put.data, {
      version: 1,
      submitted_at: String,
      submitted_by: { display_name: 'Administrator' },
      roster: [
        {
          person_id: ana,
          status: 'present',
          mode: 'in_person',
          arrived_late: false,
          left_early: false,
          minutes: 90,
          first_time: true
        },
        { person_id: ben, status: 'excused', mode: null, arrived_late: null, first_time: null },
        { person_id: cleo, status: 'not_recorded' }
      ],
      walk_ins: [
        { person_id: null, display_name: 'Ana', status: 'present', first_time: null },
        { person_id: walker, display_name: 'Wanda', mode: 'video', first_time: true }
      ],
      anonymous_count: 3,
      counts: { present: 1, absent: 0, excused: 1, not_recorded: 1, walk_ins: 2, anonymous: 3, total: 6 }
    })
    const held = await admin.get(`/v1/sessions/${session}`)
    t.match(held.data, { outcome: 'held', submitted_at: put.data.submitted_at, counts: put.data.counts })
    t.same(
      await look('select display_name from people where organization_id = $1 order by 1', [admin.organization_id]),
      ['Ana', 'Ben', 'Cleo', 'Wanda', 'Zoe'].map(display_name => ({ display_name })),
      'a walk-in with only a name makes no person'
    )
  })

  await t.test('nobody present is still held', async t => {
    const session = await makeSession(admin, group)
    const put = await admin.put(sheetOf(session), { records: [] })
    t.match(put.data.counts, { present: 0, total: 0, not_recorded: 3 })
    t.equal((await admin.get(`/v1/sessions/${session}`)).data.outcome, 'held')
  })

  await t.test('a retry succeeds whatever its If-Match; a change needs the version that was read', async t => {
    const session = await makeSession(admin, group)
    const body = {
      records: [{ person_id: ana, status: 'present' }],
      walk_ins: [{ display_name: 'Li' }, { display_name: 'Li' }],
      anonymous_count: 1
    }
    const first = await admin.put(sheetOf(session), body)
    for (const headers of [{}, { 'if-match': '"9"' }, { 'if-match': '"0"' }] as Record<string, string>[]) {
      const again = await admin.put(sheetOf(session), body, headers)
      t.equal(again.statusCode, 200)
      t.same(again.data, first.data)
    }
    const other = { ...body, anonymous_count: 2 }
    t.equal((await admin.put(sheetOf(session), other)).statusCode, 428)
    const stale = await admin.put(sheetOf(session), other, { 'if-match': '"0"' })
    t.equal(stale.statusCode, 412)
    t.equal(stale.headers.etag, '"1"')
    const [, versions] = await stored(session)
    t.equal(versions!.length, 1)
    const second = await admin.put(sheetOf(session), other, { 'if-match': '"1"' })
    t.match(second.data, { version: 2, anonymous_count: 2 })

    const third = await admin.put(
      sheetOf(session),
      { records: [{ person_id: ben, status: 'absent' }] },
      { 'if-match': '"2"' }
    )
    t.match(third.data, {
      version: 3,
      walk_ins: [],
      anonymous_count: 0,
      counts: { present: 0, absent: 1, not_recorded: 2 }
    })
    const history = await admin.get(`${sheetOf(session)}/history?limit=2`)
    t.match(history.data.data, [
      { version: 3, kind: 'put', reason: null, entered_in_error: false, clock_off: false },
      {
        version: 2,
        anonymous_count: 2,
        records: [{ person_id: ana, display_name: 'Ana', status: 'present' }],
        walk_ins: [{ display_name: 'Li' }, { display_name: 'Li' }]
      }
    ])
    const rest = await admin.get(`${sheetOf(session)}/history?limit=2&cursor=${history.data.page.next_cursor}`)
    t.match(rest.data, {
      data: [{ version: 1, anonymous_count: 1, submitted_by: { display_name: 'Administrator' } }],
      page: { has_more: false }
    })
  })

  await t.test('a bad row is told with a pointer, and nothing is written', async t => {
    const session = await makeSession(admin, group)
    const stranger = await makePerson(await organization('Elsewhere'), 'Stranger')
    const cases: [unknown, string[]][] = [
      [{ records: [{ person_id: walker, status: 'present' }] }, ['#/records/0/person_id not_on_roster']],
      [
        {
          records: [
            { person_id: ana, status: 'present' },
            { person_id: ana, status: 'absent' }
          ]
        },
        ['#/records/1/person_id duplicate_person']
      ],
      [
        {
          records: [
            { person_id: ana, status: 'present' },
            { person_id: ana.toUpperCase(), status: 'present' }
          ]
        },
        ['#/records/1/person_id duplicate_person']
      ],
      [{ records: [], walk_ins: [{ person_id: ben }] }, ['#/walk_ins/0/person_id on_roster']],
      [
        { records: [], walk_ins: [{ person_id: walker }, { person_id: walker }] },
        ['#/walk_ins/1/person_id duplicate_person']
      ],
      [{ records: [], walk_ins: [{ person_id: stranger }] }, ['#/walk_ins/0/person_id unknown_person']],
      [{ records: [], walk_ins: [{ person_id: uuid() }] }, ['#/walk_ins/0/person_id unknown_person']],
      [
        { records: [{ person_id: ana, status: 'absent', minutes: 10, mode: 'phone' }] },
        ['#/records/0/mode only_for_present', '#/records/0/minutes only_for_present']
      ],
      [{ records: [{ person_id: ana, status: 'gone' }] }, ['#/records/0/status enum']],
      [{ records: [{ person_id: ana, status: 'present', status_code: 1 }] }, ['#/records/0/status_code unknown_field']],
      [{ records: [], anonymous_count: -1 }, ['#/anonymous_count minimum']],
      [{ records: [], anonymous_count: '3' }, ['#/anonymous_count type']],
      [{}, ['#/records required']]
    ]
    for (const [body, faults] of cases) {
      const refused = await admin.put(sheetOf(session), body)
      t.equal(refused.statusCode, 422, refused.body)
      t.same(
        refused.data.errors.map((fault: { pointer: string; code: string }) => `${fault.pointer} ${fault.code}`),
        faults
      )
    }
    t.same(await stored(session), [[], [], [{ outcome: 'scheduled', sheet_version: 0, anonymous_count: 0 }]])
  })

  await t.test('is for what happened', async t => {
    const soon = await makeSession(admin, group, -59)
    t.equal((await admin.put(sheetOf(soon), { records: [] })).statusCode, 200, 'an hour before the start')
    const later = await makeSession(admin, group, -62)
    t.match(await admin.put(sheetOf(later), { records: [] }), {
      statusCode: 409,
      data: { code: 'session_not_started' }
    })
    const called = await makeSession(admin, group)
    const cancelled = await admin.post(`/v1/sessions/${called}/cancel`, { reason: 'Snow' }, { 'if-match': '"1"' })
    t.match(cancelled.data, { outcome: 'cancelled', reason: 'Snow', version: 2 })
    t.match(await admin.put(sheetOf(called), { records: [] }), { statusCode: 409, data: { code: 'session_cancelled' } })
    t.match((await admin.post(`/v1/sessions/${called}/reinstate`, undefined, { 'if-match': '"2"' })).data, {
      outcome: 'scheduled',
      reason: null
    })
    t.equal((await admin.put(sheetOf(called), { records: [] })).statusCode, 200)
    t.match(await admin.post(`/v1/sessions/${called}/cancel`, { reason: 'Late' }, { 'if-match': '"4"' }), {
      statusCode: 409,
      data: { code: 'session_held' }
    })
  })

  await t.test('keeps what was recorded when the roster changes afterwards', async t => {
    const own = await makeGroup(admin, { name: 'Changing Circle' })
    const session = await makeSession(admin, own)
    const dana = await makePerson(admin, 'Dana')
    await admin.put(sheetOf(session), { records: [], walk_ins: [{ person_id: dana }] })
    await admin.post(`/v1/groups/${own}/memberships`, { person_id: dana, joined_on: '2026-01-01' })
    const sheet = await admin.get(sheetOf(session))
    t.match(sheet.data, {
      roster: [],
      walk_ins: [{ person_id: dana }],
      counts: { not_recorded: 0, walk_ins: 1, total: 1 }
    })
    t.equal(
      (await admin.put(sheetOf(session), { records: [{ person_id: dana, status: 'present' }] }, { 'if-match': '"1"' }))
        .statusCode,
      200
    )
  })

  await t.test('first_time is computed from the sheets before, unless the sheet says so itself', async t => {
    const own = await makeGroup(admin, { name: 'First Circle' })
    const eve = await makeMember(admin, own, 'Eve')
    const [later, earlier] = [await makeSession(admin, own, 120), await makeSession(admin, own, 1440)]
    const records = [{ person_id: eve, status: 'present' }]
    t.equal((await admin.put(sheetOf(later), { records })).data.roster[0].first_time, true)
    t.equal((await admin.put(sheetOf(earlier), { records })).data.roster[0].first_time, true)
    t.equal((await admin.get(sheetOf(later))).data.roster[0].first_time, false, 'an earlier sheet put later counts')
    const given = [{ person_id: eve, status: 'present', first_time: true }]
    t.equal(
      (await admin.put(sheetOf(later), { records: given }, { 'if-match': '"1"' })).data.roster[0].first_time,
      true
    )
  })

  await t.test('sending back what was read keeps nothing that was computed', async t => {
    const own = await makeGroup(admin, { name: 'Echo Circle' })
    const gil = await makeMember(admin, own, 'Gil')
    const [later, earlier] = [await makeSession(admin, own, 120), await makeSession(admin, own, 1440)]
    const first = await admin.put(sheetOf(later), { records: [{ person_id: gil, status: 'present' }] })
    const { display_name: _, expected: __, ...row } = first.data.roster[0]
    t.equal(row.first_time, true)
    const echoed = await admin.put(sheetOf(later), { records: [row] })
    t.equal(echoed.statusCode, 200, echoed.body)
    t.equal(echoed.data.version, 1)
    await admin.put(sheetOf(earlier), { records: [{ person_id: gil, status: 'present' }] })
    t.equal((await admin.get(sheetOf(later))).data.roster[0].first_time, false)
  })

  await t.test('a bad row is bad also when the rest equals the stored sheet', async t => {
    const session = await makeSession(admin, group)
    const good = { person_id: ana, status: 'present' }
    await admin.put(sheetOf(session), { records: [good] })
    for (const bad of [
      { person_id: ana, status: 'not_recorded' },
      { person_id: ben, status: 'not_recorded', minutes: 4 }
    ]) {
      t.equal((await admin.put(sheetOf(session), { records: [good, bad] })).statusCode, 422)
    }
    const said = { records: [good, { person_id: ben, status: 'not_recorded' }] }
    t.match(await admin.put(sheetOf(session), said), { statusCode: 200, data: { version: 1 } }, 'which says nothing')
    const noted = { records: [good, { person_id: ben, status: 'excused', note: 'Moving' }] }
    t.match((await admin.put(sheetOf(session), noted, { 'if-match': '"1"' })).json(), {
      status: 422,
      errors: [{ pointer: '#/records/1/note' }]
    })
    t.same(
      (await admin.get(`/v1/attendance?group_id=${group}&person_id=${ben}&from=${daysFromNow(-1)}`)).data.data.filter(
        (row: { session_id: string }) => row.session_id === session
      ),
      []
    )
    t.equal((await admin.get('/v1/attendance?status=not_recorded')).statusCode, 400)
  })

  await t.test('who may', async t => {
    const session = await makeSession(admin, group)
    const [mine, other, observer] = [
      await staff(admin, 'facilitator', 'Flo'),
      await staff(admin, 'facilitator', 'Gus'),
      await staff(admin, 'observer')
    ]
    await assign(admin, group, mine.staff_id)
    const elsewhere = await organization('Another')
    t.equal((await mine.get(sheetOf(session))).statusCode, 200)
    const hidden = await makePerson(admin, 'Hidden')
    t.match(await mine.put(sheetOf(session), { records: [], walk_ins: [{ person_id: hidden }] }), {
      statusCode: 422,
      data: { errors: [{ code: 'unknown_person' }] }
    })
    t.match((await mine.put(sheetOf(session), { records: [{ person_id: ana, status: 'present' }] })).data, {
      submitted_by: { staff_id: mine.staff_id, display_name: 'Flo' }
    })
    const strip = (reply: { statusCode: number; body: string }) => [
      reply.statusCode,
      reply.body.replace(/"request_id":"[^"]+"/, '')
    ]
    for (const stranger of [other, elsewhere] as Client[]) {
      const nowhere = strip(await stranger.get(sheetOf(uuid())))
      t.same(strip(await stranger.get(sheetOf(session))), nowhere)
      t.same(strip(await stranger.put(sheetOf(session), { records: [] })), nowhere)
      t.same(strip(await stranger.put(sheetOf(session), { wrong: true })), nowhere, 'the door before the body')
      t.same(strip(await stranger.get(`${sheetOf(session)}/history`)), nowhere)
      t.equal((await stranger.get('/v1/attendance')).data.data.length, 0)
      t.equal((await stranger.get('/v1/sessions')).data.data.length, 0)
    }
    t.equal((await observer.get(sheetOf(session))).statusCode, 403)
    t.match((await observer.get(`/v1/sessions/${session}`)).data.counts, { present: 1 })
  })

  await t.test('is listed across groups by date and person', async t => {
    const own = await makeGroup(admin, { name: 'Listed Circle' })
    const fay = await makeMember(admin, own, 'Fay')
    const sessions = [
      await makeSession(admin, own, 3 * 1440),
      await makeSession(admin, own, 2 * 1440),
      await makeSession(admin, own, 1440)
    ]
    for (const session of sessions)
      await admin.put(sheetOf(session), {
        records: [{ person_id: fay, status: 'present' }],
        walk_ins: [{ display_name: 'Nim' }],
        anonymous_count: 2
      })
    const all = await admin.get(`/v1/attendance?group_id=${own}`)
    t.equal(all.data.data.length, 6)
    t.same(
      (await admin.get(`/v1/attendance?person_id=${fay}&from=${daysFromNow(-2)}&to=${daysFromNow(-1)}`)).data.data.map(
        (row: { session_id: string }) => row.session_id
      ),
      [sessions[1]]
    )
    t.equal((await admin.get(`/v1/people/${fay}/attendance?status=present`)).data.data.length, 3)
    const seen: string[] = []
    for (let url: string | null = `/v1/attendance?group_id=${own}&limit=4`; url !== null; ) {
      const page: { data: { data: { id: string }[]; page: { next_cursor: string | null } } } = await admin.get(url)
      seen.push(...page.data.data.map(row => row.id))
      url = page.data.page.next_cursor && `/v1/attendance?group_id=${own}&limit=4&cursor=${page.data.page.next_cursor}`
    }
    t.same(
      seen,
      all.data.data.map((row: { id: string }) => row.id)
    )
  })
})
