import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { paged } from '../http/page.ts'
import { named } from '../http/schemas.ts'
import { judgeBatch } from './judge-batch.ts'
import { listConflicts } from './sync-queries.ts'
import { AttendanceSync, AttendanceSynced, most, SheetConflictPage, SheetConflictQuery } from './sync-schemas.ts'
import { conflictOf, syncSheets } from './sync-sheets.ts'

/** Sheets that were filled in without a network. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/attendance/sync',
    {
      bodyLimit: most.bytes,
      // Of each sheet by itself.
      attachValidation: true,
      config: { scope: 'attendance:write' },
      schema: {
        operationId: 'syncAttendance',
        tags: ['attendance'],
        summary: 'Send sheets that were filled in offline',
        description:
          'Up to 200 sheets, with a result for each, in their order. Sent again, whole or in part, in whatever order, each is answered as the first time. A sheet that somebody else has written to since is merged with theirs where the two agree or speak of different people; where they do not, both are kept, and what stands stays, until somebody decides. A sheet with a `problem` was not kept: the device keeps it (`not_found`: whoever sends it has lost the session; a coordinator can put the sheet). Send those that were not answered before a newer one of the same session, which names the one that it corrects in `follows`. Conflicts of others are told by `GET /v1/attendance/conflicts`, not by `GET /v1/sync`.',
        body: named(AttendanceSync),
        response: { 207: named(AttendanceSynced) }
      }
    },
    async (request, reply) => {
      const judged = judgeBatch(request.body, request.validationError)
      return await change(request, reply, tx =>
        syncSheets(tx, judged, {
          mayCorrect: request.caller.scopes.has('attendance:correct'),
          mayRead: request.caller.scopes.has('attendance:read')
        })
      )
    }
  )

  app.get(
    '/attendance/conflicts',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'listAttendanceConflicts',
        tags: ['attendance'],
        summary: 'List sheets that do not agree',
        description:
          'Sheets from devices that stand against the one that holds, until a PUT of the sheet names them in `resolves`.',
        querystring: SheetConflictQuery,
        response: { 200: named(SheetConflictPage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, ...filters } = request.query
      const page = await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listConflicts, { ...filters, ...asked }),
        row => [null, row.id]
      )
      return { ...page, data: page.data.map(conflictOf) }
    }
  )
}

export default routes
