import type { Caller } from '../access/caller.ts'
import type { Vault } from '../database/keyring.ts'
import type { AttendanceNoteRow } from './attendance-note-queries.ts'
import type { AttendanceNote } from './attendance-note-schemas.ts'
import type { NoteRow } from './queries.ts'
import type { Note } from './schemas.ts'

/** Where a note is kept: what is sealed for one of them opens in no other. */
type Kept = 'notes' | 'attendance_notes'

const context = (kept: Kept, organization_id: string, note_id: string) => `${organization_id}|${kept}|${note_id}|text`

export const sealText = (
  { keyring }: Vault,
  kept: Kept,
  organization_id: string,
  note_id: string,
  text: string
): Buffer => keyring.seal(text, context(kept, organization_id, note_id))

/** Null for one that does not open: the operator is told. */
function openText({ keyring, log }: Vault, kept: Kept, organization_id: string, note_id: string, sealed: Buffer) {
  try {
    return keyring.open(sealed, context(kept, organization_id, note_id)).toString()
  } catch {
    log.error({ note_id, kept }, 'a note does not open')
    return null
  }
}

/** A note about a session as the contract has it. */
export const noteOf = (vault: Vault, organization_id: string, { text_sealed, ...note }: NoteRow): Note => ({
  ...note,
  text: openText(vault, 'notes', organization_id, note.id, text_sealed)
})

/** A note about somebody's attendance as the contract has it. */
export const attendanceNoteOf = (
  vault: Vault,
  organization_id: string,
  { text_sealed, text_plain, written_by, ...note }: AttendanceNoteRow
): AttendanceNote => ({
  ...note,
  text: text_sealed === null ? text_plain : openText(vault, 'attendance_notes', organization_id, note.id, text_sealed),
  ...(written_by !== null && { written_by })
})

/** A key that writes and does not read is not told what there is. */
export const told = <N extends Note | AttendanceNote>({ scopes }: Caller, note: N): N =>
  scopes.has('notes:read') ? note : { ...note, text: null }
