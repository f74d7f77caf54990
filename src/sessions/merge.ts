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
 * Heads without a person are one thing: two names may well be one guest, spelled twice, and must not be counted twice. And whoever
 * one side wrote down as a guest may be a head of the other: guests and heads are not added up either.
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
  // In one order, however the rows were read: a conflict is told the same each time.
  for (const person_id of [...new Set([...theirs.keys(), ...ours.keys()])].sort()) {
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
  const guests = ({ rows, anonymous_count }: Content): Content => ({
    rows: rows.filter(row => row.kind === 'walk_in'),
    anonymous_count
  })
  const apart =
    taken === undefined ||
    decide(guests(base), guests(stored), guests(yours), isSameSheet) === undefined ||
    sawOthersInTheSameHeads(base, stored, yours, heads)
  if (apart) differences.push({ person_id: null, stored: null, yours: null })
  const { rows: names, anonymous_count } = taken?.value ?? heads(stored)
  // Those who walked in stand in one order: that of what stands, then ours.
  const whole = [...rows, ...names].map((row, position) => ({ ...row, position }))
  return { content: { rows: whole, anonymous_count }, differences }
}

/** Both say of fewer or other heads who they were, and name different people: one head may have become two. */
function sawOthersInTheSameHeads(
  base: Content,
  stored: Content,
  yours: Content,
  heads: (of: Content) => Content
): boolean {
  const none = heads(base).rows.length === 0 && base.anonymous_count === 0
  if (none || isSameSheet(heads(stored), heads(base)) || isSameSheet(heads(yours), heads(base))) return false
  const present = ({ rows }: Content) =>
    new Set(rows.flatMap(row => (row.status === 'present' && row.person_id !== null ? [row.person_id] : [])))
  const before = present(base)
  const came = (side: Content) =>
    [...present(side)]
      .filter(person_id => !before.has(person_id))
      .sort()
      .join()
  return came(stored) !== came(yours)
}

/** What both agree on, or only one of them changed; undefined where each changed it to something else. */
function decide<Value>(base: Value, stored: Value, yours: Value, same: (a: Value, b: Value) => boolean) {
  if (same(stored, yours) || same(yours, base)) return { value: stored }
  return same(stored, base) ? { value: yours } : undefined
}
