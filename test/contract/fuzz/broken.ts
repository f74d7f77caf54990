import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { problemReplies } from '../../../src/http/errors.ts'
import { addFormats } from '../../../src/http/formats.ts'
import { jsonBodies } from '../../../src/http/json.ts'
import { buildValidator } from '../../../src/http/validation.ts'
import { notFound, preconditionRequired, unauthorized, unprocessable } from '../../../src/problems.ts'
import type { Schema } from './document.ts'

export const goodKey = 'good-key-0'

interface Parts {
  query?: Record<string, Schema>
  headers?: Record<string, Schema>
  body?: Schema
}
interface Planted extends Parts {
  id: string
  /** The check that must find it; none: everything is right here. */
  check?: string
  method?: 'GET' | 'POST'
  /** What is really asked of a request, where that differs from what is documented. */
  actual?: Parts
  open?: (request: FastifyRequest) => boolean
  reply?: (reply: FastifyReply, request: FastifyRequest) => unknown
  /** Looks at the query itself, or not at all. */
  anyQuery?: boolean
  /** Only the random phase gets there. */
  deep?: boolean
  creates?: boolean
  /** A further method that nothing tells of. */
  further?: 'DELETE'
}

const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false
})
const text = (rest: Schema = {}): Schema => ({ type: 'string', minLength: 1, maxLength: 20, ...rest })
const number: Schema = { type: 'integer', minimum: 1, maximum: 10 }
const thing = { id: '1', name: 'Thing' }

/** A service with one defect in each operation, and operations without. */
export const planted: Planted[] = [
  { id: 'right', query: { limit: number, sort: text({ enum: ['name', 'day'] }) } },
  {
    id: 'rightToo',
    method: 'POST',
    body: object(
      { name: text(), count: number, tags: { type: 'array', items: text(), uniqueItems: true, maxItems: 3 } },
      ['name']
    )
  },
  { id: 'rightAndNew', method: 'POST', creates: true, body: object({ name: text() }, ['name']) },
  { id: 'undocumentedStatus', check: 'undocumented_status', reply: reply => reply.code(202).send(thing) },
  { id: 'wrongContentType', check: 'content_type', reply: reply => reply.type('text/plain').send('Thing') },
  { id: 'noContentType', check: 'content_type', reply: reply => reply.send(Buffer.from('{"id":"1"}')) },
  { id: 'headerMissing', check: 'header', reply: reply => reply.removeHeader('etag').send(thing) },
  { id: 'headerWrong', check: 'header', reply: reply => reply.header('etag', 'weak').send(thing) },
  { id: 'notTheSchema', check: 'body', reply: reply => reply.send({ name: 'Thing' }) },
  { id: 'notJson', check: 'body', reply: reply => reply.type('application/json').send(Buffer.from('{"id":')) },
  {
    id: 'failsAtTheEdge',
    check: 'server_error',
    query: { limit: number },
    reply: (reply, request) => reply.code((request.query as { limit?: number }).limit === 10 ? 500 : 200).send(thing)
  },
  {
    id: 'failsOnControls',
    check: 'server_error',
    method: 'POST',
    body: object({ name: text() }),
    reply: (reply, request) => {
      if ((request.body as { name?: string }).name?.includes('\u0001')) throw new Error('invalid byte sequence')
      return reply.send(thing)
    }
  },
  {
    id: 'unknownField',
    check: 'negative',
    method: 'POST',
    body: object({ name: text() }),
    actual: { body: { ...object({ name: text() }), additionalProperties: true } }
  },
  {
    id: 'overMaximum',
    check: 'negative',
    query: { limit: number },
    actual: { query: { limit: { ...number, maximum: 11 } } }
  },
  {
    id: 'underMinimum',
    check: 'negative',
    method: 'POST',
    body: object({ count: number }),
    actual: { body: object({ count: { ...number, minimum: 0 } }) }
  },
  {
    id: 'tooLong',
    check: 'negative',
    method: 'POST',
    body: object({ name: text() }),
    actual: { body: object({ name: text({ maxLength: 21 }) }) }
  },
  {
    id: 'missingAccepted',
    check: 'negative',
    method: 'POST',
    body: object({ name: text() }, ['name']),
    actual: { body: object({ name: text() }) }
  },
  {
    id: 'notOfTheEnum',
    check: 'negative',
    query: { sort: text({ enum: ['name', 'day'] }) },
    actual: { query: { sort: text() } }
  },
  {
    id: 'wrongType',
    check: 'negative',
    method: 'POST',
    body: object({ count: number }),
    actual: { body: object({ count: { type: ['integer', 'string'] } }) }
  },
  {
    id: 'nullAccepted',
    check: 'negative',
    method: 'POST',
    body: object({ name: text() }),
    actual: { body: object({ name: text({ type: ['string', 'null'] }) }) }
  },
  {
    id: 'formatUnchecked',
    check: 'negative',
    method: 'POST',
    body: object({ day: { type: 'string', format: 'date' } }),
    actual: { body: object({ day: { type: 'string' } }) }
  },
  {
    id: 'patternLoose',
    check: 'negative',
    query: { slug: text({ pattern: '^[a-z]+$' }) },
    actual: { query: { slug: text({ pattern: '^[a-z]+' }) } }
  },
  {
    id: 'sameTwice',
    check: 'negative',
    method: 'POST',
    body: object({ tags: { type: 'array', items: text(), uniqueItems: true } }),
    actual: { body: object({ tags: { type: 'array', items: text() } }) }
  },
  {
    id: 'tooMany',
    check: 'negative',
    method: 'POST',
    body: object({ tags: { type: 'array', items: text(), maxItems: 3 } }),
    actual: { body: object({ tags: { type: 'array', items: text(), maxItems: 4 } }) }
  },
  {
    id: 'parameterTwice',
    check: 'negative',
    query: { limit: number },
    anyQuery: true,
    reply: (reply, request) => {
      const { limit = '1', ...others } = request.query as Record<string, string | string[]>
      const isRight = Object.keys(others).length === 0 && [limit].flat().every(one => /^([1-9]|10)(\.0*)?$/.test(one))
      return reply
        .code(isRight ? 200 : 400)
        .type(isRight ? 'application/json' : 'application/problem+json')
        .send(isRight ? thing : { status: 400, code: 'invalid_query' })
    }
  },
  { id: 'unknownParameter', check: 'negative', anyQuery: true },
  { id: 'headerNotRequired', check: 'negative', method: 'POST', headers: { 'if-match': text() }, actual: {} },
  {
    id: 'refusesTheLongest',
    check: 'positive',
    method: 'POST',
    body: object({ name: text() }),
    actual: { body: object({ name: text({ maxLength: 19 }) }) }
  },
  {
    id: 'countsUnits',
    check: 'positive',
    method: 'POST',
    body: object({ name: text() }),
    reply: (reply, request) => {
      if (((request.body as { name?: string }).name ?? '').length > 20)
        throw unprocessable('too_long', '#/name', 'too long')
      return reply.send(thing)
    }
  },
  { id: 'keyIgnored', check: 'auth', open: () => true },
  { id: 'anyKey', check: 'auth', open: request => request.headers.authorization !== undefined },
  {
    id: 'goneAtOnce',
    check: 'available',
    method: 'POST',
    body: object({ name: text() }),
    creates: true,
    reply: reply => reply.code(201).header('location', '/things/gone').send(thing)
  },
  { id: 'furtherMethod', check: 'method', further: 'DELETE' },
  {
    id: 'failsTogether',
    check: 'server_error',
    deep: true,
    query: { from: number, to: number, limit: number },
    reply: (reply, request) => {
      const { from = 0, to = 0 } = request.query as { from?: number; to?: number }
      return reply.code(from > 3 && to > 3 ? 500 : 200).send(thing)
    }
  }
]

