import t from 'tap'
import { starterSet } from '../../src/strategies/starter-set.ts'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makePerson } from '../support/circle.ts'

interface Found {
  id: string
  title: string
  highlights: { field: string; segments: { text: string; match: boolean }[] }[]
}

const titled = (found: Found[]) => found.map(({ title }) => title)
const search = async (client: Client, query: Record<string, string>) => {
  const { statusCode, body, data } = await client.get(`/v1/strategies?${new URLSearchParams(query)}`)
  if (statusCode !== 200) throw new Error(body)
  return data as { data: Found[]; page: { next_cursor: string | null }; corrected_q: string | null }
}

const spanish = [
  {
    title: 'Respiración en caja',
    when_it_helps: 'Cuando llega el pánico.',
    steps: ['Inspira contando hasta cuatro.', 'Mantén el aire.', 'Espira contando hasta cuatro.'],
    topics: ['panic']
  },
  {
    title: 'Carta a quien ya no está',
    when_it_helps: 'Cuando el duelo pesa por la noche.',
    steps: ['Escribe una carta.'],
    topics: ['grief']
  },
  {
    title: 'Paseo corto',
    when_it_helps: 'Cuando las preocupaciones dan vueltas.',
    steps: ['Sal a caminar diez minutos.'],
    topics: ['worry']
  }
]
const french = [
  {
    title: 'Cohérence cardiaque',
    when_it_helps: 'Quand l’anxiété monte.',
    steps: ['Inspirez cinq secondes.', 'Expirez cinq secondes.'],
    topics: ['anxiety']
  },
  {
    title: 'Noter ses pensées',
    when_it_helps: 'Quand les pensées tournent en rond.',
    steps: ['Écrivez chaque pensée.'],
    topics: ['rumination']
  },
  {
    title: 'Appeler un proche',
    when_it_helps: 'Quand la solitude pèse.',
    steps: ['Téléphonez à quelqu’un.'],
    topics: ['loneliness']
  }
]

/** What somebody types, and the card that must be among the first three. */
const judged: [query: string, title: string, language?: string][] = [
  ['box breathing', 'Box breathing'],
  ['breathe in a square', 'Box breathing'],
  ['5 4 3 2 1', '5-4-3-2-1 grounding'],
  ['five senses', '5-4-3-2-1 grounding'],
  ['urge surfing', 'Urge surfing'],
  ['surf the urge', 'Urge surfing'],
  ['muscle relaxation', 'Progressive muscle relaxation'],
  ['worry time', 'Worry time'],
  ['hungry angry lonely tired', 'HALT check'],
  ['safety plan', 'My safety plan'],
  ['self compassion', 'Self-compassion break'],
  ['letter to someone who died', 'A letter to the person who died'],
  ['three good things', 'Three good things'],
  // Mistyped.
  ['box braething', 'Box breathing'],
  ['urge sufring', 'Urge surfing'],
  ['muscel relaxtion', 'Progressive muscle relaxation'],
  ['safty plan', 'My safety plan'],
  ['worri tiem', 'Worry time'],
  // Spanish, with and without accents, in the singular and the plural, mistyped.
  ['respiración', 'Respiración en caja'],
  ['respiracion', 'Respiración en caja'],
  ['respiraciones', 'Respiración en caja', 'es'],
  ['panico', 'Respiración en caja'],
  ['preocupación', 'Paseo corto', 'es'],
  ['cartas', 'Carta a quien ya no está'],
  ['caminar', 'Paseo corto'],
  ['respiracoin', 'Respiración en caja'],
  // French.
  ['coherence cardiaque', 'Cohérence cardiaque'],
  ['pensée', 'Noter ses pensées'],
  ['pensees', 'Noter ses pensées'],
  ['appelez', 'Appeler un proche', 'fr'],
  ['solitude', 'Appeler un proche'],
  ['cardiaqeu', 'Cohérence cardiaque']
]

