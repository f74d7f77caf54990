import { randomUUID } from 'node:crypto'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makeSession } from '../support/circle.ts'

/** Ways round the review and the walls of a card, each of which is shut. */
t.test('no way round', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const facilitator = await service.staff(admin, 'facilitator')
  const outsider = await service.staff(admin, 'facilitator')
  const observer = await service.staff(admin, 'observer')
  const assignment = await assign(admin, group, facilitator.staff_id)
  const person = await makeMember(admin, group, 'Xochitl')
  const contributor = { kind: 'nickname', nickname: 'R' }
  const write = async (client: Client, fields: object = {}, headers = {}) => {
    const made = await client.post('/v1/strategies', { title: 'Walk', contributor, ...fields }, headers)
    if (made.statusCode !== 201) throw new Error(made.body)
    return `/v1/strategies/${made.data.id}`
  }
  const act = (client: Client, url: string, action: string) =>
    client.post(`${url}/${action}`, action === 'submit' ? {} : { reason: 'because' }, { 'if-match': '*' })
  const patch = (client: Client, url: string, changes: object) => client.patch(url, changes, { 'if-match': '*' })
  const history = async (client: Client, url: string) =>
    (await client.get(`${url}/history`)).data.data.map((one: { content: { title: string } }) => one.content.title)
  const queue = async () =>
    (await admin.get('/v1/strategies/reviews')).data.data.map((review: { id: string }) => `/v1/strategies/${review.id}`)
  const publishAtOnce = (publish_strategies_at_once: boolean) =>
    admin.patch('/v1/organization', { settings: { publish_strategies_at_once } })
  const keyWith = async (fields: object) =>
    service.client((await admin.post('/v1/api-keys', { name: 'narrow', ...fields })).data.secret, admin.organization_id)

  await t.test(
    'what a card said before is for its writer and those who moderate; what was private, for its writer',
    async t => {
      const url = await write(facilitator, { title: 'Secret', visibility: 'private' })
      await patch(facilitator, url, { title: 'Ask Robin Lopez', visibility: 'organization' })
      await act(admin, url, 'publish')
      await patch(admin, url, { title: 'Ask somebody' })
      t.same(await history(observer, url), [])
      t.same(await history(outsider, url), [])
      t.same(await history(admin, url), ['Ask Robin Lopez'])
      t.same(await history(facilitator, url), ['Ask Robin Lopez', 'Secret'])
      for (const client of [observer, outsider]) {
        const { statusCode, data } = await client.get(`${url}/decisions`)
        t.ok(statusCode === 403 || data.data.length === 0, 'nor what was decided, and by whom')
      }
    }
  )

  await t.test('private and back is handed in again, whatever was flagged before', async t => {
    await publishAtOnce(true)
    for (const first of ['organization', 'private']) {
      const url = await write(facilitator, { steps: ['Take 20 mg of stuff.'], visibility: first })
      await patch(facilitator, url, { visibility: 'private' })
      t.equal((await patch(facilitator, url, { visibility: 'organization' })).data.status, 'in_review')
      t.equal((await observer.get(url)).statusCode, 404)
    }
    const approved = await write(facilitator, { steps: ['Take 5 mg.'] })
    await act(admin, approved, 'publish')
    t.equal((await patch(facilitator, approved, { steps: ['Take 500 mg.'] })).data.status, 'in_review')
    await publishAtOnce(false)
  })

  await t.test('the rules read all that is shown', async t => {
    await publishAtOnce(true)
    for (const fields of [
      { source: 'Mrs Lopez, ana@example.org' },
      { links: [{ title: 'Dr. Weber, 20 mg', url: 'https://example.org' }] },
      { contributor: { kind: 'nickname', nickname: 'Mrs Lopez +1 415 555 0100' } }
    ]) {
      const made = await facilitator.post('/v1/strategies', { title: 'Walk', contributor, ...fields })
      t.equal(made.data.status, 'in_review', JSON.stringify(fields))
    }
    const { data } = await facilitator.post('/v1/strategies', { title: 'Walk' })
    t.equal(data.status, 'published')
    const lifted = await facilitator.post(`/v1/strategies/${data.id}/lift_anonymity`, {
      secret: data.contributor_secret,
      kind: 'nickname',
      nickname: 'Mrs Lopez +1 415 555 0100'
    })
    t.match(lifted, { statusCode: 200, data: { status: 'in_review' } })
    await publishAtOnce(false)
  })

  await t.test(
    'what is flagged for somebody whom the writer does not see is published, and queued: they learn nothing',
    async t => {
      await publishAtOnce(true)
      const made = await outsider.post('/v1/strategies', { title: 'Ask Xochitl', contributor })
      t.match(made.data, { status: 'published', flags: null })
      t.ok((await queue()).includes(`/v1/strategies/${made.data.id}`))
      await publishAtOnce(false)
    }
  )

  await t.test('a report stays in the queue until somebody who moderates has decided', async t => {
    const url = await write(facilitator)
    await act(admin, url, 'publish')
    t.notOk((await queue()).includes(url))
    await observer.post(`${url}/reports`, { reason: 'harmful' })
    t.match(await patch(facilitator, url, { visibility: 'private' }), {
      statusCode: 409,
      data: { code: 'strategy_reported' }
    })
    t.equal((await act(facilitator, url, 'retire')).data.status, 'retired')
    t.ok((await queue()).includes(url))
    await act(admin, url, 'retire')
    t.notOk((await queue()).includes(url))
    const open = 'select count(*)::int as n from strategy_reports where decision_id is null'
    t.same(await service.look(open), [{ n: 0 }])
  })

  await t.test('what was given back is reviewed, also where cards are published at once', async t => {
    await publishAtOnce(true)
    const url = await write(facilitator)
    await act(admin, url, 'return')
    t.equal((await act(facilitator, url, 'submit')).data.status, 'in_review')
    await publishAtOnce(false)
  })

  await t.test('who moderates makes nobody else’s card private', async t => {
    const url = await write(facilitator)
    t.match(await patch(admin, url, { visibility: 'private' }), { statusCode: 422, data: { code: 'not_permitted' } })
  })

  await t.test(
    'a key without the scope to moderate writes and reads cards of the groups facilitated, and no others',
    async t => {
      const scopes = ['strategies:read', 'strategies:write', 'groups:read']
      const wide = await keyWith({ scopes })
      const body = { title: 'Walk', contributor, visibility: 'group', group_id: group }
      t.match(await wide.post('/v1/strategies', body), { statusCode: 422, data: { code: 'not_permitted' } })
      const coordinator = await service.staff(admin, 'coordinator')
      const narrow = await keyWith({ staff_id: coordinator.staff_id, scopes })
      t.equal((await narrow.post('/v1/strategies', body)).statusCode, 422)
      await assign(admin, group, coordinator.staff_id)
      const made = await narrow.post('/v1/strategies', body)
      t.equal(made.statusCode, 201, made.body)
      t.equal((await narrow.get(`/v1/strategies/${made.data.id}`)).statusCode, 200)
      t.equal((await wide.get(`/v1/strategies/${made.data.id}`)).statusCode, 404)
    }
  )

  await t.test('a key that sees no people learns nothing of them', async t => {
    const url = await write(admin)
    await admin.put(`${url}/feedback/${person}`, { outcome: 'helped' })
    const blind = await keyWith({ scopes: ['strategies:read', 'strategies:write'] })
    t.equal((await blind.get(`${url}/feedback/${person}`)).statusCode, 404)
    t.equal((await blind.put(`${url}/feedback/${person}`, { outcome: 'tried' })).statusCode, 404)
    t.equal((await blind.post(`${url}/feedback/${person}/withdraw`)).statusCode, 404)
    t.equal((await admin.get(url)).data.helped_count, 1)
  })

  await t.test('ids are the same in any case', async t => {
    const session = await makeSession(admin, group)
    const made = await admin.post('/v1/strategies', {
      title: 'Walk',
      contributor: { kind: 'anonymous', person_id: person.toUpperCase() },
      session_id: session.toUpperCase(),
      group_id: group.toUpperCase()
    })
    t.equal(made.statusCode, 201, made.body)
    const url = `/v1/strategies/${made.data.id.toUpperCase()}`
    t.equal((await patch(admin, url, { group_id: group.toUpperCase() })).statusCode, 200)
    const lifted = await admin.post(`${url}/lift_anonymity`, { secret: made.data.contributor_secret, kind: 'person' })
    t.match(lifted, { statusCode: 200, data: { contributor: { person_id: person } } })
  })

  await t.test('a retry of a report is answered, though it shut the door', async t => {
    const url = await write(admin)
    const report = () => observer.post(`${url}/reports`, { reason: 'harmful' }, { 'idempotency-key': 'report' })
    const [first, again] = [await report(), await report()]
    t.equal(first.statusCode, 201)
    t.equal((await observer.get(url)).statusCode, 404)
    t.match(again, { statusCode: 201, headers: { 'idempotency-replayed': 'true' }, data: first.data })
    t.notOk('version' in first.data)
  })

  await t.test('what is corrected is what no card has, and by what cards have now', async t => {
    await write(admin, { title: 'Strolling', minutes: 30 })
    await write(admin, { title: 'Scrolling', minutes: 3 })
    const search = async (query: string) => (await admin.get(`/v1/strategies?${query}`)).data
    t.match(await search('q=strolling&minutes_max=5'), { data: [], corrected_q: null })
    const url = await write(admin, { title: 'Breahting lightly' })
    await patch(admin, url, { title: 'Breathing lightly' })
    t.match(await search('q=breahting'), { corrected_q: 'breathing', data: [{ title: 'Breathing lightly' }] })
  })

  await t.test('similar is what shares something', async t => {
    const url = await write(admin, { title: 'Zyzzyva' })
    t.same((await admin.get(`${url}/similar`)).data.data, [])
    const beside = await write(admin, { title: 'Quokka', category: 'sleep' })
    await write(admin, { title: 'Numbat', category: 'sleep' })
    const similar = (await admin.get(`${beside}/similar`)).data.data
    t.same(
      similar.map((found: { title: string }) => found.title),
      ['Numbat']
    )
  })

  await t.test('once out of the group, a replay tells what is seen by now, and one’s own is taken back', async t => {
    const named = { contributor: { kind: 'person', person_id: person }, group_id: group }
    const again = (key: string, fields: object) =>
      facilitator.post('/v1/strategies', { title: 'Walk', ...named, ...fields }, { 'idempotency-key': key })
    const [open, ours] = [randomUUID(), randomUUID()]
    const first = await again(open, {})
    t.match(first.data, { group_id: group, contributor: { display_name: 'Xochitl' } })
    const url = `/v1/strategies/${(await again(ours, { visibility: 'group' })).data.id}`
    const mine = await write(facilitator, { visibility: 'organization', group_id: group })
    await admin.post(`/v1/groups/${group}/facilitators/${assignment}/end`, {})
    const replay = await again(open, {})
    t.equal(replay.headers['idempotency-replayed'], 'true')
    t.match(replay, { statusCode: 201, data: { group_id: null, contributor: { person_id: null, display_name: null } } })
    t.notOk(replay.body.includes('Xochitl'))
    t.equal((await again(ours, { visibility: 'group' })).statusCode, 404)
    t.equal((await facilitator.get(url)).statusCode, 404)
    t.equal((await patch(facilitator, mine, { visibility: 'private' })).statusCode, 200)
  })
})
