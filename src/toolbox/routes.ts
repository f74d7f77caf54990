import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Tx } from '../database/database.ts'
import { idempotent, named } from '../http/schemas.ts'
import { PersonPath } from '../people/schemas.ts'
import { putIntoToolbox, readToolbox, removeFromToolbox, toolboxOf } from './arrange-toolbox.ts'
import { cardDoor, stillSees, toolboxDoor, toolboxSight } from './door.ts'
import { feedOf } from './feed.ts'
import { listToolbox } from './queries.ts'
import { Feed, FeedQuery, Toolbox, ToolboxPath, ToolboxPut } from './schemas.ts'

async function toolboxAgain(tx: Tx, caller: Caller, person_id: string) {
  await stillSees(tx, person_id)
  return await readToolbox(tx, toolboxSight(caller), person_id)
}

/** The cards that a person keeps, and what comes up for them. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/people/:person_id/toolbox',
    {
      config: { scope: 'toolbox:read' },
      schema: {
        operationId: 'getToolbox',
        tags: ['toolbox'],
        summary: 'Read somebody’s toolbox',
        params: PersonPath,
        response: { 200: named(Toolbox) }
      }
    },
    async request => {
      const { person_id } = request.params
      await toolboxDoor(app.db, request.caller, request.params)
      return toolboxOf(
        person_id,
        await app.db.read(request.caller, listToolbox, { person_id, ...toolboxSight(request.caller) })
      )
    }
  )

  app.put(
    '/people/:person_id/toolbox/cards/:strategy_id',
    {
      config: { scope: 'toolbox:write', idempotent: true, door: cardDoor },
      schema: {
        operationId: 'putToolboxCard',
        tags: ['toolbox'],
        summary: 'Keep a strategy in somebody’s toolbox, or move it',
        description: 'Twice is the same as once.',
        params: ToolboxPath,
        headers: idempotent,
        body: named(ToolboxPut),
        response: { 200: named(Toolbox) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx =>
          putIntoToolbox(
            tx,
            toolboxSight(request.caller),
            request.params.person_id,
            request.params.strategy_id,
            request.body
          ),
        tx => toolboxAgain(tx, request.caller, request.params.person_id)
      )
  )

  app.post(
    '/people/:person_id/toolbox/cards/:strategy_id/remove',
    {
      config: { scope: 'toolbox:write', idempotent: true, door: cardDoor },
      schema: {
        operationId: 'removeToolboxCard',
        tags: ['toolbox'],
        summary: 'Take a strategy out of somebody’s toolbox',
        description: 'The log and the reminders stay. Twice is the same as once.',
        params: ToolboxPath,
        headers: idempotent,
        response: { 200: named(Toolbox) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => removeFromToolbox(tx, toolboxSight(request.caller), request.params.person_id, request.params.strategy_id),
        tx => toolboxAgain(tx, request.caller, request.params.person_id)
      )
  )

  app.get(
    '/people/:person_id/feed',
    {
      config: { scope: 'toolbox:read' },
      schema: {
        operationId: 'getFeed',
        tags: ['toolbox'],
        summary: 'Read what comes up for somebody',
        description:
          'The reminders of practice in a week, or in the time that is asked for. A time that a change of clocks leaves out does not come up; one that occurs twice comes up the first time.',
        params: PersonPath,
        querystring: FeedQuery,
        response: { 200: named(Feed) }
      }
    },
    async request => {
      await toolboxDoor(app.db, request.caller, request.params)
      return await feedOf(app.db, request.caller, request.params.person_id, request.query)
    }
  )
}

export default routes
