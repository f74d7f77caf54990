import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { v7 as uuid } from 'uuid'
import { signIn } from './access/sign-in.ts'
import type { Settings } from './config.ts'
import type { Database } from './database/database.ts'
import type { Keyring } from './database/keyring.ts'
import { translate } from './database/refusals.ts'
import { refusals as groupRefusals } from './groups/queries.ts'
import groups from './groups/routes.ts'
import { schemas as groupSchemas } from './groups/schemas.ts'
import { clientErrorHandler, frameworkErrors, problemReplies } from './http/errors.ts'
import { addFormats } from './http/formats.ts'
import { health } from './http/health.ts'
import { jsonBodies } from './http/json.ts'
import { openapi } from './http/openapi.ts'
import { replyHeaders } from './http/reply-headers.ts'
import { Problem } from './http/schemas.ts'
import { buildValidator, parseQuery } from './http/validation.ts'
import { isTimeZone } from './schedule/time-zones.ts'

declare module 'fastify' {
  interface FastifyInstance {
    db: Database
    keyring: Keyring
    settings: Settings
    /** Before every link: PUBLIC_URL, or nothing (links are then relative). */
    publicUrl: string
    forgetKeys(): void
  }
}

export interface Parts {
  settings: Settings
  db: Database
  keyring: Keyring
  logger: FastifyBaseLogger
}

const requestIdPattern = /^[A-Za-z0-9._-]{8,64}$/

/** The whole service: the floor, then who may come in, then the rooms. */
export async function buildApp({ settings, db, keyring, logger }: Parts): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: logger,
    // One line per request, written when it is answered (replyHeaders): ids and the route, never a query or a body.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: settings.BODY_LIMIT_BYTES,
    requestTimeout: settings.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 5000,
    // requestTimeout alone does not close slow clients: Node looks only this often, and only past headersTimeout.
    http: { headersTimeout: Math.min(5000, settings.REQUEST_TIMEOUT_MS), connectionsCheckingInterval: 1000 },
    trustProxy: settings.TRUSTED_PROXIES.length > 0 ? settings.TRUSTED_PROXIES : false,
    genReqId: request => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && requestIdPattern.test(given) ? given : uuid()
    },
    routerOptions: { maxParamLength: 500, querystringParser: parseQuery },
    ajv: { plugins: [[addFormats, { timeZone: isTimeZone }]] as never },
    schemaController: { compilersFactory: { buildValidator } },
    frameworkErrors,
    clientErrorHandler
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.decorate('db', db)
  app.decorate('keyring', keyring)
  app.decorate('settings', settings)
  app.decorate('draining', false)
  app.decorate('publicUrl', settings.PUBLIC_URL ?? '')

  jsonBodies(app)
  problemReplies(app, { translate: translate({ ...groupRefusals }) })
  await app.register(replyHeaders)
  if (settings.CORS_ORIGINS.length > 0) {
    await app.register(cors, {
      origin: settings.CORS_ORIGINS,
      maxAge: 600,
      exposedHeaders: [
        'ETag',
        'Link',
        'Location',
        'RateLimit',
        'RateLimit-Policy',
        'Retry-After',
        'X-Request-Id',
        'Idempotency-Replayed'
      ]
    })
  }
  for (const schema of [Problem, ...groupSchemas]) app.addSchema(schema)
  await app.register(openapi)
  await app.register(health)

  await app.register(
    async signedIn => {
      await signedIn.register(signIn, { ratePerMinute: settings.RATE_LIMIT_PER_MINUTE })
      await signedIn.register(groups)
    },
    { prefix: '/v1' }
  )
  return app
}
