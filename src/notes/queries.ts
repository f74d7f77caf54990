import { type SQL, sql } from 'drizzle-orm'
import { asker, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { behindSessionDoor } from '../sessions/door.ts'
import { isNamed, leadsThen } from '../sessions/facilitator-queries.ts'
import type { Note } from './schemas.ts'

export type NoteRow = Omit<Note, 'text'> & { text_sealed: Buffer }

const columns = sql`n.id, n.session_id, s.group_id, n.text_sealed, n.for_handover, n.follow_up,
  json_build_object('staff_id', t.id, 'display_name', t.display_name) as written_by, n.version, n.created_at, n.updated_at`
const joined = sql`notes n
  join sessions s on s.organization_id = n.organization_id and s.id = n.session_id
  join staff t on t.organization_id = n.organization_id and t.id = n.written_by_staff_id`

/** What is handed over with a group: what was marked for it, and what is, or was, to be done. */
const isHandedOver = sql`(n.for_handover or n.follow_up is not null)`

/** Of a note `n` about a session `s`: whoever has the session before them now, and led it or wrote the note down. */
export const ledOrWritten = (shape: Pick<Shape, 'reach'>): SQL => sql`(${behindSessionDoor(shape)}
  and (n.written_by_staff_id = ${asker.staff_id} or ${leadsThen(asker.staff_id)} or ${isNamed(asker.staff_id)}))`

/**
 * Who reads a note: those who reach the whole organization; and of those who have the session, or its group, before them now,
 * who led that session and who wrote it down. What is handed over, all who facilitate the group.
 */
const readable = (shape: Pick<Shape, 'reach'>): SQL =>
  shape.reach === 'organization'
    ? sql`true`
    : sql`(${ledOrWritten(shape)} or (${isHandedOver} and ${behindDoor(shape, sql`s.group_id`)}))`

/** In the order in which they were written. */
export const listNotes = statement<NoteRow, Asked & { session_id: string }>(
  'list_notes',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and n.session_id = ${value('session_id')} and ${readable(shape)}
      ${shape.has('after_1') ? sql`and n.id > ${value('after_1')}::uuid` : sql``}
    order by n.id limit ${value('limit')}`
)

export const findNote = statement<NoteRow, { note_id: string }>(
  'find_note',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and n.id = ${value('note_id')} and ${readable(shape)}`
)

/** The note, held still until the transaction ends. */
export const lockNote = statement<NoteRow, { note_id: string }>(
  'lock_note',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and n.id = ${value('note_id')} and ${readable(shape)}
    for no key update of n`
)

/** What is told of that with the handover: the latest first, what is still to be done before all else. */
export const listHandedOver = statement<NoteRow, { group_id: string }>(
  'list_handed_over',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and s.group_id = ${value('group_id')} and (n.for_handover or n.follow_up = 'open')
      and ${behindDoor(shape, sql`s.group_id`)}
    order by (n.follow_up = 'open') is true desc, s.starts_at desc, n.id desc limit 50`
)
