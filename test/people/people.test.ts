import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { allAtOnce } from '../support/gate.ts'

const all = {
  email: 'Ana.Lopez@Example.org',
  phone: '+1 (415) 555-0100',
  postal: '12 Elm Street\nOakland',
  preferred: 'email'
}

t.test('people', async t => {
  const { organization, staff, look, superuserUrl } = await startApp(t, { POOL_SIZE: '20' })
  const admin = await organization()
  const other = await organization('Elsewhere')

  /** What is kept of people; the same before and after a refusal. */
  const kept = async () =>
    (
      await look(
        `select md5(string_agg(x, '' order by x)) as sum from (
          select p::text as x from people p union all select e::text from person_external_ids e
          union all select o::text from outbox_events o where object_type = 'person') t`
      )
    )[0].sum

  const write = async (client: Client, body: unknown) => {
    const made = await client.post('/v1/people', body)
    t.equal(made.statusCode, 201, made.body)
    return made.data
  }

  await t.test('are written down with a name alone, read, and listed in that order', async t => {
    const who = await organization('Fresh')
    const made = await who.post('/v1/people', { display_name: 'Ana' })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/people/${made.data.id}`)
    t.equal(made.headers.etag, '"1"')
    t.match(made.data, { display_name: 'Ana', contact: null, external_ids: [], version: 1 })
    const read = await who.get(made.headers.location as string)
    t.same(read.data, made.data)
    t.equal(read.headers.etag, '"1"')
    t.same((await who.get(`/v1/people/${made.data.id.toUpperCase()}`)).data, made.data)

    const second = await write(who, { display_name: 'Ana' })
    t.not(second.id, made.data.id, 'the same name twice is two people')
    const third = await write(who, { display_name: 'Žofie' })

    const first = await who.get('/v1/people?limit=2')
    t.same(
      first.data.data.map((person: { id: string }) => person.id),
      [made.data.id, second.id]
    )
    t.equal(first.data.page.has_more, true)
    const position = Buffer.from(first.data.page.next_cursor.split('.')[0], 'base64url').toString()
    t.notMatch(position, /ana/i, 'a cursor holds no name')
    t.notMatch(String(first.headers.link), /ana/i)
    const rest = await who.get(`/v1/people?limit=2&cursor=${first.data.page.next_cursor}`)
    t.same(rest.data, { data: [third], page: { next_cursor: null, has_more: false } })
    t.equal((await who.get(`/v1/people?cursor=${first.data.page.next_cursor}x`)).statusCode, 400)
    t.equal((await other.get(`/v1/people?limit=2&cursor=${first.data.page.next_cursor}`)).statusCode, 400)
    t.equal((await who.get('/v1/people?name=Ana')).statusCode, 400, 'no name in a URL')

    const audit = await look(
      'select operation, object_id from audit_entries where organization_id = $1 and object_type = $2 order by at, id',
      [who.organization_id, 'person']
    )
    t.same(
      audit,
      [made.data, second, third].map(person => ({ operation: 'person.created', object_id: person.id }))
    )
  })

  await t.test('have contact details and external identifiers, which change as a merge patch', async t => {
    const person = await write(admin, {
      display_name: 'Ana',
      contact: all,
      external_ids: [
        { system: 'ehr', value: 'A/1 027' },
        { value: 'A/1 027', system: 'ehr' },
        { system: 'ehr', value: '7' }
      ]
    })
    t.same(person.contact, all)
    t.same(person.external_ids, [
      { system: 'ehr', value: '7' },
      { system: 'ehr', value: 'A/1 027' }
    ])
    const url = `/v1/people/${person.id}`
    const before = await kept()
    t.equal((await admin.patch(url, { display_name: 'X' })).statusCode, 428)
    t.equal((await admin.patch(url, { display_name: 'X' }, { 'if-match': '"9"' })).statusCode, 412)
    t.equal((await admin.patch(url, { display_name: 'X' }, { 'if-match': 'W/"1"' })).statusCode, 412)
    for (const body of [
      {},
      { display_name: null },
      { display_name: '' },
      { display_name: ' ' },
      { version: 7 },
      { id: randomUUID() },
      { created_by_staff_id: null },
      { contact: { email: 'nobody' } },
      { contact: { fax: '1' } },
      { contact: 'ana@example.org' },
      { external_ids: null },
      { external_ids: [{ system: 'EHR', value: '1' }] },
      { external_ids: [{ system: 'ehr', value: '1', person_id: randomUUID() }] }
    ]) {
      const refused = await admin.patch(url, body, { 'if-match': '"1"' })
      t.equal(refused.statusCode, 422, JSON.stringify(body))
      t.match(refused.data.errors[0].pointer, /^#/)
    }
    t.equal((await admin.patch(url, { display_name: 'Ana', contact: all }, { 'if-match': '"1"' })).data.version, 1)
    t.equal(await kept(), before, 'refusals, and changes that change nothing, leave nothing behind')

    const changed = await admin.patch(
      url,
      { display_name: 'Anita', contact: { phone: null, preferred: 'none' } },
      { 'if-match': '"1"' }
    )
    t.equal(changed.headers.etag, '"2"')
    t.match(changed.data, {
      display_name: 'Anita',
      version: 2,
      contact: { ...all, phone: null, preferred: 'none' },
      external_ids: person.external_ids
    })
    const renamed = await admin.patch(url, { external_ids: [{ system: 'crm', value: '7' }] }, { 'if-match': '"2"' })
    t.match(renamed.data, { version: 3, contact: changed.data.contact })
    t.same(renamed.data.external_ids, [{ system: 'crm', value: '7' }])

    const cleared = await admin.patch(url, { contact: null }, { 'if-match': '"3"' })
    t.match(cleared.data, { version: 4, contact: null })
    const [row] = await look('select * from people where id = $1', [person.id])
    t.match(row, { contact_sealed: null, contact_key_sealed: null, email_index: null, phone_index: null })
    const again = await admin.patch(url, { contact: { email: 'a@example.org' } }, { 'if-match': '"4"' })
    t.same(again.data.contact, { email: 'a@example.org', phone: null, postal: null, preferred: null })
    const last = await admin.patch(url, { contact: { email: null } }, { 'if-match': '"5"' })
    t.equal(last.data.contact, null, 'where nothing is known any more there is no contact')
    t.equal((await admin.patch(url, { contact: null }, { 'if-match': '*' })).data.version, 6)

    const events = await look(`select type, object_version from outbox_events where object_id = $1 order by at, id`, [
      person.id
    ])
    t.same(
      events.map(event => `${event.type} ${event.object_version}`),
      ['created 1', 'changed 2', 'changed 3', 'changed 4', 'changed 5', 'changed 6'].map(event => `person.${event}`)
    )
  })

  await t.test('have external identifiers that are each one person’s', async t => {
    const one = await write(admin, { display_name: 'One', external_ids: [{ system: 'taken', value: '1' }] })
    const two = await write(admin, { display_name: 'Two', external_ids: [{ system: 'taken', value: '2' }] })
    const before = await kept()
    const clash = await admin.post('/v1/people', {
      display_name: 'Three',
      external_ids: [{ system: 'taken', value: '1' }]
    })
    t.equal(clash.statusCode, 409)
    t.equal(clash.data.code, 'external_id_taken')
    const patched = await admin.patch(
      `/v1/people/${two.id}`,
      { display_name: 'Changed', external_ids: [{ system: 'taken', value: '1' }] },
      { 'if-match': '"1"' }
    )
    t.equal(patched.data.code, 'external_id_taken')
    t.equal(await kept(), before)
    t.equal(
      (await other.post('/v1/people', { display_name: 'O', external_ids: [{ system: 'taken', value: '1' }] }))
        .statusCode,
      201,
      'another organization has identifiers of its own'
    )
    const tooMany = Array.from({ length: 21 }, (_, value) => ({ system: 's', value: String(value) }))
    t.equal((await admin.post('/v1/people', { display_name: 'Many', external_ids: tooMany })).statusCode, 422)
    t.ok(one)
  })

  await t.test('are found by what begins their name, or exactly by what is known of them', async t => {
    const who = await organization('Search')
    const ana = await write(who, {
      display_name: 'Ána López',
      contact: all,
      external_ids: [{ system: 'ehr', value: 'A-1' }]
    })
    const anabel = await write(who, { display_name: 'anabel' })
    const percent = await write(who, { display_name: '%_\\' })
    await write(other, { display_name: 'Ana', contact: all, external_ids: [{ system: 'ehr', value: 'A-1' }] })
    const found = async (body: unknown) => {
      const reply = await who.post('/v1/people/search', body)
      t.equal(reply.statusCode, 200, reply.body)
      return reply.data.data.map((person: { id: string }) => person.id)
    }
    t.same(await found({ name: 'ANA' }), [ana.id, anabel.id])
    t.same(await found({ name: 'ana  lo' }), [ana.id])
    t.same(await found({ name: 'lópez' }), [])
    const smile = await write(who, { display_name: 'anab😀' })
    t.same(await found({ name: 'anab' }), [anabel.id, smile.id])
    t.same(await found({ name: 'anab😀' }), [smile.id])
    t.same(await found({ name: '%' }), [percent.id])
    t.same(await found({ name: '_' }), [])
    t.same(await found({ email: ' ana.lopez@example.ORG'.trim() }), [ana.id])
    t.same(await found({ email: 'lopez@example.org' }), [])
    t.same(await found({ phone: '+1-415-555-0100' }), [ana.id])
    t.same(await found({ phone: '415 555 0100' }), [])
    t.same(await found({ external_id: { system: 'ehr', value: 'A-1' } }), [ana.id])
    t.same(await found({ external_id: { system: 'ehr', value: 'a-1' } }), [])
    const page = await who.post('/v1/people/search', { name: 'an', limit: 1 })
    t.same(page.data, { data: [ana], page: { next_cursor: null, has_more: true } })
    t.equal((await who.post('/v1/people/search', { name: 'an', limit: 3 })).data.page.has_more, false)

    for (const body of [
      {},
      { limit: 5 },
      { name: 'a', email: 'a@example.org' },
      { name: '\u0301' },
      { name: 'a', limit: 101 },
      { email: '%' },
      { external_id: { system: 'ehr' } },
      { contact: 'a' }
    ])
      t.equal((await who.post('/v1/people/search', body)).statusCode, 422, JSON.stringify(body))
  })

  await t.test('may be kept up to date by what another system calls them', async t => {
    const url = `/v1/people/by-external-id/clinic-ehr/${encodeURIComponent('Ä/1 %27')}`
    const external_ids = [{ system: 'clinic-ehr', value: 'Ä/1 %27' }]
    t.equal((await admin.put(url, { display_name: 'Bo' }, { 'if-match': '*' })).statusCode, 412, 'there is nobody yet')
    const made = await admin.put(url, { display_name: 'Bo', contact: all })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/people/${made.data.id}`)
    t.match(made.data, { display_name: 'Bo', contact: all, external_ids })

    const same = await admin.put(url, { display_name: 'Bo', contact: all })
    t.equal(same.statusCode, 200)
    t.same(same.data, made.data, 'the same again changes nothing')
    const renamed = await admin.put(url, { display_name: 'Bob' })
    t.match(renamed.data, { id: made.data.id, display_name: 'Bob', version: 2, contact: all, external_ids })
    t.equal((await admin.put(url, { display_name: 'X' }, { 'if-match': '"1"' })).statusCode, 412)
    const more = await admin.put(
      url,
      { display_name: 'Bob', external_ids: [{ system: 'crm', value: '77' }] },
      { 'if-match': '"2"' }
    )
    t.same(more.data.external_ids, [...external_ids, { system: 'crm', value: '77' }])

    const before = await kept()
    const clash = await admin.put('/v1/people/by-external-id/clinic-ehr/new', {
      display_name: 'Clash',
      external_ids: [{ system: 'crm', value: '77' }]
    })
    t.equal(clash.statusCode, 409)
    t.equal(clash.data.code, 'external_id_taken')
    t.equal((await admin.put(url, {})).statusCode, 422)
    t.equal((await admin.put('/v1/people/by-external-id/Clinic/1', { display_name: 'X' })).statusCode, 404)
    t.equal(
      (await admin.put(`/v1/people/by-external-id/ehr/${'1'.repeat(201)}`, { display_name: 'X' })).statusCode,
      404
    )
    t.equal((await admin.put('/v1/people/by-external-id/ehr/%00', { display_name: 'X' })).statusCode, 404)
    t.equal((await admin.put('/v1/people/by-external-id/ehr/%20', { display_name: 'X' })).statusCode, 404)
    const facilitator = await staff(admin, 'facilitator')
    t.equal((await facilitator.put(url, { display_name: 'X' })).statusCode, 403)
    t.equal(await kept(), before)

    const elsewhere = await other.put(url, { display_name: 'Bo' })
    t.equal(elsewhere.statusCode, 201, 'another organization knows nobody by it')
    t.not(elsewhere.data.id, made.data.id)
  })

  await t.test('are one, however many create them at once by what another system calls them', async t => {
    const answers = await allAtOnce(superuserUrl, 'person_external_ids', 20, index =>
      admin.put('/v1/people/by-external-id/race/1', { display_name: `Racer ${index}` })
    )
    t.equal(answers.filter(answer => answer.statusCode === 201).length, 1)
    t.equal(answers.filter(answer => answer.statusCode === 200).length, 19)
    t.equal(new Set(answers.map(answer => answer.data.id)).size, 1)
    const [{ count }] = await look(`select count(*)::int from people where display_name ^@ 'Racer '`)
    t.equal(count, 1)
  })

  await t.test('are written down once for one Idempotency-Key', async t => {
    const key = { 'idempotency-key': randomUUID() }
    const first = await admin.post('/v1/people', { display_name: 'Once', contact: all }, key)
    const second = await admin.post('/v1/people', { display_name: 'Once', contact: all }, key)
    t.same(second.data, first.data)
    t.equal(second.headers['idempotency-replayed'], 'true')
  })

  await t.test('of another organization are as if they were not there', async t => {
    const hidden = await write(other, { display_name: 'Hidden', external_ids: [{ system: 'hidden', value: '1' }] })
    const before = await kept()
    const pairs = [
      (id: string) => admin.get(`/v1/people/${id}`),
      (id: string) => admin.get(`/v1/people/${id}/memberships`),
      (id: string) => admin.patch(`/v1/people/${id}`, { display_name: 'X' }, { 'if-match': '"1"' }),
      (id: string) => admin.patch(`/v1/people/${id}`, { nonsense: 1 }, { 'if-match': '"1"' })
    ]
    for (const ask of pairs) {
      const [foreign, random] = [await ask(hidden.id), await ask(randomUUID())]
      t.equal(foreign.statusCode, 404)
      t.same({ ...foreign.data, request_id: '' }, { ...random.data, request_id: '' })
    }
    t.same((await admin.post('/v1/people/search', { name: 'hidden' })).data.data, [])
    t.same((await admin.post('/v1/people/search', { external_id: { system: 'hidden', value: '1' } })).data.data, [])
    t.equal((await admin.get('/v1/people/no-uuid')).statusCode, 404)
    t.equal(await kept(), before)
  })

  await t.test('are not for observers', async t => {
    const observer = await staff(admin, 'observer')
    for (const reply of [
      await observer.get('/v1/people'),
      await observer.post('/v1/people', { display_name: 'X' }),
      await observer.post('/v1/people/search', { name: 'a' }),
      await observer.get(`/v1/people/${randomUUID()}`)
    ]) {
      t.equal(reply.statusCode, 403)
      t.equal(reply.data.code, 'insufficient_scope')
    }
  })
})
