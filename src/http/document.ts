import {
  badRequest,
  conflict,
  insufficientScope,
  notFound,
  Problem,
  payloadTooLarge,
  preconditionFailed,
  preconditionRequired,
  tooManyRequests,
  unauthorized,
  unavailable,
  unprocessable,
  unsupportedMediaType
} from '../problems.ts'
import { replyProblem } from './errors.ts'

/**
 * What is made of the routes' own words before they are published: refusals and headers, which are the same everywhere,
 * are written once; what a tool cannot know of (our formats, our header names) is said in words that it knows.
 */

export interface Schema {
  [keyword: string]: unknown
}
interface Parameter {
  in: string
  name: string
  required?: boolean
  schema: Schema
  description?: string
}
interface Response {
  description: string
  headers?: Record<string, unknown>
  content?: Record<string, { schema: Schema; example?: unknown }>
}
export interface Operation {
  operationId: string
  summary?: string
  description?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  parameters?: (Parameter | { $ref: string })[]
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  responses: Record<string, Response | { $ref: string }>
  'x-required-scope'?: string
  'x-roles'?: string[]
}
export interface Document {
  openapi: string
  info: unknown
  servers: unknown
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: {
    securitySchemes?: unknown
    schemas: Record<string, Schema>
    parameters?: Record<string, Parameter>
    headers?: Record<string, unknown>
    responses?: Record<string, Response>
  }
}

/** OpenAPI 3.1 from what @fastify/swagger gathered. */
export function published(gathered: Document): Document {
  const { paths, components, ...rest } = structuredClone(gathered)
  const schemas = components.schemas
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      methods[method] = completed(operation, method, path, schemas)
    }
  }
  return collected({ ...rest, paths, components: { ...components, parameters, headers, responses, schemas } })
}

const ref = (kind: 'headers' | 'parameters' | 'responses' | 'schemas', name: string) => ({
  $ref: `#/components/${kind}/${name}`
})

const header = (description: string, schema: Schema, required = true) => ({ description, required, schema })
const headers = {
  XRequestId: header('The id of this request: the same in problems and in the log.', { type: 'string' }),
  ETag: header('The version, for If-Match.', { type: 'string', examples: ['"1"'] }),
  Location: header('Where the new resource is.', { type: 'string', format: 'uri-reference' }, false),
  Link: header('The next page, if there is one: `<…>; rel="next"`.', { type: 'string' }, false),
  RetryAfter: header('Seconds to wait.', { type: 'integer', minimum: 1 }, false),
  RateLimit: header(
    'What remains of the rate and for how many seconds: `"default";r=599;t=42`.',
    { type: 'string' },
    false
  ),
  RateLimitPolicy: header(
    'The rate: so many requests in so many seconds: `"default";q=600;w=60`.',
    { type: 'string' },
    false
  ),
  IdempotencyReplayed: header(
    '`true`: the answer of an earlier request with the same Idempotency-Key.',
    { type: 'string', enum: ['true'] },
    false
  ),
  WWWAuthenticate: header('How to sign in (RFC 6750).', { type: 'string' }, false)
}
const rateHeaders = { RateLimit: ref('headers', 'RateLimit'), 'RateLimit-Policy': ref('headers', 'RateLimitPolicy') }

