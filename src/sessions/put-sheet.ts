import { type Answered, doneAsText } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, forbidden, notFound, unprocessable } from '../problems.ts'
import { assertSheet, isPuttable, isSameSheet, mostRows, rowsOf, sheetOf } from './attendance.ts'
import { whenItOccurred } from './device-clock.ts'
import type { HeadIdentify, Sheet, SheetPut, SheetWithdraw } from './schemas.ts'
import { findSheet, type LockedSheet, withdrawSheetHead } from './sheet-queries.ts'
import { resolveConflicts } from './sync-queries.ts'
import { assertStanding, contentOf, type Held, holdSheets, standingContent, writeSheets } from './write-sheets.ts'

/** Whether whoever asks corrects what is locked. */
export interface Corrector {
  mayCorrect: boolean
}

/**
 * Writes the sheet of a session, whole or not at all. The first sheet makes the session held, nobody present or not.
 * What equals the stored sheet is answered with it and makes no version, whatever its If-Match: a retry after a lost
 * answer always succeeds.
 *
 * Refuses (409) a session that is cancelled, did not happen or begins in more than an hour; (428, 412) a later sheet that
 * does not say which version it replaces; (403) one that is locked, but to coordinators, who say why; (422) a sheet with bad rows,
 * each with a pointer.
 */
export async function putSheet(
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  { reason = null, occurred_at, resolves = [], ...sheet }: SheetPut,
  corrector: Corrector,
  now = new Date()
): Promise<Answered<Sheet>> {
  const held = await hold(tx, session_id, sheet)
  const content = contentOf(held, sheet)
  if (held.session.stands) {
    if (isSameSheet(content, standingContent(held))) {
      assertSheet(sheet, null)
      if (resolves.length > 0) {
        assertVersion(ifMatch, held.session.sheet_version)
        assertMayChange(held.session, corrector, reason)
      }
      await resolve(tx, held.session, resolves, 0)
      return await answer(tx, session_id)
    }
    assertVersion(ifMatch, held.session.sheet_version)
  } else {
    // One that was withdrawn does not come back with a late retry.
    assertVersion(ifMatch, held.session.sheet_version, held.session.sheet_version === 0 ? 'optional' : 'required')
  }
  assertOpen(held.session)
  assertMayChange(held.session, corrector, reason)
  assertStanding(held, sheet)
  await resolve(tx, held.session, resolves, 1)
  return await write(tx, held, { ...content, reason, ...whenItOccurred(occurred_at, now) })
}

/**
 * Somebody says who a head was, or gives it a name: it becomes a record, and the total stays what it is.
 *
 * @throws Problem 409 `no_sheet`; 422 `no_such_head`, and as `putSheet` does
 */
export async function identifyHead(
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  { walk_in, person_id, display_name, reason = null }: HeadIdentify,
  corrector: Corrector
): Promise<Answered<Sheet>> {
  // Whether they are seen is asked with the hold.
  const asked = { records: [], walk_ins: person_id == null ? [] : [{ person_id }], anonymous_count: 0 }
  const held = await hold(tx, session_id, asked)
  assertVersion(ifMatch, held.session.sheet_version)
  if (!held.session.stands) throw noSheet()
  assertMayChange(held.session, corrector, reason)
  const sheet = sheetOf(standingContent(held))
  const heads = sheet.walk_ins
  const named = walk_in == null ? undefined : heads[walk_in]
  if (walk_in == null ? sheet.anonymous_count === 0 : named === undefined || named.person_id !== undefined) {
    throw unprocessable('no_such_head', '#/walk_in', 'The sheet has no such head without a person.')
  }
  if (named === undefined) sheet.anonymous_count--
  const { person_id: _, display_name: __, ...facts } = named ?? {}
  const id = person_id?.toLowerCase()
  if (id === undefined && display_name === undefined) {
    throw unprocessable([
      { pointer: '#/display_name', in: 'body', code: 'required', detail: 'A head becomes a person, or gets a name.' }
    ])
  }
  if (id === undefined) {
    if (named === undefined) heads.push({ display_name: display_name! })
    else heads[walk_in!] = { ...facts, display_name: display_name! }
  } else if (held.stored.some(row => row.kind === 'roster' && row.person_id === id && row.status !== 'present')) {
    // Somebody of the roster, who was taken for a stranger.
    const others = sheet.records.filter(record => record.person_id !== id)
    sheet.records = [...others, { ...facts, person_id: id, status: 'present' }]
    if (named !== undefined) heads.splice(walk_in!, 1)
  } else if (held.stored.some(row => row.person_id === id)) {
    throw unprocessable('duplicate_person', '#/person_id', 'This person was present already, by the sheet.')
  } else if (named === undefined) heads.push({ person_id: id })
  else heads[walk_in!] = { ...facts, person_id: id }
  // Whoever stands on the sheet is seen with it.
  if (id !== undefined && !held.visible.has(id) && !held.stored.some(row => row.person_id === id)) {
    throw unprocessable('unknown_person', '#/person_id', 'There is no such person that you can see.')
  }
  // What the sheet said of first times, it says still.
  const content = { rows: rowsOf(sheet), anonymous_count: sheet.anonymous_count }
  if (!isPuttable(content)) {
    throw unprocessable([
      { pointer: '#/walk_in', in: 'body', code: 'max_items', detail: `A sheet has at most ${mostRows} walk-ins.` }
    ])
  }
  return await write(tx, held, { ...content, reason, occurred_at: null, clock_off: false })
}

