import t from 'tap'
import { v7 as uuid } from 'uuid'
import { type Client, type Reply, startApp } from '../support/app.ts'
import {
  assign,
  daysFromNow,
  makeGroup,
  makeMember,
  makePerson,
  makeSession,
  minutesFromNow
} from '../support/circle.ts'
import { allAtOnce, closeGate } from '../support/gate.ts'
import { until } from '../support/process.ts'

const any = { 'if-match': '*' }

t.test('notes about one person’s attendance', async t => {
  const service = await startApp(t)
  const { look } = service
  const admin = await service.organization()
  const group_id = await makeGroup(admin)
  const staff = (name: string) => service.staff(admin, 'facilitator', name)
  const [lead, second, outsider] = [await staff('Lead'), await staff('Second'), await staff('Outsider')]
  const coordinator = await service.staff(admin, 'coordinator', 'Coordinator')
  const assignment = await assign(admin, group_id, lead.staff_id)
  await assign(admin, group_id, second.staff_id)
  const [ana, ben] = [await makeMember(admin, group_id, 'Ana'), await makeMember(admin, group_id, 'Ben')]
  const session_id = await makeSession(admin, group_id, 30)
  const session = `/v1/sessions/${session_id}`
  const notes = `${session}/attendance/notes`
  const put = (by: Client, person_id: string, text: string, at = notes) => by.put(`${at}/${person_id}`, { text })
  const written = async (by: Client, person_id: string, text: string, at = notes) => {
    const reply = await put(by, person_id, text, at)
    t.equal(reply.statusCode, 200, reply.body)
    return reply.data
  }
  const texts = async (by: Client, at = notes) => {
    const { statusCode, data } = await by.get(at)
    return statusCode === 200 ? data.data.map(({ text }: { text: string }) => text) : statusCode
  }
  const kept = async (where = 'true', values: unknown[] = []) =>
    await look(`select id, version, text_plain, text_sealed from attendance_notes where ${where} order by id`, values)
  const events = async (object_id: string) =>
    (await look('select type, object_version from outbox_events where object_id = $1 order by id', [object_id])).map(
      ({ type, object_version }) => `${type} ${object_version}`
    )
  const audited = async (object_id: string, staff_id?: string) =>
    (
      await look(
        "select operation, staff_id from audit_entries where object_type = 'attendance_note' and object_id = $1 order by id",
        [object_id]
      )
    )
      .filter(row => staff_id === undefined || row.staff_id === staff_id)
      .map(({ operation }) => operation)
  const readings = async (object_id: string, staff_id?: string) =>
    (await audited(object_id, staff_id)).filter(operation => operation === 'attendance_note.read').length
  const strip = ({ statusCode, body }: Reply) => [statusCode, body.replace(/"request_id":"[^"]+"/, '')]
  const nobody = uuid()

  await t.test('are one for each who writes, changed, and removed', async t => {
    const mine = await put(lead, ana, 'Rang: the bus.')
    t.equal(mine.statusCode, 200)
    t.equal(mine.headers.etag, '"1"')
    t.equal(mine.headers['cache-control'], 'no-store')
    const { id, created_at, updated_at, ...said } = mine.data
    t.same(said, {
      session_id,
      person_id: ana,
      display_name: 'Ana',
      text: 'Rang: the bus.',
      written_by: { staff_id: lead.staff_id, display_name: 'Lead' },
      version: 1
    })
    t.equal(created_at, updated_at)

    const theirs = await written(second, ana, 'Left in tears.')
    t.not(theirs.id, id)
    t.same(await texts(lead), ['Rang: the bus.', 'Left in tears.'])

    const again = await put(lead, ana, 'Rang: the bus.')
    t.same([again.statusCode, again.data, again.headers.etag], [200, mine.data, '"1"'], 'a retry says the same')
    t.same(await events(id), ['attendance_note.written 1'])

    const changed = await written(lead, ana, 'Rang: the train.')
    t.match(changed, { id, text: 'Rang: the train.', version: 2, created_at })
    t.ok(changed.updated_at >= updated_at)
    t.same(await texts(second), ['Rang: the train.', 'Left in tears.'], 'nobody overwrites a colleague’s')

    const removed = await lead.delete(`${notes}/${ana}`)
    t.same([removed.statusCode, removed.body], [204, ''])
    t.equal(removed.headers['content-type'], undefined)
    t.same(await texts(lead), ['Left in tears.'])
    t.equal((await lead.delete(`${notes}/${ana}`)).statusCode, 204, 'twice is the same as once')
    t.equal((await lead.delete(`${notes}/${ben}`)).statusCode, 204, 'as is what was never written')
    t.same(await events(id), ['attendance_note.written 1', 'attendance_note.changed 2', 'attendance_note.removed 3'])
    t.same(
      (await audited(id)).filter(operation => operation !== 'attendance_note.read'),
      ['attendance_note.written', 'attendance_note.changed', 'attendance_note.removed']
    )
    t.match(await written(lead, ana, 'After all.'), { version: 1 })
  })

  await t.test('have a text, and nothing else', async t => {
    const before = await kept()
    for (const [body, pointer] of [
      [{ text: '' }, '#/text'],
      [{ text: 'a'.repeat(1001) }, '#/text'],
      [{ text: null }, '#/text'],
      [{}, '#/text'],
      [{ text: 'x', person_id: ben }, '#/person_id']
    ] as const)
      t.match((await lead.put(`${notes}/${ana}`, body)).json(), { status: 422, errors: [{ pointer }] })
    t.same(await kept(), before)
    t.match(await written(lead, ben, `${'é'.repeat(999)}\n`), { version: 1 })
    await lead.delete(`${notes}/${ben}`)
  })

  await t.test('are about whoever is on the roster of that day, or stands on the sheet', async t => {
    const walker = await makePerson(admin, 'Walker')
    const tomorrow = await makeMember(admin, group_id, 'Tomorrow', daysFromNow(1))
    const elsewhere = await service.organization('Elsewhere')
    const foreign = await makePerson(elsewhere, 'Foreign')
    const neighbour = await makeMember(admin, await makeGroup(admin), 'Neighbour')
    const at = `/v1/sessions/${await makeSession(admin, group_id, 300)}/attendance`
    const before = await kept()
    for (const by of [lead, coordinator]) {
      const unknown = [
        await put(by, nobody, 'x', `${at}/notes`),
        await by.put(`${at}/notes/${nobody}`, { text: '' }),
        await by.delete(`${at}/notes/${nobody}`)
      ].map(strip)
      t.same(
        unknown.map(([status]) => status),
        [404, 404, 404]
      )
      for (const person_id of [walker, tomorrow, foreign, neighbour]) {
        t.same(
          [
            await put(by, person_id, 'x', `${at}/notes`),
            await by.put(`${at}/notes/${person_id}`, { text: '' }),
            await by.delete(`${at}/notes/${person_id}`)
          ].map(strip),
          unknown
        )
      }
    }
    t.same(await kept(), before)

    t.match(await written(lead, ana, 'Before there is a sheet.', `${at}/notes`), { person_id: ana })
    const sheet = { records: [], walk_ins: [{ person_id: walker }, { display_name: 'Li' }] }
    t.equal((await admin.put(at, sheet)).statusCode, 200)
    const about = await written(lead, walker, 'A friend of Ana’s.', `${at}/notes`)
    t.match(about, { person_id: walker, display_name: 'Walker' })
    // The sheet was wrong about them: to others they are nobody there, and to whoever wrote, a retry is still one.
    t.equal((await admin.put(at, { records: [] }, any)).statusCode, 200)
    t.equal((await put(second, walker, 'x', `${at}/notes`)).statusCode, 404)
    t.same(await written(lead, walker, 'A friend of Ana’s.', `${at}/notes`), about)
    t.equal((await lead.delete(`${at}/notes/${walker}`)).statusCode, 204)
    t.equal((await put(lead, walker, 'x', `${at}/notes`)).statusCode, 404)

    // On the roster that was kept with the sheet, whatever became of the membership since.
    const gone = await makeMember(admin, group_id, 'Gone')
    const later = `/v1/sessions/${await makeSession(admin, group_id, 301)}/attendance`
    await admin.put(later, { records: [{ person_id: gone, status: 'absent' }] })
    const [{ id }] = (await admin.get(`/v1/people/${gone}/memberships`)).data.data
    const left = await admin.post(`/v1/memberships/${id}/leave`, { left_on: daysFromNow(-3) })
    t.equal(left.statusCode, 200, left.body)
    await written(lead, gone, 'Has moved.', `${later}/notes`)
  })

  await t.test('each reading is audited, by whom', async t => {
    const { id } = await written(lead, ana, 'After all.')
    const [first] = (await coordinator.get(`${notes}?limit=1`)).data.data
    t.equal(await readings(first.id, coordinator.staff_id), 1)
    t.equal(await readings(id, coordinator.staff_id), 0, 'what only tells of a next page was not read')
    t.equal(first.written_by.display_name, 'Second', 'the first that was written is the first')
    await coordinator.get(notes)
    t.equal(await readings(first.id, coordinator.staff_id), 2)
    t.equal(await readings(id, coordinator.staff_id), 1)
    const page = (await coordinator.get(`${notes}?limit=1`)).data.page
    const rest = await coordinator.get(`${notes}?limit=1&cursor=${page.next_cursor}`)
    t.match(rest.data, { data: [{ id }], page: { has_more: false } })
    const before = await readings(id)
    await outsider.get(notes)
    await lead.put(`${notes}/${ana}`, { text: 'After all.' })
    t.equal(await readings(id), before, 'what is refused, or was sent by oneself, is no reading')
    t.same(await look("select from outbox_events where type like '%.read'"), [])
  })

  await t.test('are for those who led then and for coordinators; everybody reads their own', async t => {
    const [next, substitute] = [await staff('Next'), await staff('Substitute')]
    t.same(await texts(lead), ['Left in tears.', 'After all.'])
    t.same(await texts(coordinator), await texts(lead))
    t.same(await texts(admin), await texts(lead))
    const unknown = strip(await outsider.get(`/v1/sessions/${nobody}/attendance/notes`))
    t.same(strip(await outsider.get(notes)), unknown)
    t.same(strip(await put(outsider, ana, 'x')), unknown)
    t.same(strip(await outsider.delete(`${notes}/${ana}`)), unknown)
    const elsewhere = await service.organization('Other')
    t.same(strip(await elsewhere.get(notes)), unknown)
    t.same(strip(await put(elsewhere, ana, 'x')), unknown)
    t.same(strip(await elsewhere.delete(`${notes}/${ana}`)), unknown)

    await admin.post(`/v1/groups/${group_id}/facilitators`, { staff_id: next.staff_id })
    t.same(await texts(next), [], 'whoever facilitates later')
    const own = await written(next, ana, 'Welcome back.')
    t.same(await texts(next), ['Welcome back.'])
    t.equal((await next.delete(`${notes}/${ben}`)).statusCode, 204)
    t.same(await texts(lead), ['Left in tears.', 'After all.', 'Welcome back.'])
    t.equal((await next.delete(`${notes}/${ana}`)).statusCode, 204)
    t.same(await kept('id = $1', [own.id]), [])

    const named = await admin.post(`${session}/facilitators`, { staff_id: substitute.staff_id })
    t.same(await texts(substitute), ['Left in tears.', 'After all.'], 'whoever is named for the session')
    await written(substitute, ben, 'Quiet.')
    // Whoever was replaced was not there, and reads what they wrote themselves.
    const instead = await admin.post(`${session}/facilitators`, {
      staff_id: outsider.staff_id,
      replaces_staff_id: lead.staff_id
    })
    t.same(await texts(lead), ['After all.'])
    await admin.post(`${session}/facilitators/${instead.data.id}/withdraw`)
    await admin.post(`${session}/facilitators/${named.data.id}/withdraw`)
    t.equal(await texts(substitute), 404)
    t.equal((await put(substitute, ben, 'Quiet.')).statusCode, 404)
    t.equal((await substitute.delete(`${notes}/${ben}`)).statusCode, 404)
    t.same(await texts(lead), ['Left in tears.', 'After all.', 'Quiet.'])
  })

  await t.test('are kept sealed, each for its own row', async t => {
    for (const { text_plain, text_sealed } of await kept()) {
      t.equal(text_plain, null)
      t.notMatch(text_sealed.toString('latin1'), /in tears|After all|Quiet|Has moved/)
    }
    const [{ id }, { id: other }] = (await lead.get(notes)).data.data
    const [row] = await kept('id = $1', [id])
    const fill = (sealed: Buffer) => look('update attendance_notes set text_sealed = $1 where id = $2', [sealed, id])
    await fill((await kept('id = $1', [other]))[0].text_sealed)
    const told = service.log.length
    t.match((await lead.get(notes)).data.data[0], { id, text: null })
    const line = service.log.slice(told).find(line => line.includes('does not open'))!
    t.match(JSON.parse(line), { level: 50, note_id: id })
    // Nor does it open among the notes about sessions, under the same id.
    await fill(row.text_sealed)
    const about = (await lead.post(`${session}/notes`, { text: 'Sealed elsewhere.' })).data.id
    await look('update notes set id = $1, text_sealed = $2 where id = $3', [id, row.text_sealed, about])
    t.match((await lead.get(`/v1/notes/${id}`)).data, { id, text: null })
    await look('delete from notes where id = $1', [id])
    t.match((await lead.get(notes)).data.data[0], { id, text: 'Left in tears.' })
  })

  await t.test('are in nothing else that is told or kept', async t => {
    const said = /in tears|After all|Quiet\.|Has moved/
    await admin.put(`${session}/attendance`, { records: [{ person_id: ana, status: 'present' }] })
    const sent = {
      id: uuid(),
      session_id,
      base_version: 0,
      records: [{ person_id: ana, status: 'absent' }]
    }
    const synced = await lead.post('/v1/attendance/sync', { device_time: minutesFromNow(0), sheets: [sent] })
    t.match(synced.data.results, [{ outcome: 'conflict' }])
    t.notMatch(synced.body, said)
    for (const url of [
      `${session}/attendance`,
      `${session}/attendance/history`,
      session,
      `${session}/notes`,
      `/v1/attendance?group_id=${group_id}`,
      `/v1/people/${ana}/attendance`,
      `/v1/attendance/conflicts?session_id=${session_id}`,
      '/v1/sync',
      `/v1/groups/${group_id}/handover`
    ]) {
      for (const by of [lead, coordinator]) {
        const reply = await by.get(url)
        t.equal(reply.statusCode, 200, `${url} ${reply.body}`)
        t.notMatch(reply.body, said, url)
      }
    }
    t.match((await lead.get(notes)).body, said, 'but in the list of them')
    const before = (await look('select count(*)::int as n from idempotency_keys'))[0].n
    const headers = { 'idempotency-key': 'sent-twice' }
    for (const _ of [1, 2])
      t.equal((await lead.put(`${notes}/${ana}`, { text: 'After all.' }, headers)).statusCode, 200)
    t.equal((await look('select count(*)::int as n from idempotency_keys'))[0].n, before, 'no answer is kept')
    for (const table of ['audit_entries', 'outbox_events', 'attendance', 'attendance_versions'])
      t.notMatch(JSON.stringify(await look(`select * from ${table}`)), said, table)
    t.notMatch(service.log.join(''), said)
  })

  await t.test('are not told to a key that only writes', async t => {
    const key = async (scopes: string[]) => {
      const made = await admin.post('/v1/api-keys', { name: 'k', staff_id: lead.staff_id, scopes })
      return service.client(made.data.secret, admin.organization_id)
    }
    const [writer, reader] = [await key(['notes:write']), await key(['notes:read'])]
    t.match(await put(writer, ben, 'Mine.'), { statusCode: 200, data: { text: null, version: 1 } })
    t.match(await put(writer, ben, 'Mine.'), { statusCode: 200, data: { text: null, version: 1 } })
    t.match(await put(lead, ben, 'Mine.'), { statusCode: 200, data: { text: 'Mine.', version: 1 } })
    t.equal((await writer.get(notes)).statusCode, 403)
    t.equal((await reader.get(notes)).statusCode, 200)
    t.equal((await put(reader, ben, 'x')).statusCode, 403)
    t.equal((await reader.delete(`${notes}/${ben}`)).statusCode, 403)
    t.equal((await writer.delete(`${notes}/${ben}`)).statusCode, 204)
  })

  await t.test('are for no integration, and no observer', async t => {
    const { secret } = (await admin.post('/v1/api-keys', { name: 'Clinic' })).data
    const integration = service.client(secret, admin.organization_id)
    const before = await kept()
    for (const by of [integration, await service.staff(admin, 'observer')]) {
      for (const reply of [await by.get(notes), await put(by, ana, 'x'), await by.delete(`${notes}/${ana}`)])
        t.match(reply.json(), { status: 403, code: 'insufficient_scope' })
    }
    t.same(await kept(), before)
  })

  await t.test('sent from two devices at once, is one', async t => {
    const replies = await allAtOnce(service.superuserUrl, 'attendance_notes', 4, index =>
      put(lead, ben, ['One.', 'Two.'][index % 2]!)
    )
    t.same(
      replies.map(({ statusCode }) => statusCode),
      [200, 200, 200, 200]
    )
    t.equal(new Set(replies.map(({ data }) => data.id)).size, 1)
    const rows = await kept('person_id = $1 and written_by_staff_id = $2', [ben, lead.staff_id])
    t.equal(rows.length, 1)
    t.ok(rows[0].version >= 2)
    await lead.delete(`${notes}/${ben}`)
  })

  await t.test('are neither written nor removed by whoever is withdrawn meanwhile', async t => {
    for (const what of ['written', 'changed', 'removed']) {
      const substitute = await staff(`Withdrawn, ${what}`)
      const { id } = (await admin.post(`${session}/facilitators`, { staff_id: substitute.staff_id })).data
      if (what !== 'written') await written(substitute, ben, 'In time.')
      const before = await kept()
      const open = await closeGate(service.superuserUrl, 'attendance_notes')
      const asked = what === 'removed' ? substitute.delete(`${notes}/${ben}`) : put(substitute, ben, 'Too late.')
      await until(async () => {
        const [{ n }] = await look(
          "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        return n > 0
      })
      await admin.post(`${session}/facilitators/${id}/withdraw`)
      await open()
      t.equal((await asked).statusCode, 404, what)
      t.same(await kept(), before, what)
    }
  })

  await t.test('keep a session of a series where it is; removing none does not', async t => {
    const made = await admin.post(`/v1/groups/${group_id}/series`, {
      starts_on: daysFromNow(1),
      start_time: '19:00',
      duration_minutes: 90,
      rrule: 'FREQ=DAILY;COUNT=2'
    })
    t.equal(made.statusCode, 201, made.body)
    const [first, last] = await look('select id from sessions where series_id = $1 order by starts_at', [made.data.id])
    await written(lead, ana, 'Away then.', `/v1/sessions/${first.id}/attendance/notes`)
    t.equal((await lead.delete(`/v1/sessions/${last.id}/attendance/notes/${ana}`)).statusCode, 204)
    t.same(await look('select touched from sessions where id in ($1, $2) order by starts_at', [first.id, last.id]), [
      { touched: true },
      { touched: false }
    ])
  })

  await t.test('that came with sheets are plain until they are written again', async t => {
    const { id } = await written(lead, ben, 'To be sealed.')
    const asPut = async (text: string) =>
      look('update attendance_notes set text_plain = $1, text_sealed = null where id = $2', [text, id])
    await asPut('Called ahead.')
    t.ok((await texts(lead)).includes('Called ahead.'))
    t.match(await written(lead, ben, 'Called ahead.'), { id, text: 'Called ahead.', version: 1 })
    t.match(await kept('id = $1', [id]), [{ text_plain: null, version: 1, text_sealed: Buffer }])
    await asPut('Called ahead.')
    t.match(await written(lead, ben, 'Called.'), { id, text: 'Called.', version: 2 })
    t.match(await kept('id = $1', [id]), [{ text_plain: null, version: 2, text_sealed: Buffer }])

    // Nobody's, where a key had put the sheet: those who led read it, and write their own beside it.
    const insert = (values: string) =>
      look(
        `insert into attendance_notes (organization_id, id, session_id, person_id, written_by_staff_id, text_plain, text_sealed)
         values ($1, gen_random_uuid(), $2, $3, ${values}) returning id`,
        [admin.organization_id, session_id, ben]
      )
    const [{ id: nobodys }] = await insert("null, 'By the clinic.', null")
    const { data } = (await lead.get(notes)).data
    const note = data.find((note: { id: string }) => note.id === nobodys)
    t.match(note, { text: 'By the clinic.', display_name: 'Ben' })
    t.notOk('written_by' in note)
    t.match(await written(second, ben, 'Mine.'), { version: 1 })
    t.equal(await readings(nobodys, lead.staff_id), 1)
    const refused = (values: string) => insert(values).catch(({ constraint }) => constraint)
    t.equal(await refused("null, 'Another.', null"), 'attendance_notes_one_each')
    t.equal(await refused(`'${lead.staff_id}', 'Another.', null`), 'attendance_notes_one_each')
    t.equal(await refused(`'${outsider.staff_id}', null, null`), 'attendance_notes_one_text')
    t.equal(await refused(`'${outsider.staff_id}', 'a', '\\x00'`), 'attendance_notes_one_text')
    t.equal(await refused("null, null, '\\x00'"), 'attendance_notes_somebodys')
  })

  await t.test('that older sheets keep are told no more, and change nothing', async t => {
    const [past, conflicting] = [await makeSession(admin, group_id, 400), await makeSession(admin, group_id, 401)]
    const sheet = (session_id: string, status: string) => ({
      id: uuid(),
      session_id,
      base_version: 0,
      records: [{ person_id: ana, status }],
      walk_ins: [{ display_name: 'Li' }]
    })
    const sheets = [sheet(past, 'present'), sheet(conflicting, 'present'), sheet(conflicting, 'absent')]
    const send = async (by: Client = lead) =>
      (await by.post('/v1/attendance/sync', { device_time: minutesFromNow(0), sheets })).data.results
    const first = await send()
    t.match(first, [{ outcome: 'stored' }, { outcome: 'stored' }, { outcome: 'conflict' }])
    const told = async () => [
      await send(),
      (await lead.get(`/v1/sessions/${past}/attendance/history`)).data,
      (await lead.get(`/v1/attendance/conflicts?session_id=${conflicting}`)).data
    ]
    const before = await told()
    t.same(before[0], first)
    // As they were kept while sheets had notes; also of somebody of whom nothing else was said.
    for (const table of ['attendance_versions', 'attendance_submissions']) {
      await look(
        `update ${table} set rows = (select jsonb_agg(row || '{"note": "Rang."}') from jsonb_array_elements(rows || $2::jsonb) row)
         where session_id = any ($1)`,
        [[past, conflicting], JSON.stringify(table === 'attendance_versions' ? [] : [notRecorded(ben)])]
      )
    }
    t.same(await told(), before)
    const again = { records: [{ person_id: ana, status: 'present' }], walk_ins: [{ display_name: 'Li' }] }
    t.match(await lead.put(`/v1/sessions/${past}/attendance`, again), { statusCode: 200, data: { version: 1 } })
  })

  await t.test('whoever is replaced reads none, from that instant on', async t => {
    await admin.post(`/v1/groups/${group_id}/facilitators/${assignment}/end`, {})
    t.equal(await texts(lead), 404)
    t.equal((await put(lead, ana, 'x')).statusCode, 404)
    t.equal((await lead.delete(`${notes}/${ana}`)).statusCode, 404)
    t.ok((await texts(coordinator)).includes('After all.'), 'what they wrote stays')
  })
})

/** A row of a sheet that says nothing, as it is kept. */
const notRecorded = (person_id: string) => ({
  position: 9,
  kind: 'roster',
  person_id,
  display_name: null,
  status: 'not_recorded',
  expected: 'yes',
  mode: null,
  arrived_late: null,
  left_early: null,
  minutes: null,
  first_time: null
})
