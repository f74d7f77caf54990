import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makeSession } from '../support/circle.ts'

const card = {
  title: 'Box breathing',
  steps: ['In for four.', 'Hold.', 'Out for four.'],
  topics: ['panic'],
  minutes: 5
}

async function write(client: Client, fields: Record<string, unknown> = {}, statusCode = 201) {
  const made = await client.post('/v1/strategies', { ...card, ...fields })
  if (made.statusCode !== statusCode) throw new Error(made.body)
  return made.data
}
const status = async (client: Client, id: string) => (await client.get(`/v1/strategies/${id}`)).statusCode
const titles = async (client: Client, query = '') =>
  (await client.get(`/v1/strategies?limit=100${query}`)).data.data.map((found: { title: string }) => found.title)

t.test('a card', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const session = await makeSession(admin, group)

  await t.test('is written down and read again', async t => {
    const made = await admin.post('/v1/strategies', {
      ...card,
      summary: 'Four times four.',
      when_it_helps: 'When panic rises.',
      where_usable: ['anywhere'],
      category: 'breathing',
      links: [{ title: 'A film', url: 'https://example.org/film' }],
      source: 'Handed down',
      contributor: { kind: 'nickname', nickname: 'Robin' },
      session_id: session
    })
    t.equal(made.statusCode, 201)
    t.equal(made.headers.location, `/v1/strategies/${made.data.id}`)
    t.match(made.data, {
      ...card,
      category: 'breathing',
      language: 'en',
      contributor: { kind: 'nickname', person_id: null, display_name: null, nickname: 'Robin' },
      group_id: group,
      session_id: session,
      visibility: 'organization',
      status: 'published',
      flags: [],
      mine: true,
      helped_count: 0,
      tried_count: 0,
      contributor_secret: null,
      version: 1
    })
    const { contributor_secret: _, ...expected } = made.data
    const read = await admin.get(`/v1/strategies/${made.data.id}`)
    t.same(read.data, expected)
    t.equal(read.headers.etag, '"1"')
  })

  await t.test('is refused where it does not fit', async t => {
    for (const [fields, pointer, code] of [
      [{ category: 'nonsense' }, '#/category', 'unknown_reference'],
      [{ group_id: session }, '#/group_id', 'unknown_reference'],
      [{ session_id: group }, '#/session_id', 'unknown_reference'],
      [{ visibility: 'group' }, '#/group_id', 'group_required'],
      [{ contributor: { kind: 'person' } }, '#/contributor', 'contributor_incomplete'],
      [{ contributor: { kind: 'nickname' } }, '#/contributor', 'contributor_incomplete'],
      [{ contributor: { kind: 'anonymous', nickname: 'x' } }, '#/contributor/nickname', 'contributor_incomplete'],
      [{ contributor: { kind: 'person', person_id: group } }, '#/contributor/person_id', 'unknown_reference'],
      [{ minutes: 0 }, '#/minutes', 'minimum'],
      [{ title: ' ' }, '#/title', 'format'],
      [{ status: 'published' }, '#/status', 'unknown_field']
    ] as const) {
      const refused = await admin.post('/v1/strategies', { ...card, ...fields })
      t.match(refused, { statusCode: 422, data: { errors: [{ pointer, code }] } }, refused.body)
    }
    t.equal((await service.look('select count(*)::int as n from strategies'))[0].n, 1)
  })

  await t.test('changes with its version, and keeps what it said', async t => {
    const { id } = await write(admin)
    const url = `/v1/strategies/${id}`
    t.equal((await admin.patch(url, { minutes: 4 })).statusCode, 428)
    t.equal((await admin.patch(url, { minutes: 4 }, { 'if-match': '"2"' })).statusCode, 412)
    const changed = await admin.patch(
      url,
      { minutes: 4, summary: null, topics: ['panic', 'anger'] },
      { 'if-match': '"1"' }
    )
    t.match(changed, { statusCode: 200, data: { minutes: 4, topics: ['panic', 'anger'], version: 2 } })
    const { data } = await admin.get(`${url}/history`)
    t.match(data, { data: [{ version: 1, content: { minutes: 5, topics: ['panic'] } }] })
    t.equal(data.data.length, 1, 'the card as it stands is not among them')
    t.match(data.data[0].changed_by, { display_name: 'Administrator' })
  })

  await t.test('gets another contributor, session or group', async t => {
    const person = await makeMember(admin, group, 'Robin')
    const { id } = await write(admin, { contributor: { kind: 'nickname', nickname: 'R' } })
    const change = (fields: Record<string, unknown>) => admin.patch(`/v1/strategies/${id}`, fields, { 'if-match': '*' })
    const refused = async (fields: Record<string, unknown>, statusCode: number, code: string, pointer?: string) => {
      const data = pointer === undefined ? { code } : { errors: [{ pointer, code }] }
      t.match(await change(fields), { statusCode, data })
    }
    t.match((await change({ contributor: { kind: 'person', person_id: person } })).data, {
      contributor: { kind: 'person', person_id: person, nickname: null },
      contributor_secret: null
    })
    await refused({ contributor: { kind: 'nickname' } }, 422, 'contributor_incomplete', '#/contributor')
    const unknown = { contributor: { kind: 'person', person_id: id } }
    await refused(unknown, 422, 'unknown_reference', '#/contributor/person_id')
    t.match((await change({ contributor: { kind: 'nickname', nickname: 'Jo' } })).data, {
      contributor: { kind: 'nickname', person_id: null, nickname: 'Jo' }
    })

    const anonymous = await change({ contributor: { kind: 'anonymous', person_id: person } })
    t.match(anonymous.data, { contributor: { kind: 'anonymous', person_id: null, nickname: null } })
    t.match(anonymous.data.created_at, /T00:00:00.000Z$/)
    t.notOk(JSON.stringify(await service.look('select * from strategies where id = $1', [id])).includes(person))
    await refused({ contributor: { kind: 'nickname', nickname: 'Jo' } }, 409, 'contributor_sealed')
    await refused({ contributor: { kind: 'anonymous', person_id: person } }, 409, 'contributor_sealed')
    t.match((await change({ minutes: 3, contributor: { kind: 'anonymous' } })).data, { contributor_secret: null })
    await refused(
      { contributor: { kind: 'anonymous', nickname: 'x' } },
      422,
      'contributor_incomplete',
      '#/contributor/nickname'
    )
    t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/, 'the id does not tell when it was written down')
    const lifted = await admin.post(`/v1/strategies/${id}/lift_anonymity`, {
      secret: anonymous.data.contributor_secret,
      kind: 'person'
    })
    t.match(lifted.data, { contributor: { kind: 'person', person_id: person } })

    const other = await makeGroup(admin)
    const elsewhere = await makeSession(admin, other)
    t.match((await change({ session_id: session })).data, { session_id: session, group_id: group })
    await refused({ session_id: id }, 422, 'unknown_reference', '#/session_id')
    await refused({ session_id: elsewhere, group_id: group }, 422, 'unknown_reference', '#/group_id')
    await refused({ group_id: other }, 409, 'strategy_shared_in_session')
    t.match((await change({ session_id: elsewhere })).data, { session_id: elsewhere, group_id: other })
    t.match((await change({ session_id: null, group_id: group })).data, { session_id: null, group_id: group })

    const facilitator = await service.staff(admin, 'facilitator')
    await assign(admin, group, facilitator.staff_id)
    const theirs = await facilitator.post('/v1/strategies', { ...card })
    const unseen = async (session_id: string, group_id: string | null) =>
      (await facilitator.patch(`/v1/strategies/${theirs.data.id}`, { session_id, group_id }, { 'if-match': '*' })).data
        .errors
    const none = [{ pointer: '#/session_id', code: 'unknown_reference' }]
    for (const of of [null, other, group]) {
      t.match(await unseen(elsewhere, of), none, 'a session that is hidden')
      t.match(await unseen(id, of), none, 'is as one that is not there')
    }
    await admin.post(`/v1/strategies/${id}/retire`, { reason: 'So' }, { 'if-match': '*' })
    t.match((await change({ contributor: { kind: 'anonymous' } })).data, { contributor: { kind: 'anonymous' } })
    await refused({ minutes: 3 }, 409, 'strategy_not_in_use')
  })

  await t.test('has a category of the seeded ones or of one’s own', async t => {
    const list = async () => (await admin.get('/v1/strategy-categories')).data.data
    const before = await list()
    t.match(before[0], { key: 'breathing', name: 'Breathing', retired: false })
    t.equal(before.length, 13)
    t.equal((await admin.put('/v1/strategy-categories/music', { name: 'Music' })).statusCode, 200)
    t.equal((await admin.put('/v1/strategy-categories/sleep', { name: 'Nights' })).statusCode, 200)
    t.equal((await write(admin, { category: 'music' })).category, 'music')
    const retired = await admin.put('/v1/strategy-categories/music', { name: 'Music', retired: true })
    t.match(retired.data, { key: 'music', retired: true, version: 2 })
    t.equal((await admin.post('/v1/strategies', { ...card, category: 'music' })).statusCode, 422)
    const after = await list()
    t.equal(after.length, 14)
    t.match(
      after.find((category: { key: string }) => category.key === 'sleep'),
      { name: 'Nights', version: 1 }
    )
  })
})

