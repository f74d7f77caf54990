import { type SQL, sql } from 'drizzle-orm'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { behindSessionDoor } from '../sessions/door.ts'
import type { AttendanceNote } from './attendance-note-schemas.ts'
import { ledOrWritten } from './queries.ts'

export type AttendanceNoteRow = Omit<AttendanceNote, 'text' | 'written_by'> & {
  written_by: { staff_id: string; display_name: string } | null
  /** One of them is there. */
  text_sealed: Buffer | null
  text_plain: string | null
}

/** Whom a note is about, and at which session. */
export interface About {
  session_id: string
  person_id: string
}

const columns = sql`n.id, n.session_id, n.person_id, p.display_name, n.text_sealed, n.text_plain,
  case when t.id is not null then json_build_object('staff_id', t.id, 'display_name', t.display_name) end as written_by,
  n.version, n.created_at, n.updated_at`
const joined = sql`attendance_notes n
  join sessions s on s.organization_id = n.organization_id and s.id = n.session_id
  join people p on p.organization_id = n.organization_id and p.id = n.person_id
  left join staff t on t.organization_id = n.organization_id and t.id = n.written_by_staff_id`

/** As with notes about a session; none of these is handed over. */
const readable = (shape: Pick<Shape, 'reach'>): SQL =>
  shape.reach === 'organization' ? sql`true` : ledOrWritten(shape)

/** The asker's own about somebody. */
const isOwn = sql`n.organization_id = ${asker.organization_id} and n.session_id = ${value('session_id')}
  and n.person_id = ${value('person_id')} and n.written_by_staff_id = ${asker.staff_id}`

/** In the order in which they were written. */
export const listAttendanceNotes = statement<AttendanceNoteRow, Asked & { session_id: string }>(
  'list_attendance_notes',
  shape => sql`
    select ${columns} from ${joined}
    where n.organization_id = ${asker.organization_id} and n.session_id = ${value('session_id')} and ${readable(shape)}
      ${shape.has('after_1') ? sql`and n.id > ${value('after_1')}::uuid` : sql``}
    order by n.id limit ${value('limit')}`
)

/** Whoever wrote it reads it as long as they have the session before them. */
export const findOwnAttendanceNote = statement<AttendanceNoteRow, About>(
  'find_own_attendance_note',
  shape => sql`select ${columns} from ${joined} where ${isOwn} and ${behindSessionDoor(shape)}`
)

/**
 * A session of which the asker may write about somebody, who is on the roster of its day or stands on its sheet; or did when the
 * asker wrote: a sheet that is corrected closes nobody's own note to them.
 */
export const sessionWithPerson = quickStatement<{ id: string }, About>(
  'session_with_person',
  shape => sql`
    select s.id from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)} and (
      exists (select from memberships m
        where m.organization_id = s.organization_id and m.group_id = s.group_id and m.person_id = ${value('person_id')}
          and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date))
      or exists (select from attendance a
        where a.organization_id = s.organization_id and a.session_id = s.id and a.person_id = ${value('person_id')})
      or exists (select from attendance_notes n where ${isOwn}))`
)

/** The asker's own; of those who reach the whole organization also one that is nobody's: a key had put it with a sheet. */
export const removeAttendanceNotes = statement<{ id: string; version: number }, About>(
  'remove_attendance_notes',
  ({ reach }) => sql`
    delete from attendance_notes n
    where n.organization_id = ${asker.organization_id} and n.session_id = ${value('session_id')} and n.person_id = ${value('person_id')}
      and (n.written_by_staff_id = ${asker.staff_id} ${reach === 'organization' ? sql`or n.written_by_staff_id is null` : sql``})
    returning n.id, n.version`
)

/** What the sheet of the release before said stays nowhere else, once somebody has changed or removed it. */
export const forgetSheetNote = statement<never, About>(
  'forget_sheet_note',
  () => sql`
    update attendance a set note = null
    where a.organization_id = ${asker.organization_id} and a.session_id = ${value('session_id')} and a.person_id = ${value('person_id')}
      and a.note is not null`
)
