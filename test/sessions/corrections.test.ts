import t from 'tap'
import { v7 as uuid } from 'uuid'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makePerson, makeSession, minutesFromNow } from '../support/circle.ts'

const sheetOf = (session: string) => `/v1/sessions/${session}/attendance`

t.test('corrections of a sheet', async t => {
  const service = await startApp(t)
  const { organization, staff, look } = service
  const admin = await organization()
  const group = await makeGroup(admin)
  const [ana, ben] = [await makeMember(admin, group, 'Ana'), await makeMember(admin, group, 'Ben')]
  const facilitator = await staff(admin, 'facilitator', 'Flo')
  await assign(admin, group, facilitator.staff_id)
  const coordinator = await staff(admin, 'coordinator', 'Cora')
  const present = (...ids: string[]) => ({ records: ids.map(person_id => ({ person_id, status: 'present' })) })
  /** As if the grace period were over. */
  const lock = (session: string) =>
    look("update sessions set locks_at = now() - interval '1 second' where id = $1 returning id", [session])

  await t.test('the roster is kept with the first sheet', async t => {
    const own = await makeGroup(admin, { name: 'Kept Circle' })
    const [early, leaver] = [await makeMember(admin, own, 'Early'), await makeMember(admin, own, 'Leaver')]
    const session = await makeSession(admin, own)
    const first = await admin.put(sheetOf(session), present(early))
    t.match(first.data.counts, { present: 1, not_recorded: 1 })
    const late = await makeMember(admin, own, 'Late')
    const { data } = await admin.get(`/v1/people/${leaver}/memberships`)
    await admin.post(`/v1/memberships/${data.data[0].id}/leave`, { left_on: '2026-01-02' })
    const names = async () =>
      (await admin.get(sheetOf(session))).data.roster.map((row: { display_name: string }) => row.display_name)
    t.same(await names(), ['Early', 'Leaver'], 'who joins or leaves afterwards changes nothing')
    t.match((await admin.get(`/v1/sessions/${session}`)).data.counts, { present: 1, not_recorded: 1 })
    const second = await admin.put(sheetOf(session), { records: [] }, { 'if-match': '"1"' })
    t.match(second.data.counts, { present: 0, not_recorded: 2 }, 'who is left out is not recorded, and stays')
    const third = await admin.put(
      sheetOf(session),
      { records: [{ person_id: leaver, status: 'absent' }], walk_ins: [{ person_id: late }] },
      { 'if-match': '"2"' }
    )
    t.match(third.data.counts, { absent: 1, not_recorded: 1, walk_ins: 1 }, 'somebody who joined since walked in')
    const fourth = await admin.put(sheetOf(session), present(late), { 'if-match': '"3"' })
    t.match(fourth.data.counts, { present: 1, not_recorded: 2, walk_ins: 0 }, 'or is put on the roster by a correction')
    t.same(
      await look('select kind, status, expected from attendance where session_id = $1 order by status', [session]),
      [
        { kind: 'roster', status: 'not_recorded', expected: 'yes' },
        { kind: 'roster', status: 'not_recorded', expected: 'yes' },
        { kind: 'roster', status: 'present', expected: 'yes' }
      ]
    )
  })

  await t.test('a sheet is locked some time after its first submission', async t => {
    const session = await makeSession(admin, group)
    const before = await facilitator.get(sheetOf(session))
    t.match(before.data, { state: 'open', locks_at: null })
    const first = await facilitator.put(sheetOf(session), present(ana))
    t.match(first.data, { state: 'submitted', submitted_by: { display_name: 'Flo' } })
    const grace = Date.parse(first.data.locks_at) - Date.parse(first.data.submitted_at)
    t.equal(grace, 168 * 3_600_000)
    const second = await facilitator.put(sheetOf(session), present(ana, ben), { 'if-match': '"1"' })
    t.equal(second.data.locks_at, first.data.locks_at, 'a later submission makes it no later')

    await lock(session)
    t.match((await facilitator.get(sheetOf(session))).data, { state: 'locked' })
    t.equal((await facilitator.put(sheetOf(session), present(ana, ben))).statusCode, 200, 'a retry is no correction')
    const refused = await facilitator.put(sheetOf(session), { ...present(ben), reason: 'x' }, { 'if-match': '"2"' })
    t.match(refused, { statusCode: 403, data: { code: 'sheet_locked' } })
    t.match(await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'x' }, { 'if-match': '"2"' }), {
      statusCode: 403,
      data: { code: 'sheet_locked' }
    })
    t.match(await coordinator.put(sheetOf(session), present(ben), { 'if-match': '"2"' }), {
      statusCode: 422,
      data: { code: 'reason_required', errors: [{ pointer: '#/reason' }] }
    })
    const corrected = await coordinator.put(
      sheetOf(session),
      { ...present(ben), reason: 'Ana was ill' },
      { 'if-match': '"2"' }
    )
    t.match(corrected.data, { state: 'locked', version: 3, counts: { present: 1 } })
    const history = (await facilitator.get(`${sheetOf(session)}/history`)).data.data
    t.match(history, [
      { version: 3, reason: 'Ana was ill', submitted_by: { display_name: 'Cora' }, entered_in_error: false },
      { version: 2, reason: null, submitted_by: { display_name: 'Flo' } },
      { version: 1, reason: null, records: [{ status: 'present' }, { status: 'not_recorded' }] }
    ])
  })

  await t.test('the grace period is the organization’s', async t => {
    const own = await organization('Strict')
    const strict = await makeGroup(own)
    const [session, earlier] = [await makeSession(own, strict), await makeSession(own, strict, 3000)]
    const kept = (await own.put(sheetOf(earlier), { records: [] })).data.locks_at
    t.equal((await own.patch('/v1/organization', { settings: { sheet_grace_hours: 1 } })).statusCode, 200)
    const { submitted_at, locks_at } = (await own.put(sheetOf(session), { records: [] })).data
    t.equal(Date.parse(locks_at) - Date.parse(submitted_at), 3_600_000)
    t.equal((await own.get(sheetOf(earlier))).data.locks_at, kept, 'sheets that were submitted keep their time')
    t.equal((await own.patch('/v1/organization', { settings: { sheet_grace_hours: 8761 } })).statusCode, 422)
  })

  await t.test('a sheet on the wrong session is withdrawn', async t => {
    const session = await makeSession(admin, group)
    t.match(await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'x' }, { 'if-match': '"0"' }), {
      statusCode: 409,
      data: { code: 'no_sheet' }
    })
    await facilitator.put(sheetOf(session), { ...present(ana), walk_ins: [{ display_name: 'Li' }], anonymous_count: 2 })
    await facilitator.put(sheetOf(session), present(ana), { 'if-match': '"1"' })
    t.equal((await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'x' })).statusCode, 428)
    t.equal(
      (await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'x' }, { 'if-match': '"1"' })).statusCode,
      412
    )
    t.equal((await facilitator.post(`${sheetOf(session)}/withdraw`, {}, { 'if-match': '"2"' })).statusCode, 422)
    const again = { 'if-match': '"2"', 'idempotency-key': uuid() }
    const withdrawn = await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'Wrong evening' }, again)
    t.match(withdrawn.data, {
      state: 'open',
      version: 3,
      submitted_at: null,
      submitted_by: null,
      locks_at: null,
      counts: { present: 0, not_recorded: 2, walk_ins: 0, anonymous: 0, total: 0 }
    })
    t.equal(withdrawn.headers.etag, '"3"')
    const replay = await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'Wrong evening' }, again)
    t.same(replay.data, withdrawn.data)
    t.match((await admin.get(`/v1/sessions/${session}`)).data, { outcome: 'scheduled', submitted_at: null })
    t.same(await look('select from attendance where session_id = $1', [session]), [], 'it counts no more')
    t.match((await admin.get(`${sheetOf(session)}/history`)).data.data, [
      { version: 3, kind: 'withdrawn', reason: 'Wrong evening', entered_in_error: false },
      { version: 2, kind: 'put', entered_in_error: true },
      { version: 1, kind: 'put', entered_in_error: true, anonymous_count: 2, walk_ins: [{ display_name: 'Li' }] }
    ])
    t.match(await facilitator.post(`${sheetOf(session)}/withdraw`, { reason: 'x' }, { 'if-match': '"3"' }), {
      statusCode: 409,
      data: { code: 'no_sheet' }
    })
    t.equal((await facilitator.put(sheetOf(session), present(ben), { 'if-match': '"2"' })).statusCode, 412)
    t.equal((await facilitator.put(sheetOf(session), present(ben))).statusCode, 428, 'no late retry brings it back')
    const anew = await facilitator.put(sheetOf(session), present(ben), { 'if-match': '"3"' })
    t.match(anew.data, { state: 'submitted', version: 4 })
    t.match((await admin.get(`${sheetOf(session)}/history?limit=1`)).data.data, [
      { version: 4, entered_in_error: false }
    ])
    t.equal((await admin.get(`/v1/sessions/${session}`)).data.outcome, 'held')
  })

  await t.test('a head is identified later, with the total unchanged', async t => {
    const session = await makeSession(admin, group)
    const [walker, cleo] = [await makePerson(admin, 'Wanda'), await makeMember(admin, group, 'Cleo')]
    const put = await admin.put(sheetOf(session), {
      records: [{ person_id: ana, status: 'present' }],
      walk_ins: [{ display_name: 'Wanda', mode: 'video', minutes: 40 }, { display_name: 'Cleo?' }],
      anonymous_count: 3
    })
    t.equal(put.data.counts.total, 6)
    let version = 1
    const identify = (body: unknown, client: Client = admin) =>
      client.post(`${sheetOf(session)}/identify`, body, { 'if-match': `"${version}"` })
    const next = async (body: unknown) => {
      const reply = await identify(body)
      t.equal(reply.statusCode, 200, reply.body)
      t.equal(reply.data.counts.total, 6)
      version++
      return reply.data
    }
    t.match(await next({ display_name: 'Li' }), { anonymous_count: 2, counts: { walk_ins: 3, anonymous: 2 } })
    t.match((await next({ walk_in: 0, person_id: walker })).walk_ins, [
      { person_id: walker, display_name: 'Wanda', mode: 'video', minutes: 40 },
      { person_id: null, display_name: 'Cleo?' },
      { person_id: null, display_name: 'Li' }
    ])
    t.match(await next({ walk_in: 1, person_id: cleo }), {
      counts: { present: 2, walk_ins: 2, not_recorded: 1 },
      walk_ins: [{ display_name: 'Wanda' }, { display_name: 'Li' }]
    })
    t.match(await next({ walk_in: 1, display_name: 'Lea' }), { walk_ins: [{}, { display_name: 'Lea' }] })
    t.match(await next({ person_id: ben }), { anonymous_count: 1, counts: { present: 3, not_recorded: 0 } })

    const refusals: [unknown, string][] = [
      [{ walk_in: 0, person_id: ben }, 'no_such_head'],
      [{ walk_in: 7, person_id: ben }, 'no_such_head'],
      [{ walk_in: 1, person_id: ana }, 'duplicate_person'],
      [{ walk_in: 1, person_id: walker }, 'duplicate_person'],
      [{ person_id: uuid() }, 'unknown_person'],
      [{ walk_in: 1 }, 'validation_failed']
    ]
    for (const [body, code] of refusals) {
      t.match(await identify(body), { statusCode: 422, data: { code } }, JSON.stringify(body))
    }
    t.match(await identify({ walk_in: 1, person_id: await makePerson(admin, 'Hidden') }, facilitator), {
      statusCode: 422,
      data: { code: 'unknown_person' }
    })
    await next({ walk_in: 1, person_id: await makePerson(admin, 'Lea') })
    await next({ display_name: 'Nobody' })
    t.match(await identify({ person_id: cleo }), { statusCode: 422, data: { code: 'no_such_head' } }, 'no head is left')
    t.equal((await admin.get(`${sheetOf(session)}/history`)).data.data.length, version)

    const led = await makeSession(admin, group)
    const sub = await staff(admin, 'facilitator', 'Sue')
    await admin.post(`/v1/sessions/${led}/facilitators`, { staff_id: sub.staff_id })
    await sub.put(sheetOf(led), { records: [], anonymous_count: 1 })
    const roster = await sub.post(`${sheetOf(led)}/identify`, { person_id: ana }, { 'if-match': '"1"' })
    t.match(roster.data.counts, { present: 1, anonymous: 0, total: 1 }, 'whoever stands on the sheet is seen with it')

    const [before, said] = [await makeSession(admin, group, 3000), await makeSession(admin, group)]
    await admin.put(sheetOf(before), { records: [{ person_id: ana, status: 'present' }] })
    await admin.put(sheetOf(said), {
      records: [
        { person_id: ana, status: 'present', first_time: true },
        { person_id: ben, status: 'excused' }
      ],
      anonymous_count: 2
    })
    await admin.post(`${sheetOf(said)}/identify`, { display_name: 'Zed' }, { 'if-match': '"1"' })
    const kept = await admin.post(`${sheetOf(said)}/identify`, { person_id: ben }, { 'if-match': '"2"' })
    t.match(kept.data.roster, [
      { display_name: 'Ana', first_time: true },
      { display_name: 'Ben', status: 'present' }
    ])
    const unlogged = await makeSession(admin, group)
    t.match(await admin.post(`${sheetOf(unlogged)}/identify`, { display_name: 'X' }, { 'if-match': '"0"' }), {
      statusCode: 409,
      data: { code: 'no_sheet' }
    })
  })

  await t.test('what was written down by a clock that cannot be right has the server’s time', async t => {
    const session = await makeSession(admin, group)
    const versions = async () => (await admin.get(`${sheetOf(session)}/history`)).data.data
    const before = minutesFromNow(-90)
    await admin.put(sheetOf(session), { ...present(ana), occurred_at: before })
    t.match(await versions(), [{ occurred_at: before, clock_off: false }])
    t.not((await versions())[0].recorded_at, before)
    await admin.put(sheetOf(session), { ...present(ben), occurred_at: minutesFromNow(6) }, { 'if-match': '"1"' })
    const [second] = await versions()
    t.match(second, { clock_off: true, occurred_at: second.recorded_at })
    await admin.put(sheetOf(session), { records: [], occurred_at: minutesFromNow(4) }, { 'if-match': '"2"' })
    const [third] = await versions()
    t.match(third, { clock_off: false, occurred_at: third.recorded_at })
  })

  await t.test('nobody of another group or organization sees, withdraws or identifies', async t => {
    const session = await makeSession(admin, group)
    await admin.put(sheetOf(session), { records: [], anonymous_count: 1 })
    const strip = ({ statusCode, body }: { statusCode: number; body: string }) => [
      statusCode,
      body.replace(/"request_id":"[^"]+"/, '')
    ]
    for (const stranger of [await staff(admin, 'facilitator', 'Gus'), await organization('Elsewhere')]) {
      for (const [action, body] of [
        ['withdraw', { reason: 'x' }],
        ['identify', { display_name: 'X' }]
      ] as const) {
        const nowhere = strip(await stranger.post(`${sheetOf(uuid())}/${action}`, body, { 'if-match': '"1"' }))
        t.same(strip(await stranger.post(`${sheetOf(session)}/${action}`, body, { 'if-match': '"1"' })), nowhere)
      }
    }
    const observer = await staff(admin, 'observer')
    t.equal((await observer.post(`${sheetOf(session)}/withdraw`, { reason: 'x' })).statusCode, 403)
  })
})

