import t from 'tap'
import { flagsOf } from '../../src/strategies/flags.ts'
import { type Client, startApp } from '../support/app.ts'
import { makeGroup, makeMember } from '../support/circle.ts'

t.test('looking after the cards', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const facilitator = await service.staff(admin, 'facilitator')
  const observer = await service.staff(admin, 'observer')
  const write = async (client: Client, fields = {}) => {
    const made = await client.post('/v1/strategies', {
      title: 'Cold water',
      contributor: { kind: 'nickname', nickname: 'R' },
      ...fields
    })
    if (made.statusCode !== 201) throw new Error(made.body)
    return `/v1/strategies/${made.data.id}`
  }
  const act = (client: Client, url: string, action: string, reason = 'because') =>
    client.post(`${url}/${action}`, action === 'submit' ? {} : { reason }, { 'if-match': '*' })
  const statusOf = async (url: string) => (await admin.get(url)).data.status
  const queue = async () =>
    (await admin.get('/v1/strategies/reviews')).data.data.map((review: { id: string }) => `/v1/strategies/${review.id}`)

  await t.test('a report of harm hides at once, pending review', async t => {
    for (const reason of ['harmful', 'identifies_somebody']) {
      const url = await write(admin)
      t.equal((await observer.get(url)).statusCode, 200)
      const report = await observer.post(`${url}/reports`, { reason, note: 'Careful.' })
      t.match(report, { statusCode: 201, data: { reason, note: 'Careful.' } })
      t.equal((await observer.get(url)).statusCode, 404, 'gone for those who read')
      t.equal(await statusOf(url), 'hidden')
      const [review] = (await admin.get('/v1/strategies/reviews')).data.data
      t.match(review, {
        strategy: { status: 'hidden' },
        reports: [{ reason, note: 'Careful.', reported_by: { display_name: 'observer' } }]
      })
      const back = await act(admin, url, 'publish', 'looked at it')
      t.equal(back.data.status, 'published')
      t.same(await queue(), [], 'the report is answered')
      t.match((await admin.get(`${url}/decisions`)).data.data, [{ decision: 'publish', reason: 'looked at it' }])
    }
  })

  await t.test('another report waits for somebody, and hides nothing', async t => {
    const url = await write(admin)
    t.equal((await observer.post(`${url}/reports`, { reason: 'spam' })).statusCode, 201)
    t.equal((await observer.get(url)).statusCode, 200)
    t.same(await queue(), [url])
    await act(admin, url, 'publish')
    t.same(await queue(), [])
    t.equal((await observer.post(`${url}/reports`, { reason: 'boring' })).statusCode, 422)
  })

  await t.test('the longest waiting come first, page by page', async t => {
    const urls = [await write(facilitator), await write(facilitator), await write(facilitator)]
    const seen: string[] = []
    let cursor = ''
    do {
      const { data } = await admin.get(`/v1/strategies/reviews?limit=1${cursor}`)
      seen.push(...data.data.map((review: { id: string }) => `/v1/strategies/${review.id}`))
      cursor = data.page.next_cursor === null ? '' : `&cursor=${data.page.next_cursor}`
    } while (cursor !== '')
    t.same(seen, urls)
    for (const url of urls) await act(admin, url, 'retire')
  })

  await t.test('every way through the statuses', async t => {
    const url = await write(facilitator, { draft: true })
    t.equal(await statusOf(url), 'draft')
    t.match(await act(admin, url, 'hide'), { statusCode: 409, data: { code: 'strategy_not_in_use' } })
    t.equal((await act(facilitator, url, 'submit')).data.status, 'in_review')
    const { version } = (await admin.get(url)).data
    t.match((await act(facilitator, url, 'submit')).data, { status: 'in_review', version }, 'twice is the same as once')
    t.equal((await act(admin, url, 'return', 'too short')).data.status, 'draft')
    t.equal((await act(facilitator, url, 'submit')).data.status, 'in_review')
    t.equal((await act(admin, url, 'publish')).data.status, 'published')
    t.equal((await act(admin, url, 'hide')).data.status, 'hidden')
    t.same(await queue(), [], 'hidden by a decision, nobody needs to look again')
    t.equal((await act(admin, url, 'publish')).data.status, 'published')
    t.equal((await act(facilitator, url, 'retire')).data.status, 'retired')
    t.match(await act(admin, url, 'hide'), { statusCode: 409 })
    t.match(await act(facilitator, url, 'submit'), { statusCode: 409 })
    t.match(await admin.patch(url, { minutes: 1 }, { 'if-match': '*' }), { statusCode: 409 })
    t.equal((await act(admin, url, 'publish')).data.status, 'published', 'and back')
    const decided = (await facilitator.get(`${url}/decisions`)).data.data
    t.same(
      decided.map((one: { decision: string }) => one.decision),
      ['publish', 'retire', 'publish', 'hide', 'publish', 'submit', 'return', 'submit']
    )
    t.equal((await admin.post(`${url}/retire`, { reason: 'x' })).statusCode, 428)
    t.equal((await admin.post(`${url}/retire`, {}, { 'if-match': '*' })).statusCode, 422, 'a decision has a reason')
  })

  await t.test('a card that names a person is flagged, for those who moderate', async t => {
    const group = await makeGroup(admin)
    await makeMember(admin, group, 'Wilhelmina')
    const flags = async (client: Client, fields: object) => (await admin.get(await write(client, fields))).data.flags
    t.same(await flags(admin, { steps: ['Call Wilhelmina.'] }), ['names_person'])
    t.same(await flags(admin, { steps: ['Call wilhelminas shop.'] }), [])
    t.same(await flags(facilitator, { steps: ['Call Wilhelmina.'] }), ['names_person'])
    const blind = await admin.post('/v1/api-keys', {
      name: 'Blind',
      scopes: ['strategies:read', 'strategies:moderate']
    })
    const url = await write(admin, { steps: ['Call Wilhelmina, take 20 mg.'] })
    const seen = await service.client(blind.data.secret, admin.organization_id).get(url)
    t.same(seen.data.flags, ['gives_dose'], 'whoever sees no people learns of no names')
    t.same(await flags(admin, { steps: ['Ask Dr. Weber.'] }), ['names_person'])
  })
})

