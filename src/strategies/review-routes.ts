import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { decideStrategy } from './change-strategy.ts'
import { readAgain, sightOf, strategyDoor } from './door.ts'
import { reportStrategy } from './report-strategy.ts'
import { listDecisions, listReviews } from './review-queries.ts'
import {
  ReviewQuery,
  Strategy,
  StrategyDecide,
  StrategyDecisionPage,
  StrategyDecisionQuery,
  StrategyPath,
  StrategyReport,
  StrategyReportCreate,
  StrategyReviewPage
} from './schemas.ts'

/** Looking after the cards: reports, the queue of reviews, decisions. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/strategies/reviews',
    {
      config: { scope: 'strategies:moderate' },
      schema: {
        operationId: 'listStrategyReviews',
        tags: ['strategies'],
        summary: 'List the strategies that wait for a decision',
        description: 'In review, hidden by a report, or reported: the longest waiting first, with what was reported.',
        querystring: ReviewQuery,
        response: { 200: named(StrategyReviewPage) }
      }
    },
    async (request, reply) => {
      const { data, page } = await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listReviews, { ...sightOf(request.caller), ...asked }),
        row => [row.waiting_since, row.id]
      )
      return {
        data: data.map(({ waiting_since, reports, ...strategy }) => ({
          id: strategy.id,
          waiting_since,
          strategy,
          reports
        })),
        page
      }
    }
  )

  app.post(
    '/strategies/:strategy_id/reports',
    {
      config: { scope: 'strategies:read', idempotent: true, door: strategyDoor },
      schema: {
        operationId: 'reportStrategy',
        tags: ['strategies'],
        summary: 'Report a strategy',
        description:
          'Whoever reads a card may report it. `harmful` and `identifies_somebody` hide it at once, until somebody who moderates has decided.',
        params: StrategyPath,
        headers: idempotent,
        body: named(StrategyReportCreate),
        response: { 201: named(StrategyReport) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => reportStrategy(tx, sightOf(request.caller), request.params.strategy_id, request.body),
        // Their own words: the report may have shut the door behind them.
        async (_tx, first) => first
      )
  )

  app.get(
    '/strategies/:strategy_id/decisions',
    {
      config: { scope: 'strategies:write' },
      schema: {
        operationId: 'listStrategyDecisions',
        tags: ['strategies'],
        summary: 'Read what was decided about a strategy',
        description: 'For its writer, and those who moderate; nothing for others. The latest first.',
        params: StrategyPath,
        querystring: StrategyDecisionQuery,
        response: { 200: named(StrategyDecisionPage) }
      }
    },
    async (request, reply) => {
      await strategyDoor(app.db, request.caller, request.params)
      const { moderates } = sightOf(request.caller)
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listDecisions, { ...request.params, moderates, ...asked }),
        row => [null, row.id]
      )
    }
  )

  app.post(
    '/strategies/:strategy_id/submit',
    {
      config: { scope: 'strategies:write', idempotent: true, door: strategyDoor },
      schema: {
        operationId: 'submitStrategy',
        tags: ['strategies'],
        summary: 'Hand a draft in',
        description: 'It is `in_review` then, or published where that is done at once. Twice is the same as once.',
        params: StrategyPath,
        headers: idempotentIfMatch,
        response: { 200: named(Strategy) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx =>
          decideStrategy(
            tx,
            sightOf(request.caller),
            request.params.strategy_id,
            request.headers['if-match'],
            'submit',
            null
          ),
        (tx, { id }) => readAgain(tx, request.caller, id)
      )
  )

  for (const { decision, scope, operationId, summary, description } of [
    {
      decision: 'publish',
      scope: 'strategies:moderate',
      operationId: 'publishStrategy',
      summary: 'Publish a strategy',
      description: 'Also one that was hidden or retired. What was reported is answered by it.'
    },
    {
      decision: 'return',
      scope: 'strategies:moderate',
      operationId: 'returnStrategy',
      summary: 'Give a strategy back to its writer',
      description: 'It is a draft again.'
    },
    {
      decision: 'hide',
      scope: 'strategies:moderate',
      operationId: 'hideStrategy',
      summary: 'Hide a strategy',
      description: 'Nobody but those who moderate and its writer sees it.'
    },
    {
      decision: 'retire',
      scope: 'strategies:write',
      operationId: 'retireStrategy',
      summary: 'Retire a strategy',
      description: 'It leaves the lists and keeps its history. For its writer, and those who moderate.'
    }
  ] as const) {
    app.post(
      `/strategies/:strategy_id/${decision}`,
      {
        config: { scope, idempotent: true, door: strategyDoor },
        schema: {
          operationId,
          tags: ['strategies'],
          summary,
          description: `${description} The reason is kept. Twice is the same as once.`,
          params: StrategyPath,
          headers: idempotentIfMatch,
          body: named(StrategyDecide),
          response: { 200: named(Strategy) }
        }
      },
      async (request, reply) =>
        await change(
          request,
          reply,
          tx =>
            decideStrategy(
              tx,
              sightOf(request.caller),
              request.params.strategy_id,
              request.headers['if-match'],
              decision,
              request.body.reason
            ),
          (tx, { id }) => readAgain(tx, request.caller, id)
        )
    )
  }
}

export default routes
