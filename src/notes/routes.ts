import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import { recordReading } from '../changes/record.ts'
import type { Database } from '../database/database.ts'
import { vaultOf } from '../database/keyring.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { neverKept } from '../http/reply-headers.ts'
import { idempotent, ifMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { sessionDoor } from '../sessions/door.ts'
import { SessionPath } from '../sessions/schemas.ts'
import { findNote, listNotes } from './queries.ts'
import { Note, NotePage, NotePatch, NotePath, NoteQuery, NoteWrite } from './schemas.ts'
import { noteOf, told } from './sealed-note.ts'
import { changeNote, readNote, writeNote } from './write-note.ts'

async function noteDoor(db: Pick<Database, 'read'>, caller: Caller, { note_id }: Record<string, string>) {
  if ((await db.read(caller, findNote, { note_id: note_id! })).length === 0) throw notFound()
}

/** What facilitators write down about sessions. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRequest', neverKept)

  app.get(
    '/sessions/:session_id/notes',
    {
      config: { scope: 'notes:read' },
      schema: {
        operationId: 'listSessionNotes',
        tags: ['notes'],
        summary: 'List the notes about a session',
        description:
          'In the order in which they were written. Whoever led the session reads them as long as the group, or the session, is theirs, and so do coordinators; who facilitates the group later reads what is marked for handover or to be followed up. Each note that is read is audited.',
        params: SessionPath,
        querystring: NoteQuery,
        response: { 200: named(NotePage) }
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
            const rows = await tx.run(listNotes, { ...request.params, ...asked })
            recordReading(
              tx,
              'note.read',
              rows.slice(0, request.query.limit).map(row => row.id)
            )
            return rows
          }),
        row => [null, row.id]
      )
      return { data: data.map(row => noteOf(vaultOf(request), organization_id, row)), page }
    }
  )

  app.post(
    '/sessions/:session_id/notes',
    {
      config: { scope: 'notes:write', idempotent: true, door: sessionDoor },
      schema: {
        operationId: 'writeSessionNote',
        tags: ['notes'],
        summary: 'Write a note about a session',
        description: 'It is kept sealed, apart from attendance, and is in no export.',
        params: SessionPath,
        headers: idempotent,
        body: named(NoteWrite),
        response: { 201: named(Note) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => writeNote(tx, vaultOf(request), request.params.session_id, request.body),
        async (tx, { id }) => told(request.caller, await readNote(tx, vaultOf(request), id))
      )
  )

  app.get(
    '/notes/:note_id',
    {
      config: { scope: 'notes:read' },
      schema: {
        operationId: 'getNote',
        tags: ['notes'],
        summary: 'Read a note',
        description: 'Which is audited.',
        params: NotePath,
        response: { 200: named(Note) }
      }
    },
    async (request, reply) => {
      const note = await app.db.write(request.caller, tx => readNote(tx, vaultOf(request), request.params.note_id))
      reply.header('etag', etagOf(note.version))
      return note
    }
  )

  app.patch(
    '/notes/:note_id',
    {
      config: { scope: 'notes:write', door: noteDoor },
      schema: {
        operationId: 'updateNote',
        tags: ['notes'],
        summary: 'Change a note',
        description: 'A key without `notes:read` is not answered with the text.',
        params: NotePath,
        headers: ifMatch,
        body: named(NotePatch),
        response: { 200: named(Note) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx =>
          changeNote(tx, vaultOf(request), request.params.note_id, request.headers['if-match'], request.body)
        )
      )
  )
}

export default routes
