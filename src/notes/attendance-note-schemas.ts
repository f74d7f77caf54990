import { type Static, Type } from 'typebox'
import { Answer, Body, Id, Instant, Nullable, Page, Parameters, Text, Version } from '../http/schemas.ts'
import { noteWriter } from './schemas.ts'

const what = 'About this attendance; what somebody said about themselves belongs nowhere.'
const text = Text(1000, { description: what, examples: ['Rang before: the bus did not come.'] })

export const AttendanceNote = Answer(
  'AttendanceNote',
  {
    id: Id,
    session_id: Id,
    person_id: Id,
    display_name: Type.String({ description: 'The person’s, as sheets have it.' }),
    text: Nullable({
      ...text,
      description: `${what} Null where it does not open (this has been noted), and for a key that does not read notes.`
    }),
    written_by: Type.Optional(noteWriter),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  {
    description:
      'What one member of staff wrote down about one person’s attendance at a session. Without `written_by`: a key without a member of staff had put it with a sheet, when sheets had notes.'
  }
)
export type AttendanceNote = Static<typeof AttendanceNote>

export const AttendanceNotePut = Body(
  'AttendanceNotePut',
  { text },
  { examples: [{ text: 'Rang before: the bus did not come.' }] }
)
export type AttendanceNotePut = Static<typeof AttendanceNotePut>

export const AttendanceNotePage = Page('AttendanceNotePage', AttendanceNote)
export const AttendanceNotePath = Parameters({ session_id: Id, person_id: Id })

export const schemas = [AttendanceNote, AttendanceNotePut, AttendanceNotePage]