const refusal = (problem: Problem, description: string, further: Record<string, unknown> = {}): Response => ({
  description,
  headers: { 'X-Request-Id': ref('headers', 'XRequestId'), ...further },
  content: {
    'application/problem+json': {
      schema: ref('schemas', 'Problem'),
      example: replyProblem(problem, '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60')
    }
  }
})
const retryAfter = { 'Retry-After': ref('headers', 'RetryAfter') }
const wwwAuthenticate = { 'WWW-Authenticate': ref('headers', 'WWWAuthenticate') }
const responses = {
  BadRequest: refusal(
    badRequest('invalid_query', 'Some of the query is not as it must be.', [
      { in: 'query', parameter: 'limit', code: 'maximum', detail: 'must be at most 100' }
    ]),
    'It cannot be read: a wrong parameter, header or encoding.'
  ),
  Unauthorized: refusal(unauthorized(), 'No valid key.', wwwAuthenticate),
  Forbidden: refusal(insufficientScope('sessions:write'), 'The key may not do this.', {
    ...wwwAuthenticate,
    ...rateHeaders
  }),
  NotFound: refusal(notFound(), 'There is nothing here that the key may see.', rateHeaders),
  Conflict: refusal(
    conflict('group_archived', 'The group is archived; restore it first.'),
    'Against the state that things are in; or the same request is under way already.',
    { ...retryAfter, ...rateHeaders }
  ),
  PreconditionFailed: refusal(preconditionFailed(), 'It has changed since it was read.', {
    ETag: header('The version that it has now.', { type: 'string', examples: ['"2"'] }, false),
    ...rateHeaders
  }),
  PayloadTooLarge: refusal(payloadTooLarge(), 'The body is too large.', rateHeaders),
  UnsupportedMediaType: refusal(
    unsupportedMediaType(),
    'The body is in a form that is not read here: Accept-Post or Accept-Patch says which is.',
    rateHeaders
  ),
  UnprocessableContent: refusal(
    unprocessable([{ pointer: '#/records/3/status', in: 'body', code: 'required', detail: 'is required' }]),
    'Read and understood, and against a rule: `errors` says where.',
    rateHeaders
  ),
  PreconditionRequired: refusal(preconditionRequired(), 'If-Match is required.', rateHeaders),
  TooManyRequests: refusal(tooManyRequests(1), 'Too many requests.', { ...retryAfter, ...rateHeaders }),
  ServiceUnavailable: refusal(
    unavailable('database_unavailable', 2),
    'Not at the moment: the same request may be sent again.',
    retryAfter
  ),
  Refused: refusal(
    new Problem(500, 'internal_error', { detail: 'Something went wrong here. It has been noted.' }),
    'Any other refusal.'
  )
}
const refused = (status: number, name: keyof typeof responses) => ({ [status]: ref('responses', name) })

const tag = 'The ETag of the version that you read, or `*` for whatever there is. Another version since is 412'
const parameters: Record<string, Parameter> = {
  IfMatch: {
    in: 'header',
    name: 'If-Match',
    required: true,
    description: `${tag}, none 428.`,
    schema: { type: 'string', maxLength: 100, examples: ['"1"'] }
  },
  IfMatchIfKnown: {
    in: 'header',
    name: 'If-Match',
    required: false,
    description: `${tag}.`,
    schema: { type: 'string', maxLength: 100, examples: ['"1"'] }
  },
  IdempotencyKey: {
    in: 'header',
    name: 'Idempotency-Key',
    required: false,
    description:
      'A text of your own, a UUID for example: the same request with the same key has one effect, for 24 hours.',
    schema: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      pattern: '^[!-~]+$',
      examples: ['f5a3f1c8-52b5-4c3e-9d6b-1c1f0b7c6a11']
    }
  }
}

/** What is lost when two people change it at once would be missed: these are changed only by who says what they read. */
const guarded =
  /^\/v1\/(?:groups|series|sessions|closures|people|strategies|notes)\/\{\w+\}(?:\/(?:attendance\/)?\w+)?$/

/** The sheet's first PUT needs no If-Match, later ones do. */
const guardedLater = /^\/v1\/sessions\/\{\w+\}\/attendance$/

function completed(operation: Operation, method: string, path: string, schemas: Record<string, Schema>): Operation {
  const { operationId, summary, description, tags, security, requestBody, responses: said, ...rest } = operation
  const given = (rest.parameters ?? []) as Parameter[]
  const has = (name: string) => given.some(parameter => parameter.name.toLowerCase() === name)
  const isSignedIn = path.startsWith('/v1')
  const isChange = method !== 'get' && (rest['x-required-scope']?.endsWith(':write') === true || has('idempotency-key'))
  const later = guardedLater.test(path)
  const needsMatch = has('if-match') && guarded.test(path) && !later
  const body = requestBody && {
    ...requestBody,
    required: !(isChange && canBeEmpty(schemaIn(requestBody.content, schemas)))
  }

  const answers: Operation['responses'] = {}
  for (const [status, answer] of Object.entries(said)) {
    const response = answer as Response
    const schema = schemaIn(response.content, schemas)
    answers[status] = {
      ...response,
      headers: {
        'X-Request-Id': ref('headers', 'XRequestId'),
        ...(status === '201' && { Location: ref('headers', 'Location') }),
        ...(has('cursor') && { Link: ref('headers', 'Link') }),
        ...((schema.properties as Schema | undefined)?.version !== undefined && { ETag: ref('headers', 'ETag') }),
        ...(has('idempotency-key') && { 'Idempotency-Replayed': ref('headers', 'IdempotencyReplayed') }),
        ...(isSignedIn && rateHeaders)
      }
    }
  }
  Object.assign(
    answers,
    refused(400, 'BadRequest'),
    isSignedIn && refused(401, 'Unauthorized'),
    rest['x-required-scope'] !== undefined && refused(403, 'Forbidden'),
    path.includes('{') && refused(404, 'NotFound'),
    isChange && refused(409, 'Conflict'),
    has('if-match') && refused(412, 'PreconditionFailed'),
    body && { ...refused(413, 'PayloadTooLarge'), ...refused(415, 'UnsupportedMediaType') },
    (isChange || body) && refused(422, 'UnprocessableContent'),
    (needsMatch || later) && has('if-match') && refused(428, 'PreconditionRequired'),
    tags?.includes('service') !== true && refused(429, 'TooManyRequests'),
    operationId !== 'getLiveness' && refused(503, 'ServiceUnavailable'),
    { default: ref('responses', 'Refused') }
  )

  const shared: Record<string, string> = {
    'if-match': needsMatch ? 'IfMatch' : 'IfMatchIfKnown',
    'idempotency-key': 'IdempotencyKey'
  }
  return {
    operationId,
    summary,
    description: [description, isSignedIn ? whoMay(operation) : undefined].filter(Boolean).join('\n\n'),
    tags,
    security,
    ...rest,
    parameters: given.map(parameter => {
      const name = parameter.in === 'header' ? shared[parameter.name.toLowerCase()] : undefined
      return name === undefined ? { ...parameter, schema: withPattern(parameter.schema) } : ref('parameters', name)
    }),
    ...(body && { requestBody: body }),
    responses: answers
  }
}

