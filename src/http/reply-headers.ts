import type { FastifyInstance, onRequestHookHandler } from 'fastify'
import plugin from 'fastify-plugin'

const docsPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** For what nobody may find on the device once its reader is let in no more. */
export const neverKept: onRequestHookHandler = (_request, reply, done) => {
  reply.header('cache-control', 'no-store')
  done()
}

/** What every reply carries, and the one log line of every request. */
export const replyHeaders = plugin(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id)
      reply.header('x-content-type-options', 'nosniff')
      reply.header('referrer-policy', 'no-referrer')
      const docs = /^\/docs(?:[/?]|$)/.test(request.url)
      reply.header('content-security-policy', docs ? docsPolicy : "default-src 'none'; frame-ancestors 'none'")
      done()
    })

    app.addHook('onSend', (_request, reply, payload, done) => {
      // Told to stop: whoever keeps the connection asks elsewhere next.
      if (app.draining) reply.header('connection', 'close')
      // People's health: only the browser that asked may keep it, and it must ask again.
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'private, no-cache')
      done(null, payload)
    })

    app.addHook('onResponse', (request, reply, done) => {
      request.log.info(
        {
          // The template, never the path: ids belong to people, and a query may hold a name.
          route: request.routeOptions.url ?? 'unknown',
          method: request.method,
          status: reply.statusCode,
          ms: Math.round(reply.elapsedTime * 10) / 10,
          organization_id: request.caller?.organization_id,
          api_key_id: request.caller?.api_key_id
        },
        'answered'
      )
      done()
    })
  },
  { name: 'reply-headers' }
)
