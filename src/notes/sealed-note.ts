import type { Vault } from '../database/keyring.ts'
import type { NoteRow } from './queries.ts'
import type { Note } from './schemas.ts'

const context = (organization_id: string, note_id: string) => `${organization_id}|notes|${note_id}|text`

export const sealText = ({ keyring }: Vault, organization_id: string, note_id: string, text: string): Buffer =>
  keyring.seal(text, context(organization_id, note_id))

/** A note as the contract has it. */
export function noteOf({ keyring, log }: Vault, organization_id: string, { text_sealed, ...note }: NoteRow): Note {
  try {
    return { ...note, text: keyring.open(text_sealed, context(organization_id, note.id)).toString() }
  } catch {
    log.error({ note_id: note.id }, 'a note does not open')
    return { ...note, text: null }
  }
}