function whoMay({ 'x-required-scope': scope, 'x-roles': roles = [] }: Operation): string {
  return scope === undefined ? 'Every key may.' : `Scope ${asCode(scope)}; roles ${roles.map(asCode).join(', ')}.`
}

/** The named schema of a body or an answer. */
function schemaIn(content: Record<string, { schema: Schema }> | undefined, schemas: Record<string, Schema>): Schema {
  const name = String(Object.values(content ?? {})[0]?.schema.$ref)
    .split('/')
    .at(-1)!
  return schemas[name] ?? {}
}

/** An action of which nothing more needs to be said may be sent without a body. */
const canBeEmpty = (body: Schema) =>
  body.type === 'object' && !('required' in body) && !('anyOf' in body) && !('minProperties' in body)

/**
 * Our formats in words that every tool knows. A pattern runs in the clients' languages, so it says only what all of them
 * read alike: of the characters that are refused, those of ASCII.
 */
const patterns: Record<string, string> = {
  line: '^[^\\x00-\\x1F\\x7F]*[^\\s\\x00-\\x1F\\x7F][^\\x00-\\x1F\\x7F]*$',
  text: '^[^\\x00-\\x08\\x0B-\\x1F\\x7F]*[^\\s\\x00-\\x1F\\x7F][^\\x00-\\x08\\x0B-\\x1F\\x7F]*$',
  phone: '^[+0-9(][0-9 .(),*#-]*(([Ee][Xx][Tt][.]?|[Xx]) ?[0-9]+)?$',
  'https-url': '^[Hh][Tt][Tt][Pp][Ss]://[^\\s/?#@]\\S*$',
  'time-zone': '^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$'
}

const dayOrInstant =
  '^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$'

/** Says what generators would make something clumsy, or wrong, of in a way that they read well. */
function portable(schema: Schema): Schema {
  const { anyOf, description, ...rest } = schema
  // Two forms of one text would become a class.
  if (rest.type === 'string' && JSON.stringify(anyOf) === '[{"format":"date"},{"format":"date-time"}]') {
    return { ...rest, description, pattern: dayOrInstant }
  }
  if (!isRecord(rest.properties)) return schema
  const properties = Object.entries(rest.properties as Record<string, Schema>)
  // A choice of what is required would become a choice of types, and `any` in the end.
  const choices = (Array.isArray(anyOf) ? anyOf : []).flatMap(({ required = [] }: { required?: string[] }) => required)
  return {
    ...(choices.length > 0 ? rest : schema),
    ...(choices.length > 0 && { description: inWords(description, `Give ${choices.map(asCode).join(' or ')}.`) }),
    properties: Object.fromEntries(
      properties.map(([name, property]) => [
        name,
        rest.additionalProperties === false ? withPattern(withoutDefault(property)) : property
      ])
    )
  }
}

/** Only what is sent: of a pattern in an answer, documentation pages make examples that nobody can read. */
function withPattern(schema: Schema): Schema {
  if (isRecord(schema.items)) return { ...schema, items: withPattern(schema.items) }
  const pattern = patterns[String(schema.format)]
  return pattern === undefined || schema.pattern !== undefined ? schema : { ...schema, pattern }
}

