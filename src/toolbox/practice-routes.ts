import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, named } from '../http/schemas.ts'
import { PersonPath } from '../people/schemas.ts'
import { notFound } from '../problems.ts'
import { stillSees, toolboxDoor, toolboxSight } from './door.ts'
import { logPractice, readPractice, voidPractice } from './log-practice.ts'
import { findPractice, listPractices } from './queries.ts'
import { Practice, PracticeCreate, PracticePage, PracticePath, PracticeQuery } from './schemas.ts'

async function practiceDoor(db: Pick<Database, 'read'>, caller: Caller, { practice_id }: Record<string, string>) {
  const { moderates } = toolboxSight(caller)
  const [practice] = await db.read(caller, findPractice, { practice_id: practice_id!, moderates })
  if (practice === undefined) throw notFound()
  return practice
}

/** The log of practice: did it, and how it was. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/people/:person_id/practices',
    {
      config: { scope: 'toolbox:read' },
      schema: {
        operationId: 'listPractices',
        tags: ['toolbox'],
        summary: 'List what somebody practiced',
        description:
          'The latest first; what was voided is left out, and what was done with a card that whoever asks does not read (it was hidden, or is another group’s). What was done with a card stays when the card is retired, unless something was held against the card.',
        params: PersonPath,
        querystring: PracticeQuery,
        response: { 200: named(PracticePage) }
      }
    },
    async (request, reply) => {
      await toolboxDoor(app.db, request.caller, request.params)
      const { limit: _, cursor: __, ...filters } = request.query
      const values = { ...request.params, ...filters, moderates: toolboxSight(request.caller).moderates }
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listPractices, { ...values, ...asked }),
        row => [row.practiced_at, row.id]
      )
    }
  )

  app.post(
    '/people/:person_id/practices',
    {
      config: { scope: 'toolbox:write', idempotent: true, door: toolboxDoor },
      schema: {
        operationId: 'createPractice',
        tags: ['toolbox'],
        summary: 'Log that somebody practiced',
        description: 'The card need not be in the toolbox.',
        params: PersonPath,
        headers: idempotent,
        body: named(PracticeCreate),
        response: { 201: named(Practice) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => logPractice(tx, toolboxSight(request.caller), request.params.person_id, request.body),
        async (tx, { id, person_id }) => {
          await stillSees(tx, person_id)
          return await readPractice(tx, toolboxSight(request.caller), id)
        }
      )
  )

  app.get(
    '/practices/:practice_id',
    {
      config: { scope: 'toolbox:read' },
      schema: {
        operationId: 'getPractice',
        tags: ['toolbox'],
        summary: 'Read one entry of the log of practice',
        params: PracticePath,
        response: { 200: named(Practice) }
      }
    },
    async (request, reply) => {
      const practice = await practiceDoor(app.db, request.caller, request.params)
      reply.header('etag', etagOf(practice.version))
      return practice
    }
  )

  app.post(
    '/practices/:practice_id/void',
    {
      config: { scope: 'toolbox:write', idempotent: true, door: practiceDoor },
      schema: {
        operationId: 'voidPractice',
        tags: ['toolbox'],
        summary: 'Void what was logged by mistake',
        description: 'It counts no more. Twice is the same as once.',
        params: PracticePath,
        headers: idempotent,
        response: { 200: named(Practice) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => voidPractice(tx, toolboxSight(request.caller), request.params.practice_id))
  )
}

export default routes
