import pg from 'pg'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { startApp } from '../support/app.ts'
import { assign, makeGroup, minutesFromNow } from '../support/circle.ts'

t.test('staff', async t => {
  const { organization, staff, client, look, superuserUrl } = await startApp(t)
  const admin = await organization()
  const stored = () => look('select * from staff order by id')
  const told = async (object_id: string) => [
    (await look('select operation from audit_entries where object_id = $1 order by at, id', [object_id])).map(
      row => row.operation
    ),
    (await look('select type from outbox_events where object_id = $1 order by at, id', [object_id])).map(
      row => row.type
    )
  ]

  await t.test('are added, read, listed and changed', async t => {
    const made = await admin.post('/v1/staff', {
      display_name: 'Sam Okafor',
      email: 'Sam@riverside.example',
      role: 'facilitator'
    })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/staff/${made.data.id}`)
    t.equal(made.headers.etag, '"1"')
    t.match(made.data, { email: 'Sam@riverside.example', role: 'facilitator', deactivated_at: null, version: 1 })

    const url = made.headers.location as string
    const read = await admin.get(url)
    t.same(read.data, made.data)
    t.equal(read.headers.etag, '"1"')
    t.equal((await admin.patch(url, { email: null }, { 'if-match': '"9"' })).statusCode, 412)
    const changed = await admin.patch(url, { display_name: 'Samira', email: null })
    t.match(changed.data, { display_name: 'Samira', email: null, role: 'facilitator', version: 2 })
    t.match((await admin.patch(url, { role: 'observer' }, { 'if-match': '"2"' })).data, {
      role: 'observer',
      version: 3
    })

    t.same(
      (await admin.get('/v1/staff')).data.data.map((one: { display_name: string }) => one.display_name),
      ['Administrator', 'Samira']
    )
    t.equal((await admin.get('/v1/staff?role=observer')).data.data.length, 1)
    t.equal((await admin.get('/v1/staff?role=coordinator')).data.data.length, 0)
    const first = await admin.get('/v1/staff?limit=1')
    t.match(first.data.page, { has_more: true, next_cursor: String })
    const second = await admin.get(`/v1/staff?limit=1&cursor=${first.data.page.next_cursor}`)
    t.match(second.data, { data: [{ display_name: 'Samira' }], page: { has_more: false, next_cursor: null } })
    const changes = ['staff.created', 'staff.changed', 'staff.changed']
    t.same(await told(made.data.id), [changes, changes])
  })

  await t.test('are refused, and nothing is written', async t => {
    const before = await stored()
    const refusals = [
      [await admin.post('/v1/staff', { display_name: 'Kim', role: 'boss' }), 422, '#/role'],
      [await admin.post('/v1/staff', { display_name: ' ', role: 'admin' }), 422, '#/display_name'],
      [await admin.post('/v1/staff', { display_name: 'Kim', role: 'admin', email: 'kim' }), 422, '#/email'],
      [await admin.post('/v1/staff', { display_name: 'Kim', role: 'admin', id: uuid() }), 422, '#/id'],
      [await admin.post('/v1/staff'), 422, '#/display_name'],
      [await admin.patch(`/v1/staff/${before[0].id}`, {}), 422, '#'],
      [await admin.patch(`/v1/staff/${before[0].id}`, { deactivated_at: null }), 422, '#/deactivated_at'],
      [await admin.get('/v1/staff?role=boss'), 400, undefined]
    ] as const
    for (const [reply, status, pointer] of refusals) {
      t.equal(reply.statusCode, status, reply.body)
      t.equal(reply.data.errors[0].pointer, pointer)
    }
    t.same(await stored(), before)
  })

  await t.test('have addresses of their own', async t => {
    await admin.post('/v1/staff', { display_name: 'Ana', email: 'ana@riverside.example', role: 'observer' })
    const ben = await admin.post('/v1/staff', { display_name: 'Ben', role: 'observer' })
    const before = await stored()
    for (const reply of [
      await admin.post('/v1/staff', { display_name: 'Ana 2', email: 'ANA@riverside.example', role: 'observer' }),
      await admin.patch(`/v1/staff/${ben.data.id}`, { email: 'Ana@Riverside.example' })
    ]) {
      t.equal(reply.statusCode, 409)
      t.equal(reply.data.code, 'email_taken')
      t.notMatch(reply.body, /ana@/i)
    }
    t.same(await stored(), before)
    const other = await organization('Elsewhere')
    const elsewhere = await other.post('/v1/staff', {
      display_name: 'Ana',
      email: 'ana@riverside.example',
      role: 'observer'
    })
    t.equal(elsewhere.statusCode, 201, 'the same address in another organization tells nothing')
  })

  await t.test('of another organization are not there', async t => {
    const other = await organization('Elsewhere')
    const theirs = await staff(other, 'facilitator')
    const before = await stored()
    const ask = (id: string) =>
      Promise.all([
        admin.get(`/v1/staff/${id}`),
        admin.patch(`/v1/staff/${id}`, { role: 'admin' }),
        admin.patch(`/v1/staff/${id}`, { role: 'nonsense' }),
        admin.post(`/v1/staff/${id}/deactivate`),
        admin.post(`/v1/staff/${id}/reactivate`)
      ])
    const [unknown, hidden, malformed] = [await ask(uuid()), await ask(theirs.staff_id), await ask('1')]
    for (const [index, reply] of hidden.entries()) {
      t.equal(reply.statusCode, 404, `${index} ${reply.body}`)
      for (const same of [unknown[index]!, malformed[index]!]) {
        t.same({ ...same.data, request_id: '' }, { ...reply.data, request_id: '' })
      }
    }
    t.same(await stored(), before)
    t.notMatch((await admin.get('/v1/staff')).body, theirs.staff_id)
  })

  await t.test('are the business of administrators', async t => {
    const before = await stored()
    for (const role of ['coordinator', 'facilitator', 'observer'] as const) {
      const one = await staff(admin, role)
      for (const reply of [
        await one.get('/v1/staff'),
        await one.get(`/v1/staff/${one.staff_id}`),
        await one.post('/v1/staff', { display_name: 'Kim', role: 'admin' }),
        await one.patch(`/v1/staff/${one.staff_id}`, { role: 'admin' }),
        await one.post(`/v1/staff/${one.staff_id}/deactivate`)
      ]) {
        t.equal(reply.statusCode, 403)
        t.equal(reply.data.code, 'insufficient_scope')
      }
    }
    t.equal((await stored()).length, before.length + 3)
  })

  await t.test('who are deactivated lose keys and assignments with the same commit', async t => {
    const sam = await staff(admin, 'facilitator', 'Sam')
    const ben = await staff(admin, 'facilitator', 'Ben')
    const [now, later, past] = [await makeGroup(admin), await makeGroup(admin), await makeGroup(admin)]
    await assign(admin, now, sam.staff_id)
    await assign(admin, now, ben.staff_id)
    const future = minutesFromNow(60)
    await admin.post(`/v1/groups/${later}/facilitators`, {
      staff_id: sam.staff_id,
      role: 'facilitator',
      starts_at: future,
      ends_at: minutesFromNow(120)
    })
    await admin.post(`/v1/groups/${past}/facilitators`, {
      staff_id: sam.staff_id,
      role: 'facilitator',
      starts_at: minutesFromNow(-120),
      ends_at: minutesFromNow(-60)
    })
    t.equal((await sam.get('/v1/me')).statusCode, 200)

    const url = `/v1/staff/${sam.staff_id}`
    t.equal((await admin.post(`${url}/deactivate`, undefined, { 'if-match': '"9"' })).statusCode, 412)
    const gone = await admin.post(`${url}/deactivate`)
    t.match(gone.data, { deactivated_at: String, version: 2 })
    t.equal((await sam.get('/v1/me')).statusCode, 401, 'at once')
    t.equal((await ben.get('/v1/me')).statusCode, 200)
    const assignments = await look(
      `select group_id, starts_at, ends_at, ends_at <= greatest(now(), starts_at) as ended, version
       from group_facilitators where staff_id = $1`,
      [sam.staff_id]
    )
    const of = (group: string) => assignments.find(row => row.group_id === group)
    t.ok(of(now).ended)
    t.same(of(later).ends_at, of(later).starts_at, 'over before it begins')
    t.equal(of(past).version, 1, 'history stays')
    t.equal((await look('select ends_at from group_facilitators where staff_id = $1', [ben.staff_id]))[0].ends_at, null)
    const [key] = await look('select id, revoked_at from api_keys where staff_id = $1', [sam.staff_id])
    t.ok(key.revoked_at)
    t.match(await told(key.id), [
      ['api_key.created', 'api_key.revoked'],
      ['api_key.created', 'api_key.revoked']
    ])
    t.match(await told(sam.staff_id), [
      ['staff.created', 'staff.deactivated'],
      ['staff.created', 'staff.deactivated']
    ])

    t.same((await admin.post(`${url}/deactivate`)).data, gone.data, 'twice is once')
    t.equal((await admin.get('/v1/staff?active=false')).data.data.length, 1)
    const refused = await admin.post('/v1/api-keys', { name: 'Again', staff_id: sam.staff_id })
    t.match(refused.data, { status: 422, code: 'unknown_reference', errors: [{ pointer: '#/staff_id' }] })

    const back = await admin.post(`${url}/reactivate`)
    t.match(back.data, { deactivated_at: null, version: 3 })
    t.same((await admin.post(`${url}/reactivate`)).data, back.data)
    t.equal((await sam.get('/v1/me')).statusCode, 401, 'the former key stays revoked')
    t.match((await admin.post('/v1/api-keys', { name: 'Again', staff_id: sam.staff_id })).statusCode, 201)
  })

  await t.test('with a new role may do more or less from the next request on', async t => {
    const kim = await staff(admin, 'observer', 'Kim')
    // A key whose own scopes are wider than the role: the role decides.
    const wide = await admin.post('/v1/api-keys', {
      name: 'Wide',
      staff_id: kim.staff_id,
      scopes: ['groups:read', 'groups:write']
    })
    const key = client(wide.data.secret, admin.organization_id)
    const group = { name: 'Kim’s', mode: 'online' }
    t.equal((await key.post('/v1/groups', group)).statusCode, 403)
    await admin.patch(`/v1/staff/${kim.staff_id}`, { role: 'coordinator' })
    t.equal((await key.post('/v1/groups', group)).statusCode, 201)
    await admin.patch(`/v1/staff/${kim.staff_id}`, { role: 'observer' })
    t.equal((await key.post('/v1/groups', group)).statusCode, 403)
  })

  await t.test('get no role that lets their keys do what the giver’s cannot', async t => {
    const kim = await staff(admin, 'observer', 'Kim')
    await admin.post('/v1/api-keys', { name: 'Wide', staff_id: kim.staff_id, scopes: ['groups:read', 'people:write'] })
    const narrow = await admin.post('/v1/api-keys', {
      name: 'Office',
      scopes: ['staff:read', 'staff:write', 'groups:read', 'sessions:read']
    })
    const office = client(narrow.data.secret, admin.organization_id)
    const url = `/v1/staff/${kim.staff_id}`
    const refused = await office.patch(url, { role: 'coordinator' })
    t.match(refused.data, { status: 403, code: 'wider_than_maker' })
    t.equal((await admin.get(url)).data.role, 'observer')
    t.equal((await office.patch(url, { display_name: 'Kimberly' })).statusCode, 200)
    t.equal((await admin.patch(url, { role: 'coordinator' })).statusCode, 200)
    t.equal((await office.patch(url, { role: 'observer' })).statusCode, 200, 'less is always allowed')
  })

  await t.test('who facilitate reach no further with the same scopes by what the giver’s key cannot', async t => {
    const kim = await staff(admin, 'facilitator', 'Kim')
    const bare = await staff(admin, 'facilitator', 'Bare')
    const [bareKey] = await look('select id from api_keys where staff_id = $1', [bare.staff_id])
    await admin.post(`/v1/api-keys/${bareKey.id}/revoke`)
    const made = await admin.post('/v1/api-keys', { name: 'Office', scopes: ['staff:read', 'staff:write'] })
    const office = client(made.data.secret, admin.organization_id)
    const [theirs] = await look('select id from api_keys where staff_id = $1', [kim.staff_id])
    await admin.post(`/v1/api-keys/${theirs.id}/revoke`)
    await admin.post('/v1/api-keys', { name: 'Kim', staff_id: kim.staff_id, scopes: ['people:read'] })
    for (const role of ['coordinator', 'admin']) {
      const refused = await office.patch(`/v1/staff/${kim.staff_id}`, { role })
      t.match(refused.data, { status: 403, code: 'wider_than_maker' })
    }
    t.equal((await admin.get(`/v1/staff/${kim.staff_id}`)).data.role, 'facilitator')
    t.equal((await office.patch(`/v1/staff/${bare.staff_id}`, { role: 'admin' })).statusCode, 200, 'no key gains by it')
    t.equal((await admin.patch(`/v1/staff/${kim.staff_id}`, { role: 'coordinator' })).statusCode, 200)
    t.equal((await office.patch(`/v1/staff/${kim.staff_id}`, { role: 'facilitator' })).statusCode, 200)
  })

  await t.test('who lose their role while they make a key make none', async t => {
    const boss = await staff(admin, 'admin', 'Boss')
    const demotion = new pg.Client({ connectionString: superuserUrl })
    await demotion.connect()
    await demotion.query('begin')
    await demotion.query("update staff set role = 'observer' where id = $1", [boss.staff_id])
    const made = boss.post('/v1/api-keys', { name: 'Late' })
    await new Promise(resolve => setTimeout(resolve, 300))
    await demotion.query('commit')
    await demotion.end()
    t.match((await made).data, { status: 403, code: 'insufficient_scope' })
    t.same(await look("select from api_keys where name = 'Late'"), [])
  })
})