t.test('rules notice', async t => {
  const of = (text: string, names: string[] = []) =>
    flagsOf(
      { title: 'x', summary: null, when_it_helps: null, steps: [text], links: [], source: null, nickname: null },
      names
    )
  for (const text of [
    'Take 20 mg.',
    'two tablets at night',
    'Toma 10 gotas',
    'zwei Tabletten',
    'half a pill, 0.5ml',
    '1 comprimé',
    'half a tablet at night',
    '½ tablet',
    'Half of a pill',
    'take a pill',
    'eine halbe Tablette',
    'einer halben Tablette',
    'Prends un demi-comprimé',
    'medio comprimido',
    'Take 3 gummies'
  ]) {
    t.ok(of(text).includes('gives_dose'), text)
  }
  for (const text of [
    'Breathe for 20 minutes.',
    'Walk 2 km',
    'Count 5 things',
    'Drop your shoulders',
    'three steps',
    'Hum a tune',
    'patch a shirt'
  ])
    t.same(of(text), [], text)
  for (const text of ['mail me: robin@example.org', 'call 415-555-0100', '+49 30 1234567', '@robin_here'])
    t.same(of(text), ['contact_details'], text)
  t.same(of('Sit in the sun', ['Sun']), [], 'a word is no name')
  t.same(of('Sit with Sun', ['Sun']), ['names_person'])
  t.same(of('和小明聊天', ['小明']), [], 'within a run of letters no name is seen')
  t.same(of('和 小明 聊天', ['小明']), ['names_person'])
})
