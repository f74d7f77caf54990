import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotentIfMatch, named } from '../http/schemas.ts'
import { asText } from '../http/text.ts'
import { personDoor } from '../people/door.ts'
import { PersonPath } from '../people/schemas.ts'
import { notFound } from '../problems.ts'
import { sessionDoor } from './door.ts'
import { intervalOf } from './interval.ts'
import { putSheet } from './put-sheet.ts'
import {
  AttendancePage,
  AttendanceQuery,
  PersonAttendanceQuery,
  SessionPath,
  Sheet,
  SheetHistoryQuery,
  SheetPut,
  SheetVersionPage
} from './schemas.ts'
import { findSheet, listAttendance, listSheetVersions } from './sheet-queries.ts'

/** The sheet of a session, and attendance across sessions. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/sessions/:session_id/attendance',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'getAttendanceSheet',
        tags: ['attendance'],
        summary: 'Read the sheet of a session',
        description:
          'The roster of the session’s local day, with what was recorded; the ETag is `"0"` before the first sheet.',
        params: SessionPath,
        response: { 200: named(Sheet) }
      }
    },
    async (request, reply) => {
      const [sheet] = await app.db.read(request.caller, findSheet, request.params)
      if (sheet === undefined) throw notFound()
      reply.header('etag', etagOf(sheet.version))
      return asText<Sheet>(reply, sheet.json)
    }
  )

  app.put(
    '/sessions/:session_id/attendance',
    {
      config: { scope: 'attendance:write', idempotent: true, door: sessionDoor },
      schema: {
        operationId: 'putAttendanceSheet',
        tags: ['attendance'],
        summary: 'Write the sheet of a session',
        description:
          'The whole sheet in one request, all or nothing. The first needs no If-Match, later ones the sheet’s ETag. What equals the stored sheet is answered with it and makes no version, whatever its If-Match: a retry after a lost answer always succeeds. Accepted from 60 minutes before the start. The first sheet makes the session `held`, nobody present or not.',
        params: SessionPath,
        headers: idempotentIfMatch,
        body: named(SheetPut),
        response: { 200: named(Sheet) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        putSheet(tx, request.params.session_id, request.headers['if-match'], request.body)
      )
  )

  app.get(
    '/sessions/:session_id/attendance/history',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'listAttendanceSheetVersions',
        tags: ['attendance'],
        summary: 'Read the former versions of a sheet',
        description: 'The latest first; the sheet as it stands is not among them.',
        params: SessionPath,
        querystring: SheetHistoryQuery,
        response: { 200: named(SheetVersionPage) }
      }
    },
    async (request, reply) => {
      await sessionDoor(app.db, request.caller, request.params)
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listSheetVersions, { ...request.params, ...asked }),
        row => [null, row.version]
      )
    }
  )

  app.get(
    '/attendance',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'listAttendance',
        tags: ['attendance'],
        summary: 'List attendance across groups',
        description: 'One row for each person at each session, in order of the sessions. `not_recorded` is no row.',
        querystring: AttendanceQuery,
        response: { 200: named(AttendancePage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, from, to, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listAttendance, { ...filters, ...intervalOf({ from, to }), ...asked }),
        row => [row.starts_at, row.id]
      )
    }
  )

  app.get(
    '/people/:person_id/attendance',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'listPersonAttendance',
        tags: ['attendance'],
        summary: 'List a person’s attendance',
        description: 'In the groups that the key reaches, in order of the sessions.',
        params: PersonPath,
        querystring: PersonAttendanceQuery,
        response: { 200: named(AttendancePage) }
      }
    },
    async (request, reply) => {
      await personDoor(app.db, request.caller, request.params)
      const { limit: _, cursor: __, from, to, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked =>
          app.db.read(request.caller, listAttendance, {
            ...filters,
            ...request.params,
            ...intervalOf({ from, to }),
            ...asked
          }),
        row => [row.starts_at, row.id]
      )
    }
  )
}

export default routes
