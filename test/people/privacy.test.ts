import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'

t.test('what a facilitator sees of people', async t => {
  const { organization, staff, look } = await startApp(t)
  const admin = await organization()
  const coordinator = await staff(admin, 'coordinator')
  const facilitator = await staff(admin, 'facilitator')
  const colleague = await staff(admin, 'facilitator', 'Colleague')

  const group = async (name: string) =>
    (await admin.post('/v1/groups', { name, mode: 'online', time_zone: 'Europe/Berlin' })).data.id as string
  const mine = await group('Mine')
  const theirs = await group('Theirs')
  const assign = (group_id: string, staff_id: string) => admin.post(`/v1/groups/${group_id}/facilitators`, { staff_id })
  t.equal((await assign(mine, facilitator.staff_id)).statusCode, 201)
  t.equal((await assign(theirs, colleague.staff_id)).statusCode, 201)

  const write = async (client: Client, display_name: string) => {
    const made = await client.post('/v1/people', {
      display_name,
      contact: { email: `${display_name.replaceAll(' ', '-')}@example.org`, phone: '+49 30 1234' }
    })
    t.equal(made.statusCode, 201, made.body)
    return made
  }
  const join = async (person_id: string, group_id: string, joined_on = '2026-01-05') => {
    const joined = await admin.post(`/v1/groups/${group_id}/memberships`, { person_id, joined_on })
    t.equal(joined.statusCode, 201, joined.body)
    return joined.data.id as string
  }
  /** A row on a sheet of a past session of the group. */
  const attend = async (person_id: string, group_id: string) => {
    const session_id = randomUUID()
    await look(
      `insert into sessions (organization_id, id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone)
       values ($1, $2, $3, '2026-03-02T18:00Z', '2026-03-02T19:00Z', 60, '2026-03-02', '19:00', 'Europe/Berlin')`,
      [admin.organization_id, session_id, group_id]
    )
    await look(
      `insert into attendance (organization_id, id, session_id, group_id, starts_at, position, person_id, kind, status)
       values ($1, $2, $3, $4, '2026-03-02T18:00Z', 0, $5, 'walk_in', 'present')`,
      [admin.organization_id, randomUUID(), session_id, group_id, person_id]
    )
  }
  const names = async (client: Client) => {
    const reply = await client.get('/v1/people?limit=100')
    t.equal(reply.statusCode, 200, reply.body)
    return reply.data.data.map((person: { display_name: string }) => person.display_name).sort()
  }
  const same404 = async (ask: (id: string) => Promise<{ statusCode: number; data: object }>, id: string) => {
    const [hidden, random] = [await ask(id), await ask(randomUUID())]
    t.equal(hidden.statusCode, 404)
    t.same({ ...hidden.data, request_id: '' }, { ...random.data, request_id: '' })
  }

  const member = (await write(admin, 'Member')).data
  await join(member.id, mine)
  const former = (await write(admin, 'Former')).data
  const over = await join(former.id, mine)
  await admin.post(`/v1/memberships/${over}/leave`, { left_on: '2026-02-01' })
  const visitor = (await write(admin, 'Visitor')).data
  await attend(visitor.id, mine)
  const stranger = (await write(admin, 'Stranger')).data
  await join(stranger.id, theirs)
  const guest = (await write(admin, 'Guest')).data
  await attend(guest.id, theirs)
  await write(admin, 'Unplaced')
  const ownNew = (await write(facilitator, 'Own')).data

  await t.test('is the people of the groups facilitated now, and whom they wrote down themselves', async t => {
    t.same(await names(facilitator), ['Former', 'Member', 'Own', 'Visitor'])
    t.same(await names(colleague), ['Guest', 'Stranger'])
    t.equal((await names(coordinator)).length, 7)
    const page = await facilitator.get('/v1/people?limit=3')
    t.equal(page.data.page.has_more, true)
    t.same((await facilitator.get(`/v1/people?limit=3&cursor=${page.data.page.next_cursor}`)).data.page.has_more, false)
    for (const { id } of [stranger, guest]) {
      await same404(one => facilitator.get(`/v1/people/${one}`), id)
      await same404(one => facilitator.get(`/v1/people/${one}/memberships`), id)
    }
    const found = await facilitator.post('/v1/people/search', { name: 's' })
    t.same(found.data.data, [])
    t.equal((await colleague.post('/v1/people/search', { name: 's' })).data.data.length, 1)
  })

  await t.test('is names, never contact details nor external identifiers', async t => {
    const keys = ['created_at', 'display_name', 'id', 'updated_at', 'version']
    t.same(Object.keys(ownNew).sort(), keys)
    t.same(Object.keys((await facilitator.get(`/v1/people/${member.id}`)).data).sort(), keys)
    for (const person of (await facilitator.get('/v1/people')).data.data) t.same(Object.keys(person).sort(), keys)
    for (const person of (await facilitator.post('/v1/people/search', { name: 'm' })).data.data)
      t.same(Object.keys(person).sort(), keys)
    const replayKey = { 'idempotency-key': randomUUID() }
    const body = { display_name: 'Own', contact: { email: 'twice@example.org' } }
    await facilitator.post('/v1/people', body, replayKey)
    t.same(Object.keys((await facilitator.post('/v1/people', body, replayKey)).data).sort(), keys)
    const full = (await coordinator.get(`/v1/people/${ownNew.id}`)).data
    t.equal(full.contact.email, 'Own@example.org', 'what they gave is kept')
    t.same(full.external_ids, [])
  })

  await t.test('cannot be asked by address, nor changed', async t => {
    for (const body of [
      { email: 'Member@example.org' },
      { phone: '+49 30 1234' },
      { external_id: { system: 'ehr', value: '1' } }
    ]) {
      const refused = await facilitator.post('/v1/people/search', body)
      t.equal(refused.statusCode, 403)
      t.equal(refused.data.code, 'not_permitted')
    }
    const rows = () => look('select md5(string_agg(p::text, $1 order by p.id)) as sum from people p', [''])
    const before = await rows()
    t.equal(
      (await facilitator.patch(`/v1/people/${member.id}`, { display_name: 'X' }, { 'if-match': '"1"' })).statusCode,
      403
    )
    for (const external_ids of [[], [{ system: 'ehr', value: '1' }]]) {
      const refused = await facilitator.post('/v1/people', { display_name: 'X', external_ids })
      t.equal(refused.statusCode, 422)
      t.match(refused.data, { code: 'not_permitted', errors: [{ pointer: '#/external_ids' }] })
    }
    t.same(await rows(), before)
  })

  await t.test('stays for whom they wrote down, so that it does not tell who joins other groups', async t => {
    const person = (await write(facilitator, 'Moved')).data
    const seen = async (id: string) => {
      const read = await facilitator.get(`/v1/people/${id}`)
      t.equal(read.statusCode, 200)
      const [listed] = (await facilitator.get('/v1/people?limit=100')).data.data.filter(
        (one: { id: string }) => one.id === id
      )
      t.same(listed, read.data)
      const memberships = await facilitator.get(`/v1/people/${id}/memberships`)
      t.equal(memberships.statusCode, 200)
      return { ...read.data, etag: read.headers.etag, memberships: memberships.data }
    }
    const before = await seen(person.id)
    t.same(before.memberships.data, [])
    await join(person.id, theirs)
    t.same(await seen(person.id), before, 'nothing changes for them when the person joins a group beyond reach')
    await same404(one => colleague.get(`/v1/people/${one}/memberships`), ownNew.id)
    await join(person.id, mine)
    const memberships = await facilitator.get(`/v1/people/${person.id}/memberships`)
    t.same(
      memberships.data.data.map((membership: { group_id: string }) => membership.group_id),
      [mine],
      'of their memberships, only those in the groups that the asker facilitates'
    )
    t.equal((await coordinator.get(`/v1/people/${person.id}/memberships`)).data.data.length, 2)
    const walkedIn = (await write(facilitator, 'Walked in elsewhere')).data
    const beforeWalkIn = await seen(walkedIn.id)
    await attend(walkedIn.id, theirs)
    t.same(await seen(walkedIn.id), beforeWalkIn)
  })

  await t.test('begins and ends with the assignment, to the instant', async t => {
    const late = await staff(admin, 'facilitator', 'Late')
    const seen = async () => (await late.get(`/v1/people/${member.id}`)).statusCode
    t.equal(await seen(), 404)
    const begin = Date.now() + 400
    const assigned = await admin.post(`/v1/groups/${mine}/facilitators`, {
      staff_id: late.staff_id,
      starts_at: new Date(begin).toISOString(),
      ends_at: new Date(begin + 400).toISOString()
    })
    t.equal(assigned.statusCode, 201, assigned.body)
    t.equal(await seen(), 404, 'not before it begins')
    await new Promise(resolve => setTimeout(resolve, begin + 20 - Date.now()))
    t.equal(await seen(), 200)
    await new Promise(resolve => setTimeout(resolve, begin + 420 - Date.now()))
    t.equal(await seen(), 404, 'and not after it has ended')
    t.same(await names(late), [])
  })
})

