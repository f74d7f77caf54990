import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { change } from '../changes/change.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, ifMatch, named } from '../http/schemas.ts'
import { asText } from '../http/text.ts'
import { notFound } from '../problems.ts'
import { changeStrategy } from './change-strategy.ts'
import { createStrategy } from './create-strategy.ts'
import { readAgain, sightOf, strategyDoor } from './door.ts'
import { liftAnonymity } from './lift-anonymity.ts'
import { findStrategy, listStrategyVersions } from './queries.ts'
import {
  AnonymityLift,
  SimilarStrategies,
  Strategy,
  StrategyChanged,
  StrategyCreate,
  StrategyCreated,
  StrategyHistoryQuery,
  StrategyPage,
  StrategyPatch,
  StrategyPath,
  StrategyQuery,
  StrategyVersionPage,
  SuggestionQuery
} from './schemas.ts'
import { similarStrategies } from './search-queries.ts'
import { findStrategies, type Wanted } from './search-strategies.ts'

/** The cards: finding, reading and writing them. */
const routes: FastifyPluginAsyncTypebox = async app => {
  /** A page of what was found: the cards come as JSON texts, and the page is put around them. */
  async function found(request: FastifyRequest, reply: FastifyReply, wanted: Wanted) {
    let corrected_q: string | null = null
    const { data, page } = await paged(
      request,
      reply,
      asked =>
        findStrategies(app.db, request.caller, wanted, asked, words => {
          corrected_q = words
        }),
      row => [row.score, row.id]
    )
    const cards = data.map(row => row.json).join()
    const text = `{"data":[${cards}],"page":${JSON.stringify(page)},"corrected_q":${JSON.stringify(corrected_q)}}`
    return asText<Static<typeof StrategyPage>>(reply, text)
  }

  app.get(
    '/strategies',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'listStrategies',
        tags: ['strategies'],
        summary: 'List and search strategies',
        description:
          'With `q` by where its words stand in the card; among equals, and without `q`, those that helped most come first (the lower bound of Wilson’s interval, so that 2 of 2 do not come before 90 of 100).',
        querystring: StrategyQuery,
        response: { 200: named(StrategyPage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, ...wanted } = request.query
      return await found(request, reply, wanted)
    }
  )

  app.get(
    '/strategies/suggestions',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'listStrategySuggestions',
        tags: ['strategies'],
        summary: 'Suggest strategies',
        description:
          'What helped most against something, in the time there is and where one is: published cards only. Cards that can be used anywhere are for every place.',
        querystring: SuggestionQuery,
        response: { 200: named(StrategyPage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, minutes, ...wanted } = request.query
      return await found(request, reply, { ...wanted, minutes_max: minutes, status: 'published' })
    }
  )

  app.post(
    '/strategies',
    {
      config: { scope: 'strategies:write', idempotent: true },
      schema: {
        operationId: 'createStrategy',
        tags: ['strategies'],
        summary: 'Write a strategy down',
        description:
          'An anonymous contributor is told to nobody. Where their `person_id` is given, it is sealed with `contributor_secret`, which is answered this once and kept nowhere, so that a replay does not have it: hand it to them, and they may lift the anonymity. Whoever lost it retires the card, and writes it down again.',
        headers: idempotent,
        body: named(StrategyCreate),
        response: { 201: named(StrategyCreated) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => createStrategy(tx, sightOf(request.caller), request.body),
        async (tx, { id }) => ({ ...(await readAgain(tx, request.caller, id)), contributor_secret: null })
      )
  )

  app.get(
    '/strategies/:strategy_id',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'getStrategy',
        tags: ['strategies'],
        summary: 'Read a strategy',
        params: StrategyPath,
        response: { 200: named(Strategy) }
      }
    },
    async (request, reply) => {
      const [strategy] = await app.db.read(request.caller, findStrategy, {
        ...request.params,
        ...sightOf(request.caller)
      })
      if (strategy === undefined) throw notFound()
      reply.header('etag', etagOf(strategy.version))
      return strategy
    }
  )

  app.patch(
    '/strategies/:strategy_id',
    {
      config: { scope: 'strategies:write', door: strategyDoor },
      schema: {
        operationId: 'updateStrategy',
        tags: ['strategies'],
        summary: 'Change a strategy',
        description:
          'A published card that its writer changes is `in_review` again, unless the organization publishes at once; for those who moderate it stays published. What says the same again is no change. An anonymous contributor is not shown, and who wrote the card down is, in its history and decisions, to those who moderate.',
        params: StrategyPath,
        headers: ifMatch,
        body: named(StrategyPatch),
        response: { 200: named(StrategyChanged) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        changeStrategy(
          tx,
          sightOf(request.caller),
          request.params.strategy_id,
          request.headers['if-match'],
          request.body
        )
      )
  )

  app.get(
    '/strategies/:strategy_id/similar',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'listSimilarStrategies',
        tags: ['strategies'],
        summary: 'Strategies like this one',
        description: 'Published cards that share words of the title, topics or the category.',
        params: StrategyPath,
        response: { 200: named(SimilarStrategies) }
      }
    },
    async request => {
      await strategyDoor(app.db, request.caller, request.params)
      const values = { ...request.params, ...sightOf(request.caller) }
      return { data: await app.db.read(request.caller, similarStrategies, values) }
    }
  )

  app.get(
    '/strategies/:strategy_id/history',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'listStrategyVersions',
        tags: ['strategies'],
        summary: 'Read what a strategy said before',
        description:
          'For its writer, and for those who moderate what was not private then; nothing for others. The latest first; the card as it stands is not among them.',
        params: StrategyPath,
        querystring: StrategyHistoryQuery,
        response: { 200: named(StrategyVersionPage) }
      }
    },
    async (request, reply) => {
      await strategyDoor(app.db, request.caller, request.params)
      const { moderates } = sightOf(request.caller)
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listStrategyVersions, { ...request.params, moderates, ...asked }),
        row => [null, row.version]
      )
    }
  )

  app.post(
    '/strategies/:strategy_id/lift_anonymity',
    {
      config: { scope: 'strategies:write', idempotent: true, door: strategyDoor },
      schema: {
        operationId: 'liftStrategyAnonymity',
        tags: ['strategies'],
        summary: 'Stand to an anonymous strategy',
        description: 'For the contributor alone: it takes the `contributor_secret`.',
        params: StrategyPath,
        headers: idempotent,
        body: named(AnonymityLift),
        response: { 200: named(Strategy) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => liftAnonymity(tx, sightOf(request.caller), request.params.strategy_id, request.body),
        (tx, { id }) => readAgain(tx, request.caller, id)
      )
  )
}

export default routes
