import { Converter } from '@apiture/openapi-down-convert'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'

const description = `
Meeting management for peer support groups: groups, sessions, and attendance that respects anonymity.
Peer support complements professional care and never replaces it.

**Signing in.** Every request under \`/v1\` carries \`Authorization: Bearer ck_live_…\`. The key names the organization;
nothing of another organization exists for it, and what a key may not see is answered as if it were not there (404).

**Changing things safely.** Single resources have an ETag. Send it back in \`If-Match\`: if somebody changed the resource
in between, the answer is 412 and nothing happens. Where losing a change would hurt, a missing \`If-Match\` is 428.
Every POST, and the PUT of an attendance sheet, takes an \`Idempotency-Key\`: a retry with the same key is answered
with the first answer (\`Idempotency-Replayed: true\`) and has no second effect. Keys are kept for 24 hours.

**Lists** are \`{ data, page: { next_cursor, has_more } }\`; ask for the next page with \`cursor\`, or follow the Link header.
Intervals are half-open: \`from\` is included, \`to\` is not.

**Refusals** are problem documents (RFC 9457) with a stable \`code\`. A body that cannot be read is 400; one that was read
and breaks a rule is 422, with a pointer for each fault.

**Times** are instants in UTC; where a wall clock matters, the local date and time stand beside their IANA time zone.
`.trim()

const tags = [
  { name: 'me', description: 'Who a key speaks for.' },
  { name: 'organization', description: 'The nonprofit or clinic that runs the groups.' },
  { name: 'staff', description: 'The people who run groups, and their roles.' },
  { name: 'api_keys', description: 'Keys: what they may do, and for how long.' },
  { name: 'groups', description: 'The people and the purpose that persist.' },
  { name: 'facilitators', description: 'Who facilitates a group, from when to when.' },
  { name: 'people', description: 'Who comes. A nickname is enough.' },
  { name: 'memberships', description: 'Dated episodes of belonging to a group.' },
  { name: 'series', description: 'The recurrence rules that make sessions.' },
  { name: 'sessions', description: 'Dated meetings of a group.' },
  { name: 'attendance', description: 'The sheet: who came.' },
  { name: 'imports', description: 'Bringing lists in from elsewhere.' },
  { name: 'service', description: 'Whether the service is alive and ready.' }
]

type Operation = {
  operationId: string
  parameters?: {
    in: string
    name: string
    schema: { type: string; pattern?: string; maxLength?: number }
    description?: string
  }[]
  responses: Record<string, { description: string; headers?: Record<string, unknown>; content?: unknown }>
  requestBody?: unknown
  security?: unknown[]
}
export type Document = {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown> }
}

const refusal = (status: number, description: string) => ({
  [status]: {
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  }
})
const header = (description: string, schema: object = { type: 'string' }) => ({ description, schema })

/** What each operation may be refused with, and the headers that it answers with: written once, for all of them. */
function complete(document: Document): Document {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const signedIn = path.startsWith('/v1')
      const writes = method !== 'get'
      const parameters = operation.parameters ?? []
      const conditional = parameters.some(parameter => parameter.name === 'if-match')
      for (const parameter of parameters) {
        if (parameter.in === 'header') {
          parameter.name = parameter.name === 'if-match' ? 'If-Match' : 'Idempotency-Key'
        }
      }
      Object.assign(operation.responses, {
        ...refusal(400, 'It cannot be read: a wrong parameter, header or encoding.'),
        ...(signedIn && {
          ...refusal(401, 'No valid key.'),
          ...refusal(403, 'The key may not do this.'),
          ...refusal(429, 'Too many requests; Retry-After says when to come back.')
        }),
        ...((path.includes('{') || !signedIn) && refusal(404, 'There is nothing here that the key may see.')),
        ...(writes && {
          ...refusal(409, 'Against the state that things are in.'),
          ...refusal(422, 'Read and understood, and against a rule; `errors` says where.')
        }),
        ...(operation.requestBody !== undefined && {
          ...refusal(413, 'The body is too large.'),
          ...refusal(415, 'Not JSON in UTF-8.')
        }),
        ...(conditional && {
          ...refusal(412, 'It has changed since it was read.'),
          ...refusal(428, 'If-Match is required.')
        }),
        ...refusal(503, 'Not at the moment; the same request may be sent again after Retry-After.'),
        default: { ...refusal(500, 'Any other refusal.')[500] }
      })
      for (const [status, response] of Object.entries(operation.responses)) {
        response.headers = {
          'X-Request-Id': header('The id of this request, also in problems and logs.'),
          ...(status === '201' && {
            Location: header('Where the new resource is.', { type: 'string', format: 'uri-reference' })
          }),
          ...(/^20[01]$/.test(status) &&
            signedIn &&
            isVersioned(document, response) && { ETag: header('The version, for If-Match.') }),
          ...(/^20/.test(status) && isPage(response) && { Link: header('`rel="next"`: the next page.') }),
          ...(/^(429|503)$/.test(status) && { 'Retry-After': header('Seconds.', { type: 'integer' }) }),
          ...(signedIn &&
            /^2/.test(status) && {
              RateLimit: header('What remains of the rate, and for how long.'),
              'RateLimit-Policy': header('The rate.')
            })
        }
      }
    }
  }
  return document
}

const schemaOf = (response: { content?: unknown }): string =>
  (response.content as { 'application/json'?: { schema?: { $ref?: string } } } | undefined)?.['application/json']
    ?.schema?.$ref ?? ''
const isPage = (response: { content?: unknown }) => schemaOf(response).endsWith('Page')
const isVersioned = (document: Document, response: { content?: unknown }) => {
  const schema = document.components.schemas[schemaOf(response).split('/').at(-1)!] as
    | { properties?: Record<string, unknown> }
    | undefined
  return schema?.properties?.version !== undefined
}

/** The document as OpenAPI 3.1, and the same as 3.0 for the generators that need it. */
export function documents(app: FastifyInstance): { v31: Document; v30: Document } {
  const v31 = complete(JSON.parse(JSON.stringify(app.swagger())) as Document)
  const v30 = new Converter(JSON.parse(JSON.stringify(v31)), {}).convert() as unknown as Document
  return { v31, v30 }
}

/** Publishes what the routes say: `/openapi.json`, `/openapi-3.0.json` and a page to read them on, which needs no network. */
export const openapi = plugin(
  async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Circlekeeper',
          version: '1.0.0',
          description,
          license: { name: 'MIT', url: 'https://opensource.org/license/mit' }
        },
        servers: [{ url: '/' }],
        tags,
        components: {
          securitySchemes: {
            bearerAuth: { type: 'http', scheme: 'bearer', description: 'An API key, `ck_live_…`.' }
          }
        }
      },
      refResolver: {
        buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `def-${index}`)
      }
    })

    let made: { v31: Document; v30: Document } | undefined
    const get = () => {
      made ??= documents(app)
      return made
    }
    const hide = { schema: { hide: true } } as const
    app.get('/openapi.json', hide, async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=60').send(get().v31)
    )
    app.get('/openapi-3.0.json', hide, async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=60').send(get().v30)
    )

    await app.register(swaggerUi, {
      routePrefix: '/docs',
      transformSpecification: () => get().v31 as never,
      transformSpecificationClone: false,
      uiConfig: { validatorUrl: null, deepLinking: true, docExpansion: 'list', tryItOutEnabled: false } as never,
      theme: { title: 'Circlekeeper API' }
    })
  },
  { name: 'openapi' }
)
