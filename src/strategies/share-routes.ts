import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { RateLimit } from '../http/rate-limit.ts'
import { idempotent, named } from '../http/schemas.ts'
import { notFound, tooManyRequests } from '../problems.ts'
import { sightOf, strategyDoor } from './door.ts'
import {
  SharedPath,
  SharedStrategy,
  ShareLink,
  ShareLinkCreate,
  ShareLinkCreated,
  ShareLinkPage,
  ShareLinkPath,
  ShareLinkQuery,
  StrategyPath
} from './schemas.ts'
import { findShareLink, listShareLinks } from './share-queries.ts'
import { endShareLink, readShared, shareStrategy } from './share-strategy.ts'

/** Links to single cards, for a while. */
export const shareLinks: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/strategies/:strategy_id/share_links',
    {
      config: { scope: 'strategies:write', idempotent: true, door: strategyDoor },
      schema: {
        operationId: 'createShareLink',
        tags: ['strategies'],
        summary: 'Share a strategy by a link',
        description:
          'Whoever has the link reads the card without a key, until it expires or is revoked, and as long as the card is published for everybody here.',
        params: StrategyPath,
        headers: idempotent,
        body: named(ShareLinkCreate),
        response: { 201: named(ShareLinkCreated) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        shareStrategy(tx, app.publicUrl, sightOf(request.caller), request.params.strategy_id, request.body)
      )
  )

  app.get(
    '/strategies/:strategy_id/share_links',
    {
      config: { scope: 'strategies:write' },
      schema: {
        operationId: 'listShareLinks',
        tags: ['strategies'],
        summary: 'List the links to a strategy',
        description: 'The latest first.',
        params: StrategyPath,
        querystring: ShareLinkQuery,
        response: { 200: named(ShareLinkPage) }
      }
    },
    async (request, reply) => {
      await strategyDoor(app.db, request.caller, request.params)
      const { moderates } = sightOf(request.caller)
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listShareLinks, { ...request.params, moderates, ...asked }),
        row => [null, row.id]
      )
    }
  )

  app.get(
    '/strategies/:strategy_id/share_links/:share_link_id',
    {
      config: { scope: 'strategies:write' },
      schema: {
        operationId: 'getShareLink',
        tags: ['strategies'],
        summary: 'Read a link to a strategy',
        params: ShareLinkPath,
        response: { 200: named(ShareLink) }
      }
    },
    async (request, reply) => {
      const { moderates } = sightOf(request.caller)
      const [link] = await app.db.read(request.caller, findShareLink, { ...request.params, moderates })
      if (link === undefined) throw notFound()
      reply.header('etag', etagOf(link.version))
      return link
    }
  )

  app.post(
    '/strategies/:strategy_id/share_links/:share_link_id/revoke',
    {
      config: { scope: 'strategies:write', idempotent: true, door: strategyDoor },
      schema: {
        operationId: 'revokeShareLink',
        tags: ['strategies'],
        summary: 'Revoke a link to a strategy',
        description: 'At once. Twice is the same as once.',
        params: ShareLinkPath,
        headers: idempotent,
        response: { 200: named(ShareLink) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        endShareLink(tx, sightOf(request.caller), request.params.strategy_id, request.params.share_link_id)
      )
  )
}

/** What whoever has a link reads: the one door without a key, so it is counted by address. */
export const sharedStrategies: FastifyPluginAsyncTypebox = async app => {
  const { RATE_LIMIT_PER_MINUTE } = app.settings
  const rates = new RateLimit(RATE_LIMIT_PER_MINUTE)

  app.get(
    '/shared/strategies/:secret',
    {
      schema: {
        operationId: 'getSharedStrategy',
        tags: ['strategies'],
        summary: 'Read a strategy by a link',
        description: 'Without a key.',
        security: [],
        params: SharedPath,
        response: { 200: named(SharedStrategy) }
      }
    },
    async (request, reply) => {
      const { limited, reset } = rates.take(request.ip, performance.now())
      if (RATE_LIMIT_PER_MINUTE > 0 && limited) throw tooManyRequests(reset)
      reply.header('cache-control', 'private, no-store')
      return await readShared(app.db, request.params.secret, request.id)
    }
  )
}