const headerOf = (status: 200 | 201) => ({
  ETag: { required: true, schema: { type: 'string', pattern: '^"' } },
  ...(status === 201 && { Location: { required: true, schema: { type: 'string' } } })
})
const thingSchema = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'string' }, name: { type: 'string' } }
}
const problem = {
  description: 'Refused.',
  content: { 'application/problem+json': { schema: { type: 'object', required: ['status', 'code'] } } }
}

/** What the operations say of themselves. */
export const brokenDocument = {
  openapi: '3.1.0',
  security: [{ bearerAuth: [] }],
  paths: Object.fromEntries([
    ...planted.map(({ id, method = 'GET', query = {}, headers = {}, body, creates = false }) => {
      const parameters = [
        ...Object.entries(query).map(([name, schema]) => ({ in: 'query', name, schema })),
        ...Object.entries(headers).map(([name, schema]) => ({ in: 'header', name, required: true, schema }))
      ]
      const status = creates ? 201 : 200
      const content = { 'application/json': { schema: thingSchema } }
      const responses = {
        [status]: { headers: headerOf(status), content },
        ...Object.fromEntries([400, 401, 404, 415, 422, 428].map(refused => [refused, problem])),
        default: problem
      }
      const requestBody = body && { required: true, content: { 'application/json': { schema: body } } }
      return [
        `/${id}`,
        { [method.toLowerCase()]: { operationId: id, parameters, ...(requestBody && { requestBody }), responses } }
      ]
    })
  ])
}

export async function brokenServer(): Promise<FastifyInstance> {
  const app = Fastify({
    ajv: { plugins: [[addFormats, {}]] as never },
    schemaController: { compilersFactory: { buildValidator } }
  })
  jsonBodies(app)
  problemReplies(app)
  const signedIn = ({ headers }: FastifyRequest) => headers.authorization === `Bearer ${goodKey}`
  for (const {
    id,
    method = 'GET',
    actual,
    reply,
    open = signedIn,
    creates = false,
    anyQuery = false,
    further,
    ...documented
  } of planted) {
    const { query, headers, body } = actual ?? documented
    app.route({
      method,
      url: `/${id}`,
      schema: {
        ...(!anyQuery && { querystring: object(query ?? {}) }),
        ...(body !== undefined && { body })
      },
      onRequest: async request => {
        if (!open(request)) throw unauthorized()
      },
      handler: async (request, answer) => {
        if (headers !== undefined && request.headers['if-match'] === undefined) throw preconditionRequired()
        answer.header('etag', '"1"')
        if (creates) answer.code(201).header('location', '/things/1')
        return reply === undefined ? thing : reply(answer, request)
      }
    })
    if (further !== undefined) app.route({ method: further, url: `/${id}`, handler: async () => thing })
  }
  app.get('/things/1', async () => thing)
  app.get('/things/gone', async () => {
    throw notFound()
  })
  await app.ready()
  return app
}
