import t from 'tap'
import { startApp } from '../support/app.ts'
import { makeGroup, makePerson, makeSession } from '../support/circle.ts'

t.test('a request behind a door is answered again on the one connection that there is', async t => {
  const { organization } = await startApp(t, { POOL_SIZE: '1', CONNECT_TIMEOUT_MS: '500' })
  const admin = await organization()
  const group_id = await makeGroup(admin)
  const person_id = await makePerson(admin, 'Ana')
  const session_id = await makeSession(admin, group_id)
  const asks = [
    () => admin.post(`/v1/groups/${group_id}/memberships`, { person_id }, { 'idempotency-key': 'join' }),
    () => admin.put(`/v1/sessions/${session_id}/attendance`, { records: [] }, { 'idempotency-key': 'sheet' })
  ]
  for (const ask of asks) {
    const first = await ask()
    t.ok(first.statusCode < 300, first.body)
    t.notOk(first.headers['idempotency-replayed'])
    // Also when each waits for the connection that the other holds.
    for (const again of await Promise.all([ask(), ask(), ask()])) {
      t.equal(again.statusCode, first.statusCode, again.body)
      t.equal(again.headers['idempotency-replayed'], 'true')
      t.same(again.data, first.data)
    }
  }
})

t.test('the same key with another If-Match is another request', async t => {
  const { organization } = await startApp(t)
  const admin = await organization()
  const url = `/v1/sessions/${await makeSession(admin, await makeGroup(admin))}/attendance`
  const put = (key: string, ifMatch?: string) =>
    admin.put(url, { records: [] }, { 'idempotency-key': key, ...(ifMatch !== undefined && { 'if-match': ifMatch }) })
  const first = await put('one')
  t.ok(first.statusCode < 300, first.body)
  t.equal((await put('one')).headers['idempotency-replayed'], 'true')
  t.match((await put('one', first.headers.etag as string)).data, { status: 422, code: 'idempotency_key_reused' })
  const second = await put('two', first.headers.etag as string)
  t.equal(second.statusCode, 200, second.body)
  t.equal((await put('two', first.headers.etag as string)).headers['idempotency-replayed'], 'true')
  t.match((await put('two', '"9"')).data, { status: 422, code: 'idempotency_key_reused' })
})

t.test('whoever has another role since is not told what the first answer told', async t => {
  const { organization, staff, look } = await startApp(t)
  const admin = await organization()
  const kim = await staff(admin, 'coordinator', 'Kim')
  const create = () =>
    kim.post(
      '/v1/people',
      { display_name: 'Ana', contact: { email: 'ana@riverside.example' } },
      { 'idempotency-key': 'K' }
    )
  const first = await create()
  t.equal(first.statusCode, 201, first.body)
  t.match(first.body, 'ana@riverside.example')
  t.same((await create()).data, first.data)
  await admin.patch(`/v1/staff/${kim.staff_id}`, { role: 'facilitator' })
  const again = await create()
  t.match(again.data, { status: 422, code: 'idempotency_key_reused' })
  t.notMatch(again.body, 'ana@')
  t.equal((await look('select from people')).length, 1)
})
