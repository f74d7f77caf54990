import fc from 'fast-check'
import t from 'tap'
import { v7 as uuid, v4 } from 'uuid'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makePerson, makeSession, minutesFromNow } from '../support/circle.ts'
import { until } from '../support/process.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'

const sheetOf = (session: string) => `/v1/sessions/${session}/attendance`

t.test('sheets from devices', async t => {
  const service = await startApp(t)
  const { organization, staff, look } = service
  const admin = await organization()
  const group = await makeGroup(admin)
  const [ana, ben, cleo] = [
    await makeMember(admin, group, 'Ana'),
    await makeMember(admin, group, 'Ben'),
    await makeMember(admin, group, 'Cleo')
  ]
  const [flo, gus] = [await staff(admin, 'facilitator', 'Flo'), await staff(admin, 'facilitator', 'Gus')]
  for (const { staff_id } of [flo, gus]) await assign(admin, group, staff_id)
  const coordinator = await staff(admin, 'coordinator', 'Cora')

  const marks = (...given: [string, string][]) => given.map(([person_id, status]) => ({ person_id, status }))
  const filled = (
    session_id: string,
    records: unknown[],
    rest: Record<string, unknown> = {}
  ): { id: string } & Record<string, unknown> => ({
    id: uuid(),
    session_id,
    base_version: 0,
    records,
    ...rest
  })
  const sync = (client: Client, sheets: unknown[], device_time = minutesFromNow(0)) =>
    client.post('/v1/attendance/sync', { device_time, sheets })
  const one = async (client: Client, sheet: unknown, device_time?: string) => {
    const reply = await sync(client, [sheet], device_time)
    t.equal(reply.statusCode, 207, reply.body)
    return reply.data.results[0]
  }
  const roster = async (session: string) =>
    Object.fromEntries(
      (await admin.get(sheetOf(session))).data.roster.map((row: { display_name: string; status: string }) => [
        row.display_name,
        row.status
      ])
    )

  await t.test('are stored, each with its result, and answered again as the first time', async t => {
    const [first, second] = [await makeSession(admin, group), await makeSession(admin, group, 1440)]
    const sheets = [
      filled(first, marks([ana, 'present']), { anonymous_count: 2, occurred_at: minutesFromNow(-60) }),
      filled(second, marks([ben, 'absent']), { walk_ins: [{ display_name: 'Li' }] })
    ]
    const reply = await sync(flo, sheets)
    t.equal(reply.statusCode, 207, reply.body)
    t.same(
      reply.data.results,
      sheets.map(({ id }, index) => ({
        index,
        id,
        status: 200,
        outcome: 'stored',
        version: 1,
        clock_off: false,
        problem: null
      }))
    )
    t.match((await admin.get(sheetOf(first))).data, {
      submitted_by: { display_name: 'Flo' },
      anonymous_count: 2,
      counts: { present: 1, not_recorded: 2 }
    })
    t.match((await admin.get(`${sheetOf(first)}/history`)).data.data, [{ occurred_at: sheets[0]!.occurred_at }])
    t.equal((await admin.get(`/v1/sessions/${second}`)).data.outcome, 'held')

    await flo.put(sheetOf(first), { records: marks([cleo, 'present']) }, { 'if-match': '"1"' })
    const counted = await look('select count(*)::int as audits from audit_entries')
    t.same((await sync(flo, sheets)).data, reply.data, 'whatever became of the sheet since')
    t.same((await sync(flo, [...sheets].reverse())).data.results.map((r: { id: string }) => r.id).reverse(), [
      sheets[0]!.id,
      sheets[1]!.id
    ])
    t.same(await look('select count(*)::int as audits from audit_entries'), counted, 'nothing happened')
    t.equal((await admin.get(sheetOf(first))).data.version, 2)
    const other = { ...sheets[0], anonymous_count: 3 }
    t.match(await one(flo, other), { status: 422, outcome: null, problem: { code: 'id_reused' } })
  })

  await t.test('that a co-facilitator also filled in are merged where they agree', async t => {
    const session = await makeSession(admin, group)
    await one(flo, filled(session, marks([ana, 'present'], [ben, 'absent']), { anonymous_count: 1 }))
    const same = await one(gus, filled(session, marks([ben, 'absent'], [ana, 'present']), { anonymous_count: 1 }))
    t.match(same, { outcome: 'unchanged', version: 1 })
    const more = await one(
      gus,
      filled(session, marks([ben, 'absent'], [cleo, 'present']), { anonymous_count: 1, walk_ins: [] })
    )
    t.match(more, { status: 200, outcome: 'merged', version: 2 })
    t.same(await roster(session), { Ana: 'present', Ben: 'absent', Cleo: 'present' })
    const later = await one(flo, filled(session, marks([ana, 'present'], [ben, 'absent']), { anonymous_count: 1 }))
    t.match(later, { outcome: 'unchanged', version: 2 }, 'what it says is there')
    const onTop = filled(session, marks([ana, 'excused'], [ben, 'absent']), { anonymous_count: 1, base_version: 1 })
    t.match(await one(flo, onTop), { outcome: 'merged', version: 3 }, 'a change of what it began from')
    t.same(await roster(session), { Ana: 'excused', Ben: 'absent', Cleo: 'present' })
  })

  await t.test('that do not agree are both kept, until a PUT decides', async t => {
    const session = await makeSession(admin, group)
    await one(flo, filled(session, marks([ana, 'present'], [ben, 'absent'])))
    const sheet = filled(session, marks([ana, 'present'], [ben, 'present']), { walk_ins: [{ display_name: 'Li' }] })
    const conflict = await one(gus, sheet)
    t.match(conflict, {
      status: 409,
      outcome: 'conflict',
      version: 1,
      problem: null,
      conflict: {
        id: sheet.id,
        session_id: session,
        stored_version: 1,
        submitted_by: { staff_id: gus.staff_id },
        stored: { records: [{ status: 'present' }, { status: 'absent' }], walk_ins: [], anonymous_count: 0 },
        yours: { records: [{ status: 'present' }, { status: 'present' }], walk_ins: [{ display_name: 'Li' }] },
        differences: [{ person_id: ben, stored: { status: 'absent' }, yours: { status: 'present' } }]
      }
    })
    t.same(await roster(session), { Ana: 'present', Ben: 'absent', Cleo: 'not_recorded' }, 'what stands stays')
    const told = conflict.conflict
    const conflicts = async (client: Client = flo) =>
      (await client.get(`/v1/attendance/conflicts?session_id=${session}`)).data.data
    t.same(await conflicts(), [told])
    const again = await one(gus, sheet)
    t.same(again, conflict, 'answered as the first time')
    await flo.put(sheetOf(session), { records: marks([ana, 'present'], [ben, 'excused']) }, { 'if-match': '"1"' })
    t.equal((await conflicts()).length, 1, 'another change decides nothing')
    t.same((await one(gus, sheet)).conflict, told)

    const decided = { records: marks([ana, 'present'], [ben, 'present']), resolves: [sheet.id] }
    t.match(await flo.put(sheetOf(session), { ...decided, resolves: [uuid()] }, { 'if-match': '"2"' }), {
      statusCode: 422,
      data: { code: 'unknown_reference' }
    })
    t.equal((await flo.get(sheetOf(session))).data.version, 2, 'nothing is half written')
    t.equal((await flo.put(sheetOf(session), decided, { 'if-match': '"2"' })).statusCode, 200)
    t.same(await conflicts(), [])
    t.match(
      await look('select outcome, version, resolved_version from attendance_submissions where id = $1', [sheet.id]),
      [{ outcome: 'conflict', version: 1, resolved_version: 3 }]
    )
    t.match(await one(gus, sheet), { outcome: 'conflict' }, 'the first answer stays the first answer')

    const stays = filled(session, marks([ana, 'absent']))
    t.match(await one(gus, stays), { outcome: 'conflict', version: 3 })
    const { resolves: __, ...asItStands } = decided
    const keep = { ...asItStands, resolves: [stays.id, stays.id.toUpperCase()] }
    t.equal((await flo.put(sheetOf(session), keep)).statusCode, 428, 'who decides has read what stands')
    t.match((await flo.put(sheetOf(session), keep, { 'if-match': '"3"' })).data, { version: 3 })
    t.match(
      await look(
        `select count(*)::int as told from audit_entries where operation = 'session.conflict_resolved' and object_id = $1`,
        [session]
      ),
      [{ told: 2 }]
    )
    t.same(await conflicts(), [], 'what stands may be what is decided for')
  })

  await t.test('that correct one of the same device are begun from that one', async t => {
    const status = async (session: string) => (await roster(session)) as Record<string, string>
    // Both at once, before the first was answered.
    const offline = await makeSession(admin, group)
    const first = filled(offline, marks([ana, 'absent']), { anonymous_count: 1 })
    const second = filled(offline, marks([ana, 'present']), { anonymous_count: 2, follows: first.id })
    const both = await sync(flo, [first, second])
    t.match(both.data.results, [
      { outcome: 'stored', version: 1 },
      { outcome: 'stored', version: 2 }
    ])
    t.match(await status(offline), { Ana: 'present' })
    t.equal((await admin.get(sheetOf(offline))).data.anonymous_count, 2)
    t.same((await sync(flo, [first, second])).data, both.data, 'and again')

    // Somebody else wrote before, and between.
    const shared = await makeSession(admin, group)
    await one(gus, filled(shared, marks([ben, 'present'])))
    const mine = filled(shared, marks([ana, 'absent']))
    t.match(await one(flo, mine), { outcome: 'merged', version: 2 })
    await admin.put(
      sheetOf(shared),
      { records: marks([ana, 'absent'], [ben, 'present'], [cleo, 'excused']) },
      { 'if-match': '*' }
    )
    const right = filled(shared, marks([ana, 'present']), { follows: mine.id.toUpperCase() })
    t.match(await one(flo, right), { outcome: 'merged', version: 4 })
    t.same(await status(shared), { Ana: 'present', Ben: 'present', Cleo: 'excused' })
    const said = filled(shared, marks([ana, 'present'], [ben, 'present'], [cleo, 'excused']), { base_version: 4 })
    t.match(await one(gus, said), { outcome: 'unchanged', version: 4 })
    const less = filled(shared, marks([ana, 'present'], [cleo, 'excused']), { follows: said.id })
    t.match(await one(gus, less), { outcome: 'stored', version: 5 }, 'who knew all of it may take it back')
    await one(gus, filled(shared, marks([ana, 'present'], [ben, 'present'], [cleo, 'excused']), { base_version: 5 }))
    const again = filled(shared, marks([ana, 'excused'], [cleo, 'present']), { follows: right.id })
    const differs = await one(flo, again)
    t.match(differs, { outcome: 'conflict', conflict: { differences: [{ person_id: cleo }] } })
    t.same(await one(flo, again), differs, 'told again as the first time')
    t.same((await admin.get(`/v1/attendance/conflicts?session_id=${shared}`)).data.data, [differs.conflict])

    // Of one that stands beside the sheet, was never kept, or is of another session, nothing is begun.
    const beside = filled(shared, marks([ana, 'excused'], [cleo, 'present']), { follows: again.id })
    t.match(await one(flo, beside), { outcome: 'conflict' })
    for (const follows of [uuid(), second.id]) {
      t.match(await one(flo, filled(shared, marks([ben, 'absent']), { follows })), { outcome: 'conflict' })
    }
    t.match(await status(shared), { Ben: 'present', Cleo: 'excused' })

    // A first time that was read and sent back is no change.
    const early = await makeSession(admin, group, 60_000)
    const read = [{ person_id: ana, status: 'present', first_time: true }]
    const started = filled(early, read)
    t.match(await one(flo, started), { outcome: 'stored' })
    const later = filled(early, [{ ...read[0], minutes: 60 }], { follows: started.id })
    t.match(await one(flo, later), { outcome: 'stored', version: 2 })
    const beginsBefore = filled(early, [{ ...read[0], minutes: 90 }], { follows: started.id })
    t.match(await one(flo, beginsBefore), { outcome: 'conflict' }, 'it follows one that does not stand any more')
    await admin.put(
      sheetOf(early),
      { records: [{ ...read[0], minutes: 60 }, ...marks([ben, 'present'])] },
      { 'if-match': '*' }
    )
    const last = filled(early, [{ ...read[0], minutes: 75 }], { follows: later.id })
    t.match(await one(flo, last), { outcome: 'merged', version: 4 })
  })

  await t.test('that began from one that was withdrawn are not merged with what was put since', async t => {
    const session = await makeSession(admin, group)
    const wrong = filled(session, marks([ana, 'present']), { anonymous_count: 4 })
    await one(flo, wrong)
    const withdrawn = await admin.post(
      `${sheetOf(session)}/withdraw`,
      { reason: 'The wrong evening' },
      { 'if-match': '"1"' }
    )
    t.equal(withdrawn.statusCode, 200, withdrawn.body)
    await admin.put(sheetOf(session), { records: marks([cleo, 'present']), anonymous_count: 4 }, { 'if-match': '*' })
    for (const from of [{ base_version: 1 }, { follows: wrong.id }]) {
      const sheet = filled(session, marks([ana, 'present'], [ben, 'present']), { anonymous_count: 6, ...from })
      t.match(await one(gus, sheet), { outcome: 'conflict', version: 3 })
    }
    t.match((await admin.get(sheetOf(session))).data, { version: 3, anonymous_count: 4, counts: { total: 5 } })
    const since = filled(session, marks([cleo, 'present'], [ben, 'present']), { base_version: 3, anonymous_count: 4 })
    t.match(await one(gus, since), { outcome: 'stored', version: 4 })
  })

  await t.test('that would make more of a sheet than it holds are kept beside it', async t => {
    const large = await makeGroup(admin)
    await assign(admin, large, flo.staff_id)
    const session = await makeSession(admin, large)
    const people = await look(
      `with made as (
         insert into people (organization_id, id, display_name, name_key)
         select g.organization_id, gen_random_uuid(), 'P' || n, 'p' || n from groups g, generate_series(0, 500) n where g.id = $1
         returning organization_id, id)
       insert into memberships (organization_id, id, group_id, person_id, joined_on)
       select organization_id, gen_random_uuid(), $1, id, '2026-01-01' from made returning person_id`,
      [large]
    )
    const ids = people.map(row => row.person_id as string)
    const most = ids.slice(0, 500)
    t.equal(
      (await admin.put(sheetOf(session), { records: marks(...most.map((id): [string, string] => [id, 'present'])) }))
        .statusCode,
      200
    )
    t.match(await one(flo, filled(session, marks([ids[500]!, 'present']))), { outcome: 'conflict', version: 1 })
    t.match(await one(flo, filled(session, marks([ids[0]!, 'present']))), { outcome: 'unchanged' })

    const walk_ins = Array.from({ length: 500 }, (_, n) => ({ display_name: `W${n}` }))
    await admin.put(sheetOf(session), { records: [], walk_ins, anonymous_count: 1 }, { 'if-match': '*' })
    const identify = (display_name: string, walk_in?: number) =>
      admin.post(`${sheetOf(session)}/identify`, { display_name, walk_in }, { 'if-match': '*' })
    t.match(await identify('One more'), { statusCode: 422, data: { errors: [{ code: 'max_items' }] } })
    t.equal((await identify('Another name', 3)).statusCode, 200)
  })

  await t.test('that are too late for a locked sheet, or one that was withdrawn, are kept beside it', async t => {
    const session = await makeSession(admin, group)
    await flo.put(sheetOf(session), { records: marks([ana, 'present']) })
    await look("update sessions set locks_at = now() - interval '1 second' where id = $1 returning id", [session])
    const late = filled(session, marks([ana, 'present'], [ben, 'present']), { base_version: 1, reason: 'Forgot Ben' })
    t.match(await one(flo, late), { status: 409, outcome: 'conflict', conflict: { differences: [] } })
    const { id: _, reason: __, ...silent } = late
    t.match(await one(coordinator, { ...silent, id: uuid() }), {
      status: 422,
      problem: { code: 'reason_required', errors: [{ pointer: '#/sheets/0/reason' }] }
    })
    t.match(await one(coordinator, { ...late, id: uuid() }), { status: 200, outcome: 'stored', version: 2 })
    t.match((await admin.get(`${sheetOf(session)}/history?limit=1`)).data.data, [{ reason: 'Forgot Ben' }])

    const wrong = await makeSession(admin, group)
    await flo.put(sheetOf(wrong), { records: [] })
    await flo.post(`${sheetOf(wrong)}/withdraw`, { reason: 'Wrong evening' }, { 'if-match': '"1"' })
    t.match(await one(gus, filled(wrong, marks([ana, 'present']))), { outcome: 'conflict', version: 2 })
    t.equal((await admin.get(`/v1/sessions/${wrong}`)).data.outcome, 'scheduled')
    t.match(await one(gus, filled(wrong, marks([ana, 'present']), { base_version: 2 })), {
      outcome: 'stored',
      version: 3
    })
  })

  await t.test('that cannot be kept are told why, and leave the others alone', async t => {
    const [good, cancelled, coming] = [
      await makeSession(admin, group),
      await makeSession(admin, group),
      await makeSession(admin, group, -3000)
    ]
    await admin.post(`/v1/sessions/${cancelled}/cancel`, { reason: 'Snow' }, { 'if-match': '*' })
    const elsewhere = await makeSession(admin, await makeGroup(admin, { name: 'Other Circle' }))
    const abroad = await organization('Abroad')
    const foreign = await makeSession(abroad, await makeGroup(abroad))
    const { data } = await sync(flo, [
      filled(good, marks([ana, 'present'], [ana, 'absent'])),
      filled(cancelled, []),
      filled(coming, []),
      filled(elsewhere, []),
      filled(foreign, []),
      filled(uuid(), []),
      filled(good, marks([await makePerson(admin, 'Nobody'), 'present'])),
      filled(good, marks([ana, 'present']))
    ])
    t.match(data.results, [
      {
        index: 0,
        status: 422,
        problem: { errors: [{ pointer: '#/sheets/0/records/1/person_id', code: 'duplicate_person' }] }
      },
      { index: 1, status: 409, problem: { code: 'session_cancelled', errors: [] } },
      { index: 2, status: 409, problem: { code: 'session_not_started' } },
      { index: 3, status: 404, problem: { code: 'not_found' } },
      { index: 4, status: 404, problem: { code: 'not_found' } },
      { index: 5, status: 404, problem: { code: 'not_found' } },
      { index: 6, status: 422, problem: { errors: [{ code: 'not_on_roster' }] } },
      { index: 7, status: 200, outcome: 'stored' }
    ])
    t.same(data.results[3].problem, data.results[5].problem)
    t.same(data.results[4].problem, data.results[5].problem)
    t.same(
      await look('select from attendance_submissions where session_id <> $1 and session_id = any ($2)', [
        good,
        [cancelled, coming, elsewhere, foreign]
      ]),
      [],
      'what was refused may be sent again'
    )
  })

  await t.test('that are none are told so, and leave the others alone', async t => {
    const session = await makeSession(admin, group)
    const good = filled(session, marks([ana, 'present']))
    const wrong = [
      filled(session, [{ person_id: ana, status: 'presnt' }]),
      filled(session, [{ person_id: ana, status: 'present', note: 'As sheets once had.' }]),
      filled(session, [], { walk_ins: [{ display_name: 'Pasted \u202e' }] }),
      filled('not-an-id', []),
      { id: uuid() },
      { ...filled(session, []), resolves: [] }
    ]
    const reply = await sync(flo, [...wrong.slice(0, 2), good, ...wrong.slice(2)])
    t.equal(reply.statusCode, 207, reply.body)
    const told = (sheet: { id: string }, index: number, code: string, pointer: string) => ({
      index,
      id: sheet.id,
      status: 422,
      outcome: null,
      problem: { code: 'validation_failed', errors: [{ code, pointer: `#/sheets/${index}/${pointer}` }] }
    })
    t.match(reply.data.results, [
      told(wrong[0]!, 0, 'enum', 'records/0/status'),
      told(wrong[1]!, 1, 'unknown_field', 'records/0/note'),
      { index: 2, id: good.id, outcome: 'stored', version: 1 },
      told(wrong[2]!, 3, 'format', 'walk_ins/0/display_name'),
      told(wrong[3]!, 4, 'format', 'session_id'),
      { index: 5, status: 422, problem: { errors: { length: 3 } } },
      told(wrong[5]!, 6, 'unknown_field', 'resolves')
    ])
    t.match(await one(flo, good), { outcome: 'stored', version: 1 }, 'the good one was taken')
    // More values than are looked through for every fault of a body.
    const people = Array.from({ length: 120 }, () => ({ person_id: v4(), status: 'absent', minutes: null }))
    const large = Array.from({ length: 20 }, (_, n) => filled(session, n % 2 === 0 ? people : [...people, {}]))
    const { data } = await sync(flo, [...large, ...Array.from({ length: 60 }, () => filled(v4(), people))])
    t.same(
      data.results
        .slice(0, 20)
        .map(({ problem }: { problem: { errors: { code: string }[] } }) => problem.errors[0]!.code),
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 'not_on_roster' : 'required'))
    )
  })

  await t.test('a batch that is none is refused whole', async t => {
    const session = await makeSession(admin, group)
    const sheet = filled(session, [])
    for (const [body, pointer] of [
      [{ device_time: minutesFromNow(0), sheets: [] }, '#/sheets'],
      [{ sheets: [sheet] }, '#/device_time'],
      [{ device_time: minutesFromNow(0), sheets: [{ ...sheet, id: v4() }] }, '#/sheets/0/id'],
      [{ device_time: minutesFromNow(0), sheets: [sheet, { ...sheet, id: undefined }] }, '#/sheets/1/id'],
      [{ device_time: minutesFromNow(0), sheets: [{ ...sheet, base_version: -1 }], all: true }, '#/all'],
      [[sheet], '#'],
      [{ device_time: minutesFromNow(0), sheets: Array(201).fill(sheet) }, '#/sheets']
    ] as const) {
      t.match(await flo.post('/v1/attendance/sync', body), { statusCode: 422, data: { errors: [{ pointer }] } })
    }
    t.same(await look('select from attendance_submissions where id = $1', [sheet.id]), [])
  })

  await t.test('from a device whose clock cannot be right have the server’s time', async t => {
    const sessions = [await makeSession(admin, group), await makeSession(admin, group), await makeSession(admin, group)]
    const at = minutesFromNow(-600)
    t.match(await one(flo, filled(sessions[0]!, [], { occurred_at: at }), minutesFromNow(-6)), { clock_off: true })
    t.match(await one(flo, filled(sessions[1]!, [], { occurred_at: at }), minutesFromNow(4)), { clock_off: false })
    t.match(await one(flo, filled(sessions[2]!, [], { occurred_at: minutesFromNow(9) })), { clock_off: true })
    const versions = await Promise.all(
      sessions.map(async session => (await admin.get(`${sheetOf(session)}/history`)).data.data[0])
    )
    t.match(versions, [{ clock_off: true }, { clock_off: false, occurred_at: at }, { clock_off: true }])
    for (const version of [versions[0], versions[2]]) t.equal(version.occurred_at, version.recorded_at)
  })

  await t.test('are told apart by session, version and key', async t => {
    const hal = await staff(admin, 'facilitator', 'Hal')
    const hidden = await makeGroup(admin, { name: 'Hidden Circle' })
    await assign(admin, hidden, hal.staff_id)
    const theirs = filled(await makeSession(admin, hidden), [])
    await one(hal, theirs)
    const session = await makeSession(admin, group)
    const { results } = (
      await sync(flo, [{ ...filled(session, []), id: theirs.id }, filled(await makeSession(admin, group), [])])
    ).data
    t.match(results, [{ status: 422, problem: { code: 'id_reused' } }, { outcome: 'stored' }], 'each by itself')
    t.match(await one(flo, filled(session, [], { base_version: 1 })), {
      status: 422,
      problem: { code: 'no_such_version', errors: [{ pointer: '#/sheets/0/base_version' }] }
    })
    t.match(
      await sync(
        flo,
        Array.from({ length: 21 }, () => filled(session, []))
      ),
      {
        statusCode: 422,
        data: { code: 'too_many_sheets', errors: [{ pointer: '#/sheets/20/session_id' }] }
      }
    )

    await one(flo, filled(session, marks([ana, 'present'])))
    const key = await admin.post('/v1/api-keys', { name: 'w', staff_id: flo.staff_id, scopes: ['attendance:write'] })
    const blind = service.client(key.data.secret, admin.organization_id)
    const sheet = filled(session, marks([ana, 'absent']))
    for (const result of [await one(blind, sheet), await one(blind, sheet)]) {
      t.match(result, { outcome: 'conflict' })
      t.notOk('conflict' in result, 'a key that only writes is not told what stands')
    }
  })

  await t.test('of a walk-in who was taken off since are no stranger’s', async t => {
    const session = await makeSession(admin, group)
    const hidden = await makePerson(admin, 'Wanda')
    await admin.put(sheetOf(session), { records: [], walk_ins: [{ person_id: hidden }] })
    await admin.put(sheetOf(session), { records: marks([ben, 'present']) }, { 'if-match': '"1"' })
    const sheet = filled(session, marks([ana, 'present']), { base_version: 1, walk_ins: [{ person_id: hidden }] })
    t.match(await one(flo, sheet), { outcome: 'merged', version: 3 })
    t.match((await admin.get(sheetOf(session))).data, { walk_ins: [], counts: { present: 2 } })
  })

  await t.test('are not written for whoever lost the group while they waited', async t => {
    const ida = await staff(admin, 'facilitator', 'Ida')
    const own = await makeGroup(admin, { name: 'Waiting Circle' })
    const assigned = await assign(admin, own, ida.staff_id)
    const [session, person] = [await makeSession(admin, own), await makePerson(admin, 'Pat')]
    await admin.put(sheetOf(session), { records: [], anonymous_count: 1 })
    const superuser = await lookingPastWalls(t, service)
    const waiting = () =>
      until(
        async () =>
          (
            await superuser.query(
              `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
            )
          ).rowCount! > 0
      )
    for (const [held, ask] of [
      [
        `select from sessions where id = '${session}' for update`,
        () => sync(ida, [filled(session, [], { anonymous_count: 7 })])
      ],
      [
        `select from groups where id = '${own}' for no key update`,
        () => ida.post(`/v1/groups/${own}/join-requests`, { person_id: person })
      ]
    ] as const) {
      await look('update group_facilitators set ends_at = null where id = $1 returning id', [assigned])
      await look('update people set created_by_staff_id = $1 where id = $2 returning id', [ida.staff_id, person])
      await superuser.query('begin')
      await superuser.query(held)
      const asked = ask()
      await waiting()
      const other = await lookingPastWalls(t, service)
      await other.query("update group_facilitators set ends_at = now() - interval '10 minutes' where id = $1", [
        assigned
      ])
      await superuser.query('commit')
      const reply = await asked
      if (reply.statusCode === 207) t.match(reply.data.results, [{ status: 404, outcome: null }])
      else t.equal(reply.statusCode, 404, reply.body)
    }
    t.equal((await admin.get(sheetOf(session))).data.anonymous_count, 1)
  })

  await t.test('one session twice in a batch, and one id twice', async t => {
    const session = await makeSession(admin, group)
    const [first, second] = [filled(session, marks([ana, 'present'])), filled(session, marks([ben, 'present']))]
    const { results } = (await sync(flo, [first, second, first])).data
    t.match(results, [
      { outcome: 'stored', version: 1 },
      { outcome: 'merged', version: 2 },
      { outcome: 'stored', version: 1 }
    ])
  })

  await t.test('are for those who log attendance there, and so are conflicts', async t => {
    const session = await makeSession(admin, group)
    await one(flo, filled(session, marks([ana, 'present'])))
    const sheet = filled(session, marks([ana, 'absent']))
    await one(gus, sheet)
    const [stranger, abroad] = [await staff(admin, 'facilitator', 'Hal'), await organization('Far')]
    for (const client of [stranger, abroad]) {
      t.same((await client.get('/v1/attendance/conflicts')).data.data, [])
      t.match(await one(client, sheet), { status: 404, outcome: null })
    }
    const observer = await staff(admin, 'observer')
    t.equal((await sync(observer, [sheet])).statusCode, 403)
    t.equal((await observer.get('/v1/attendance/conflicts')).statusCode, 403)
    t.equal(
      (await admin.get('/v1/attendance/conflicts')).data.data.some((c: { id: string }) => c.id === sheet.id),
      true
    )
  })
})

t.test('in any order, twice, with losses: the same state in the end, and nothing lost', async t => {
  const { organization, look } = await startApp(t)
  const admin = await organization()
  const group = await makeGroup(admin)
  const people: string[] = []
  for (let n = 0; n < 3; n++) people.push(await makeMember(admin, group, `Member ${n}`))

  const mark = fc.option(fc.constantFrom('present', 'absent', 'excused'), { freq: 2 })
  const sheets = fc.array(
    fc.record({ session: fc.nat(2), marks: fc.tuple(mark, mark, mark), anonymous_count: fc.nat(1) }),
    { minLength: 2, maxLength: 5 }
  )
  const plan = fc.record({
    sheets,
    // Which sheets go with which request, and whether its answer is lost.
    requests: fc.array(fc.record({ take: fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }), lost: fc.boolean() }), {
      maxLength: 4
    }),
    order: fc.array(fc.nat(), { minLength: 5, maxLength: 5 })
  })

  await fc.assert(
    fc.asyncProperty(plan, async ({ sheets, requests, order }) => {
      const sessions = [
        await makeSession(admin, group),
        await makeSession(admin, group),
        await makeSession(admin, group)
      ]
      const all = sheets.map(({ session, marks, anonymous_count }) => ({
        id: uuid(),
        session_id: sessions[session]!,
        base_version: 0,
        records: marks.flatMap((status, n) => (status === null ? [] : [{ person_id: people[n]!, status }])),
        anonymous_count
      }))
      const send = async (some: typeof all) =>
        (await admin.post('/v1/attendance/sync', { device_time: minutesFromNow(0), sheets: some })).data.results
      const answers = new Map<string, unknown>()
      const note = (results: { id: string; index: number }[]) => {
        for (const { index: _, ...result } of results) {
          const text = JSON.stringify(result)
          t.equal(answers.get(result.id) ?? text, text, 'each answer is the first')
          answers.set(result.id, text)
        }
      }
      for (const { take, lost } of requests) {
        const results = await send(take.map(n => all[n % all.length]!))
        if (!lost) note(results)
      }
      const shuffled = all.map((sheet, n) => [order[n]!, sheet] as const).sort((a, b) => a[0] - b[0])
      for (const [, sheet] of shuffled) note(await send([sheet]))
      note(await send(all))

      for (const session of sessions) {
        const sent = all.filter(sheet => sheet.session_id === session)
        const kept = await look(
          'select id, outcome, anonymous_count, rows from attendance_submissions where session_id = $1',
          [session]
        )
        t.same(kept.map(row => row.id).sort(), [...new Set(sent.map(sheet => sheet.id))].sort(), 'each is there, once')
        const stands = await look(
          `select person_id, status from attendance where session_id = $1 and status <> 'not_recorded'`,
          [session]
        )
        const [{ anonymous_count }] = await look('select anonymous_count from sessions where id = $1', [session])
        const taken = sent.filter(sheet => kept.find(row => row.id === sheet.id)!.outcome !== 'conflict')
        const said = new Map(taken.flatMap(({ records }) => records.map(row => [row.person_id, row.status] as const)))
        t.same(new Map(stands.map(row => [row.person_id, row.status])), said, 'what was taken stands, and nothing else')
        t.equal(anonymous_count, Math.max(0, ...taken.map(sheet => sheet.anonymous_count)))
        for (const sheet of sent.filter(sheet => !taken.includes(sheet))) {
          const differs =
            sheet.records.some(row => said.has(row.person_id) && said.get(row.person_id) !== row.status) ||
            (sheet.anonymous_count !== anonymous_count && sheet.anonymous_count !== 0)
          t.ok(differs, 'what was not taken says something else')
        }
      }
    }),
    { numRuns: 40 }
  )
})