/** TypeScript generators make a field that has a default a required one: right for answers, wrong for what is sent. */
function withoutDefault({ default: value, ...property }: Schema): Schema {
  if (value === undefined) return property
  return { ...property, description: inWords(property.description, `Default: ${asCode(JSON.stringify(value))}.`) }
}

const asCode = (text: string) => `\`${text}\``
const inWords = (description: unknown, sentence: string) => [description, sentence].filter(Boolean).join(' ')

/**
 * Gives what has a title a place of its own in `components/schemas`, under that title. Of a vocabulary only the values go
 * there: what they mean in one place stays in that place; and where null is one more of them, so do they.
 * @throws Error where two different schemas have one title
 */
function collected(document: Document): Document {
  const schemas: Record<string, Schema> = {}
  const changed = rewrittenAll(document, schema => {
    const { title, description, default: value, ...rest } = portable(schema)
    if (typeof title !== 'string') return portable(schema)
    const isVocabulary = Array.isArray(rest.enum)
    if (isVocabulary && Array.isArray(rest.type)) return { description, default: value, ...rest }
    const own = isVocabulary ? document.components.schemas[title]?.description : description
    const whole: Schema = { title, description: own, ...rest }
    if (schemas[title] !== undefined && JSON.stringify(schemas[title]) !== JSON.stringify(whole)) {
      throw new Error(`Two schemas are called ${title}`)
    }
    schemas[title] = whole
    return { ...ref('schemas', title), ...(isVocabulary && { description, default: value }) }
  })
  const all = Object.entries({ ...changed.components.schemas, ...schemas })
  changed.components.schemas = Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)))
  // Without what is undefined.
  return JSON.parse(JSON.stringify(changed)) as Document
}

/** The same as OpenAPI 3.0.3, for generators that do not read 3.1. @throws Error for what 3.0 has no words for */
export function downgraded(document: Document): Document {
  return { ...rewrittenAll(document, as30), openapi: '3.0.3' }
}

const notIn30 = [
  '$defs',
  '$id',
  'if',
  'prefixItems',
  'patternProperties',
  'propertyNames',
  'dependentRequired',
  'contains'
]

function as30(schema: Schema): Schema {
  const unknown = notIn30.find(keyword => keyword in schema)
  if (unknown !== undefined) throw new Error(`OpenAPI 3.0 does not know ${unknown}`)
  if (schema.$ref !== undefined) {
    const { $ref, ...beside } = schema
    return Object.keys(beside).length === 0 ? { $ref } : { allOf: [{ $ref }], ...beside }
  }
  const { type, const: constant, examples, exclusiveMinimum, exclusiveMaximum, ...rest } = schema
  const types = type === undefined ? [] : [type].flat().filter(name => name !== 'null')
  if (types.length > 1) throw new Error('OpenAPI 3.0 knows one type at a time')
  return {
    // What is always null is a text that is never there.
    ...(type !== undefined && { type: types[0] ?? 'string' }),
    ...([type].flat().includes('null') && { nullable: true }),
    ...rest,
    ...(constant !== undefined && { enum: [constant] }),
    ...(exclusiveMinimum !== undefined && { minimum: exclusiveMinimum, exclusiveMinimum: true }),
    ...(exclusiveMaximum !== undefined && { maximum: exclusiveMaximum, exclusiveMaximum: true }),
    ...(Array.isArray(examples) && { example: examples[0] })
  }
}

type Change = (schema: Schema) => Schema

/** Replaces each schema within another, the innermost first. */
function rewritten(schema: Schema, change: Change): Schema {
  const within = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(within) : isRecord(value) ? rewritten(value, change) : value
  const result: Schema = { ...schema }
  for (const keyword of ['items', 'additionalProperties', 'not', 'anyOf', 'oneOf', 'allOf']) {
    if (keyword in schema) result[keyword] = within(schema[keyword])
  }
  if (isRecord(schema.properties)) {
    result.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, within(one)]))
  }
  return change(result)
}

/** Replaces every schema of a document. */
function rewrittenAll<T>(node: T, change: Change): T {
  if (Array.isArray(node)) return node.map(item => rewrittenAll(item, change)) as T
  if (!isRecord(node)) return node
  const entries = Object.entries(node).map(([key, value]): [string, unknown] => {
    if (key === 'schema') return [key, rewritten(value as Schema, change)]
    if (key === 'schemas') {
      const all = Object.entries(value as Record<string, Schema>)
      return [key, Object.fromEntries(all.map(([name, schema]) => [name, rewritten(schema, change)]))]
    }
    return [key, key === 'example' || key === 'examples' ? value : rewrittenAll(value, change)]
  })
  return Object.fromEntries(entries) as T
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
