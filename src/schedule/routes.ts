import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { groupDoor } from '../groups/door.ts'
import { GroupPath } from '../groups/schemas.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, ifMatch, named } from '../http/schemas.ts'
import { notFound, unprocessable } from '../problems.ts'
import { changeSeries, endSeries, splitSeries } from './change-series.ts'
import { createSeries } from './create-series.ts'
import { previewSeries } from './preview-series.ts'
import { findPlace, findSeries, listSeries, told } from './queries.ts'
import {
  Series,
  SeriesChanged,
  SeriesCreate,
  SeriesEnd,
  SeriesPage,
  SeriesPatch,
  SeriesPath,
  SeriesPreview,
  SeriesPreviewCreate,
  SeriesQuery,
  SeriesSplit
} from './schemas.ts'

async function seriesDoor(db: Pick<Database, 'read'>, caller: Caller, { series_id }: Record<string, string>) {
  if ((await db.read(caller, findSeries, { series_id: series_id! })).length === 0) throw notFound()
}

/** The rules that make sessions. */
const routes: FastifyPluginAsyncTypebox = async app => {
  const horizonDays = app.settings.SESSION_HORIZON_DAYS

  app.get(
    '/groups/:group_id/series',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'listSeries',
        tags: ['series'],
        summary: 'List a group’s series',
        description: 'By first day.',
        params: GroupPath,
        querystring: SeriesQuery,
        response: { 200: named(SeriesPage) }
      }
    },
    async (request, reply) => {
      await groupDoor(app.db, request.caller, request.params)
      const { data, page } = await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listSeries, { ...request.params, ...asked }),
        row => [row.starts_on, row.id]
      )
      return { data: data.map(told), page }
    }
  )

  app.post(
    '/groups/:group_id/series',
    {
      config: { scope: 'sessions:write', idempotent: true, door: groupDoor },
      schema: {
        operationId: 'createSeries',
        tags: ['series'],
        summary: 'Create a series',
        description:
          'Its sessions exist at once, from its first day to 90 days ahead (unless the service is set otherwise), and are extended by themselves.',
        params: GroupPath,
        headers: idempotent,
        body: named(SeriesCreate),
        response: { 201: named(Series) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => createSeries(tx, request.params.group_id, request.body, horizonDays))
  )

  app.post(
    '/series/preview',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'previewSeries',
        tags: ['series'],
        summary: 'Preview a series',
        description:
          'What a rule would make: its sentence, its first occurrences, and a warning for each day on which clocks leave that time out or show it twice. Nothing is stored.',
        body: named(SeriesPreviewCreate),
        response: { 200: named(SeriesPreview) }
      }
    },
    async request => {
      const { group_id } = request.body
      const [place] = await app.db.read(request.caller, findPlace, { group_id })
      if (place === undefined) throw unprocessable('unknown_reference', '#/group_id', 'There is no such group.')
      return previewSeries(request.body, place)
    }
  )

  app.get(
    '/series/:series_id',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'getSeries',
        tags: ['series'],
        summary: 'Read a series',
        params: SeriesPath,
        response: { 200: named(Series) }
      }
    },
    async (request, reply) => {
      const [series] = await app.db.read(request.caller, findSeries, request.params)
      if (series === undefined) throw notFound()
      reply.header('etag', etagOf(series.version))
      return told(series)
    }
  )

  app.patch(
    '/series/:series_id',
    {
      config: { scope: 'sessions:write', door: seriesDoor },
      schema: {
        operationId: 'updateSeries',
        tags: ['series'],
        summary: 'Change a series',
        description:
          'All sessions to come follow, but for what was changed in one of them itself. Past sessions, and those with a sheet, stay as they are. A day that the rule names no more loses its session, unless somebody decided about it: that one is told as detached.',
        params: SeriesPath,
        headers: ifMatch,
        body: named(SeriesPatch),
        response: { 200: named(SeriesChanged) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        changeSeries(tx, request.params.series_id, request.headers['if-match'], request.body, horizonDays)
      )
  )

  app.post(
    '/series/:series_id/split',
    {
      config: { scope: 'sessions:write', idempotent: true, door: seriesDoor },
      schema: {
        operationId: 'splitSeries',
        tags: ['series'],
        summary: 'Change a series from a day on',
        description:
          'For this session and those that follow: the series ends the day before, and the answer is the one that goes on. Sessions to come keep their ids and follow as with `updateSeries`.',
        params: SeriesPath,
        headers: idempotentIfMatch,
        body: named(SeriesSplit),
        response: { 201: named(SeriesChanged) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        splitSeries(tx, request.params.series_id, request.headers['if-match'], request.body, horizonDays)
      )
  )

  app.post(
    '/series/:series_id/end',
    {
      config: { scope: 'sessions:write', idempotent: true, door: seriesDoor },
      schema: {
        operationId: 'endSeries',
        tags: ['series'],
        summary: 'End a series',
        description:
          'One that has an end to come may end sooner. Sessions to come after the last day go, unless somebody decided about them or wrote something down. Those, and past ones, stay, and are told as detached.',
        params: SeriesPath,
        headers: idempotentIfMatch,
        body: named(SeriesEnd),
        response: { 200: named(SeriesChanged) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        endSeries(tx, request.params.series_id, request.headers['if-match'], request.body)
      )
  )
}

export default routes
