import { and, eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, done, removed } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { notFound } from '../problems.ts'
import { lockSession, touchSession } from '../sessions/queries.ts'
import {
  type About,
  findOwnAttendanceNote,
  forgetSheetNote,
  removeAttendanceNotes,
  sessionWithPerson
} from './attendance-note-queries.ts'
import type { AttendanceNote, AttendanceNotePut } from './attendance-note-schemas.ts'
import { attendanceNoteOf, sealText } from './sealed-note.ts'
import { attendanceNotes } from './tables.ts'

/**
 * Writes what the actor notes about somebody's attendance: the one note that is theirs, so that nobody overwrites a colleague's.
 * What it says already makes no version: a retry is answered alike, whenever it comes.
 *
 * @throws Problem 404 for a session, or somebody at it, whom the actor does not see there
 */
export async function putAttendanceNote(
  tx: Tx,
  vault: Vault,
  about: About,
  { text }: AttendanceNotePut
): Promise<Answered<AttendanceNote>> {
  const [session] = await tx.run(touchSession, { session_id: about.session_id })
  if (session === undefined) throw notFound()
  await assertThere(tx, about)
  const { organization_id, staff_id } = tx.actor
  const [before] = await tx.run(findOwnAttendanceNote, about)
  const id = before?.id ?? uuid()
  const text_sealed = sealText(vault, 'attendance_notes', organization_id, id, text)
  if (before === undefined) {
    await tx.db
      .insert(attendanceNotes)
      .values({ organization_id, id, ...about, written_by_staff_id: staff_id!, text_sealed })
  } else {
    const isSaid = attendanceNoteOf(vault, organization_id, before).text === text
    await tx.db
      .update(attendanceNotes)
      // One that came with a sheet is sealed now, also where it stays as it was.
      .set({ text_sealed, text_plain: null, ...(!isSaid && nextVersion(attendanceNotes)) })
      .where(and(eq(attendanceNotes.organization_id, organization_id), eq(attendanceNotes.id, id)))
  }
  await tx.run(forgetSheetNote, about)
  const [row] = await tx.run(findOwnAttendanceNote, about)
  // The door closed meanwhile.
  if (row === undefined) throw notFound()
  if (before === undefined) recordChange(tx, 'attendance_note.written', row)
  else if (row.version > before.version) recordChange(tx, 'attendance_note.changed', row)
  return done(attendanceNoteOf(vault, organization_id, row))
}

/**
 * Removes the actor's own note about somebody, and for coordinators what nobody's name is on; what was never written is removed already.
 *
 * @throws Problem 404 as `putAttendanceNote` does
 */
export async function removeAttendanceNote(tx: Tx, about: About): Promise<Answered<null>> {
  await assertBefore(tx, about)
  await assertThere(tx, about)
  const notes = await tx.run(removeAttendanceNotes, about)
  await tx.run(forgetSheetNote, about)
  // The door may have closed meanwhile.
  await assertBefore(tx, about)
  recordChange(tx, 'attendance_note.removed', ...notes.map(({ id, version }) => ({ id, version: version + 1 })))
  return removed
}

/** @throws Problem 404 where the actor does not have the session before them; it is held still until the transaction ends */
async function assertBefore(tx: Tx, { session_id }: About): Promise<void> {
  const [session] = await tx.run(lockSession, { session_id })
  if (session === undefined) throw notFound()
}

async function assertThere(tx: Tx, about: About): Promise<void> {
  const [session] = await tx.run(sessionWithPerson, about)
  if (session === undefined) throw notFound()
}