t.test('who is expected', async t => {
  const { organization, staff, look } = await startApp(t)
  const admin = await organization()
  const group = await makeGroup(admin)
  const [ana, ben, cleo] = [
    await makeMember(admin, group, 'Ana'),
    await makeMember(admin, group, 'Ben'),
    await makeMember(admin, group, 'Cleo')
  ]
  const rsvpOf = (session: string, person: string) => `/v1/sessions/${session}/rsvps/${person}`
  const expectedAt = async (session: string) =>
    Object.fromEntries(
      (await admin.get(sheetOf(session))).data.roster.map((row: { display_name: string; expected: string }) => [
        row.display_name,
        row.expected
      ])
    )
  /** Away that day, said so many minutes ago. */
  const away = async (person_id: string, session: string, minutesAgo = 0) => {
    const [{ id }] = await look(
      `insert into membership_absences (organization_id, id, membership_id, from_on, until_on, created_at)
       select m.organization_id, gen_random_uuid(), m.id, s.local_date, s.local_date, now() - make_interval(mins => $3)
       from memberships m, sessions s where m.person_id = $1 and s.id = $2 returning id`,
      [person_id, session, minutesAgo]
    )
    return id as string
  }

  await t.test('everybody, unless they said otherwise or are away', async t => {
    const session = await makeSession(admin, group, -3000)
    t.same(await expectedAt(session), { Ana: 'yes', Ben: 'yes', Cleo: 'yes' })
    const said = await admin.put(rsvpOf(session, ana), { answer: 'maybe' })
    t.match(said.data, { session_id: session, person_id: ana, display_name: 'Ana', answer: 'maybe', version: 1 })
    const absence = await away(ben, session)
    await away(cleo, session)
    await admin.put(rsvpOf(session, cleo), { answer: 'yes' })
    t.same(await expectedAt(session), { Ana: 'maybe', Ben: 'no', Cleo: 'yes' }, 'an answer counts more')
    await look('update membership_absences set withdrawn_at = now() where id = $1 returning id', [absence])
    t.equal((await expectedAt(session)).Ben, 'yes')
    t.equal((await admin.put(rsvpOf(session, ana), { answer: 'maybe' })).data.version, 1, 'twice is the same as once')
    t.equal((await admin.put(rsvpOf(session, ana), { answer: 'no' })).data.version, 2)
    t.match((await admin.get(`/v1/sessions/${session}/rsvps`)).data.data, [{ answer: 'no' }, { answer: 'yes' }])
    t.equal((await admin.put(rsvpOf(session, ana), { answer: 'declined' })).statusCode, 422)
    const [{ touched }] = await look('select touched from sessions where id = $1', [session])
    t.equal(touched, true, 'a change of its series does not remove it')
  })

  await t.test('is decided when the session begins, and kept with the sheet', async t => {
    const session = await makeSession(admin, group, 120)
    t.match(await admin.put(rsvpOf(session, ana), { answer: 'yes' }), {
      statusCode: 409,
      data: { code: 'session_begun' }
    })
    await away(ana, session, 60)
    await away(ben, session, 180)
    t.same(await expectedAt(session), { Ana: 'yes', Ben: 'no', Cleo: 'yes' }, 'said too late is not said')
    const put = await admin.put(sheetOf(session), { records: [{ person_id: ana, status: 'absent' }] })
    t.match(put.data.roster, [
      { display_name: 'Ana', status: 'absent', expected: 'yes' },
      { display_name: 'Ben', status: 'not_recorded', expected: 'no' },
      {}
    ])
    await look('update membership_absences set created_at = now() returning id')
    t.same(await expectedAt(session), { Ana: 'yes', Ben: 'no', Cleo: 'yes' })
    await admin.put(sheetOf(session), { records: [{ person_id: ben, status: 'present' }] }, { 'if-match': '"1"' })
    t.match((await admin.get(`/v1/attendance?group_id=${group}`)).data.data, [{ person_id: ben, expected: 'no' }])
    t.match((await admin.get(`${sheetOf(session)}/history`)).data.data[0].records, [{}, { expected: 'no' }, {}])
  })

  await t.test('refuses whoever is no member that day, and sessions that do not take place', async t => {
    const session = await makeSession(admin, group, -3000)
    const other = await makePerson(admin, 'Other')
    t.match(await admin.put(rsvpOf(session, other), { answer: 'yes' }), {
      statusCode: 409,
      data: { code: 'not_a_member' }
    })
    t.equal((await admin.put(rsvpOf(session, uuid()), { answer: 'yes' })).statusCode, 404)
    await admin.post(`/v1/sessions/${session}/cancel`, { reason: 'Snow' }, { 'if-match': '*' })
    t.match(await admin.put(rsvpOf(session, ana), { answer: 'yes' }), {
      statusCode: 409,
      data: { code: 'session_not_scheduled' }
    })
    const elsewhere = await organization('Elsewhere')
    const stranger = await staff(admin, 'facilitator', 'Gus')
    for (const client of [elsewhere, stranger]) {
      t.equal((await client.put(rsvpOf(session, ana), { answer: 'yes' })).statusCode, 404)
      t.equal((await client.get(`/v1/sessions/${session}/rsvps`)).statusCode, 404)
    }
    t.equal((await (await staff(admin, 'observer')).get(`/v1/sessions/${session}/rsvps`)).statusCode, 403)
  })
})
