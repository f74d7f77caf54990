import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { newApiKey } from '../../src/access/api-key.ts'
import { startApp } from '../support/app.ts'

t.test('the sign-in', async t => {
  const service = await startApp(t)
  const { app, organization, client, look } = service
  const admin = await organization()

  await t.test('refuses everybody without a good key in the same words', async t => {
    const made = await admin.post('/v1/api-keys', { name: 'Revoked' })
    await admin.post(`/v1/api-keys/${made.data.id}/revoke`)
    const expired = await admin.post('/v1/api-keys', { name: 'Expired' })
    await look("update api_keys set expires_at = now() - interval '1 second' where id = $1", [expired.data.id])
    const rotated = await admin.post('/v1/api-keys', { name: 'Rotated' })
    await admin.post(`/v1/api-keys/${rotated.data.id}/rotate`)

    const replies = []
    for (const authorization of [
      undefined,
      '',
      'Bearer',
      `Basic ${Buffer.from(`key:${admin.key}`).toString('base64')}`,
      admin.key,
      `Bearer ${newApiKey()}`,
      `Bearer ${admin.key.slice(0, -1)}`,
      `Bearer ${admin.key}x`,
      `Bearer ${admin.key}, Bearer ${admin.key}`,
      `Bearer ${admin.key.slice(0, -1)}é`,
      "Bearer ck_live_' or '1'='1",
      `Bearer ${made.data.secret}`,
      `Bearer ${expired.data.secret}`,
      `Bearer ${rotated.data.secret}`
    ]) {
      const reply = await app.inject({
        url: '/v1/me',
        headers: { ...(authorization !== undefined && { authorization }) }
      })
      replies.push(reply)
      t.equal(reply.statusCode, 401, String(authorization))
      t.equal(reply.headers['www-authenticate'], 'Bearer')
      t.equal(reply.headers['content-type'], 'application/problem+json')
    }
    const bodies = replies.map(reply => JSON.stringify({ ...reply.json(), request_id: '' }))
    t.equal(new Set(bodies).size, 1, 'identical')
    t.equal((await app.inject({ url: `/v1/me?access_token=${admin.key}` })).statusCode, 401, 'never from the URL')
    t.equal((await app.inject({ url: '/v1/me', headers: { authorization: `bearer ${admin.key}` } })).statusCode, 200)
  })

  await t.test('happens before the body is read, and so does the scope', async t => {
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const narrow = await admin.post('/v1/api-keys', { name: 'Narrow', scopes: ['groups:read'] })
    /** Announces a body that never comes. */
    const answerTo = async (key: string) => {
      const socket = connect(port, '127.0.0.1').setEncoding('utf8')
      await once(socket, 'connect')
      socket.write(
        `POST /v1/groups HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
      )
      const [answer] = await once(socket, 'data')
      socket.destroy()
      return String(answer)
    }
    t.match(await answerTo(newApiKey()), /^HTTP\/1.1 401 /)
    const refused = await answerTo(narrow.data.secret)
    t.match(refused, /^HTTP\/1.1 403 /)
    t.match(refused, /www-authenticate: Bearer error="insufficient_scope", scope="groups:write"/i)

    const broken = await client(narrow.data.secret, admin.organization_id).request({
      method: 'POST',
      url: '/v1/groups',
      headers: { 'content-type': 'application/json' },
      payload: '{"broken'
    })
    t.match(broken.data, { status: 403, code: 'insufficient_scope' })
  })

  await t.test('lets nobody do more than their role, whatever the key says', async t => {
    const observer = await admin.post('/v1/staff', { display_name: 'Olu', role: 'observer' })
    const key = await admin.post('/v1/api-keys', { name: 'Olu', staff_id: observer.data.id, scopes: ['people:read'] })
    const reply = await client(key.data.secret, admin.organization_id).get('/v1/people')
    t.match(reply.data, { status: 403, code: 'insufficient_scope' })
  })

  await t.test('forgets a revoked key within a second, also in another process', async t => {
    const other = await startApp(t, {}, service)
    const made = await admin.post('/v1/api-keys', { name: 'Soon gone' })
    const here = client(made.data.secret, admin.organization_id)
    const there = other.client(made.data.secret, admin.organization_id)
    t.equal((await here.get('/v1/me')).statusCode, 200)
    t.equal((await there.get('/v1/me')).statusCode, 200)
    await admin.post(`/v1/api-keys/${made.data.id}/revoke`)
    const revoked = performance.now()
    t.equal((await here.get('/v1/me')).statusCode, 401, 'here at once')
    let lastLetIn = revoked
    for (;;) {
      const asked = performance.now()
      if ((await there.get('/v1/me')).statusCode === 401 || asked - revoked > 3000) break
      lastLetIn = asked
      await delay(20)
    }
    t.ok(lastLetIn - revoked < 1000, 'there within a second')
  })
})

t.test('the rate', async t => {
  await t.test('is per key, and told', async t => {
    const { organization } = await startApp(t, { RATE_LIMIT_PER_MINUTE: '3' })
    const [admin, other] = [await organization(), await organization()]
    const replies = []
    for (let count = 0; count < 4; count++) replies.push(await admin.get('/v1/me'))
    t.same(
      replies.map(reply => reply.statusCode),
      [200, 200, 200, 429]
    )
    t.match(replies[0]!.headers, { 'ratelimit-policy': '"default";q=3;w=60', ratelimit: /^"default";r=2;t=\d+$/ })
    t.match(replies[3]!.headers, { ratelimit: /^"default";r=0;t=\d+$/, 'retry-after': /^\d+$/ })
    t.equal(replies[3]!.data.code, 'too_many_requests')
    t.equal((await other.get('/v1/me')).statusCode, 200)
  })

  await t.test('slows whoever tries keys, and not a good key from the same address', async t => {
    const { app, organization } = await startApp(t, { RATE_LIMIT_PER_MINUTE: '600' })
    const admin = await organization()
    const statuses = []
    for (let count = 0; count < 50; count++) {
      const reply = await app.inject({ url: '/v1/me', headers: { authorization: `Bearer ${newApiKey()}` } })
      statuses.push(reply.statusCode)
      if (reply.statusCode === 429) t.match(reply.headers['retry-after'], /^\d+$/)
    }
    t.equal(statuses[0], 401)
    t.ok(statuses.filter(status => status === 429).length >= 10)
    t.equal((await admin.get('/v1/me')).statusCode, 200)
  })
})