t.test('who reads and writes', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const [group, other] = [await makeGroup(admin), await makeGroup(admin)]
  const [mine, theirs] = [await service.staff(admin, 'facilitator'), await service.staff(admin, 'facilitator')]
  await assign(admin, group, mine.staff_id)
  await assign(admin, other, theirs.staff_id)
  const observer = await service.staff(admin, 'observer')
  const coordinator = await service.staff(admin, 'coordinator')

  await t.test('what a facilitator writes is reviewed first', async t => {
    const { id, status: at, flags } = await write(mine)
    t.equal(at, 'in_review')
    t.equal(flags, null, 'what a rule noticed is for those who moderate')
    t.equal(await status(mine, id), 200, 'its writer reads it')
    t.equal(await status(theirs, id), 404)
    t.equal(await status(observer, id), 404)
    t.same(await titles(theirs), [])
    t.same(await titles(mine, '&status=in_review'), [card.title])
    t.equal((await mine.post(`/v1/strategies/${id}/publish`, { reason: 'good' }, { 'if-match': '*' })).statusCode, 403)
    const reviews = await coordinator.get('/v1/strategies/reviews')
    t.match(reviews.data.data, [{ id, strategy: { id, status: 'in_review' }, reports: [] }])
    const published = await coordinator.post(`/v1/strategies/${id}/publish`, { reason: 'good' }, { 'if-match': '*' })
    t.match(published, { statusCode: 200, data: { status: 'published' } })
    t.same((await coordinator.get('/v1/strategies/reviews')).data.data, [])
    for (const reader of [theirs, observer, mine]) t.equal(await status(reader, id), 200)
    t.match((await mine.get(`/v1/strategies/${id}/decisions`)).data.data, [{ decision: 'publish', reason: 'good' }])
    const changed = await mine.patch(`/v1/strategies/${id}`, { minutes: 7 }, { 'if-match': '*' })
    t.equal(changed.data.status, 'in_review', 'a change is reviewed as well')
    t.equal((await theirs.patch(`/v1/strategies/${id}`, { minutes: 8 }, { 'if-match': '*' })).statusCode, 404)
    await coordinator.post(`/v1/strategies/${id}/publish`, { reason: 'good' }, { 'if-match': '*' })
    t.match(await theirs.patch(`/v1/strategies/${id}`, { minutes: 8 }, { 'if-match': '*' }), {
      statusCode: 403,
      data: { code: 'not_permitted' }
    })
  })

  await t.test('what says the same again is no change, and stays published', async t => {
    const { id } = await write(mine, { title: 'Saved twice' })
    await admin.post(`/v1/strategies/${id}/publish`, { reason: 'Good' }, { 'if-match': '*' })
    const same = await mine.patch(
      `/v1/strategies/${id}`,
      { title: 'Saved twice', topics: ['panic'] },
      { 'if-match': '*' }
    )
    t.match(same, { statusCode: 200, data: { status: 'published', version: 2, contributor_secret: null } })
    t.equal((await mine.get(`/v1/strategies/${id}`)).data.version, 2)
    const other = await mine.patch(`/v1/strategies/${id}`, { title: 'Saved thrice' }, { 'if-match': '*' })
    t.match(other.data, { status: 'in_review', version: 3 })
  })

  await t.test('unless the organization publishes at once, and no rule noticed anything', async t => {
    const set = (publish_strategies_at_once: boolean) =>
      admin.patch('/v1/organization', { settings: { publish_strategies_at_once } })
    t.equal((await set(true)).statusCode, 200)
    t.equal((await write(mine)).status, 'published')
    const { id, status: at } = await write(mine, { steps: ['Take 20 mg of what helps.'] })
    t.equal(at, 'in_review')
    t.match((await coordinator.get(`/v1/strategies/${id}`)).data.flags, ['gives_dose'])
    t.equal((await write(coordinator, { steps: ['Call me at +1 415 555 0100.'] })).status, 'in_review')
    await set(false)
  })

  await t.test('a card of a group stays in the group', async t => {
    const { id } = await write(mine, { visibility: 'group', group_id: group, title: 'Lantern walk' })
    t.equal((await mine.post('/v1/strategies', { ...card, visibility: 'group', group_id: other })).statusCode, 422)
    await admin.post(`/v1/strategies/${id}/publish`, { reason: 'good' }, { 'if-match': '*' })
    t.equal(await status(mine, id), 200)
    t.equal(await status(coordinator, id), 200, 'who moderates looks after it')
    for (const outside of [theirs, observer]) {
      t.equal(await status(outside, id), 404)
      t.notOk((await titles(outside)).includes('Lantern walk'))
      t.notOk((await titles(outside, '&q=lanterns')).includes('Lantern walk'))
    }
    t.ok((await titles(mine, '&q=lanterns')).includes('Lantern walk'))
  })

  await t.test('a private card is for its writer alone', async t => {
    const { id, status: at } = await write(mine, { visibility: 'private', title: 'Mine alone' })
    t.equal(at, 'published', 'nobody needs to review it')
    t.equal(await status(mine, id), 200)
    t.ok((await titles(mine)).includes('Mine alone'))
    for (const reader of [theirs, observer, coordinator, admin]) t.equal(await status(reader, id), 404)
    t.notOk((await titles(admin)).includes('Mine alone'))
    const opened = await mine.patch(`/v1/strategies/${id}`, { visibility: 'organization' }, { 'if-match': '*' })
    t.equal(opened.data.status, 'in_review', 'before others read it, somebody looks')
  })

  await t.test('a public card is given by those who moderate', async t => {
    t.match(await mine.post('/v1/strategies', { ...card, visibility: 'public' }), {
      statusCode: 422,
      data: { code: 'not_permitted' }
    })
    t.equal((await write(coordinator, { visibility: 'public' })).status, 'published')
  })

  await t.test('the group where it was shared is told to those who see the group', async t => {
    const session = await makeSession(admin, group)
    const { id } = await write(admin, { session_id: session })
    t.match((await mine.get(`/v1/strategies/${id}`)).data, { group_id: group, session_id: session })
    t.match((await theirs.get(`/v1/strategies/${id}`)).data, { group_id: null, session_id: null })
  })

  await t.test('the person who shared it is told to those who see the person', async t => {
    const person = await makeMember(admin, group, 'Robin')
    const { id } = await write(admin, { contributor: { kind: 'person', person_id: person } })
    const contributor = async (client: Client) => (await client.get(`/v1/strategies/${id}`)).data.contributor
    const told = { kind: 'person', person_id: person, display_name: 'Robin', nickname: null }
    const hidden = { kind: 'person', person_id: null, display_name: null, nickname: null }
    t.same(await contributor(mine), told)
    t.same(await contributor(coordinator), told)
    t.same(await contributor(theirs), hidden)
    t.same(await contributor(observer), hidden)
    t.equal(
      (await theirs.post('/v1/strategies', { ...card, contributor: { kind: 'person', person_id: person } })).statusCode,
      422
    )
  })
})
