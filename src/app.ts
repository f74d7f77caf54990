import { randomUUID } from 'node:crypto'
import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { refusals as accessRefusals } from './access/queries.ts'
import access from './access/routes.ts'
import { schemas as accessSchemas } from './access/schemas.ts'
import { signIn } from './access/sign-in.ts'
import { isTimeZone } from './clock/time-zones.ts'
import type { Settings } from './config.ts'
import type { Database } from './database/database.ts'
import type { Keyring } from './database/keyring.ts'
import { translate } from './database/refusals.ts'
import { refusals as facilitatorRefusals } from './facilitators/queries.ts'
import facilitators from './facilitators/routes.ts'
import { schemas as facilitatorSchemas } from './facilitators/schemas.ts'
import { refusals as groupRefusals } from './groups/queries.ts'
import groups from './groups/routes.ts'
import { schemas as groupSchemas } from './groups/schemas.ts'
import handover from './handover/routes.ts'
import { schemas as handoverSchemas } from './handover/schemas.ts'
import { clientErrorHandler, frameworkErrors, problemReplies } from './http/errors.ts'
import { FirstUse } from './http/first-use.ts'
import { addFormats, isUuid } from './http/formats.ts'
import { health } from './http/health.ts'
import { jsonBodies } from './http/json.ts'
import { openapi } from './http/openapi.ts'
import { replyHeaders } from './http/reply-headers.ts'
import { Parameters, Problem } from './http/schemas.ts'
import { buildSerializer } from './http/serialization.ts'
import { buildValidator, parseQuery } from './http/validation.ts'
import imports from './imports/routes.ts'
import { schemas as importSchemas } from './imports/schemas.ts'
import absences from './memberships/absence-routes.ts'
import { schemas as absenceSchemas } from './memberships/absence-schemas.ts'
import waitlist from './memberships/line-routes.ts'
import { refusals as membershipRefusals } from './memberships/queries.ts'
import memberships from './memberships/routes.ts'
import { schemas as membershipSchemas } from './memberships/schemas.ts'
import attendanceNotes from './notes/attendance-note-routes.ts'
import { schemas as attendanceNoteSchemas } from './notes/attendance-note-schemas.ts'
import notes from './notes/routes.ts'
import { schemas as noteSchemas } from './notes/schemas.ts'
import organization from './organizations/routes.ts'
import { schemas as organizationSchemas } from './organizations/schemas.ts'
import { refusals as personRefusals } from './people/queries.ts'
import people from './people/routes.ts'
import { schemas as personSchemas } from './people/schemas.ts'
import { notFound, unprocessable } from './problems.ts'
import closures from './schedule/closure-routes.ts'
import schedule from './schedule/routes.ts'
import { schemas as scheduleSchemas } from './schedule/schemas.ts'
import attendance from './sessions/attendance-routes.ts'
import { refusals as sessionFacilitatorRefusals } from './sessions/facilitator-queries.ts'
import sessionFacilitators from './sessions/facilitator-routes.ts'
import { schemas as sessionFacilitatorSchemas } from './sessions/facilitator-schemas.ts'
import sessions from './sessions/routes.ts'
import rsvps from './sessions/rsvp-routes.ts'
import { schemas as rsvpSchemas } from './sessions/rsvp-schemas.ts'
import { schemas as sessionSchemas } from './sessions/schemas.ts'
import { refusals as syncRefusals } from './sessions/sync-queries.ts'
import attendanceSync from './sessions/sync-routes.ts'
import { schemas as syncSchemas } from './sessions/sync-schemas.ts'
import strategyExchange from './strategies/exchange-routes.ts'
import { schemas as strategyExchangeSchemas } from './strategies/exchange-schemas.ts'
import strategyFeedback from './strategies/feedback-routes.ts'
import strategyLibrary from './strategies/library-routes.ts'
import { refusals as strategyRefusals } from './strategies/queries.ts'
import strategyReviews from './strategies/review-routes.ts'
import strategies from './strategies/routes.ts'
import { schemas as strategySchemas } from './strategies/schemas.ts'
import { sharedStrategies, shareLinks } from './strategies/share-routes.ts'
import deviceSync from './sync/routes.ts'
import { schemas as deviceSyncSchemas } from './sync/schemas.ts'
import practices from './toolbox/practice-routes.ts'
import practiceReminders from './toolbox/reminder-routes.ts'
import toolbox from './toolbox/routes.ts'
import { schemas as toolboxSchemas } from './toolbox/schemas.ts'

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

