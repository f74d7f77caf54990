import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makePerson, minutesFromNow } from '../support/circle.ts'

t.test('a link to a card', async t => {
  const service = await startApp(t, { PUBLIC_URL: 'https://circles.example.org' })
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const person = await makePerson(admin, 'Yaretzi')
  const write = async (client: Client, fields = {}) => {
    const made = await client.post('/v1/strategies', {
      title: 'Walk',
      contributor: { kind: 'person', person_id: person },
      ...fields
    })
    if (made.statusCode !== 201) throw new Error(made.body)
    return `/v1/strategies/${made.data.id}`
  }
  const share = (url: string, minutes = 60, client: Client = admin) =>
    client.post(`${url}/share_links`, { expires_at: minutesFromNow(minutes) })
  const open = async (url: string) => await service.app.inject(new URL(url).pathname)

  await t.test('is read by whoever has it, and tells nobody on record', async t => {
    const url = await write(admin)
    const link = await share(url)
    t.match(link, { statusCode: 201, data: { revoked_at: null, version: 1 } })
    t.match(link.data.url, /^https:\/\/circles\.example\.org\/shared\/strategies\/ck_share_[A-Za-z0-9]{43}$/)
    const read = await open(link.data.url)
    t.equal(read.statusCode, 200)
    t.match(read.json(), { title: 'Walk', contributor: { kind: 'person', nickname: null }, tried_count: 0 })
    t.notOk(read.body.includes(person) || /yaretzi/i.test(read.body) || read.body.includes(admin.organization_id))
    t.equal(read.headers['cache-control'], 'private, no-store')
    const listed = await admin.get(`${url}/share_links`)
    t.match(listed.data.data, [{ id: link.data.id }])
    t.notOk(listed.body.includes('ck_share_'), 'what it opens is shown once')
    t.notOk(service.log.join('').includes('ck_share_'), 'and not logged')
  })

  await t.test('ends when it is revoked, over, or the card is no more for everybody', async t => {
    const url = await write(admin)
    const { data } = await share(url)
    const status = async () => (await open(data.url)).statusCode
    const act = (action: string) => admin.post(`${url}/${action}`, { reason: 'because' }, { 'if-match': '*' })
    await act('hide')
    t.equal(await status(), 404)
    await act('publish')
    t.equal(await status(), 200)
    await admin.patch(url, { visibility: 'group', group_id: group }, { 'if-match': '*' })
    t.equal(await status(), 404, 'a card of a group stays in it')
    await admin.patch(url, { visibility: 'organization' }, { 'if-match': '*' })
    t.equal(await status(), 200)
    for (let twice = 0; twice < 2; twice++) {
      const revoked = await admin.post(`${url}/share_links/${data.id}/revoke`)
      t.match(revoked, { statusCode: 200, data: { version: 2 } })
    }
    t.equal(await status(), 404)
    const other = await share(url)
    await service.look('update strategy_share_links set expires_at = now() where id = $1', [other.data.id])
    t.equal((await open(other.data.url)).statusCode, 404)
  })

  await t.test('is made for what everybody here reads, for a while', async t => {
    const facilitator = await service.staff(admin, 'facilitator')
    await assign(admin, group, facilitator.staff_id)
    const ours = await write(admin, { visibility: 'group', group_id: group })
    const waiting = await write(facilitator, { contributor: { kind: 'anonymous' } })
    for (const url of [ours, waiting]) {
      t.match(await share(url, 60, facilitator), { statusCode: 409, data: { code: 'strategy_not_shareable' } })
    }
    const url = await write(admin)
    t.match(await share(url, -1), { statusCode: 422, data: { code: 'expires_in_the_past' } })
    t.match(await share(url, 91 * 24 * 60), { statusCode: 422, data: { code: 'expires_too_late' } })
    t.equal((await share(url, 60, facilitator)).statusCode, 201)
    const observer = await service.staff(admin, 'observer')
    t.equal((await share(url, 60, observer)).statusCode, 403)
  })

  await t.test('nothing else opens', async t => {
    for (const path of ['x', `ck_share_${'x'.repeat(43)}`, `ck_share_${'x'.repeat(42)}`, admin.key]) {
      const { statusCode, body } = await service.app.inject(`/shared/strategies/${path}`)
      t.ok(statusCode === 404 || statusCode === 400, `${statusCode} ${body}`)
    }
  })

  await t.test('who tries many is slowed down', async t => {
    const slow = await startApp(t, { RATE_LIMIT_PER_MINUTE: '3' }, service)
    const statuses: number[] = []
    for (let n = 0; n < 5; n++) {
      statuses.push((await slow.app.inject(`/shared/strategies/ck_share_${'x'.repeat(43)}`)).statusCode)
    }
    t.same(statuses, [404, 404, 404, 429, 429])
  })
})
