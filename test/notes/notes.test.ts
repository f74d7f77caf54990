import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeSession } from '../support/circle.ts'
import { closeGate } from '../support/gate.ts'
import { until } from '../support/process.ts'

const any = { 'if-match': '*' }

t.test('notes about a session', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group_id = await makeGroup(admin)
  const staff = (name: string) => service.staff(admin, 'facilitator', name)
  const [lead, next, outsider] = [await staff('Lead'), await staff('Next'), await staff('Outsider')]
  const coordinator = await service.staff(admin, 'coordinator', 'Coordinator')
  const assignment = await assign(admin, group_id, lead.staff_id)
  const session_id = await makeSession(admin, group_id, 30)
  const session = `/v1/sessions/${session_id}`
  const write = async (by: Client, body: Record<string, unknown>) => {
    const written = await by.post(`${session}/notes`, body)
    t.equal(written.statusCode, 201)
    return written.data.id as string
  }
  const texts = async (by: Client) => {
    const { statusCode, data } = await by.get(`${session}/notes`)
    return statusCode === 200 ? data.data.map(({ text }: { text: string }) => text) : statusCode
  }
  const readings = async (note_id: string, staff_id?: string) => {
    const rows = await service.look(
      "select staff_id from audit_entries where operation = 'note.read' and object_type = 'note' and object_id = $1",
      [note_id]
    )
    return rows.filter(row => staff_id === undefined || row.staff_id === staff_id).length
  }

  const plain = await write(lead, { text: 'Quiet at first.\nThen the round on sleep.' })
  const handed = await write(lead, { text: 'Begin with the round.', for_handover: true })
  const open = await write(lead, { text: 'Ask for the key of room 2.', follow_up: 'open' })

  await t.test('are written, read and changed', async t => {
    const read = await lead.get(`/v1/notes/${plain}`)
    t.match(read.data, {
      id: plain,
      session_id,
      group_id,
      text: 'Quiet at first.\nThen the round on sleep.',
      for_handover: false,
      follow_up: null,
      written_by: { staff_id: lead.staff_id, display_name: 'Lead' },
      version: 1
    })
    t.equal(read.headers.etag, '"1"')
    t.equal((await lead.patch(`/v1/notes/${plain}`, { text: 'x' })).statusCode, 428)
    t.equal((await lead.patch(`/v1/notes/${plain}`, { text: 'x' }, { 'if-match': '"2"' })).statusCode, 412)
    const changed = await lead.patch(`/v1/notes/${plain}`, { text: 'Quiet.' }, { 'if-match': '"1"' })
    t.match(changed.data, { text: 'Quiet.', version: 2 })
    t.match((await lead.get(`/v1/notes/${plain}`)).data, changed.data)
    const [page] = [await lead.get(`${session}/notes?limit=2`)]
    t.same(
      page.data.data.map((note: { id: string }) => note.id),
      [plain, handed]
    )
    const rest = await lead.get(`${session}/notes?limit=2&cursor=${page.data.page.next_cursor}`)
    t.same(
      rest.data.data.map((note: { id: string }) => note.id),
      [open]
    )
    t.match((await lead.post(`${session}/notes`, { text: '' })).json(), { errors: [{ pointer: '#/text' }] })
  })

  await t.test('are kept sealed, and are in no list of attendance', async t => {
    for (const row of await service.look('select text_sealed from notes'))
      t.notMatch(row.text_sealed.toString('latin1'), /Quiet|round|room/)
    const outbox = JSON.stringify(await service.look('select * from outbox_events'))
    t.notMatch(outbox, /Quiet|round on sleep|room 2/)
    t.notMatch(outbox, /note\.read/)
    // One that was put in the place of another does not open.
    await service.look('update notes set text_sealed = (select text_sealed from notes where id = $1) where id = $2', [
      handed,
      open
    ])
    t.match((await lead.get(`/v1/notes/${open}`)).data, { id: open, text: null })
    await lead.patch(`/v1/notes/${open}`, { text: 'Ask for the key of room 2.' }, any)
  })

  await t.test('each reading is audited, by whom', async t => {
    const before = await readings(plain)
    await coordinator.get(`/v1/notes/${plain}`)
    await coordinator.get(`${session}/notes`)
    t.equal(await readings(plain, coordinator.staff_id), 2)
    t.equal(await readings(plain), before + 2)
    const of = await readings(handed)
    // What is only there to tell that there is a next page was not read.
    await coordinator.get(`${session}/notes?limit=1`)
    t.equal(await readings(handed), of)
    await outsider.get(`/v1/notes/${plain}`)
    t.equal(await readings(plain, outsider.staff_id), 0)
    const all = await readings(handed)
    await coordinator.get(`/v1/groups/${group_id}/handover`)
    t.equal(await readings(handed), all + 1)
  })

  await t.test('a retry is answered with the note as it is, to those who read it, and audited', async t => {
    const headers = { 'idempotency-key': 'once' }
    const { id } = (await lead.post(`${session}/notes`, { text: 'A name too much.' }, headers)).data
    await lead.patch(`/v1/notes/${id}`, { text: 'Better.' }, any)
    const before = await readings(id)
    const again = await lead.post(`${session}/notes`, { text: 'A name too much.' }, headers)
    t.match(again.data, { id, text: 'Better.' })
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.equal(await readings(id), before + 1)
    t.equal(again.headers['cache-control'], 'no-store')
    const scopes = ['notes:write']
    const { secret } = (await admin.post('/v1/api-keys', { name: 'k', staff_id: lead.staff_id, scopes })).data
    const writer = service.client(secret, admin.organization_id)
    t.match((await writer.patch(`/v1/notes/${id}`, { follow_up: 'open' }, any)).data, { text: null, follow_up: 'open' })
    const own = { 'idempotency-key': 'twice' }
    t.equal((await writer.post(`${session}/notes`, { text: 'Mine.' }, own)).data.text, 'Mine.')
    const replayed = await writer.post(`${session}/notes`, { text: 'Mine.' }, own)
    t.match(replayed, { statusCode: 201, data: { text: null } }, 'it may have been changed since')
    await service.look('delete from notes where id in ($1, $2)', [id, replayed.data.id])
  })

  await t.test('nobody moves a session into their own time', async t => {
    const reply = await lead.patch(session, { starts_at: new Date().toISOString() }, any)
    t.match(reply.json(), { status: 409, code: 'session_begun' })
    t.equal((await lead.patch(session, { topic: 'Sleep' }, any)).statusCode, 200)
  })

  await t.test('are for those who led then; the next read what is handed over', async t => {
    t.same(await texts(lead), ['Quiet.', 'Begin with the round.', 'Ask for the key of room 2.'])
    t.same(await texts(coordinator), await texts(lead))
    t.equal(await texts(outsider), 404)
    t.equal((await outsider.get(`/v1/notes/${handed}`)).statusCode, 404)
    t.equal((await outsider.post(`${session}/notes`, { text: 'x' })).statusCode, 404)
    t.equal((await outsider.patch(`/v1/notes/${handed}`, { text: 'x' }, any)).statusCode, 404)

    await admin.post(`/v1/groups/${group_id}/facilitators`, { staff_id: next.staff_id })
    t.same(await texts(next), ['Begin with the round.', 'Ask for the key of room 2.'])
    t.equal((await next.get(`/v1/notes/${plain}`)).statusCode, 404)
    const own = await write(next, { text: 'Read up.' })
    t.equal((await next.get(`/v1/notes/${own}`)).statusCode, 200, 'and what they wrote themselves')

    for (const body of [{ text: 'x' }, { for_handover: false }])
      t.match((await next.patch(`/v1/notes/${handed}`, body, any)).json(), { status: 403, code: 'not_permitted' })
    const done = await next.patch(`/v1/notes/${open}`, { follow_up: 'done' }, any)
    t.match(done.data, { follow_up: 'done', text: 'Ask for the key of room 2.', version: 3 })
    t.match((await next.patch(`/v1/notes/${open}`, { follow_up: 'open' }, any)).data, { follow_up: 'open' })
    t.equal((await next.patch(`/v1/notes/${open}`, { follow_up: null }, any)).statusCode, 403)
    t.equal((await next.patch(`/v1/notes/${handed}`, { follow_up: 'open' }, any)).statusCode, 403)
    await next.patch(`/v1/notes/${open}`, { follow_up: 'done' }, any)
    t.equal((await coordinator.patch(`/v1/notes/${handed}`, { for_handover: false }, any)).statusCode, 200)
    t.same(await texts(next), ['Ask for the key of room 2.', 'Read up.'])
    await coordinator.patch(`/v1/notes/${handed}`, { for_handover: true }, any)
  })

  await t.test('a substitute writes and reads those of that session, and no handover', async t => {
    const substitute = await staff('Substitute')
    const { id } = (await admin.post(`${session}/facilitators`, { staff_id: substitute.staff_id })).data
    t.equal(((await texts(substitute)) as string[]).length, 4)
    t.equal((await substitute.get(`/v1/groups/${group_id}/handover`)).statusCode, 404)
    const own = await write(substitute, { text: 'Went well.' })
    // Who was replaced that evening was not there; what they wrote before stays theirs.
    const instead = (
      await admin.post(`${session}/facilitators`, {
        staff_id: outsider.staff_id,
        replaces_staff_id: lead.staff_id
      })
    ).data.id
    t.same(await texts(lead), ['Quiet.', 'Begin with the round.', 'Ask for the key of room 2.'])
    t.equal((await lead.get(`/v1/notes/${own}`)).statusCode, 404)
    await admin.post(`${session}/facilitators/${instead}/withdraw`)
    t.equal((await lead.get(`/v1/notes/${own}`)).statusCode, 200)
    await admin.post(`${session}/facilitators/${id}/withdraw`)
    t.equal((await substitute.get(`/v1/notes/${own}`)).statusCode, 404)
  })

  await t.test('is not written by whoever is withdrawn meanwhile', async t => {
    const substitute = await staff('Withdrawn')
    const { id } = (await admin.post(`${session}/facilitators`, { staff_id: substitute.staff_id })).data
    const open = await closeGate(service.superuserUrl, 'notes', 'access exclusive')
    const written = substitute.post(`${session}/notes`, { text: 'Too late.' })
    await until(async () => {
      const [{ n }] = await service.look(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
      )
      return n > 0
    })
    await admin.post(`${session}/facilitators/${id}/withdraw`)
    await open()
    t.equal((await written).statusCode, 404)
  })

  await t.test('whoever is replaced reads none, from that instant on', async t => {
    await admin.post(`/v1/groups/${group_id}/facilitators/${assignment}/end`, {})
    t.equal(await texts(lead), 404)
    t.equal((await lead.get(`/v1/notes/${plain}`)).statusCode, 404)
    t.equal((await lead.get(`/v1/groups/${group_id}/handover`)).statusCode, 404)
  })

  await t.test('are for no integration, and no observer', async t => {
    const { secret } = (await admin.post('/v1/api-keys', { name: 'Clinic' })).data
    const integration = service.client(secret, admin.organization_id)
    const observer = await service.staff(admin, 'observer')
    for (const url of [`${session}/notes`, `/v1/notes/${handed}`, `/v1/groups/${group_id}/handover`]) {
      t.match((await integration.get(url)).json(), { status: 403, code: 'insufficient_scope' }, url)
      t.match((await observer.get(url)).json(), { status: 403, code: 'insufficient_scope' }, url)
    }
    // Nor does it make itself a key that reads them.
    const { id: staff_id } = (await admin.get('/v1/me')).data.staff
    const made = await integration.post('/v1/api-keys', { name: 'Mine', staff_id })
    t.equal((await service.client(made.data.secret, admin.organization_id).get(`/v1/notes/${handed}`)).statusCode, 403)
    t.match((await integration.post('/v1/api-keys', { name: 'Mine', staff_id, scopes: ['notes:read'] })).json(), {
      status: 403,
      code: 'wider_than_maker'
    })
    t.equal((await integration.post(`${session}/notes`, { text: 'x' })).statusCode, 403)
    t.equal((await integration.patch(`/v1/notes/${handed}`, { text: 'x' }, any)).statusCode, 403)
  })
})
