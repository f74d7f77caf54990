import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import { recordReading } from '../changes/record.ts'
import type { Database } from '../database/database.ts'
import { vaultOf } from '../database/keyring.ts'
import { paged } from '../http/page.ts'
import { neverKept } from '../http/reply-headers.ts'
import { named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { sessionDoor } from '../sessions/door.ts'
import { SessionPath } from '../sessions/schemas.ts'
import { listAttendanceNotes, sessionWithPerson } from './attendance-note-queries.ts'
import { AttendanceNote, AttendanceNotePage, AttendanceNotePath, AttendanceNotePut } from './attendance-note-schemas.ts'
import { NoteQuery } from './schemas.ts'
import { attendanceNoteOf, told } from './sealed-note.ts'
import { putAttendanceNote, removeAttendanceNote } from './write-attendance-note.ts'

/** Whoever is not at the session is nobody. */
async function attendanceNoteDoor(
  db: Pick<Database, 'read'>,
  caller: Caller,
  { session_id, person_id }: Record<string, string>
) {
  const about = { session_id: session_id!, person_id: person_id! }
  if ((await db.read(caller, sessionWithPerson, about)).length === 0) throw notFound()
}

/** What facilitators write down about one person's attendance. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRequest', neverKept)

  app.get(
    '/sessions/:session_id/attendance/notes',
    {
      config: { scope: 'notes:read' },
      schema: {
        operationId: 'listAttendanceNotes',
        tags: ['notes'],
        summary: 'List the notes about people’s attendance at a session',
        description:
          'In the order in which they were written. Whoever led the session reads them as long as the group, or the session, is theirs, and so do coordinators; who facilitates the group later reads their own. Each note that is read is audited.',
        params: SessionPath,
        querystring: NoteQuery,
        response: { 200: named(AttendanceNotePage) }
      }
    },
    async (request, reply) => {
      await sessionDoor(app.db, request.caller, request.params)
      const { organization_id } = request.caller
      const { data, page } = await paged(
        request,
        reply,
        asked =>
          app.db.write(request.caller, async tx => {
            const rows = await tx.run(listAttendanceNotes, { ...request.params, ...asked })
            recordReading(
              tx,
              'attendance_note.read',
              rows.slice(0, request.query.limit).map(row => row.id)
            )
            return rows
          }),
        row => [null, row.id]
      )
      return { data: data.map(row => attendanceNoteOf(vaultOf(request), organization_id, row)), page }
    }
  )

  app.put(
    '/sessions/:session_id/attendance/notes/:person_id',
    {
      config: { scope: 'notes:write', door: attendanceNoteDoor },
      schema: {
        operationId: 'putAttendanceNote',
        tags: ['notes'],
        summary: 'Write your note about somebody’s attendance',
        description:
          'About whoever is on the roster of the session’s day, or stands on its sheet. It is kept sealed, apart from the sheet, and is in no export. Each member of staff has one of their own: nobody overwrites a colleague’s, so it needs no If-Match, and a device may send it later. What it says already makes no version. A key without `notes:read` is not answered with the text.',
        params: AttendanceNotePath,
        body: named(AttendanceNotePut),
        response: { 200: named(AttendanceNote) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => putAttendanceNote(tx, vaultOf(request), request.params, request.body))
      )
  )

  app.delete(
    '/sessions/:session_id/attendance/notes/:person_id',
    {
      config: { scope: 'notes:write', door: attendanceNoteDoor },
      schema: {
        operationId: 'removeAttendanceNote',
        tags: ['notes'],
        summary: 'Remove your note about somebody’s attendance',
        description:
          'Your own; coordinators also remove one without `written_by`. Twice is the same as once, as long as they are at the session.',
        params: AttendanceNotePath,
        response: { 204: Type.Null({ description: 'It is not there any more.' }) }
      }
    },
    async (request, reply) => await change(request, reply, tx => removeAttendanceNote(tx, request.params))
  )
}

export default routes
