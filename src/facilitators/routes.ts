import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { groupDoor } from '../groups/door.ts'
import { GroupPath } from '../groups/schemas.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { assignFacilitator } from './assign-facilitator.ts'
import { endFacilitator } from './end-facilitator.ts'
import { findFacilitator, listFacilitators } from './queries.ts'
import {
  Facilitator,
  FacilitatorAssign,
  FacilitatorEnd,
  FacilitatorPage,
  FacilitatorPath,
  FacilitatorQuery
} from './schemas.ts'

async function facilitatorDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  const { group_id, facilitator_id } = params as { group_id: string; facilitator_id: string }
  if ((await db.read(caller, findFacilitator, { group_id, facilitator_id })).length === 0) throw notFound()
}

/** Who facilitates a group. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/groups/:group_id/facilitators',
    {
      config: { scope: 'groups:read' },
      schema: {
        operationId: 'listFacilitators',
        tags: ['facilitators'],
        summary: 'List who facilitates a group',
        description: 'By beginning; those of the past and of the future included, unless `at` or `active` is given.',
        params: GroupPath,
        querystring: FacilitatorQuery,
        response: { 200: named(FacilitatorPage) }
      }
    },
    async (request, reply) => {
      await groupDoor(app.db, request.caller, request.params)
      const { limit: _, cursor: __, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listFacilitators, { ...request.params, ...filters, ...asked }),
        row => [row.starts_at, row.id]
      )
    }
  )

  app.post(
    '/groups/:group_id/facilitators',
    {
      config: { scope: 'groups:write', idempotent: true, door: groupDoor },
      schema: {
        operationId: 'assignFacilitator',
        tags: ['facilitators'],
        summary: 'Let a member of staff facilitate a group',
        description: 'Access to the group begins and ends at these instants. Twice at the same time is 409.',
        params: GroupPath,
        headers: idempotent,
        body: named(FacilitatorAssign),
        response: { 201: named(Facilitator) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => assignFacilitator(tx, request.params.group_id, request.body))
  )

  app.get(
    '/groups/:group_id/facilitators/:facilitator_id',
    {
      config: { scope: 'groups:read' },
      schema: {
        operationId: 'getFacilitator',
        tags: ['facilitators'],
        summary: 'Read one assignment of a facilitator',
        params: FacilitatorPath,
        response: { 200: named(Facilitator) }
      }
    },
    async (request, reply) => {
      const [facilitator] = await app.db.read(request.caller, findFacilitator, request.params)
      if (facilitator === undefined) throw notFound()
      reply.header('etag', etagOf(facilitator.version))
      return facilitator
    }
  )

  app.post(
    '/groups/:group_id/facilitators/:facilitator_id/end',
    {
      config: { scope: 'groups:write', idempotent: true, door: facilitatorDoor },
      schema: {
        operationId: 'endFacilitator',
        tags: ['facilitators'],
        summary: 'End an assignment of a facilitator',
        description: 'Now, or at the instant that is given; one that has not begun never begins. The history stays.',
        params: FacilitatorPath,
        headers: idempotentIfMatch,
        body: named(FacilitatorEnd),
        response: { 200: named(Facilitator) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => {
        const { group_id, facilitator_id } = request.params
        return endFacilitator(tx, group_id, facilitator_id, request.headers['if-match'], request.body)
      })
  )
}

export default routes
