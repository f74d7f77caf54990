import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { scopes, scopesOf, staffScopes } from '../../src/access/roles.ts'
import { type Client, startApp } from '../support/app.ts'

const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()

t.test('API keys', async t => {
  const service = await startApp(t)
  const { organization, staff, client, look, log } = service
  const admin = await organization()
  /** All but when they were last used: that is written behind the answers. */
  const stored = () =>
    look(
      'select id, name, secret_hash, scopes, staff_id, expires_at, revoked_at, version, updated_at from api_keys order by id'
    )
  const withKey = (secret: string) => client(secret, admin.organization_id)
  /** A key of the organization, made by the administrator. */
  const make = async (fields: Record<string, unknown>): Promise<Client & { id: string }> => {
    const made = await admin.post('/v1/api-keys', { name: 'Some key', ...fields })
    if (made.statusCode !== 201) throw new Error(made.body)
    return { ...withKey(made.data.secret), id: made.data.id }
  }

  await t.test('show their secret once, and only to whoever makes them', async t => {
    const made = await admin.post('/v1/api-keys', { name: 'Front desk', scopes: ['groups:read', 'sessions:read'] })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/api-keys/${made.data.id}`)
    t.equal(made.headers['cache-control'], 'no-store')
    t.match(made.data, {
      name: 'Front desk',
      scopes: ['groups:read', 'sessions:read'],
      staff_id: null,
      expires_at: null,
      revoked_at: null,
      last_used_at: null,
      version: 1
    })
    const { secret, ...rest } = made.data
    t.match(secret, /^ck_live_[A-Za-z0-9]{43}$/)
    t.equal((await withKey(secret).get('/v1/groups')).statusCode, 200)

    const read = await admin.get(made.headers.location as string)
    t.equal(read.headers.etag, '"1"')
    t.strictSame({ ...read.data, last_used_at: null }, rest, 'without the secret')
    const hash = createHash('sha256').update(secret).digest()
    const [row] = await look('select * from api_keys where id = $1', [made.data.id])
    t.ok(row.secret_hash.equals(hash))
    const list = await admin.get('/v1/api-keys')
    for (const text of [read.body, list.body, JSON.stringify(await look('select * from api_keys')), log.join('')]) {
      t.notMatch(text, secret)
    }
    for (const text of [made.body, read.body, list.body]) t.notMatch(text, /hash/)
    t.equal((await admin.get('/v1/api-keys?active=true&limit=100')).data.data.length, 2)
    t.equal((await admin.get('/v1/api-keys?active=false')).data.data.length, 0)
  })

  await t.test('tell when they were last used, to the minute', async t => {
    const key = await make({})
    await key.get('/v1/me')
    let used: string | null = null
    for (let wait = 0; used === null && wait < 400; wait++, await delay(25)) {
      used = (await admin.get(`/v1/api-keys/${key.id}`)).data.last_used_at
    }
    t.match(used, /:00\.000Z$/)
    t.equal((await admin.get(`/v1/api-keys/${key.id}`)).data.version, 1, 'which is no change of the key')
  })

  await t.test('have all that their maker and the role can use, unless told', async t => {
    const sam = await admin.post('/v1/staff', { display_name: 'Sam', role: 'facilitator' })
    const own = await admin.post('/v1/api-keys', { name: 'Sam’s', staff_id: sam.data.id })
    t.same(
      own.data.scopes,
      [...scopesOf.facilitator].sort((a, b) => scopes.indexOf(a) - scopes.indexOf(b))
    )
    t.equal((await admin.get(`/v1/api-keys?staff_id=${sam.data.id}`)).data.data.length, 1)
    t.same(
      (await admin.post('/v1/api-keys', { name: 'All' })).data.scopes,
      scopes.filter(scope => !staffScopes.has(scope)),
      'without a member of staff, not what people wrote for one another'
    )

    const maker = await make({ scopes: ['api_keys:read', 'api_keys:write', 'groups:read', 'staff:read'] })
    const narrow = await maker.post('/v1/api-keys', { name: 'Sam’s other', staff_id: sam.data.id })
    t.same(narrow.data.scopes, ['groups:read'])
    const bare = await make({ scopes: ['api_keys:write'] })
    const none = await bare.post('/v1/api-keys', { name: 'Nothing', staff_id: sam.data.id })
    t.match(none.data, { status: 422, code: 'no_scopes', errors: [{ pointer: '#/scopes' }] })
  })

  await t.test('are refused, and nothing is written', async t => {
    const before = await stored()
    const refusals = [
      [await admin.post('/v1/api-keys', {}), '#/name', 'required'],
      [await admin.post('/v1/api-keys', { name: 'A', scopes: [] }), '#/scopes', 'min_items'],
      [await admin.post('/v1/api-keys', { name: 'A', scopes: ['all'] }), '#/scopes/0', 'enum'],
      [
        await admin.post('/v1/api-keys', { name: 'A', scopes: ['groups:read', 'groups:read'] }),
        '#/scopes',
        'unique_items'
      ],
      [await admin.post('/v1/api-keys', { name: 'A', secret: 'ck_live_x' }), '#/secret', 'unknown_field'],
      [await admin.post('/v1/api-keys', { name: 'A', staff_id: uuid() }), '#/staff_id', 'unknown_reference'],
      [
        await admin.post('/v1/api-keys', { name: 'A', expires_at: '2020-01-01T00:00:00Z' }),
        '#/expires_at',
        'expires_in_the_past'
      ]
    ] as const
    for (const [reply, pointer, code] of refusals) {
      t.equal(reply.statusCode, 422, reply.body)
      t.match(reply.data.errors, [{ pointer }], reply.body)
      t.equal(reply.data.errors[0].code, code)
    }
    t.same(await stored(), before)
  })

  await t.test('are never wider than their maker', async t => {
    const maker = await make({ scopes: ['api_keys:read', 'api_keys:write', 'groups:read'] })
    const passing = await make({ expires_at: inAnHour() })
    const wider = await make({ scopes: ['groups:read', 'people:read'] })
    const lasting = await make({ scopes: ['groups:read'] })
    const before = await stored()
    for (const reply of [
      await maker.post('/v1/api-keys', { name: 'A', scopes: ['groups:read', 'groups:write'] }),
      await maker.post(`/v1/api-keys/${wider.id}/rotate`),
      await passing.post('/v1/api-keys', { name: 'A', expires_at: null }),
      await passing.post('/v1/api-keys', { name: 'A', expires_at: new Date(Date.now() + 7_200_000).toISOString() }),
      await passing.post(`/v1/api-keys/${lasting.id}/rotate`)
    ]) {
      t.match(reply.data, { status: 403, code: 'wider_than_maker' })
    }
    t.same(await stored(), before)

    const same = await maker.post('/v1/api-keys', { name: 'As wide' })
    t.same(same.data.scopes, ['api_keys:read', 'api_keys:write', 'groups:read'])
    const heir = await passing.post('/v1/api-keys', { name: 'Heir', scopes: ['groups:read'] })
    const [{ expires_at }] = await look('select expires_at from api_keys where id = $1', [passing.id])
    t.equal(Date.parse(heir.data.expires_at), expires_at.getTime(), 'it lasts as long as its maker')
    t.equal((await maker.post(`/v1/api-keys/${lasting.id}/rotate`)).statusCode, 200)
    t.equal((await passing.post(`/v1/api-keys/${passing.id}/rotate`)).statusCode, 200, 'itself')
    t.equal((await maker.post(`/v1/api-keys/${wider.id}/revoke`)).statusCode, 200, 'in doubt a key goes')

    for (const role of ['coordinator', 'facilitator', 'observer'] as const) {
      const one = await staff(admin, role)
      t.equal((await one.post('/v1/api-keys', { name: 'Mine', scopes: ['groups:read'] })).statusCode, 403)
      t.equal((await one.get('/v1/api-keys')).statusCode, 403)
    }
  })

  await t.test('that were revoked a moment ago make no other', async t => {
    const other = await startApp(t, {}, service)
    const maker = await make({})
    const there = other.client(maker.key, admin.organization_id)
    t.equal((await there.get('/v1/me')).statusCode, 200)
    await admin.post(`/v1/api-keys/${maker.id}/revoke`)
    const before = await stored()
    // The other process remembers the key for up to 900 ms.
    for (const reply of [
      await there.post('/v1/api-keys', { name: 'Heir' }),
      await there.post(`/v1/api-keys/${maker.id}/rotate`)
    ]) {
      t.equal(reply.statusCode, 401)
    }
    t.same(await stored(), before)
  })

  await t.test('are revoked, for good, twice as once', async t => {
    const key = await make({})
    t.equal((await key.get('/v1/me')).statusCode, 200)
    t.equal((await admin.post(`/v1/api-keys/${key.id}/revoke`, undefined, { 'if-match': '"5"' })).statusCode, 412)
    const revoked = await admin.post(`/v1/api-keys/${key.id}/revoke`)
    t.match(revoked.data, { revoked_at: String, version: 2 })
    t.equal((await key.get('/v1/me')).statusCode, 401)
    const { last_used_at: _, ...again } = (await admin.post(`/v1/api-keys/${key.id}/revoke`)).data
    t.match(revoked.data, again)
    t.match((await admin.post(`/v1/api-keys/${key.id}/rotate`)).data, { status: 409, code: 'key_revoked' })
    t.ok((await admin.get('/v1/api-keys?active=false')).data.data.some((one: { id: string }) => one.id === key.id))

    const expired = await make({ expires_at: inAnHour() })
    await look("update api_keys set expires_at = now() - interval '1 second' where id = $1", [expired.id])
    t.match((await admin.post(`/v1/api-keys/${expired.id}/rotate`)).data, { status: 409, code: 'key_expired' })
  })

  await t.test('are rotated: a new secret, and the old one is dead at once', async t => {
    const key = await make({ scopes: ['groups:read'] })
    t.equal((await key.get('/v1/me')).statusCode, 200)
    const rotated = await admin.post(`/v1/api-keys/${key.id}/rotate`)
    t.equal(rotated.statusCode, 200, rotated.body)
    t.equal(rotated.headers['cache-control'], 'no-store')
    t.equal(rotated.headers.etag, '"2"')
    t.match(rotated.data, { id: key.id, scopes: ['groups:read'], version: 2 })
    t.not(rotated.data.secret, key.key)
    t.equal((await key.get('/v1/me')).statusCode, 401)
    t.match((await withKey(rotated.data.secret).get('/v1/me')).data, { key: { id: key.id } })
    t.same(
      (await look('select operation from audit_entries where object_id = $1 order by at, id', [key.id])).map(
        row => row.operation
      ),
      ['api_key.created', 'api_key.rotated']
    )
  })

  await t.test('are made once by the same request sent again, and the secret is told again', async t => {
    const headers = { 'idempotency-key': 'a-lost-answer' }
    const before = (await stored()).length
    const first = await admin.post('/v1/api-keys', { name: 'Once' }, headers)
    const again = await admin.post('/v1/api-keys', { name: 'Once' }, headers)
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.equal(again.headers['cache-control'], 'no-store')
    t.same(again.data, first.data)
    t.equal((await stored()).length, before + 1)
    const url = `/v1/api-keys/${first.data.id}/rotate`
    const rotated = await admin.post(url, undefined, headers)
    t.match(rotated.data.code, 'idempotency_key_reused')
    const once = { 'idempotency-key': 'another' }
    t.same((await admin.post(url, undefined, once)).data, (await admin.post(url, undefined, once)).data)
    const kept = await look('select encode(answer_sealed, $1) as text from idempotency_keys', ['escape'])
    t.notMatch(JSON.stringify(kept), first.data.secret, 'kept under seal')
  })

  await t.test('of another organization are not there', async t => {
    const other = await organization('Elsewhere')
    const theirs = await other.post('/v1/api-keys', { name: 'Theirs' })
    const before = await stored()
    const ask = (id: string) =>
      Promise.all([
        admin.get(`/v1/api-keys/${id}`),
        admin.post(`/v1/api-keys/${id}/revoke`),
        admin.post(`/v1/api-keys/${id}/rotate`)
      ])
    const [unknown, hidden, malformed] = [await ask(uuid()), await ask(theirs.data.id), await ask('x')]
    for (const [index, reply] of hidden.entries()) {
      t.equal(reply.statusCode, 404)
      for (const same of [unknown[index]!, malformed[index]!]) {
        t.same({ ...same.data, request_id: '' }, { ...reply.data, request_id: '' })
      }
    }
    const stranger = await other.post('/v1/staff', { display_name: 'Stranger', role: 'admin' })
    const borrowed = await admin.post('/v1/api-keys', { name: 'A', staff_id: stranger.data.id })
    const invented = await admin.post('/v1/api-keys', { name: 'A', staff_id: uuid() })
    t.same({ ...borrowed.data, request_id: '' }, { ...invented.data, request_id: '' })
    t.equal(borrowed.statusCode, 422)
    t.same(await stored(), before)
    t.notMatch((await admin.get('/v1/api-keys?limit=100')).body, theirs.data.id)
  })
})
