import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { idempotent, named } from '../http/schemas.ts'
import { personDoor } from '../people/door.ts'
import { notFound } from '../problems.ts'
import { sightOf, strategyDoor } from './door.ts'
import { findFeedback } from './feedback-queries.ts'
import { giveFeedback, takeFeedbackBack } from './give-feedback.ts'
import { Feedback, FeedbackPath, FeedbackPut } from './schemas.ts'

/** Behind two doors, the card's and the person's; the second is for those who see people at all. */
async function feedbackDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  if (!sightOf(caller).sees_people) throw notFound()
  await strategyDoor(db, caller, params)
  await personDoor(db, caller, params)
}

/** Did it help? */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/strategies/:strategy_id/feedback/:person_id',
    {
      config: { scope: 'strategies:write' },
      schema: {
        operationId: 'getStrategyFeedback',
        tags: ['strategies'],
        summary: 'Read whether a strategy helped somebody',
        description: 'The outcome is null where nothing was said, or it was withdrawn.',
        params: FeedbackPath,
        response: { 200: named(Feedback) }
      }
    },
    async request => {
      await feedbackDoor(app.db, request.caller, request.params)
      const { moderates } = sightOf(request.caller)
      const [feedback] = await app.db.read(request.caller, findFeedback, { ...request.params, moderates })
      if (feedback === undefined) throw notFound()
      return feedback
    }
  )

  app.put(
    '/strategies/:strategy_id/feedback/:person_id',
    {
      config: { scope: 'strategies:write', idempotent: true, door: feedbackDoor },
      schema: {
        operationId: 'putStrategyFeedback',
        tags: ['strategies'],
        summary: 'Say whether a strategy helped somebody',
        description: 'One answer for each person, which may change.',
        params: FeedbackPath,
        headers: idempotent,
        body: named(FeedbackPut),
        response: { 200: named(Feedback) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        giveFeedback(tx, sightOf(request.caller), request.params.strategy_id, request.params.person_id, request.body)
      )
  )

  app.post(
    '/strategies/:strategy_id/feedback/:person_id/withdraw',
    {
      config: { scope: 'strategies:write', idempotent: true, door: feedbackDoor },
      schema: {
        operationId: 'withdrawStrategyFeedback',
        tags: ['strategies'],
        summary: 'Take back what was said of a strategy',
        description: 'Twice is the same as once.',
        params: FeedbackPath,
        headers: idempotent,
        response: { 200: named(Feedback) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        takeFeedbackBack(tx, sightOf(request.caller), request.params.strategy_id, request.params.person_id)
      )
  )
}

export default routes