t.test('searching', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const write = async (fields: Record<string, unknown>) => {
    const made = await admin.post('/v1/strategies', { contributor: { kind: 'nickname', nickname: 'R' }, ...fields })
    if (made.statusCode !== 201) throw new Error(made.body)
    return made.data.id as string
  }

  await t.test('the starter set is switched on once', async t => {
    t.match((await admin.post('/v1/strategies/starter_set')).data, { added: 40, already_there: 0 })
    t.match((await admin.post('/v1/strategies/starter_set')).data, { added: 0, already_there: 40 })
    const { data } = await search(admin, { limit: '100' })
    t.same(titled(data).sort(), starterSet.map(({ title }) => title).sort())
    t.equal(new Set(starterSet.map(({ key }) => key)).size, 40)
    for (const { key, source } of starterSet) t.ok(source.length > 10, key)
  })
  for (const card of spanish) await write({ ...card, language: 'es' })
  for (const card of french) await write({ ...card, language: 'fr-CA' })

  await t.test('finds what was meant among the first three', async t => {
    for (const [q, title, language] of judged) {
      const { data } = await search(admin, { q, ...(language && { language }) })
      t.ok(titled(data).slice(0, 3).includes(title), `${q}: ${titled(data).slice(0, 3).join(', ') || 'nothing'}`)
    }
  })

  await t.test('tells what was put right, and only then', async t => {
    t.match(await search(admin, { q: 'box braething' }), { corrected_q: 'box breathing' })
    t.match(await search(admin, { q: 'box breathing' }), { corrected_q: null })
    t.match(await search(admin, { q: 'breathing bxo' }), { corrected_q: 'breathing box' }, 'in the order of the words')
    t.match(await search(admin, { q: 'xyzzyqwv' }), { data: [], corrected_q: null })
    await write({ title: 'Tea with a friend', steps: ['Make some.'] })
    t.match(await search(admin, { q: 'the' }), { data: [], corrected_q: null }, 'no mistake, and nothing to look for')
    t.match(await search(admin, { q: 'the box braething' }), { corrected_q: 'the box breathing' })
  })

  await t.test('shows where the words stand, as text and not as markup', async t => {
    await write({ title: 'Lantern <b>walk</b>', steps: ['Take a lantern.', 'Walk.'] })
    const { data } = await search(admin, { q: 'lanterns' })
    t.same(data[0]!.highlights, [
      {
        field: 'title',
        segments: [
          { text: 'Lantern', match: true },
          { text: ' <b>walk</b>', match: false }
        ]
      },
      {
        field: 'steps',
        segments: [
          { text: 'Take a ', match: false },
          { text: 'lantern', match: true },
          { text: '.', match: false }
        ]
      }
    ])
    t.same((await search(admin, { topic: 'panic' })).data[0]!.highlights, [])
    const accented = (await search(admin, { q: 'respiracion' })).data[0]!.highlights[0]!
    t.match(accented, { field: 'title', segments: [{ text: 'Respiración', match: true }] })
    const other = (await search(admin, { q: 'respiraciones' })).data[0]!.highlights[0]!
    t.match(other, { field: 'title', segments: [{ text: 'Respiración', match: true }] }, 'in another form')
  })

  await t.test('the title weighs more than when it helps, and that more than the steps', async t => {
    await write({ title: 'Three', steps: ['Ride a unicycle.'] })
    await write({ title: 'Two', when_it_helps: 'Where a unicycle is.' })
    await write({ title: 'Unicycle' })
    t.same(titled((await search(admin, { q: 'unicycle' })).data), ['Unicycle', 'Two', 'Three'])
    const three = await search(admin, { q: 'unicycle', limit: '1' })
    const rest: string[] = []
    for (let cursor = three.page.next_cursor; cursor !== null; ) {
      const next = await search(admin, { q: 'unicycle', limit: '1', cursor })
      rest.push(...titled(next.data))
      cursor = next.page.next_cursor
    }
    t.same(rest, ['Two', 'Three'], 'page by page as well')
  })

  await t.test('among equals what helped most comes first', async t => {
    const ids = [
      await write({ title: 'Kazoo', topics: ['kazoo'] }),
      await write({ title: 'Kazoo two', topics: ['kazoo'] })
    ]
    for (const person of [await makePerson(admin, 'A'), await makePerson(admin, 'B')]) {
      await admin.put(`/v1/strategies/${ids[0]}/feedback/${person}`, { outcome: 'helped' })
    }
    t.same(titled((await search(admin, { q: 'kazoo' })).data), ['Kazoo', 'Kazoo two'])
    const suggested = await admin.get('/v1/strategies/suggestions?topic=kazoo')
    t.same(titled(suggested.data.data), ['Kazoo', 'Kazoo two'])
    await admin.put(`/v1/strategies/${ids[1]}/feedback/${await makePerson(admin, 'C')}`, { outcome: 'helped' })
    t.same(titled((await search(admin, { topic: 'kazoo' })).data), ['Kazoo', 'Kazoo two'])
  })

  await t.test('filters', async t => {
    const quick = {
      title: 'Gong',
      topics: ['gong', 'noise'],
      minutes: 3,
      where_usable: ['home'],
      category: 'creativity'
    }
    await write(quick)
    await write({ ...quick, title: 'Gong long', minutes: 30, where_usable: ['anywhere'] })
    await write({ ...quick, title: 'Gong of unknown length', minutes: null, where_usable: ['work'], category: null })
    const of = async (query: Record<string, string>) =>
      titled((await search(admin, { topic: 'gong', ...query })).data).sort()
    t.same(await of({}), ['Gong', 'Gong long', 'Gong of unknown length'])
    t.same(await of({ minutes_max: '5' }), ['Gong'])
    t.same(await of({ where: 'home' }), ['Gong', 'Gong long'], 'anywhere is at home as well')
    t.same(await of({ where: 'in_bed' }), ['Gong long'])
    t.same(await of({ category: 'creativity', q: 'gong' }), ['Gong', 'Gong long'])
    t.same(await of({ language: 'es' }), [])
    t.same(await of({ language: 'en-GB' }), ['Gong', 'Gong long', 'Gong of unknown length'])
    t.same(await of({ q: 'gong long' }), ['Gong long'])
    const suggested = await admin.get('/v1/strategies/suggestions?topic=gong&minutes=5&where=home')
    t.same(titled(suggested.data.data), ['Gong'])
    t.equal((await admin.get('/v1/strategies/suggestions')).statusCode, 400)
  })

  await t.test('takes whatever is typed', async t => {
    for (const q of [
      `'`,
      `\\`,
      `a & b | !c`,
      `'a':*`,
      `<->`,
      '#topic:grief',
      'the',
      '%',
      'a'.repeat(200),
      '😀',
      'c:d',
      `\\'`,
      '"',
      '()',
      'https://example.org/x?a=b'
    ]) {
      const { statusCode } = await admin.get(`/v1/strategies?q=${encodeURIComponent(q)}`)
      t.equal(statusCode, 200, q)
    }
    // Words longer than an index takes are left out of it, and the card is kept.
    for (const length of [499, 500]) {
      await write({ title: 'Long', steps: ['𝒜'.repeat(length)], when_it_helps: 'ñ'.repeat(500) })
    }
  })

  await t.test('similar cards', async t => {
    const { data } = await search(admin, { q: 'box breathing' })
    const similar = (await admin.get(`/v1/strategies/${data[0]!.id}/similar`)).data.data
    t.ok(similar.length > 0 && similar.length <= 10)
    t.notOk(similar.some((found: Found) => found.id === data[0]!.id))
    t.ok(
      similar.slice(0, 3).some((found: Found) => /breath/i.test(found.title)),
      titled(similar).join(', ')
    )
  })

  await t.test('no word that only others read is offered in the place of a mistyped one', async t => {
    const facilitator = await service.staff(admin, 'facilitator')
    await facilitator.post('/v1/strategies', { title: 'Zanzibarium', visibility: 'private' })
    t.match(await search(admin, { q: 'zanzibariun' }), { data: [], corrected_q: null })
    t.match(await search(facilitator, { q: 'zanzibariun' }), { data: [{ title: 'Zanzibarium' }] }, 'but to its writer')

    const [group, elsewhere] = [await makeGroup(admin), await makeGroup(admin)]
    const outsider = await service.staff(admin, 'facilitator')
    await assign(admin, group, facilitator.staff_id)
    await assign(admin, elsewhere, outsider.staff_id)
    const id = await write({ title: 'Kaleidoscope', visibility: 'group', group_id: group })
    const found = { data: [{ id }], corrected_q: 'kaleidoscope' }
    t.match(await search(facilitator, { q: 'kaliedoscope' }), found)
    t.match(await search(admin, { q: 'kaliedoscope' }), found)
    t.match(await search(outsider, { q: 'kaliedoscope' }), { data: [], corrected_q: null })
    // A card that all read, and that the word of the group's card would find: its own word is told.
    await write({ title: 'Kaleidoscopes everywhere' })
    t.match(await search(outsider, { q: 'kaleidoscpe' }), { corrected_q: 'kaleidoscopes' })
    // Nor a form of a word that only a hidden card has, though another card is found by it.
    const hidden = await write({ title: 'Walks of Simonettas' })
    await admin.post(`/v1/strategies/${hidden}/reports`, { reason: 'identifies_somebody' })
    await write({ title: 'Simonetta Lake' })
    t.match(await search(outsider, { q: 'simonettsa' }), { corrected_q: 'simonetta' })
  })
})
