import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import { localDateOf } from '../clock/time-zones.ts'
import type { Database } from '../database/database.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { textBodies } from '../http/text-body.ts'
import { notFound, unprocessable } from '../problems.ts'
import { readCalendar } from './calendar-file.ts'
import { findClosure, listClosures } from './closure-queries.ts'
import { closeDays, importClosures, removeClosure } from './closures.ts'
import type { Place } from './preview-series.ts'
import { findPlace } from './queries.ts'
import {
  CalendarFile,
  Closure,
  ClosureCreate,
  ClosureImport,
  ClosureImportQuery,
  ClosurePage,
  ClosurePath,
  ClosureQuery,
  calendarBytes
} from './schemas.ts'

async function closureDoor(db: Pick<Database, 'read'>, caller: Caller, { closure_id }: Record<string, string>) {
  if ((await db.read(caller, findClosure, { closure_id: closure_id! })).length === 0) throw notFound()
}

/** Days on which nothing is held. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/closures',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'listClosures',
        tags: ['closures'],
        summary: 'List closures',
        description: 'By first day: those of the whole organization, and of the groups that whoever asks sees.',
        querystring: ClosureQuery,
        response: { 200: named(ClosurePage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listClosures, { ...filters, ...asked }),
        row => [row.starts_on, row.id]
      )
    }
  )

  app.post(
    '/closures',
    {
      config: { scope: 'sessions:write', idempotent: true },
      schema: {
        operationId: 'createClosure',
        tags: ['closures'],
        summary: 'Close days',
        description:
          'A holiday, or the building is shut. Sessions to come on these local days are cancelled, and so are those that a series makes later; `reinstateSession` holds one anyway. The whole organization is closed by those who reach all of it, a group by its facilitators too.',
        headers: idempotent,
        body: named(ClosureCreate),
        response: { 201: named(Closure) }
      }
    },
    async (request, reply) => await change(request, reply, tx => closeDays(tx, request.body))
  )

  app.get(
    '/closures/:closure_id',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'getClosure',
        tags: ['closures'],
        summary: 'Read a closure',
        params: ClosurePath,
        response: { 200: named(Closure) }
      }
    },
    async (request, reply) => {
      const [closure] = await app.db.read(request.caller, findClosure, request.params)
      if (closure === undefined) throw notFound()
      reply.header('etag', etagOf(closure.version))
      return closure
    }
  )

  app.post(
    '/closures/:closure_id/remove',
    {
      config: { scope: 'sessions:write', idempotent: true, door: closureDoor },
      schema: {
        operationId: 'removeClosure',
        tags: ['closures'],
        summary: 'Open days again',
        description:
          'The sessions to come that this closure cancelled are held again, and no others; one on whose day another closure lies is cancelled by that one. What is past stays as it was. Twice is the same as once.',
        params: ClosurePath,
        headers: idempotentIfMatch,
        response: { 200: named(Closure) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => removeClosure(tx, request.params.closure_id, request.headers['if-match']))
  )

  const importing: FastifyPluginAsyncTypebox = async calendars => {
    textBodies(calendars, 'text/calendar')
    calendars.post(
      '/imports/closures',
      {
        bodyLimit: calendarBytes,
        config: { scope: 'sessions:write', idempotent: true },
        schema: {
          operationId: 'importClosures',
          tags: ['closures'],
          summary: 'Import a calendar of closures',
          description:
            'Each event that is still to come closes its days; one that recurs, those within two years. An event is known by its UID: sent again, nothing changes; an event that was moved takes its closure along, and one that was cancelled opens its days. What somebody removed by hand stays removed.',
          querystring: ClosureImportQuery,
          headers: idempotent,
          body: { content: { 'text/calendar': { schema: named(CalendarFile) } } },
          response: { 207: named(ClosureImport) }
        }
      },
      async (request, reply) => {
        if (typeof request.body !== 'string') {
          throw unprocessable([{ pointer: '#', in: 'body', code: 'required', detail: 'a calendar is required' }])
        }
        const { group_id } = request.query
        const place = await app.db.read(request.caller, findPlace, { group_id })
        // Of a group that is not there, the import says so.
        const [{ time_zone }] = (place.length > 0 ? place : await app.db.read(request.caller, findPlace, {})) as [Place]
        const now = new Date()
        const calendar = await readCalendar(request.body, time_zone, now)
        const today = localDateOf(now, time_zone)
        return await change(request, reply, tx => importClosures(tx, calendar, request.query.group_id ?? null, today))
      }
    )
  }
  await app.register(importing)
}

export default routes
