import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  badRequest,
  type Fault,
  methodNotAllowed,
  notFound,
  Problem,
  payloadTooLarge,
  unavailable,
  unsupportedMediaType
} from '../problems.ts'
import { validationProblem } from './validation.ts'

/** The body of a refusal (RFC 9457), as every client of ours may rely on it. */
export interface ProblemReply {
  type: string
  title: string
  status: number
  detail?: string
  code: string
  request_id: string
  errors?: Fault[]
}

/** Puts a refusal in the words of the contract. `type` leads to a page about the code. */
export function replyProblem({ status, code, title, detail, errors }: Problem, requestId: string): ProblemReply {
  return { type: `/problems/${code}`, title, status, detail, code, request_id: requestId, errors }
}

interface Options {
  /** Turns what a deeper layer threw into a refusal, or knows nothing of it. Asked before an error becomes a 500. */
  translate?: (error: unknown) => Problem | undefined
  /** Refuses whoever may not see what the request is about: asked before a fault of the request's body is told. */
  door?: (request: FastifyRequest) => Promise<void>
}

/** Refusals that may be about the body, which is only for those who may see what it is about. */
const aboutTheBody = new Set([400, 413, 415, 422])

/**
 * Makes every refusal of this app `application/problem+json`, and every path answer for itself: a method that it does
 * not have is 405 with `Allow`, an OPTIONS that is no CORS preflight 204 with `Allow`, an unknown path 404. Anything
 * unforeseen is a 500 that says nothing to the client and one line to the log.
 *
 * Call it on the root, before CORS is registered: that plugin takes every OPTIONS for a preflight.
 */
export function problemReplies(app: FastifyInstance, { translate, door }: Options = {}): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method === 'OPTIONS' && !isPreflight(request)) answerUnrouted(app, request, reply)
    else done()
  })
  app.setNotFoundHandler((request, reply) => answerUnrouted(app, request, reply))
  app.setErrorHandler<FastifyError | null>(async (error, request, reply) => {
    // Whatever is wrong with the body of a request that leads nowhere, it leads nowhere.
    if (request.is404 && error?.code?.startsWith('FST_')) {
      answerUnrouted(app, request, reply)
      return reply
    }
    let problem = problemOf(error, translate)
    if (door !== undefined && problem !== undefined && aboutTheBody.has(problem.status)) {
      await door(request).catch(refusal => {
        problem = problemOf(refusal, translate) ?? internal(refusal, request)
      })
    }
    send(problem ?? internal(error, request), request, reply)
    return reply
  })
}

/** For Fastify's option of the same name: what fails before there is a route, such as `/groups/%E0%A4%A`. */
export function frameworkErrors(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  send(problemOf(error) ?? internal(error, request), request, reply)
}

/**
 * For Fastify's option of the same name: what is not even HTTP (400), takes too long (408) or has too long a head (431).
 * Answers as well as a socket can, and closes it. Nothing is logged: all there is to log is what came over the wire.
 */
