import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import { addDays } from '../clock/time-zones.ts'
import { groupDoor } from '../groups/door.ts'
import { GroupPath } from '../groups/schemas.ts'
import { etagOf } from '../http/etag.ts'
import { type PageOf, paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, ifMatch, named } from '../http/schemas.ts'
import { asText } from '../http/text.ts'
import { notFound } from '../problems.ts'
import { extendGroup } from '../schedule/extend-series.ts'
import { cancelSession, changeSession, markSessionDidNotHappen, reinstateSession } from './change-session.ts'
import { sessionDoor } from './door.ts'
import { intervalOf } from './interval.ts'
import { findSession, listSessions } from './queries.ts'
import { scheduleSession } from './schedule-session.ts'
import {
  GroupSessionQuery,
  Session,
  SessionCreate,
  SessionMove,
  SessionPage,
  SessionPatch,
  SessionPath,
  SessionQuery,
  SessionReason
} from './schemas.ts'

/** The dated meetings of groups. */
const routes: FastifyPluginAsyncTypebox = async app => {
  /** The rows come as JSON texts: the page is put around them. Nothing found, it may be for want of the group. */
  async function list(
    request: FastifyRequest,
    reply: FastifyReply,
    query: Static<typeof SessionQuery>,
    group?: { group_id: string }
  ) {
    const { limit: _, cursor: __, from, to, staff_id: of_staff_id, ...others } = query
    const filters = { ...others, of_staff_id }
    const { data, page } = await paged(
      request,
      reply,
      asked => app.db.read(request.caller, listSessions, { ...filters, ...intervalOf({ from, to }), ...asked }),
      row => [row.starts_at, row.id]
    )
    if (data.length === 0 && group !== undefined) await groupDoor(app.db, request.caller, group)
    const text = `{"data":[${data.map(row => row.json).join()}],"page":${JSON.stringify(page)}}`
    return asText<PageOf<Session>>(reply, text)
  }

  /** Makes the sessions of a group that somebody asks for, where they lie further ahead than sessions exist. */
  async function extend(caller: Caller, group_id: string, { from, to }: { from?: string; to?: string }) {
    const last = to ?? (from && addDays(from.slice(0, 10), 31))
    if (last === undefined) return
    await extendGroup(app.db, caller, group_id, last.slice(0, 10), app.settings.SESSION_HORIZON_DAYS)
  }

  app.get(
    '/sessions',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'listSessions',
        tags: ['sessions'],
        summary: 'List sessions across groups',
        description:
          'In order of their start. Sessions of series exist some months ahead; with `group_id`, further ahead as in `listGroupSessions`.',
        querystring: SessionQuery,
        response: { 200: named(SessionPage) }
      }
    },
    async (request, reply) => {
      const { group_id } = request.query
      if (group_id !== undefined) await extend(request.caller, group_id, request.query)
      return await list(request, reply, request.query)
    }
  )

  app.get(
    '/groups/:group_id/sessions',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'listGroupSessions',
        tags: ['sessions'],
        summary: 'List a group’s sessions',
        description:
          'In order of their start; with `from` today, the coming ones. Sessions of series exist some months ahead; whoever asks up to a later day with `to`, two years ahead at the most, has them made by that (with `from` alone, for a month from there).',
        params: GroupPath,
        querystring: GroupSessionQuery,
        response: { 200: named(SessionPage) }
      }
    },
    async (request, reply) => {
      await extend(request.caller, request.params.group_id, request.query)
      return await list(request, reply, { ...request.query, ...request.params }, request.params)
    }
  )

  app.post(
    '/groups/:group_id/sessions',
    {
      config: { scope: 'sessions:write', idempotent: true, door: groupDoor },
      schema: {
        operationId: 'scheduleSession',
        tags: ['sessions'],
        summary: 'Schedule one session',
        description: 'Outside any series; also for a session of the past that is only written down now.',
        params: GroupPath,
        headers: idempotent,
        body: named(SessionCreate),
        response: { 201: named(Session) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => scheduleSession(tx, request.params.group_id, request.body))
  )

  app.get(
    '/sessions/:session_id',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'getSession',
        tags: ['sessions'],
        summary: 'Read a session',
        params: SessionPath,
        response: { 200: named(Session) }
      }
    },
    async (request, reply) => {
      const [session] = await app.db.read(request.caller, findSession, request.params)
      if (session === undefined) throw notFound()
      reply.header('etag', etagOf(session.version))
      return asText<Session>(reply, session.json)
    }
  )

  app.patch(
    '/sessions/:session_id',
    {
      config: { scope: 'sessions:write', door: sessionDoor },
      schema: {
        operationId: 'updateSession',
        tags: ['sessions'],
        summary: 'Change a session',
        description:
          'For those who facilitate the group. Moved onto another session of the group, it is refused unless forced; one that has begun is moved by coordinators only.',
        params: SessionPath,
        querystring: SessionMove,
        headers: ifMatch,
        body: named(SessionPatch),
        response: { 200: named(Session) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        changeSession(tx, request.params.session_id, request.headers['if-match'], request.body, request.query.force)
      )
  )

  for (const { action, operationId, summary, description, work } of [
    {
      action: 'cancel',
      operationId: 'cancelSession',
      summary: 'Cancel a session',
      description: 'Called off beforehand. Twice is the same as once.',
      work: cancelSession
    },
    {
      action: 'did_not_happen',
      operationId: 'markSessionDidNotHappen',
      summary: 'Say that a session did not happen',
      description:
        'Found not to have taken place, snow for example: nobody was absent. From its start on; what is still to come is cancelled. Twice is the same as once.',
      work: markSessionDidNotHappen
    }
  ]) {
    app.post(
      `/sessions/:session_id/${action}`,
      {
        config: { scope: 'sessions:write', idempotent: true, door: sessionDoor },
        schema: {
          operationId,
          tags: ['sessions'],
          summary,
          description,
          params: SessionPath,
          headers: idempotentIfMatch,
          body: named(SessionReason),
          response: { 200: named(Session) }
        }
      },
      async (request, reply) =>
        await change(request, reply, tx =>
          work(tx, request.params.session_id, request.headers['if-match'], request.body.reason)
        )
    )
  }

  app.post(
    '/sessions/:session_id/reinstate',
    {
      config: { scope: 'sessions:write', idempotent: true, door: sessionDoor },
      schema: {
        operationId: 'reinstateSession',
        tags: ['sessions'],
        summary: 'Reinstate a session',
        description:
          'Takes back that it was cancelled or did not happen: it is scheduled again. A session that a closure cancelled is held anyway.',
        params: SessionPath,
        headers: idempotentIfMatch,
        response: { 200: named(Session) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => reinstateSession(tx, request.params.session_id, request.headers['if-match']))
  )
}

export default routes
