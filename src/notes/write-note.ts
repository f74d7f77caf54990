import { and, eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange, recordReading } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { assertVersion } from '../http/etag.ts'
import { forbidden, notFound } from '../problems.ts'
import { touchSession } from '../sessions/queries.ts'
import { findNote, lockNote } from './queries.ts'
import type { Note, NotePatch, NoteWrite } from './schemas.ts'
import { noteOf, sealText } from './sealed-note.ts'
import { notes } from './tables.ts'

/** Writes a note about a session. */
export async function writeNote(
  tx: Tx,
  vault: Vault,
  session_id: string,
  { text, for_handover, follow_up }: NoteWrite
): Promise<Answered<Note>> {
  const [session] = await tx.run(touchSession, { session_id })
  if (session === undefined) throw notFound()
  const { organization_id, staff_id } = tx.actor
  const id = uuid()
  await tx.db.insert(notes).values({
    organization_id,
    id,
    session_id,
    written_by_staff_id: staff_id!,
    text_sealed: sealText(vault, 'notes', organization_id, id, text),
    for_handover,
    follow_up
  })
  const [row] = await tx.run(findNote, { note_id: id })
  // The door closed meanwhile.
  if (row === undefined) throw notFound()
  recordChange(tx, 'note.written', row)
  return created('/v1/notes', noteOf(vault, organization_id, row))
}

/** A note, for somebody who reads it: which is written down. @throws Problem 404 */
export async function readNote(tx: Tx, vault: Vault, note_id: string): Promise<Note> {
  const [row] = await tx.run(findNote, { note_id })
  if (row === undefined) throw notFound()
  recordReading(tx, 'note.read', [row.id])
  return noteOf(vault, tx.actor.organization_id, row)
}

/**
 * Changes a note. Whether it is followed up is for all who read it.
 *
 * @throws Problem 403 `not_permitted` for the words, or the readers, of somebody else's
 */
export async function changeNote(
  tx: Tx,
  vault: Vault,
  note_id: string,
  ifMatch: string | undefined,
  { text, ...changes }: NotePatch
): Promise<Answered<Note>> {
  const [before] = await tx.run(lockNote, { note_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  const { organization_id, staff_id, reach } = tx.actor
  const mine = before.written_by.staff_id === staff_id || reach === 'organization'
  const opens = (changes.follow_up === undefined ? before.follow_up : changes.follow_up) !== null
  const widens = changes.for_handover !== undefined || opens !== (before.follow_up !== null)
  if (!mine && (text !== undefined || widens)) {
    throw forbidden(
      'not_permitted',
      'What a note says, and whom it is for, is changed by whoever wrote it and by coordinators; others say whether it is followed up.'
    )
  }
  const [changed] = await tx.db
    .update(notes)
    .set({
      ...changes,
      ...(text !== undefined && { text_sealed: sealText(vault, 'notes', organization_id, note_id, text) }),
      ...nextVersion(notes)
    })
    .where(and(eq(notes.organization_id, organization_id), eq(notes.id, note_id)))
    .returning()
  // Not read again: once followed up, it may be closed to whoever did it.
  const { for_handover, follow_up, text_sealed, version, updated_at } = changed!
  const after = { ...before, for_handover, follow_up, text_sealed, version, updated_at }
  recordChange(tx, 'note.changed', after)
  recordReading(tx, 'note.read', [after.id])
  return done(noteOf(vault, organization_id, after))
}
