import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
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
import { identifyHead, putSheet, withdrawSheet } from './put-sheet.ts'
import {
  AttendancePage,
  AttendanceQuery,
  HeadIdentify,
  PersonAttendanceQuery,
  SessionPath,
  Sheet,
  SheetHistoryQuery,
  SheetPut,
  SheetVersionPage,
  SheetWithdraw
} from './schemas.ts'
import { findSheet, listAttendance, listSheetVersions } from './sheet-queries.ts'

const correctorOf = ({ scopes }: Caller) => ({ mayCorrect: scopes.has('attendance:correct') })

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
          'The whole sheet in one request, all or nothing. The first needs no If-Match, later ones the sheet’s ETag, also after it was withdrawn. What equals the stored sheet is answered with it and makes no version, whatever its If-Match: a retry after a lost answer always succeeds. Accepted from 60 minutes before the start. The first sheet makes the session `held`, nobody present or not, and keeps the roster of the day. Some time after the first submission the sheet is locked: then the scope `attendance:correct` and a `reason` are needed.',
        params: SessionPath,
        headers: idempotentIfMatch,
        body: named(SheetPut),
        response: { 200: named(Sheet) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        putSheet(tx, request.params.session_id, request.headers['if-match'], request.body, correctorOf(request.caller))
      )
  )

  app.get(
    '/sessions/:session_id/attendance/history',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'listAttendanceSheetVersions',
        tags: ['attendance'],
        summary: 'Read the versions of a sheet',
        description:
          'The latest first: who wrote what, when and why. The first of them is the sheet as it stands, or that it was withdrawn.',
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

  app.post(
    '/sessions/:session_id/attendance/withdraw',
    {
      config: { scope: 'attendance:write', idempotent: true, door: sessionDoor },
      schema: {
        operationId: 'withdrawAttendanceSheet',
        tags: ['attendance'],
        summary: 'Withdraw the sheet of a session',
        description:
          'For a sheet that was put on the wrong session, which is then scheduled again. What it said counts no more, and stays in the history as entered in error.',
        params: SessionPath,
        headers: idempotentIfMatch,
        body: named(SheetWithdraw),
        response: { 200: named(Sheet) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => {
        const { params, headers, body, caller } = request
        return withdrawSheet(tx, params.session_id, headers['if-match'], body, correctorOf(caller))
      })
  )

  app.post(
    '/sessions/:session_id/attendance/identify',
    {
      config: { scope: 'attendance:write', idempotent: true, door: sessionDoor },
      schema: {
        operationId: 'identifyAttendanceHead',
        tags: ['attendance'],
        summary: 'Say who a head was',
        description:
          'An anonymous head, or a walk-in who is only a name, becomes a record (or gets a name): the total stays what it is. Nobody is taken for a person because of a name; somebody says so.',
        params: SessionPath,
        headers: idempotentIfMatch,
        body: named(HeadIdentify),
        response: { 200: named(Sheet) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => {
        const { params, headers, body, caller } = request
        return identifyHead(tx, params.session_id, headers['if-match'], body, correctorOf(caller))
      })
  )
}

export default routes
