import { v7 as uuid } from 'uuid'
import { type Answered, doneAsText } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound } from '../problems.ts'
import { assertSheet, countsOf, isSameSheet, rowsOf, type SheetRow, withoutComputed } from './attendance.ts'
import { type LockedSession, lockSession } from './queries.ts'
import type { Sheet, SheetPut } from './schemas.ts'
import {
  findSheet,
  presentBefore,
  putSheetHead,
  putSheetRows,
  removeSheetRows,
  rosterOfDay,
  sheetRows,
  visibleAmong
} from './sheet-queries.ts'

/**
 * Writes the sheet of a session, whole or not at all. The first sheet makes the session held, nobody present or not.
 * What equals the stored sheet is answered with it and makes no version, whatever its If-Match: a retry after a lost
 * answer always succeeds.
 *
 * Refuses (409) a session that is cancelled, did not happen or begins in more than an hour; (428, 412) a later sheet that
 * does not say which version it replaces; (422) a sheet with bad rows, each with a pointer.
 */
export async function putSheet(
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  sheet: SheetPut
): Promise<Answered<Sheet>> {
  const ids = sheet.walk_ins.flatMap(({ person_id }) => person_id ?? [])
  const firstTimers = [...sheet.records, ...sheet.walk_ins].flatMap(
    row => (row.first_time != null && row.person_id) || []
  )
  const answers = await tx.runAll([
    lockSession.for(tx.actor, { session_id }),
    rosterOfDay.for(tx.actor, { session_id }),
    sheetRows.for(tx.actor, { session_id }),
    ...(ids.length > 0 ? [visibleAmong.for(tx.actor, { ids })] : []),
    ...(firstTimers.length > 0 ? [presentBefore.for(tx.actor, { session_id, ids: firstTimers })] : [])
  ])
  const [[session], roster, stored] = answers as [
    [LockedSession?],
    { person_id: string }[],
    (SheetRow & { id: string })[]
  ]
  const visible = (ids.length > 0 ? answers[3] : []) as { id: string }[]
  const before = (firstTimers.length > 0 ? answers.at(-1) : []) as { person_id: string }[]
  if (session === undefined) throw notFound()

  const rows = withoutComputed(rowsOf(sheet), new Set(before.map(person => person.person_id)))
  const { anonymous_count } = sheet
  if (session.sheet_version > 0) {
    if (isSameSheet({ rows, anonymous_count }, { rows: stored, anonymous_count: session.anonymous_count })) {
      assertSheet(sheet, null)
      return await answer(tx, session_id)
    }
    assertVersion(ifMatch, session.sheet_version)
  } else {
    assertVersion(ifMatch, 0, 'optional')
  }
  assertSheetOpen(session)
  const people = (kind: SheetRow['kind']) =>
    new Set(stored.flatMap(row => (row.kind === kind && row.person_id !== null ? [row.person_id] : [])))
  assertSheet(sheet, {
    roster: new Set(roster.map(member => member.person_id)),
    recorded: people('roster'),
    walkedIn: people('walk_in'),
    visible: new Set(visible.map(person => person.id))
  })

  // Whoever stays on the sheet keeps their row; names without a person are written anew.
  const staying = new Map(stored.flatMap(row => (row.person_id === null ? [] : [[row.person_id, row.id]])))
  const next = rows.map(row => ({ ...row, id: (row.person_id && staying.get(row.person_id)) ?? uuid() }))
  const kept = new Set(next.map(row => row.id))
  const gone = stored.filter(row => !kept.has(row.id)).map(row => row.id)
  const text = JSON.stringify(next)
  const results = await tx.runAll([
    ...(gone.length > 0 ? [removeSheetRows.for(tx.actor, { session_id, ids: gone })] : []),
    ...(next.length > 0 ? [putSheetRows.for(tx.actor, { session_id, rows: text })] : []),
    putSheetHead.for(tx.actor, { session_id, rows: text, anonymous_count, ...countsOf(rows) }),
    findSheet.for(tx.actor, { session_id })
  ])
  const [after] = results.at(-1) as [{ json: string; version: number }?]
  // The door closed meanwhile.
  if (after === undefined) throw notFound()
  recordChange(tx, 'session.sheet_put', { id: session_id, version: session.version + 1 })
  return doneAsText(after.version, after.json)
}

async function answer(tx: Tx, session_id: string): Promise<Answered<Sheet>> {
  const [sheet] = await tx.run(findSheet, { session_id })
  if (sheet === undefined) throw notFound()
  return doneAsText(sheet.version, sheet.json)
}

function assertSheetOpen(session: LockedSession) {
  if (session.outcome === 'cancelled')
    throw conflict('session_cancelled', 'The session is cancelled; reinstate it first.')
  if (session.outcome === 'did_not_happen') {
    throw conflict('session_did_not_happen', 'The session is marked as not happened; reinstate it first.')
  }
  if (!session.begun) {
    throw conflict('session_not_started', 'Attendance records what happened: from 60 minutes before the start on.')
  }
}
