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

t.test('two sheets are brought together as three plain lists would be', async t => {
  fc.assert(
    fc.property(content, content, content, (base, stored, yours) => {
      const [b, s, y] = [said(base), said(stored), said(yours)]
      const { content: merged, differences } = mergeSheets(base, stored, yours)
      const m = said(merged)
      const apart = Object.keys(b).filter(key => s[key] !== y[key] && s[key] !== b[key] && y[key] !== b[key])
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
