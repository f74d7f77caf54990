import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Changes,
  Defaulted,
  Id,
  Instant,
  Line,
  Nullable,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  Text,
  Version
} from '../http/schemas.ts'
import { followUps } from './vocabulary.ts'

const what =
  'How the group went. Who came belongs on the sheet, what is noted about one person’s attendance beside it (`putAttendanceNote`), and what somebody said about themselves nowhere.'
const text = Text(5000, {
  description: what,
  examples: ['Quiet at first; the round on sleep helped. Next time begin with it.']
})
const for_handover = Type.Boolean({
  description: 'Also for whoever facilitates the group later: part of its handover.'
})
const follow_up = Nullable(
  OneOf(followUps, {
    description:
      '`open`: something is to be done, by whoever holds the group then; part of its handover until `done`. Either is read by whoever facilitates the group later.'
  })
)

/** Published once, under its title: the same in every kind of note. */
export const noteWriter = Type.Object(
  { staff_id: Id, display_name: Line(200) },
  { title: 'NoteWriter', description: 'The member of staff who wrote it.' }
)

export const Note = Answer(
  'Note',
  {
    id: Id,
    session_id: Id,
    group_id: Id,
    text: Nullable({
      ...text,
      description: `${what} Null where it does not open (this has been noted), and for a key that does not read notes.`
    }),
    for_handover,
    follow_up,
    written_by: noteWriter,
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'What a facilitator wrote down about a session.' }
)
export type Note = Static<typeof Note>

export const NoteWrite = Body(
  'NoteWrite',
  { text, for_handover: Defaulted(for_handover, false), follow_up: Defaulted(follow_up, null) },
  { examples: [{ text: 'Quiet at first; the round on sleep helped.', for_handover: true }] }
)
export type NoteWrite = Static<typeof NoteWrite>

export const NotePatch = Changes(
  'NotePatch',
  { text, for_handover, follow_up },
  {
    description:
      'The text and whom it is for are changed by whoever wrote it, and by coordinators; from `open` to `done` and back by all who read it.',
    examples: [{ follow_up: 'done' }]
  }
)
export type NotePatch = Static<typeof NotePatch>

export const NotePage = Page('NotePage', Note)
export const NotePath = Parameters({ note_id: Id })
export const NoteQuery = Parameters(pageQuery)

export const schemas = [Note, NoteWrite, NotePatch, NotePage]
