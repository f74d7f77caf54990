import fc from 'fast-check'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember } from '../support/circle.ts'
import { allAtOnce } from '../support/gate.ts'

t.test('a toolbox', async t => {
  const service = await startApp(t, { POOL_SIZE: '8' })
  const admin = await service.organization()
  const [group, other] = [await makeGroup(admin), await makeGroup(admin)]
  const facilitator = await service.staff(admin, 'facilitator')
  await assign(admin, group, facilitator.staff_id)
  const stranger = await service.staff(admin, 'facilitator')
  await assign(admin, other, stranger.staff_id)
  const card = async (title: string, more = {}): Promise<string> =>
    (await admin.post('/v1/strategies', { title, ...more })).data.id
  const cards = await Promise.all(['Walk', 'Breathe', 'Call', 'Write'].map(title => card(title)))
  const [walk, breathe, call, write] = cards as [string, string, string, string]
  const newcomer = (name = 'Robin') => makeMember(admin, group, name)
  const put = (person: string, id: string, body = {}, client: Client = facilitator) =>
    client.put(`/v1/people/${person}/toolbox/cards/${id}`, body)
  const titles = async (person: string, client: Client = facilitator): Promise<string> =>
    (await client.get(`/v1/people/${person}/toolbox`)).data.data
      .map(({ strategy }: { strategy: { title: string } }) => strategy.title)
      .join(' ')

  await t.test('holds cards in an order that the person gives', async t => {
    const person = await newcomer()
    t.same((await facilitator.get(`/v1/people/${person}/toolbox`)).data, { person_id: person, data: [] })
    const first = await put(person, walk)
    t.match(first, {
      statusCode: 200,
      data: {
        person_id: person,
        data: [
          {
            strategy: { id: walk, title: 'Walk', version: 1 },
            practiced_count: 0,
            last_practiced_at: null,
            average_rating: null
          }
        ]
      }
    })
    await put(person, breathe)
    await put(person, call)
    t.equal(await titles(person), 'Walk Breathe Call', 'a new one is the last')
    await put(person, walk)
    t.equal(await titles(person), 'Walk Breathe Call', 'and again, where it was')
    await put(person, call, { after: null })
    t.equal(await titles(person), 'Call Walk Breathe')
    await put(person, call, { after: walk })
    t.equal(await titles(person), 'Walk Call Breathe')
    await put(person, write, { after: walk })
    t.equal(await titles(person), 'Walk Write Call Breathe')
    for (let twice = 0; twice < 2; twice++) {
      const removed = await facilitator.post(`/v1/people/${person}/toolbox/cards/${write}/remove`)
      t.equal(removed.statusCode, 200)
      t.same(
        removed.data.data.map(({ strategy }: { strategy: { id: string } }) => strategy.id),
        [walk, call, breathe]
      )
    }
  })

  await t.test('refuses what it cannot hold', async t => {
    const person = await newcomer()
    await put(person, walk)
    for (const after of [walk, breathe, '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60']) {
      t.match(await put(person, walk, { after }), {
        statusCode: 422,
        data: { errors: [{ code: 'unknown_reference', pointer: '#/after' }] }
      })
    }
    t.equal((await put(person, walk, { after: 7 })).statusCode, 422)
    t.equal((await put(person, walk, { position: 1 })).statusCode, 422)
    const full = await newcomer('Full')
    const ids = await service.look(
      `insert into strategies (organization_id, id, title, steps, where_usable, topics, language, links, contributor_kind,
         contributor_nickname, visibility, status, flags)
       select $1, gen_random_uuid(), 'Card ' || n, '{}', '{}', '{}', 'en', '[]', 'nickname', 'R', 'organization', 'published', '{}'
       from generate_series(1, 200) n returning id`,
      [admin.organization_id]
    )
    await service.look(
      `insert into toolbox_cards (organization_id, person_id, strategy_id, position)
       select $1, $2, id, place from unnest($3::uuid[]) with ordinality as o (id, place)`,
      [admin.organization_id, full, ids.map(row => row.id)]
    )
    t.match(await put(full, walk), { statusCode: 409, data: { code: 'toolbox_full' } })
    t.equal((await put(full, ids[0].id, { after: ids[1].id })).statusCode, 200, 'what is there may still be moved')
  })

  await t.test('is for those who see the person, and shows the cards that they read', async t => {
    const person = await newcomer()
    const observer = await service.staff(admin, 'observer')
    const secret = await card('Ours alone', { visibility: 'group', group_id: other })
    await put(person, walk)
    t.equal((await put(person, secret, { after: null }, admin)).statusCode, 200)
    t.equal(await titles(person, admin), 'Ours alone Walk')
    t.equal(await titles(person), 'Walk', 'not the card of a group that they do not facilitate')
    t.equal((await put(person, secret)).statusCode, 404)
    t.equal((await facilitator.post(`/v1/people/${person}/toolbox/cards/${secret}/remove`)).statusCode, 404)
    t.equal((await put(person, breathe, { after: secret })).statusCode, 422)
    await put(person, breathe, { after: null })
    t.equal(await titles(person, admin), 'Breathe Ours alone Walk', 'and it keeps its place')
    for (const url of [`/v1/people/${person}/toolbox`, `/v1/people/${person}/feed`]) {
      t.equal((await stranger.get(url)).statusCode, 404)
      t.equal((await observer.get(url)).statusCode, 403)
    }
    t.equal((await put(person, walk, {}, stranger)).statusCode, 404)
    await admin.post(`/v1/strategies/${walk}/reports`, { reason: 'harmful' })
    t.equal(await titles(person), 'Breathe', 'a card that is hidden leaves the trail')
    await admin.post(`/v1/strategies/${walk}/publish`, { reason: 'Fine' }, { 'if-match': '*' })
    t.equal(await titles(person), 'Breathe Walk')
  })

  await t.test('tells nothing of cards that one does not read', async t => {
    const person = await newcomer()
    const ids = await service.look(
      `insert into strategies (organization_id, id, title, steps, where_usable, topics, language, links, contributor_kind,
         contributor_nickname, visibility, group_id, status, flags)
       select $1, gen_random_uuid(), 'Theirs ' || n, '{}', '{}', '{}', 'en', '[]', 'nickname', 'R', 'group', $2, 'published', '{}'
       from generate_series(1, 200) n returning id`,
      [admin.organization_id, other]
    )
    await service.look(
      `insert into toolbox_cards (organization_id, person_id, strategy_id, position)
       select $1, $2, id, place from unnest($3::uuid[]) with ordinality as o (id, place)`,
      [admin.organization_id, person, ids.map(row => row.id)]
    )
    t.equal((await put(person, walk)).statusCode, 200, 'not even that they fill it')

    const soon = await card('Soon theirs')
    await put(person, soon)
    const asked = { 'idempotency-key': 'again' }
    const first = await facilitator.put(`/v1/people/${person}/toolbox/cards/${walk}`, { after: null }, asked)
    t.match(first.body, /Soon theirs/)
    await admin.patch(`/v1/strategies/${soon}`, { visibility: 'group', group_id: other }, { 'if-match': '*' })
    const again = await facilitator.put(`/v1/people/${person}/toolbox/cards/${walk}`, { after: null }, asked)
    t.match(again, { statusCode: 200, headers: { 'idempotency-replayed': 'true' } })
    t.notMatch(again.body, /Soon theirs/, 'nor does a replay')

    const scopes = ['toolbox:read', 'toolbox:write']
    const { secret } = (await admin.post('/v1/api-keys', { name: 'narrow', scopes })).data
    const narrow = service.client(secret, admin.organization_id)
    t.equal((await put(person, walk, {}, narrow)).statusCode, 404, 'a key that reads no cards reads none here')
    t.equal((await narrow.get(`/v1/people/${person}/toolbox`)).statusCode, 404)
  })

  await t.test('knows a card by its id in any case', async t => {
    const person = await newcomer()
    await put(person, walk)
    await put(person, breathe)
    t.equal((await put(person, breathe.toUpperCase(), { after: null })).statusCode, 200)
    t.equal((await put(person, walk, { after: breathe.toUpperCase() })).statusCode, 200)
    t.equal(await titles(person), 'Breathe Walk')
  })

  await t.test('keeps every card that was put into it at once', async t => {
    const person = await newcomer()
    await allAtOnce(service.superuserUrl, 'toolbox_cards', 4, n => put(person, cards[n]!, { after: null }))
    t.same((await titles(person)).split(' ').sort(), ['Breathe', 'Call', 'Walk', 'Write'])
    const rows = await service.look('select position from toolbox_cards where person_id = $1', [person])
    t.same(rows.map(row => row.position).sort(), [1, 2, 3, 4], 'each at a place of its own')
  })

  await t.test('is the list that the same moves make of a plain list', async () => {
    const move = fc.tuple(
      fc.constantFrom(...cards),
      fc.oneof(fc.constant('remove'), fc.constant(undefined), fc.constant(null), fc.constantFrom(...cards))
    )
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 12 }), async moves => {
        const person = await newcomer('Model')
        let list: string[] = []
        for (const [id, after] of moves) {
          const others = list.filter(other => other !== id)
          if (after === 'remove') {
            await facilitator.post(`/v1/people/${person}/toolbox/cards/${id}/remove`)
            list = others
            continue
          }
          const { statusCode } = await put(person, id, { after })
          const wrong = typeof after === 'string' && !others.includes(after)
          if (statusCode !== (wrong ? 422 : 200)) return false
          if (wrong || (after === undefined && list.includes(id))) continue
          const place = after === undefined ? others.length : after === null ? 0 : others.indexOf(after) + 1
          list = others.toSpliced(place, 0, id)
        }
        const { data } = (await facilitator.get(`/v1/people/${person}/toolbox`)).data
        return data.map(({ strategy }: { strategy: { id: string } }) => strategy.id).join() === list.join()
      }),
      { numRuns: 25 }
    )
  })
})