/**
 * Takes a sheet back that was put on the wrong session: it is scheduled again. What it said stays in the history, as entered in
 * error.
 *
 * @throws Problem 409 `no_sheet`; 403 `sheet_locked`
 */
export async function withdrawSheet(
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  { reason }: SheetWithdraw,
  corrector: Corrector
): Promise<Answered<Sheet>> {
  const { session } = await hold(tx, session_id)
  assertVersion(ifMatch, session.sheet_version)
  if (!session.stands) throw noSheet()
  assertMayChange(session, corrector, reason)
  await tx.run(withdrawSheetHead, { session_id, reason })
  recordChange(tx, 'session.sheet_withdrawn', { id: session_id, version: session.version + 1 })
  return await answer(tx, session_id)
}

/** @throws Problem 422 `unknown_reference` for what is no conflict of this session */
async function resolve(tx: Tx, { id, version, sheet_version }: LockedSheet, given: string[], ahead: 0 | 1) {
  if (given.length === 0) return
  const ids = [...new Set(given.map(conflict => conflict.toLowerCase()))]
  recordChange(tx, 'session.conflict_resolved', { id, version: version + ahead })
  const resolved = await tx.run(resolveConflicts, { session_id: id, ids, version: sheet_version + ahead })
  if (resolved.length < ids.length) {
    throw unprocessable('unknown_reference', '#/resolves', 'The session has no such conflict.')
  }
}

async function hold(tx: Tx, session_id: string, sheet?: Parameters<typeof contentOf>[1]): Promise<Held> {
  const held = (await holdSheets(tx, [{ session_id, sheet }])).get(session_id.toLowerCase())
  if (held === undefined) throw notFound()
  return held
}

async function write(
  tx: Tx,
  held: Held,
  content: Omit<Parameters<typeof writeSheets>[1][number], 'held'>
): Promise<Answered<Sheet>> {
  const { id } = held.session
  const [sheets] = await writeSheets(tx, [{ held, ...content }], [findSheet.for(tx.actor, { session_id: id })])
  const [after] = sheets as [{ json: string; version: number }?]
  // The door closed meanwhile.
  if (after === undefined) throw notFound()
  return doneAsText(after.version, after.json)
}

async function answer(tx: Tx, session_id: string): Promise<Answered<Sheet>> {
  const [sheet] = await tx.run(findSheet, { session_id })
  if (sheet === undefined) throw notFound()
  return doneAsText(sheet.version, sheet.json)
}

/** @throws Problem 409 where no sheet can be put yet, or not any more */
export function assertOpen(session: LockedSheet) {
  if (session.outcome === 'cancelled')
    throw conflict('session_cancelled', 'The session is cancelled; reinstate it first.')
  if (session.outcome === 'did_not_happen') {
    throw conflict('session_did_not_happen', 'The session is marked as not happened; reinstate it first.')
  }
  if (!session.begun) {
    throw conflict('session_not_started', 'Attendance records what happened: from 60 minutes before the start on.')
  }
}

/** @throws Problem 403 `sheet_locked`, 422 `reason_required` */
export function assertMayChange(session: LockedSheet, { mayCorrect }: Corrector, reason: string | null) {
  if (!session.locked) return
  if (!mayCorrect) throw forbidden('sheet_locked', 'The sheet is locked: a coordinator corrects it, and says why.')
  if (reason === null)
    throw unprocessable('reason_required', '#/reason', 'The sheet is locked: say why it is corrected.')
}

const noSheet = () => conflict('no_sheet', 'The session has no attendance sheet.')
