import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { etagOf } from '../http/etag.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { sessionDoor } from './door.ts'
import { findSessionFacilitator, listLeaders } from './facilitator-queries.ts'
import {
  SessionFacilitator,
  SessionFacilitatorName,
  SessionFacilitatorPath,
  SessionLeaderList
} from './facilitator-schemas.ts'
import { nameFacilitator, withdrawFacilitator } from './name-facilitator.ts'
import { SessionPath } from './schemas.ts'

async function facilitatorDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  const { session_id, session_facilitator_id } = params as { session_id: string; session_facilitator_id: string }
  if ((await db.read(caller, findSessionFacilitator, { session_id, session_facilitator_id })).length === 0) {
    throw notFound()
  }
}

/** Who leads one session. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/sessions/:session_id/facilitators',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'listSessionFacilitators',
        tags: ['facilitators'],
        summary: 'List who leads a session',
        description:
          'Those who facilitate the group when it begins, unless somebody stands in for them, and those who are named for this session. Of a past session, who led it: assignments that ended stay in their time.',
        params: SessionPath,
        response: { 200: named(SessionLeaderList) }
      }
    },
    async request => {
      const data = await app.db.read(request.caller, listLeaders, request.params)
      if (data.length === 0) await sessionDoor(app.db, request.caller, request.params)
      return { data }
    }
  )

  app.post(
    '/sessions/:session_id/facilitators',
    {
      config: { scope: 'groups:write', idempotent: true, door: sessionDoor },
      schema: {
        operationId: 'nameSessionFacilitator',
        tags: ['facilitators'],
        summary: 'Name who leads a session',
        description:
          'A substitute or a co-facilitator for this one session. Somebody who does not facilitate the group finds the session among `listSessions`, sees it, its sheet and the group as `getGroup` answers it, and may log the sheet, write notes, or say that the session is cancelled or did not happen, from now on until a week after it; nothing else that hangs from the group. Whoever facilitates the group and is replaced later loses this at the same instant.',
        params: SessionPath,
        headers: idempotent,
        body: named(SessionFacilitatorName),
        response: { 201: named(SessionFacilitator) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => nameFacilitator(tx, request.params.session_id, request.body))
  )

  app.get(
    '/sessions/:session_id/facilitators/:session_facilitator_id',
    {
      config: { scope: 'sessions:read' },
      schema: {
        operationId: 'getSessionFacilitator',
        tags: ['facilitators'],
        summary: 'Read who was named to lead a session',
        description: 'Also one who was withdrawn.',
        params: SessionFacilitatorPath,
        response: { 200: named(SessionFacilitator) }
      }
    },
    async (request, reply) => {
      const [facilitator] = await app.db.read(request.caller, findSessionFacilitator, request.params)
      if (facilitator === undefined) throw notFound()
      reply.header('etag', etagOf(facilitator.version))
      return facilitator
    }
  )

  app.post(
    '/sessions/:session_id/facilitators/:session_facilitator_id/withdraw',
    {
      config: { scope: 'groups:write', idempotent: true, door: facilitatorDoor },
      schema: {
        operationId: 'withdrawSessionFacilitator',
        tags: ['facilitators'],
        summary: 'Withdraw who was named to lead a session',
        description:
          'They do not lead it, and lose access at once; whomever they replaced leads it again. Twice is the same as once.',
        params: SessionFacilitatorPath,
        headers: idempotentIfMatch,
        response: { 200: named(SessionFacilitator) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => {
        const { session_id, session_facilitator_id } = request.params
        return withdrawFacilitator(tx, session_id, session_facilitator_id, request.headers['if-match'])
      })
  )
}

export default routes