t.test('contact details', async t => {
  const { organization, look, log, keyring } = await startApp(t)
  const admin = await organization()
  const canary = randomBytes(6).toString('hex')
  const contact = {
    email: `Mail-${canary}@example.org`,
    phone: '+1 415 555 0188',
    postal: `Street ${canary}`,
    preferred: 'postal'
  }
  const write = async (display_name: string) =>
    (await admin.post('/v1/people', { display_name, contact }, { 'idempotency-key': randomUUID() })).data

  await t.test('are nowhere in the clear: not in the database, not in the log', async t => {
    const person = await write('Sealed')
    await admin.patch(`/v1/people/${person.id}`, { contact: { preferred: 'email' } }, { 'if-match': '"1"' })
    await admin.post('/v1/people/search', { email: contact.email })
    await admin.post('/v1/people/search', { phone: contact.phone })
    const tables = await look(
      `select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`
    )
    for (const { table_name } of tables) {
      for (const { row } of await look(`select t::text as row from ${table_name} t`)) {
        t.notMatch(row, canary)
        t.notMatch(row, Buffer.from(canary).toString('hex'))
        t.notMatch(row, Buffer.from('5550188').toString('hex'))
        t.notMatch(row, '5550188')
      }
    }
    t.ok(log.length > 0)
    t.notMatch(log.join(''), canary)
    t.notMatch(log.join(''), /555.?0188/)
  })

  await t.test('have a key for each person, which stays through changes and goes with the last of them', async t => {
    const [a, b] = [await write('A'), await write('B')]
    const column = async (id: string) => (await look('select * from people where id = $1', [id]))[0]
    const [sealedA, sealedB] = [await column(a.id), await column(b.id)]
    t.notOk(sealedA.contact_sealed.equals(sealedB.contact_sealed))
    t.notOk(sealedA.contact_key_sealed.equals(sealedB.contact_key_sealed))
    t.ok(sealedA.email_index.equals(sealedB.email_index), 'equal addresses are found together')
    await admin.patch(`/v1/people/${a.id}`, { contact: { email: null } }, { 'if-match': '"1"' })
    t.equal((await column(a.id)).email_index, null)
    const keyOf = async (id: string) =>
      keyring.open((await column(id)).contact_key_sealed, `${admin.organization_id}|people|${id}|contact_key`)
    t.ok(
      keyring
        .open(sealedA.contact_key_sealed, `${admin.organization_id}|people|${a.id}|contact_key`)
        .equals(await keyOf(a.id))
    )
    t.notOk((await keyOf(a.id)).equals(await keyOf(b.id)))
    await admin.patch(`/v1/people/${a.id}`, { contact: null }, { 'if-match': '"2"' })
    t.equal((await column(a.id)).contact_key_sealed, null)
    const elsewhere = await organization('Elsewhere')
    const c = (await elsewhere.post('/v1/people', { display_name: 'C', contact })).data
    t.notOk((await column(c.id)).email_index.equals(sealedB.email_index), 'and never across organizations')
  })

  await t.test('that were moved or changed do not open, and are told of by id alone', async t => {
    const [one, two, three] = [await write('One'), await write('Two'), await write('Three')]
    const swap = (column: string) =>
      look(
        `update people p set ${column} = q.${column} from people q
         where (p.id = $1 and q.id = $2) or (p.id = $2 and q.id = $1)`,
        [one.id, two.id]
      )
    for (const columns of [['contact_sealed'], ['contact_key_sealed'], ['contact_sealed', 'contact_key_sealed']]) {
      for (const column of columns) await swap(column)
      for (const { id } of [one, two]) {
        log.length = 0
        const reply = await admin.get(`/v1/people/${id}`)
        t.equal(reply.statusCode, 409)
        t.equal(reply.data.code, 'integrity_error')
        const errors = log.map(line => JSON.parse(line)).filter(line => line.level >= 50)
        t.equal(errors.length, 1)
        t.match(errors[0], { person_id: id, msg: 'contact details do not open' })
      }
      for (const ask of [
        () => admin.get('/v1/people?limit=100'),
        () => admin.post('/v1/people/search', { email: contact.email })
      ]) {
        log.length = 0
        const reply = await ask()
        t.equal(reply.statusCode, 200, 'the others are answered')
        const person = (id: string) => reply.data.data.find((found: { id: string }) => found.id === id)
        for (const { id, display_name } of [one, two]) {
          t.match(person(id), { id, display_name, external_ids: [], version: 1 })
          t.notOk('contact' in person(id), 'without what does not open')
        }
        t.same(person(three.id), three)
        const errors = log.map(line => JSON.parse(line)).filter(line => line.level >= 50)
        t.same(errors.map(line => line.person_id).sort(), [one.id, two.id].sort())
        t.notMatch(log.join(''), canary)
      }
      for (const column of columns) await swap(column)
      t.equal((await admin.get(`/v1/people/${one.id}`)).statusCode, 200)
    }

    await look(`update people set contact_sealed = set_byte(contact_sealed, 30, 0) where id = $1`, [three.id])
    await look(`update people set contact_sealed = set_byte(contact_sealed, 31, 0) where id = $1`, [three.id])
    const url = `/v1/people/${three.id}`
    t.equal((await admin.get(url)).statusCode, 409)
    t.equal((await admin.patch(url, { contact: { phone: null } }, { 'if-match': '"1"' })).statusCode, 409)
    t.equal((await look('select version from people where id = $1', [three.id]))[0].version, 1)
    t.match((await admin.patch(url, { contact: null }, { 'if-match': '"1"' })).data, { contact: null, version: 2 })
    t.match((await admin.patch(url, { contact }, { 'if-match': '"2"' })).data, { contact, version: 3 })

    await look('update people set contact_key_sealed = $2 where id = $1', [three.id, Buffer.from('x')])
    t.equal((await admin.get(url)).data.code, 'integrity_error', 'whatever stands there')
  })
})
