import fc from 'fast-check'
import t from 'tap'
import { csvHeader, csvOf, rowsOfCsv } from '../../src/strategies/csv.ts'
import type { ExportedStrategy } from '../../src/strategies/exchange-schemas.ts'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makePerson } from '../support/circle.ts'

interface Result {
  index: number
  result: string
  strategy_id: string | null
  status: string | null
  problem: { code: string; errors: { pointer: string; code: string }[] } | null
}

t.test('cards go out and come in', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const facilitator = await service.staff(admin, 'facilitator')
  await assign(admin, group, facilitator.staff_id)
  const exported = async (client: Client = admin): Promise<ExportedStrategy[]> =>
    (await client.get('/v1/strategies/export')).data.data
  const take = async (rows: unknown[], client: Client = admin) => await client.post('/v1/imports/strategies', rows)
  const results = async (rows: unknown[], client: Client = admin): Promise<Result[]> => {
    const reply = await take(rows, client)
    if (reply.statusCode !== 207) throw new Error(reply.body)
    return reply.data.results
  }
  const csv = (text: string | Buffer, client: Client = admin) =>
    client.request({
      method: 'POST',
      url: '/v1/imports/strategies.csv',
      headers: { 'content-type': 'text/csv' },
      payload: text
    })

  await t.test('what everybody here reads, and nobody on record', async t => {
    const person_id = await makeMember(admin, group, 'Robin')
    const make = async (title: string, more = {}) => (await admin.post('/v1/strategies', { title, ...more })).data.id
    await make('By somebody', { contributor: { kind: 'person', person_id } })
    await make('By a name', { contributor: { kind: 'nickname', nickname: 'Owl' }, visibility: 'public' })
    await make('By nobody', { contributor: { kind: 'anonymous', person_id } })
    await make('Of a group', { visibility: 'group', group_id: group })
    await make('My own', { visibility: 'private' })
    await make('A draft', { draft: true })
    const retired = await make('Not any more')
    await admin.post(`/v1/strategies/${retired}/retire`, { reason: 'Old' }, { 'if-match': '*' })
    await facilitator.post('/v1/strategies', { title: 'Not looked at yet' })
    for (const client of [admin, facilitator, await service.staff(admin, 'observer')]) {
      const reply = await client.get('/v1/strategies/export')
      t.match(reply, {
        statusCode: 200,
        headers: {
          'content-disposition': 'attachment; filename="strategies.json"',
          'content-type': /^application\/json/
        }
      })
      t.same((reply.data.data as ExportedStrategy[]).map(card => [card.title, card.contributor_nickname]).sort(), [
        ['By a name', 'Owl'],
        ['By nobody', null],
        ['By somebody', null]
      ])
      t.notMatch(reply.body, /Robin/)
      t.notMatch(reply.body, new RegExp(person_id))
    }
    const text = (await admin.get('/v1/strategies/export.csv')).body
    t.equal(rowsOfCsv(text, 100).length, 3)
    t.notMatch(text, /Robin/)
    t.equal((await admin.get('/v1/strategies/export.csv?bom=true')).body, `\ufeff${text}`)
    t.equal((await admin.get('/v1/strategies/export?limit=3')).statusCode, 400)
  })

  await t.test('a list is taken row by row, and sent again changes nothing', async t => {
    const rows = [
      { title: 'Count lanterns', steps: ['Look', 'Count'], minutes: 3, category: 'grounding', topics: ['worry'] },
      { title: '' },
      { title: 'Too long', minutes: 1441, colour: 'red' },
      { title: 'In a category of nobody', category: 'nobodys' },
      'no card',
      { title: 'count LANTERNS' },
      { title: 'Compter', language: 'fr', contributor_nickname: 'Hibou', visibility: 'public' },
      { title: 'Take 20 mg' },
      { title: 'Breathe', links: [{ title: 'x', url: 'javascript:alert(1)' }] }
    ]
    const reply = await take(structuredClone(rows))
    t.same(reply.data.counts, { created: 3, updated: 0, unchanged: 0, skipped: 6 })
    t.same(
      (reply.data.results as Result[]).map(({ result, status, problem }) => [
        result,
        status,
        problem?.code,
        problem?.errors.map(error => `${error.pointer} ${error.code}`)
      ]),
      [
        ['created', 'published', undefined, undefined],
        ['skipped', null, 'invalid_row', ['#/1/title min_length', '#/1/title format']],
        ['skipped', null, 'invalid_row', ['#/2/colour unknown_field', '#/2/minutes maximum']],
        ['skipped', null, 'invalid_row', ['#/3/category unknown_reference']],
        ['skipped', null, 'invalid_row', ['#/4 type']],
        ['skipped', null, 'duplicate_row', []],
        ['created', 'published', undefined, undefined],
        ['created', 'in_review', undefined, undefined],
        ['skipped', null, 'invalid_row', ['#/8/links/0/url format']]
      ].map(row => row)
    )
    const card = (await admin.get(`/v1/strategies/${reply.data.results[0].strategy_id}`)).data
    t.match(card, {
      title: 'Count lanterns',
      language: 'en',
      contributor: { kind: 'anonymous' },
      version: 1,
      mine: true
    })
    t.equal((await admin.get('/v1/strategies?q=lantrens')).data.data[0].title, 'Count lanterns', 'and is found')
    const before = await service.look('select count(*)::int as n, sum(version)::int as versions from strategies')
    t.same((await take(structuredClone(rows))).data.counts, { created: 0, updated: 0, unchanged: 3, skipped: 6 })
    t.same(await service.look('select count(*)::int as n, sum(version)::int as versions from strategies'), before)
  })

  await t.test('what went out comes in: changed by its id, and never by its title alone', async t => {
    const cards = await exported()
    t.ok((await results(cards)).every(({ result }) => result === 'unchanged'))
    const [mine] = cards.filter(({ title }) => title === 'By somebody')
    const [changed] = await results([
      { ...mine, title: 'By somebody else', steps: ['Walk'], contributor_nickname: 'Fox' }
    ])
    t.match(changed, { result: 'updated', strategy_id: mine!.id, status: 'published' })
    const now = (await admin.get(`/v1/strategies/${mine!.id}`)).data
    t.match(now, { title: 'By somebody else', steps: ['Walk'], version: 2, contributor: { kind: 'person' } })
    const history = (await admin.get(`/v1/strategies/${mine!.id}/history`)).data.data
    t.equal(history[0].content.title, 'By somebody')

    t.match(await results([{ title: 'By somebody else', steps: ['Run'] }]), [
      { result: 'skipped', problem: { code: 'title_taken', errors: [{ pointer: '#/0/title' }] } }
    ])
    const [partly] = await results([{ id: mine!.id.toUpperCase(), minutes: 9 }])
    t.match(partly, { result: 'updated', strategy_id: mine!.id })
    t.match((await admin.get(`/v1/strategies/${mine!.id}`)).data, {
      minutes: 9,
      steps: ['Walk'],
      title: 'By somebody else'
    })
    await csv(`id,minutes,summary\n${mine!.id},,Short`)
    t.match((await admin.get(`/v1/strategies/${mine!.id}`)).data, { minutes: null, summary: 'Short', steps: ['Walk'] })
    t.match(await results([{ id: mine!.id, title: 'Give 5 mg' }]), [{ result: 'updated', status: 'in_review' }])
    await admin.post(`/v1/strategies/${mine!.id}/retire`, { reason: 'Old' }, { 'if-match': '*' })
    t.match(await results([{ id: mine!.id, title: 'Back' }]), [
      { result: 'skipped', problem: { code: 'strategy_not_in_use' } }
    ])
    const [fresh] = await results([{ id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60', title: 'From elsewhere' }])
    t.equal(fresh!.result, 'created')
    t.not(fresh!.strategy_id, '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60')
  })

  await t.test('cards of one title, with a category that was retired, and padded, come back as they are', async t => {
    const elsewhere = await service.organization('Twins')
    const card = (title: string, more = {}) => elsewhere.post('/v1/strategies', { title, ...more })
    await card('Twin', { steps: ['a'] })
    await card('Twin', { steps: ['b'] })
    await elsewhere.put('/v1/strategy-categories/old', { name: 'Old' })
    await card('Filed', { category: 'old' })
    await elsewhere.put('/v1/strategy-categories/old', { name: 'Old', retired: true })
    await card(' Padded ', { source: ' so ' })
    await card('Linked', { links: [{ title: 'a <https://b> \\', url: 'https://example.org/a>b' }] })
    const before = await exported(elsewhere)
    for (const again of [
      (await take(before, elsewhere)).data,
      (await csv((await elsewhere.get('/v1/strategies/export.csv')).body, elsewhere)).data
    ]) {
      t.same(again.counts, { created: 0, updated: 0, unchanged: 5, skipped: 0 })
    }
    const swapped = before.map(one => (one.title === 'Twin' ? { ...one, minutes: 2 } : one))
    t.equal((await take(swapped, elsewhere)).data.counts.updated, 2)
    t.match(await results([{ title: 'Twin', steps: ['b'], minutes: 2 }], elsewhere), [{ result: 'unchanged' }])
    t.match(await results([{ title: 'Ref', category: 'nobodys' }, { title: 'Ref' }], elsewhere), [
      { result: 'skipped' },
      { result: 'created' }
    ])
  })

  await t.test('an enormous wrong row costs little, and a retry is the same request', async t => {
    const wrong = { title: 'x', steps: Array.from({ length: 500_000 }, () => 1) }
    const began = performance.now()
    const [refused] = await results([wrong])
    t.equal(refused!.result, 'skipped')
    t.equal(refused!.problem!.errors.length, 1, 'the first fault ends it')
    t.ok(performance.now() - began < 5000)
    const words = Array.from({ length: 3000 }, (_, n) => `${n.toString(36)}x`).join(' ')
    const long = Array.from({ length: 200 }, (_, n) => ({ title: `Long ${n}`, steps: [words.slice(n, n + 500)] }))
    const key = { 'idempotency-key': 'import-once' }
    const first = await admin.post('/v1/imports/strategies', long, key)
    t.equal(first.data.counts.created, 200)
    const again = await admin.post('/v1/imports/strategies', long, key)
    t.same([again.statusCode, again.headers['idempotency-replayed'], again.data], [207, 'true', first.data])
  })

  await t.test('the starter set knows its cards that came in a list', async t => {
    const third = await service.organization('Third')
    const url = '/v1/imports/strategies'
    const list = [{ title: 'BOX BREATHING' }, { title: 'Respiración en caja', language: 'es' }]
    t.match((await third.post(url, list)).data.counts, { created: 2 })
    // What nobody reads is no card of the set, and what few read is none any more.
    await third.post('/v1/strategies', { title: 'Longer out-breath', draft: true })
    t.match((await third.post('/v1/strategies/starter_set')).data, { added: 39, already_there: 1 })
    t.match((await third.post('/v1/strategies/starter_set')).data, { added: 0, already_there: 40 })
    const { data } = (await third.get('/v1/strategies?q=box')).data
    const boxes = data.filter((found: { title: string }) => /^box breathing$/i.test(found.title))
    t.match(boxes, [{ version: 1 }])
    t.equal(boxes.length, 1)
    await third.patch(`/v1/strategies/${boxes[0].id}`, { visibility: 'private' }, { 'if-match': '*' })
    t.match((await third.post('/v1/strategies/starter_set')).data, { added: 1, already_there: 39 })
  })

  await t.test('another organization takes an export, and knows nobody by it', async t => {
    const other = await service.organization('Elsewhere')
    const cards = await exported()
    const taken = await results(cards, other)
    t.ok(taken.every(({ result }) => result === 'created'))
    t.same(
      (await exported(other)).map(({ id: _, ...card }) => card).sort((a, b) => (a.title < b.title ? -1 : 1)),
      cards.map(({ id: _, ...card }) => card).sort((a, b) => (a.title < b.title ? -1 : 1))
    )
    const text = (await admin.get('/v1/strategies/export.csv')).body
    const again = await csv(text, other)
    t.same([again.statusCode, again.data.counts.unchanged], [207, cards.length])
  })

  await t.test('a list in a spreadsheet', async t => {
    const text = `\ufeffTITLE;minutes;topics;steps;links\r\n"Hold ice";2;"urges; panic";"Take ice${'\n'}Hold it";"How <https://example.org/ice>"\r\nSing;a lot;;;\r\n`
    const reply = await csv(text)
    t.match(reply.data.results, [
      { result: 'created' },
      { result: 'skipped', problem: { errors: [{ pointer: '#/1/minutes', code: 'type' }] } }
    ])
    t.match((await admin.get(`/v1/strategies/${reply.data.results[0].strategy_id}`)).data, {
      minutes: 2,
      topics: ['urges', 'panic'],
      steps: ['Take ice', 'Hold it'],
      links: [{ title: 'How', url: 'https://example.org/ice' }]
    })
    for (const [wrong, status, code] of [
      ['', 422, 'unknown_column'],
      ['title,colour\nx,y', 422, 'unknown_column'],
      ['title,title\nx,y', 422, 'duplicate_column'],
      ['title\n"x', 400, 'malformed_csv'],
      [Buffer.from([0x74, 0xff]), 400, 'invalid_encoding'],
      [`title\n${'x\n'.repeat(1001)}`, 422, 'too_many_rows']
    ] as const) {
      t.match(await csv(wrong as string), { statusCode: status, data: { code } }, String(wrong).slice(0, 20))
    }
    t.match((await csv('title,colour\nx,y')).data, { errors: [{ pointer: '#/header/1' }] })
    t.equal((await csv('title\r\n')).data.counts?.created ?? 0, 0)
    const ragged = await csv('title,summary\nSway,Slowly, and long\nCold feet,In a stream\nOne\nSit,Still,,')
    t.match((await csv('\n\ntitle;summary;;\nHum;Low;;\nNod;Twice;;more')).data, {
      results: [{ result: 'created' }, { result: 'skipped' }]
    })
    t.match(ragged.data, {
      results: [
        { result: 'skipped', problem: { code: 'invalid_row', errors: [{ pointer: '#/0', code: 'ragged_row' }] } },
        { index: 1, result: 'created' },
        { result: 'skipped', problem: { errors: [{ pointer: '#/2', code: 'ragged_row' }] } },
        { result: 'skipped', problem: { errors: [{ pointer: '#/3', code: 'ragged_row' }] } }
      ],
      counts: { created: 1, skipped: 3 }
    })
    const json = await admin.post('/v1/imports/strategies.csv', [{ title: 'x' }])
    t.equal(json.statusCode, 415)
    t.equal(json.headers['accept-post'], 'text/csv')
    t.match(json.json().detail, /text\/csv/)
    const nul = await csv('title\nx\u0000y')
    t.match([nul.statusCode, nul.data.results?.[0].result], [207, 'skipped'])
  })

  await t.test('is for those who moderate', async t => {
    t.equal((await take([{ title: 'x' }], facilitator)).statusCode, 403)
    t.equal((await csv('title\nx', facilitator)).statusCode, 403)
    const { secret } = (
      await admin.post('/v1/api-keys', { name: 'k', scopes: ['strategies:read', 'strategies:moderate'] })
    ).data
    t.equal((await take([{ title: 'x' }], service.client(secret, admin.organization_id))).statusCode, 403)
    for (const headers of [
      { 'content-type': 'text/csv; charset=iso-8859-1' },
      { 'content-type': 'text/csv', 'content-encoding': 'gzip' }
    ]) {
      const refused = await admin.request({
        method: 'POST',
        url: '/v1/imports/strategies.csv',
        headers,
        payload: 'title\nx'
      })
      t.equal(refused.statusCode, 415)
    }
  })

  await t.test('names of people here are noticed, however they are written', async t => {
    const people = [
      'Anne-Marie',
      'Aoife O’Brien',
      'José  Núñez',
      'María José de la Cruz Hernández',
      'Smith, J. (Jim)',
      'Jo–Ann Quill'
    ]
    for (const name of people) await makePerson(admin, name)
    const rows = [
      'Anne-Marie’s walk',
      'What Aoife O’Brien does',
      'La lista de Jose Nunez',
      'María José de la Cruz Hernández camina',
      'After Smith, J. (Jim)',
      'By Jo-Ann Quill',
      'A marie without anne'
    ]
    const taken = await results(rows.map(title => ({ title })))
    t.same(
      taken.map(({ status }) => status),
      [...rows.slice(1).map(() => 'in_review'), 'published']
    )
  })

  await t.test('a thousand cards at once', async t => {
    const rows = Array.from({ length: 1000 }, (_, n) => ({
      title: `Card ${n}`,
      steps: ['Stand up.', 'Look around.', 'Name what is blue.'],
      topics: ['panic']
    }))
    const began = performance.now()
    const reply = await take(rows)
    t.comment(`${Math.round(performance.now() - began)} ms`)
    t.equal(reply.data.counts.created, 1000)
    t.equal((await take(rows)).data.counts.unchanged, 1000)
    t.equal((await take([...rows, { title: 'One more' }])).statusCode, 422)
    const all = await exported()
    t.equal(new Set(all.map(({ id }) => id)).size, all.length)
    t.ok(all.length > 1000, 'more than one page')
    t.equal(rowsOfCsv((await admin.get('/v1/strategies/export.csv')).body, 5000).length, all.length)
  })
})

t.test('CSV', async t => {
  const line = fc
    .string({ minLength: 1, maxLength: 30, unit: fc.constantFrom(...'=+-@＝\'"\\,;<>|nab é\u{1f600}', '<https://') })
    .map(text => text.trim())
    .filter(text => text !== '')
  const text = fc.array(line, { minLength: 1, maxLength: 3 }).map(lines => lines.join('\n'))
  const word = fc.constantFrom('panic', 'grief', 'sleep-well', 'a1')
  const words = fc.uniqueArray(word, { maxLength: 3 })
  const nullable = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null })
  const card: fc.Arbitrary<ExportedStrategy> = fc.record({
    id: fc.uuid(),
    title: line,
    summary: nullable(text),
    when_it_helps: nullable(text),
    steps: fc.array(text, { maxLength: 4 }),
    minutes: nullable(fc.integer({ min: 1, max: 1440 })),
    where_usable: fc.uniqueArray(fc.constantFrom('home', 'work'), { maxLength: 2 }) as fc.Arbitrary<
      ExportedStrategy['where_usable']
    >,
    topics: words,
    category: nullable(word),
    language: fc.constantFrom('en', 'pt-BR'),
    links: fc.array(
      fc.record({
        title: line,
        url: fc.constantFrom(
          'https://example.org/',
          'https://example.org/a,b;=c?d="e"&f=-1',
          'https://example.org/<a>b>'
        )
      }),
      { maxLength: 2 }
    ),
    source: nullable(line),
    contributor_nickname: nullable(line),
    visibility: fc.constantFrom('organization', 'public')
  })

  await t.test('what is written is read', async () => {
    fc.assert(
      fc.property(fc.array(card, { maxLength: 5 }), cards => {
        const rows = rowsOfCsv(csvHeader + csvOf(cards), 100)
        return JSON.stringify(rows) === JSON.stringify(cards)
      }),
      { numRuns: 2000 }
    )
  })

  await t.test('readers that end a line at any line break read it, too', async t => {
    const base = { topics: [], where_usable: [], links: [], minutes: 1, title: 'T' }
    const written = csvOf([{ ...base, steps: ['a', 'b'] } as unknown as ExportedStrategy])
    t.match(written, '"a\nb"')
  })

  await t.test('no cell, and no line of one, is a formula', async t => {
    const names = [
      'a;=1+1',
      'a\t=1',
      '＝1+1',
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      '\t=1',
      ' =x',
      '\u00a0=x',
      'a\n=x',
      "'=1",
      '=1,2;3'
    ]
    for (const name of names) {
      const base = { steps: [name], topics: [], where_usable: [], links: [], minutes: 1 }
      const written = csvOf([{ ...base, title: name, summary: name, source: name } as unknown as ExportedStrategy])
      for (const cell of written.split(/[\n;\t]|","|^"/m)) t.notMatch(cell, /^\s*[=+\-@＝]/, JSON.stringify(name))
    }
    t.end()
  })
})