export function clientErrorHandler(error: NodeJS.ErrnoException, socket: Socket): void {
  // Like Node's own handler, never write into the middle of a reply.
  const { _httpMessage: current } = socket as Socket & { _httpMessage?: { headersSent: boolean } }
  if (error.code === 'ECONNRESET' || !socket.writable || current?.headersSent) {
    socket.destroy()
    return
  }
  const problem = unreadable(error.code)
  const requestId = randomUUID()
  const body = JSON.stringify(replyProblem(problem, requestId))
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${requestId}`,
    'Connection: close'
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

function unreadable(code?: string): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem(408, 'request_timeout', { detail: 'The request took too long to arrive.' })
    case 'HPE_HEADER_OVERFLOW':
      return new Problem(431, 'headers_too_large', { detail: 'The headers are larger than this server takes.' })
    default:
      return badRequest('malformed_request', 'This is not well-formed HTTP.')
  }
}

function send(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  // What the handler had already said about the answer that it meant to give.
  for (const name of ['etag', 'last-modified', 'location', 'link', 'content-disposition']) reply.removeHeader(name)
  reply
    .code(problem.status)
    .headers({
      ...problem.headers,
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      // No hook has run where the path could not even be read.
      'x-content-type-options': 'nosniff',
      'x-request-id': request.id
    })
    // Bytes, because the route's own serializer would drop what its schemas do not name.
    .send(Buffer.from(JSON.stringify(replyProblem(problem, request.id))))
}

/** Methods that a path here may have. Others (TRACE, PROPFIND, QUERY …) are answered by none. */
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

function answerUnrouted(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): void {
  const url = request.raw.url!
  const allow = methods.filter(method => app.findRoute({ method, url }) !== null)
  // A route that has the method and yet passed the request on (`callNotFound`) found nothing.
  if (allow.length === 0 || allow.includes(request.method)) send(notFound(), request, reply)
  else if (request.method !== 'OPTIONS') send(methodNotAllowed([...allow, 'OPTIONS']), request, reply)
  else
    reply
      .code(204)
      .header('allow', [...allow, 'OPTIONS'].join(', '))
      .send()
}

/** Anything can be thrown, `null` as well. */
function problemOf(error: FastifyError | null, translate?: Options['translate']): Problem | undefined {
  if (error instanceof Problem) return error
  if (error?.validation) return validationProblem(error)
  return (error && frameworkProblem(error)) || attempt(translate, error)
}

/** A translator that fails must not hide the error, and its own must not reach the client. */
function attempt(translate: Options['translate'], error: unknown): Problem | undefined {
  try {
    return translate?.(error)
  } catch {
    return undefined
  }
}

function frameworkProblem({ code, statusCode = 500 }: FastifyError): Problem | undefined {
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return payloadTooLarge()
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMediaType()
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
      // Fastify gives a body that breaks off a status; without one, it is another connection that was reset.
      return statusCode === 400 ? badRequest('incomplete_body', 'The body is not as long as announced.') : undefined
    case 'FST_ERR_BAD_URL':
      return badRequest('malformed_url', 'The path is not percent-encoded UTF-8.')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      // No id of ours is that long.
      return notFound()
    case 'FST_ERR_HANDLER_TIMEOUT':
      return unavailable('timeout', 5)
  }
  const isRefusal = code?.startsWith('FST_') && statusCode >= 400 && statusCode < 500
  return isRefusal ? badRequest('bad_request', 'The request is not well formed.') : undefined
}

function internal(error: unknown, request: FastifyRequest): Problem {
  request.log.error({ err: described(error) }, 'a request failed unforeseen')
  return new Problem(500, 'internal_error', { detail: 'Something went wrong here. It has been noted.' })
}

interface Described {
  name: string
  code?: string
  constraint?: string
  stack?: string
}

/**
 * What may be logged of an error: its kind, its code, the constraint and where it was thrown. Never its message, nor
 * PostgreSQL's detail: both quote values. Something wrapped (by a driver, by a query builder) is named behind it.
 */
export function described(error: unknown, depth = 0): Described {
  if (!(error instanceof Error)) return { name: typeof error }
  const { name, code, constraint } = error as Error & { code?: unknown; constraint?: unknown }
  const outer = {
    name: identifier(name) ?? 'Error',
    code: identifier(code),
    constraint: identifier(constraint),
    stack: frames(error)
  }
  if (error.cause === undefined || depth === 4) return outer
  const inner = described(error.cause, depth + 1)
  return {
    name: `${outer.name} < ${inner.name}`,
    code: outer.code ?? inner.code,
    constraint: outer.constraint ?? inner.constraint,
    stack: outer.stack
  }
}

function identifier(text: unknown): string | undefined {
  return typeof text === 'string' && /^[\w.-]{1,63}$/.test(text) ? text : undefined
}

/** The lines of a stack that name a place. Lines of the message are none, even where they look like one. */
function frames({ stack = '', message }: Error): string {
  const said = new Set(String(message).split('\n'))
  return stack
    .split('\n')
    .filter(line => /^ {4}at .+:\d+:\d+\)?$/.test(line) && !said.has(line))
    .join('\n')
}
