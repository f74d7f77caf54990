import { type Content, isSameSheet, type SheetRow, says, spelled } from './attendance.ts'

/** Something that both sides say in their own way. */
export interface Difference {
  /** null: the heads, anonymous ones and walk-ins by name; nobody can tell which of them are the same. */
  person_id: string | null
  /** What the sheet that stands says; null: nothing. Of heads, there is nothing to show here. */
  stored: SheetRow | null
  yours: SheetRow | null
}

/**
 * Brings together what stands and what somebody else wrote down, both having begun from the same version: what only one of them
 * changed, and what both say alike, is taken; what they say differently is told. Whoever is not spoken of is not said to be absent.
 *
 * Heads without a person are one thing: two names may well be one guest, spelled twice, and must not be counted twice.
 *
 * @returns the merged sheet, good where there are no differences
 */
export function mergeSheets(
  base: Content,
  stored: Content,
  yours: Content
): { content: Content; differences: Difference[] } {
  const people = ({ rows }: Content) =>
    new Map(rows.flatMap(row => (row.person_id !== null && says(row) ? [[row.person_id, row] as const] : [])))
  const [before, theirs, ours] = [people(base), people(stored), people(yours)]
  const differences: Difference[] = []
  const rows: SheetRow[] = []
  for (const person_id of new Set([...theirs.keys(), ...ours.keys()])) {
    const [was, there, here] = [before, theirs, ours].map(side => side.get(person_id) ?? null) as [
      SheetRow | null,
      SheetRow | null,
      SheetRow | null
    ]
    const taken = decide(was, there, here, (a, b) => (a && spelled(a)) === (b && spelled(b)))
    if (taken === undefined) differences.push({ person_id, stored: there, yours: here })
    else if (taken.value !== null) rows.push(taken.value)
  }

  const heads = (content: Content): Content => ({
    rows: content.rows.filter(row => row.person_id === null),
    anonymous_count: content.anonymous_count
  })
  const taken = decide(heads(base), heads(stored), heads(yours), isSameSheet)
  if (taken === undefined) differences.push({ person_id: null, stored: null, yours: null })
  const { rows: names, anonymous_count } = taken?.value ?? heads(stored)
  // Those who walked in stand in one order: that of what stands, then ours.
  const whole = [...rows, ...names].map((row, position) => ({ ...row, position }))
  return { content: { rows: whole, anonymous_count }, differences }
}

/** What both agree on, or only one of them changed; undefined where each changed it to something else. */
function decide<Value>(base: Value, stored: Value, yours: Value, same: (a: Value, b: Value) => boolean) {
  if (same(stored, yours) || same(yours, base)) return { value: stored }
  return same(stored, base) ? { value: yours } : undefined
}
