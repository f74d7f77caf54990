import fc from 'fast-check'
import t from 'tap'
import { type Content, isSameSheet, rowsOf, type SheetRow, says } from '../../src/sessions/attendance.ts'
import { mergeSheets } from '../../src/sessions/merge.ts'

const statuses = ['present', 'absent', 'excused'] as const
const ids = ['a', 'b', 'c', 'd']

/** A sheet of some of four people, with names and heads. */
const content: fc.Arbitrary<Content> = fc
  .record({
    statuses: fc.array(fc.option(fc.constantFrom(...statuses)), { minLength: 4, maxLength: 4 }),
    walks: fc.constantFrom(...['', ...ids]),
    names: fc.array(fc.constantFrom('Li', 'Lea'), { maxLength: 2 }),
    anonymous_count: fc.nat(1)
  })
  .map(({ statuses, walks, names, anonymous_count }) => ({
    rows: rowsOf({
      records: statuses.flatMap((status, n) =>
        status === null || ids[n] === walks ? [] : [{ person_id: ids[n]!, status }]
      ),
      walk_ins: [...(walks === '' ? [] : [{ person_id: walks }]), ...names.map(display_name => ({ display_name }))],
      anonymous_count
    }),
    anonymous_count
  }))

/** What a sheet says of each person, and of heads, in one plain text each. */
function said({ rows, anonymous_count }: Content): Record<string, string> {
  const of = (row?: SheetRow) => (row === undefined || !says(row) ? 'nothing' : `${row.kind} ${row.status}`)
  const names = rows.flatMap(row => (row.person_id === null ? [row.display_name] : [])).sort()
  return {
    ...Object.fromEntries(ids.map(id => [id, of(rows.find(row => row.person_id === id))])),
    heads: `${anonymous_count} ${names}`
  }
}

/** Whether heads may be counted twice: by plain sets of who was there. */
function headsApart(base: Content, stored: Content, yours: Content): boolean {
  const heads = (side: Content) => said(side).heads!
  const guests = (side: Content) =>
    JSON.stringify([
      heads(side),
      side.rows
        .filter(row => row.kind === 'walk_in')
        .map(row => row.person_id ?? '')
        .sort()
    ])
  const differ = (of: (side: Content) => string) =>
    of(stored) !== of(yours) && of(stored) !== of(base) && of(yours) !== of(base)
  if (differ(heads) || differ(guests)) return true
  const there = ({ rows }: Content) => rows.flatMap(row => (row.status === 'present' ? (row.person_id ?? []) : []))
  const came = (side: Content) =>
    there(side)
      .filter(id => !there(base).includes(id))
      .sort()
      .join()
  return (
    heads(base) !== '0 ' &&
    heads(stored) !== heads(base) &&
    heads(yours) !== heads(base) &&
    came(stored) !== came(yours)
  )
}

t.test('two sheets are brought together as three plain lists would be', async t => {
  fc.assert(
    fc.property(content, content, content, (base, stored, yours) => {
      const [b, s, y] = [said(base), said(stored), said(yours)]
      const { content: merged, differences } = mergeSheets(base, stored, yours)
      const m = said(merged)
      const apart = ids.filter(key => s[key] !== y[key] && s[key] !== b[key] && y[key] !== b[key])
      if (headsApart(base, stored, yours)) apart.push('heads')
      t.same(differences.map(({ person_id }) => person_id ?? 'heads').sort(), apart.sort())
      for (const key of Object.keys(b)) {
        if (!apart.includes(key)) t.equal(m[key], s[key] === b[key] ? y[key] : s[key], key)
      }
    }),
    { numRuns: 500 }
  )
})

t.test('whoever comes first, the merged sheet is the same; and nothing is lost or counted twice', async t => {
  fc.assert(
    fc.property(content, content, content, (base, one, other) => {
      const [there, back] = [mergeSheets(base, one, other), mergeSheets(base, other, one)]
      t.equal(there.differences.length, back.differences.length)
      if (there.differences.length > 0) return
      t.ok(isSameSheet(there.content, back.content))
      t.ok(isSameSheet(mergeSheets(base, there.content, other).content, there.content), 'once more changes nothing')
      const people = there.content.rows.flatMap(row => row.person_id ?? [])
      t.equal(new Set(people).size, people.length)
    }),
    { numRuns: 500 }
  )
})

t.test('a guest of one side may be a head of the other: neither is counted twice, nor lost', async t => {
  const sheet = (anonymous_count: number, walks: string[], present: string[] = []): Content => ({
    rows: rowsOf({
      records: present.map(person_id => ({ person_id, status: 'present' })),
      walk_ins: walks.map(person_id => ({ person_id })),
      anonymous_count
    }),
    anonymous_count
  })
  for (const [what, base, stored, yours] of [
    ['the same head, named differently', sheet(3, []), sheet(2, ['a']), sheet(2, ['b'])],
    ['the same head, known to the group', sheet(3, []), sheet(2, [], ['a']), sheet(2, [], ['b'])],
    ['a guest and a head', sheet(0, []), sheet(0, ['a']), sheet(1, [])],
    ['one more, and one of those', sheet(3, []), sheet(3, ['a']), sheet(2, ['a'])]
  ] as const) {
    t.match(mergeSheets(base, stored, yours).differences, [{ person_id: null }], what)
    t.match(mergeSheets(base, yours, stored).differences, [{ person_id: null }], what)
  }
  const { content, differences } = mergeSheets(sheet(3, []), sheet(2, ['a']), sheet(3, [], ['b']))
  t.same(differences, [], 'somebody who is no head to either')
  t.equal(content.anonymous_count + content.rows.length, 4)
})

t.test('two names are not added up: they may be one guest', async t => {
  const named = (display_name: string): Content => ({
    rows: rowsOf({ records: [], walk_ins: [{ display_name }], anonymous_count: 0 }),
    anonymous_count: 0
  })
  const nothing = { rows: [], anonymous_count: 0 }
  t.match(mergeSheets(nothing, named('Ana'), named('Anna')).differences, [{ person_id: null }])
  const { content, differences } = mergeSheets(nothing, named('Ana'), named('Ana'))
  t.same(differences, [])
  t.equal(content.rows.length, 1)
})
