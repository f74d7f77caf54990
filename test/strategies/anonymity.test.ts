import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makeSession } from '../support/circle.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'

const card = { title: 'Counting lanterns', steps: ['Count the lights on the way home.'], topics: ['worry'] }

t.test('an anonymous contributor', async t => {
  const service = await startApp(t)
  const superuser = await lookingPastWalls(t, service)
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const facilitator = await service.staff(admin, 'facilitator')
  await assign(admin, group, facilitator.staff_id)
  const person = await makeMember(admin, group, 'Yaretzi')
  const session = await makeSession(admin, group)
  const contributor = { kind: 'anonymous', person_id: person }
  const made = await facilitator.post(
    '/v1/strategies',
    { ...card, contributor, session_id: session },
    { 'idempotency-key': 'one' }
  )
  t.equal(made.statusCode, 201, made.body)
  const { id, contributor_secret } = made.data
  const url = `/v1/strategies/${id}`
  await admin.post(`${url}/publish`, { reason: 'good' }, { 'if-match': '*' })
  await admin.put(`${url}/feedback/${person}`, { outcome: 'helped' })
  await admin.post(`${url}/reports`, { reason: 'spam' })
  await admin.patch(url, { minutes: 5 }, { 'if-match': '*' })

  await t.test('is told in no answer, to nobody', async t => {
    t.match(contributor_secret, /^ck_contributor_[A-Za-z0-9]{43}$/)
    for (const client of [admin, facilitator]) {
      for (const asked of [
        url,
        `${url}/history`,
        `${url}/decisions`,
        `${url}/similar`,
        '/v1/strategies',
        '/v1/strategies?q=lanterns',
        '/v1/strategies?q=lantrens',
        '/v1/strategies?q=yaretzi',
        '/v1/strategies/suggestions?topic=worry',
        ...(client === admin ? ['/v1/strategies/reviews'] : [])
      ]) {
        const { statusCode, body } = await client.get(asked)
        t.equal(statusCode, 200, asked)
        t.notOk(body.includes(person) || /yaretzi/i.test(body), asked)
        t.notOk(body.includes(contributor_secret), asked)
      }
      t.match((await client.get(url)).data.contributor, { kind: 'anonymous', person_id: null, nickname: null })
    }
    t.same((await admin.get('/v1/strategies?q=yaretzi')).data.data, [], 'no card is found by a contributor')
  })

  await t.test('lies nowhere in the database, and is sealed with a secret that is kept nowhere', async t => {
    const { rows: tables } = await superuser.query(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
    )
    const holding: string[] = []
    for (const { name } of tables) {
      const { rows } = await superuser.query(
        `select to_jsonb(x)::text as row from ${name} x where to_jsonb(x)::text like '%' || $1 || '%'`,
        [person]
      )
      if (rows.length > 0) holding.push(name)
    }
    // Who they are, that they are a member, and that it helped them: nothing of which leads to whose card it is.
    t.same(holding.sort(), ['audit_entries', 'memberships', 'outbox_events', 'people', 'strategy_feedback'])
    const { rows } = await superuser.query(
      'select object_type from audit_entries where object_id = $1 union select object_type from outbox_events where object_id = $1',
      [person]
    )
    t.same(rows, [{ object_type: 'person' }])
    const [row] = await service.look('select to_jsonb(s)::text as text from strategies s')
    t.notOk(row.text.includes(contributor_secret))
    t.notOk(service.log.join('').includes(person), 'nor in the log')
    t.notOk(service.log.join('').includes(contributor_secret))
  })

  await t.test('cannot be told by when the card was written', async t => {
    const { data } = await admin.get(url)
    t.match(data.created_at, /T00:00:00\.000Z$/)
    t.match(data.updated_at, /T00:00:00\.000Z$/)
    t.equal(id[14], '4', 'the id is random, and does not begin with the time')
    const draft = (await facilitator.post('/v1/strategies', { ...card, contributor })).data.id
    const [review] = (await admin.get('/v1/strategies/reviews')).data.data
    t.match(review, { id: draft, waiting_since: /T00:00:00\.000Z$/ })
    await admin.post(`/v1/strategies/${draft}/retire`, { reason: 'done' }, { 'if-match': '*' })
    const named = await admin.post('/v1/strategies', { ...card, contributor: { kind: 'nickname', nickname: 'Robin' } })
    t.notMatch(named.data.created_at, /T00:00:00\.000Z$/)
  })

  await t.test('has the secret from the first answer and nowhere else', async t => {
    const again = await facilitator.post(
      '/v1/strategies',
      { ...card, contributor, session_id: session },
      { 'idempotency-key': 'one' }
    )
    t.equal(again.headers['idempotency-replayed'], 'true')
    t.match(again.data, { id, contributor_secret: null })
    const kept = await service.look('select organization_id, api_key_id, key, answer_sealed from idempotency_keys')
    t.ok(kept.length > 0)
    for (const row of kept) {
      const context = `${row.organization_id}|idempotency_keys|${row.api_key_id}|${row.key}`
      const answer = service.keyring.open(row.answer_sealed, context).toString()
      t.ok(answer.includes(id), 'whoever has the database and the master keys reads the answers kept for retries')
      t.notOk(answer.includes('ck_contributor_') || answer.includes(person), 'and not this')
    }
  })

  await t.test('stands to the card with the secret alone', async t => {
    const lift = (client: Client, body: Record<string, unknown>) => client.post(`${url}/lift_anonymity`, body)
    t.match(await lift(admin, { secret: `ck_contributor_${'x'.repeat(43)}`, kind: 'person' }), {
      statusCode: 422,
      data: { code: 'wrong_secret' }
    })
    t.match(await lift(admin, { secret: contributor_secret, kind: 'nickname' }), {
      statusCode: 422,
      data: { code: 'contributor_incomplete' }
    })
    t.equal((await admin.get(url)).data.contributor.kind, 'anonymous')
    const lifted = await lift(facilitator, { secret: contributor_secret, kind: 'person' })
    t.match(lifted, {
      statusCode: 200,
      data: { contributor: { kind: 'person', person_id: person, display_name: 'Yaretzi' } }
    })
    t.match(await lift(facilitator, { secret: contributor_secret, kind: 'person' }), {
      statusCode: 409,
      data: { code: 'not_anonymous' }
    })
    const [row] = await service.look(
      'select contributor_sealed, contributor_secret_hash from strategies where id = $1',
      [id]
    )
    t.same(row, { contributor_sealed: null, contributor_secret_hash: null })
  })

  await t.test('may never be written down at all, and still stand to it under a name', async t => {
    const { data } = await admin.post('/v1/strategies', card)
    t.equal(data.contributor.kind, 'anonymous', 'unless said otherwise')
    const lift = (kind: string) =>
      admin.post(`/v1/strategies/${data.id}/lift_anonymity`, {
        secret: data.contributor_secret,
        kind,
        ...(kind === 'nickname' && { nickname: 'Robin' })
      })
    t.match(await lift('person'), { statusCode: 422, data: { code: 'contributor_incomplete' } })
    t.match(await lift('nickname'), { statusCode: 200, data: { contributor: { nickname: 'Robin' } } })
  })

  await t.test('control: the examination finds a person who is told', async t => {
    const { data } = await admin.post('/v1/strategies', { ...card, contributor: { kind: 'person', person_id: person } })
    const { body } = await admin.get(`/v1/strategies/${data.id}`)
    t.ok(body.includes(person) && /yaretzi/i.test(body))
  })
})