/** @throws Problem 422 for a body with something in it */
function assertNothing(body: unknown): void {
  const isNothing = body === undefined || (isRecord(body) && Object.keys(body).length === 0)
  if (!isNothing)
    throw unprocessable([{ pointer: '#', in: 'body', code: 'unknown_field', detail: 'no body is read here' }])
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The whole service: the floor, then who may come in, then the rooms. */
export async function buildApp({ settings, db, keyring, logger }: Parts): Promise<FastifyInstance> {
  const firstUse = new FirstUse()
  const app = Fastify({
    loggerInstance: logger,
    // One line per request, written when it is answered (replyHeaders): ids and the route, never a query or a body.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: settings.BODY_LIMIT_BYTES,
    requestTimeout: settings.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: 5000,
    // requestTimeout alone does not close slow clients: Node looks only this often, and only past headersTimeout.
    http: { headersTimeout: Math.min(5000, settings.REQUEST_TIMEOUT_MS), connectionsCheckingInterval: 1000 },
    // Requests that are still under way on open connections while it closes are answered, and well.
    return503OnClosing: false,
    trustProxy: settings.TRUSTED_PROXIES.length > 0 ? settings.TRUSTED_PROXIES : false,
    genReqId: request => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID()
    },
    routerOptions: { maxParamLength: 500, querystringParser: parseQuery },
    ajv: { plugins: [[addFormats, { timeZone: isTimeZone }]] as never },
    schemaController: {
      compilersFactory: {
        buildValidator: firstUse.defer(buildValidator),
        buildSerializer: firstUse.defer(buildSerializer)
      }
    },
    frameworkErrors,
    clientErrorHandler
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.addHook('onListen', () => void firstUse.rest())
  app.addHook('onClose', () => firstUse.end())

  app.decorate('db', db)
  app.decorate('keyring', keyring)
  app.decorate('settings', settings)
  app.decorate('draining', false)
  app.decorate('publicUrl', settings.PUBLIC_URL ?? '')

  jsonBodies(app)
  problemReplies(app, {
    translate: translate({
      ...accessRefusals,
      ...groupRefusals,
      ...facilitatorRefusals,
      ...personRefusals,
      ...membershipRefusals,
      ...sessionFacilitatorRefusals,
      ...syncRefusals,
      ...strategyRefusals
    }),
    // Without a caller, the refusal is about who is asking: nothing is behind it.
    door: async request => {
      if (request.caller == null) return
      const params = (request.params ?? {}) as Record<string, string>
      // What could not be read of the body may come before the path was looked at.
      if (Object.entries(params).some(([name, id]) => name.endsWith('_id') && !isUuid(id))) throw notFound()
      await request.routeOptions.config.door?.(db, request.caller, params)
    }
  })
  await app.register(replyHeaders)
  app.addHook('onSend', (request, _reply, payload, done) => {
    // Whoever does not read the answer is cut off, like whoever does not finish asking.
    request.raw.socket.setTimeout?.(settings.REQUEST_TIMEOUT_MS)
    done(null, payload)
  })
  if (settings.CORS_ORIGINS.length > 0) {
    await app.register(cors, {
      origin: settings.CORS_ORIGINS,
      // Left alone, those that a page may use without asking.
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
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
  for (const schema of [
    Problem,
    ...organizationSchemas,
    ...accessSchemas,
    ...groupSchemas,
    ...facilitatorSchemas,
    ...personSchemas,
    ...membershipSchemas,
    ...absenceSchemas,
    ...scheduleSchemas,
    ...sessionSchemas,
    ...sessionFacilitatorSchemas,
    ...rsvpSchemas,
    ...syncSchemas,
    ...noteSchemas,
    ...attendanceNoteSchemas,
    ...deviceSyncSchemas,
    ...handoverSchemas,
    ...importSchemas,
    ...strategySchemas,
    ...strategyExchangeSchemas,
    ...toolboxSchemas
  ])
    app.addSchema(schema)
  await app.register(openapi)
  // A parameter that is not documented is refused, also where none is.
  app.addHook('onRoute', route => {
    if (route.schema !== undefined && route.schema.hide !== true) route.schema.querystring ??= Parameters({})
  })
  await app.register(health)
  await app.register(sharedStrategies)

  await app.register(
    async signedIn => {
      await signedIn.register(signIn, { ratePerMinute: settings.RATE_LIMIT_PER_MINUTE })
      // An action that may do without a body is one with an empty body; where none is read, nothing is quietly dropped.
      signedIn.addHook('preValidation', async request => {
        const { body } = request
        if (request.routeOptions.schema?.body === undefined) assertNothing(body)
        else if (body === undefined) request.body = {}
      })
      await signedIn.register(organization)
      await signedIn.register(access)
      await signedIn.register(groups)
      await signedIn.register(facilitators)
      await signedIn.register(people)
      await signedIn.register(memberships)
      await signedIn.register(waitlist)
      await signedIn.register(absences)
      await signedIn.register(schedule)
      await signedIn.register(closures)
      await signedIn.register(sessions)
      await signedIn.register(sessionFacilitators)
      await signedIn.register(attendance)
      await signedIn.register(rsvps)
      await signedIn.register(attendanceSync)
      await signedIn.register(notes)
      await signedIn.register(attendanceNotes)
      await signedIn.register(deviceSync)
      await signedIn.register(handover)
      await signedIn.register(imports)
      await signedIn.register(strategies)
      await signedIn.register(strategyReviews)
      await signedIn.register(strategyFeedback)
      await signedIn.register(strategyLibrary)
      await signedIn.register(strategyExchange)
      await signedIn.register(shareLinks)
      await signedIn.register(toolbox)
      await signedIn.register(practices)
      await signedIn.register(practiceReminders)
    },
    { prefix: '/v1' }
  )
  return app
}
