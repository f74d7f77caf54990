import { v7 as uuid } from 'uuid'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import type { Prepared } from '../database/statement.ts'
import {
  assertSheet,
  type Content,
  countsOf,
  type PutSheet,
  rowsOf,
  type StoredRow,
  wholeRows,
  withoutComputed
} from './attendance.ts'
import {
  type LockedSheet,
  lockSheets,
  presentBefore,
  putSheetHeads,
  putSheetRows,
  removeSheetRows,
  rostersOfDay,
  type SheetHead,
  sheetRows,
  visibleAmong
} from './sheet-queries.ts'
import type { Expectation } from './vocabulary.ts'

/** A session whose sheet is about to be written, and what it takes to judge one. */
export interface Held {
  session: LockedSheet
  /** As it stands; no rows where none does. */
  stored: StoredRow[]
  /** Who belongs to the group that day, as it is known now. */
  members: ReadonlyMap<string, Expectation>
  /** People that the actor sees, of those that were asked about. */
  visible: ReadonlySet<string>
  /** Who was present earlier in the group, of those that were asked about. */
  cameBefore: ReadonlySet<string>
}

/** Which people a sheet asks about. */
const peopleOf = (sheet: PutSheet) => ({
  walkIns: sheet.walk_ins.flatMap(({ person_id }) => person_id ?? []),
  firstTimers: [...sheet.records, ...sheet.walk_ins].flatMap(row => (row.first_time != null && row.person_id) || [])
})

/** Holds sessions still, and reads what there is to know with one statement for each kind of thing, however many they are. */
export async function holdSheets(
  tx: Tx,
  asked: { session_id: string; sheet?: PutSheet }[]
): Promise<Map<string, Held>> {
  const session_ids = [...new Set(asked.map(({ session_id }) => session_id.toLowerCase()))]
  const ids: string[] = []
  const pairs = { session_ids: [] as string[], person_ids: [] as string[] }
  for (const { session_id, sheet } of asked) {
    if (sheet === undefined) continue
    const { walkIns, firstTimers } = peopleOf(sheet)
    ids.push(...walkIns)
    for (const person_id of firstTimers) {
      pairs.session_ids.push(session_id)
      pairs.person_ids.push(person_id)
    }
  }
  const statements: Prepared[] = [
    lockSheets.for(tx.actor, { session_ids }),
    rostersOfDay.for(tx.actor, { session_ids }),
    sheetRows.for(tx.actor, { session_ids })
  ]
  if (ids.length > 0) statements.push(visibleAmong.for(tx.actor, { ids }))
  if (pairs.person_ids.length > 0) statements.push(presentBefore.for(tx.actor, pairs))
  const answers = await tx.runAll(statements)
  const [sessions, members, stored] = answers as [
    LockedSheet[],
    { session_id: string; person_id: string; expected: Expectation }[],
    StoredRow[]
  ]
  const visible = new Set(ids.length > 0 ? (answers[3] as { id: string }[]).map(person => person.id) : [])
  const before = pairs.person_ids.length > 0 ? (answers.at(-1) as { session_id: string; person_id: string }[]) : []

  const of = <Row extends { session_id: string }>(rows: Row[]) => {
    const found = new Map<string, Row[]>(sessions.map(({ id }) => [id, []]))
    for (const row of rows) found.get(row.session_id)?.push(row)
    return (id: string) => found.get(id)!
  }
  const [membersOf, storedOf, beforeOf] = [of(members), of(stored), of(before)]
  return new Map(
    sessions.map(session => [
      session.id,
      {
        session,
        stored: storedOf(session.id),
        members: new Map(membersOf(session.id).map(({ person_id, expected }) => [person_id, expected])),
        visible,
        cameBefore: new Set(beforeOf(session.id).map(({ person_id }) => person_id))
      }
    ])
  )
}

/** What a sheet says, against what is known already. */
export const contentOf = (held: Held, sheet: PutSheet): Content => ({
  rows: withoutComputed(rowsOf(sheet), held.cameBefore),
  anonymous_count: sheet.anonymous_count
})

/** What the sheet that stands says. */
export const standingContent = ({ session, stored }: Held): Content => ({
  rows: stored,
  anonymous_count: session.anonymous_count
})

/**
 * @param base what the sheet was filled in from: whoever walked in by that may stand, though they were taken off since
 * @throws Problem 422 with a fault for each bad row
 */
export function assertStanding(held: Held, sheet: PutSheet, base?: Content): void {
  const people = (kind: StoredRow['kind']) =>
    new Set(held.stored.flatMap(row => (row.kind === kind && row.person_id !== null ? [row.person_id] : [])))
  assertSheet(sheet, {
    roster: held.session.stands ? people('roster') : new Set(held.members.keys()),
    members: new Set(held.members.keys()),
    walkedIn: new Set([
      ...people('walk_in'),
      ...(base?.rows.flatMap(row => (row.kind === 'walk_in' && row.person_id !== null ? [row.person_id] : [])) ?? [])
    ]),
    visible: held.visible
  })
}

export interface SheetWrite extends Content, Pick<SheetHead, 'reason' | 'occurred_at' | 'clock_off'> {
  held: Held
}

/**
 * Writes sheets, each as the next version of what stands. The roster of the first is kept: who belongs to the group may change, and
 * who did not come that day does not.
 *
 * @param then statements to run behind it, in the same round trip; what they answer is answered
 */
export async function writeSheets(tx: Tx, writes: SheetWrite[], then: Prepared[] = []): Promise<unknown[][]> {
  const gone: string[] = []
  const rows: StoredRow[] = []
  const heads: SheetHead[] = writes.map(({ held, rows: said, anonymous_count, reason, occurred_at, clock_off }) => {
    const { session, stored, members } = held
    const spokenOf = new Set(said.map(row => row.person_id))
    const roster = session.stands
      ? new Map([
          ...[...members].filter(([person_id]) => spokenOf.has(person_id)),
          ...stored.flatMap(row => (row.kind === 'roster' ? [[row.person_id!, row.expected!] as const] : []))
        ])
      : members
    // Whoever stays on the sheet keeps their row; names without a person are written anew.
    const staying = new Map(stored.flatMap(row => (row.person_id === null ? [] : [[row.person_id, row.id]])))
    const whole = wholeRows(said, roster).map(row => ({
      ...row,
      id: (row.person_id && staying.get(row.person_id)) ?? uuid(),
      session_id: session.id
    }))
    const kept = new Set(whole.map(row => row.id))
    gone.push(...stored.filter(row => !kept.has(row.id)).map(row => row.id))
    rows.push(...whole)
    return { session_id: session.id, rows: whole, reason, occurred_at, clock_off, anonymous_count, ...countsOf(whole) }
  })
  const statements: Prepared[] = []
  if (gone.length > 0) statements.push(removeSheetRows.for(tx.actor, { ids: gone }))
  if (rows.length > 0) statements.push(putSheetRows.for(tx.actor, { rows: JSON.stringify(rows) }))
  const session_ids = heads.map(head => head.session_id)
  statements.push(putSheetHeads.for(tx.actor, { session_ids, heads: JSON.stringify(heads) }))
  const answers = await tx.runAll([...statements, ...then])
  recordChange(
    tx,
    'session.sheet_put',
    ...writes.map(({ held }) => ({ id: held.session.id, version: held.session.version + 1 }))
  )
  return answers.slice(statements.length)
}
