/**
 * The few ways a request can be refused. Everyone may throw one of these; `http/errors.ts` alone turns them into replies.
 *
 * Kinds are few (the functions below), codes are specific and stable, sentences are for people. No sentence and no
 * pointer ever repeats what was sent: a refused body may be about someone's health.
 */

/** One thing that is wrong with what was sent, and where. */
export interface Fault {
  /** Where in the body, as the fragment form of a JSON Pointer (RFC 6901 §6): `#/records/3/status`. */
  pointer?: string
  /** Which query parameter or header. */
  parameter?: string
  in?: 'body' | 'query' | 'header' | 'path'
  code: string
  detail: string
}

export interface ProblemParts {
  detail?: string
  errors?: Fault[]
  /** Headers that belong to the refusal: Retry-After, Allow, WWW-Authenticate, ETag. */
  headers?: Record<string, string>
}

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition failed',
  413: 'Payload too large',
  415: 'Unsupported media type',
  422: 'Cannot be done as asked',
  428: 'Precondition required',
  429: 'Too many requests',
  431: 'Header fields too large',
  500: 'Internal error',
  503: 'Not available now'
}

/** A refusal: an RFC 9457 problem that has not met its request yet. `code` is a promise to clients; texts may improve. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail?: string
  readonly errors?: Fault[]
  readonly headers?: Record<string, string>

  constructor(status: number, code: string, { detail, errors, headers }: ProblemParts = {}) {
    super(detail ?? titles[status] ?? code)
    this.status = status
    this.code = code
    this.title = titles[status] ?? 'Refused'
    this.detail = detail
    this.errors = errors
    this.headers = headers
  }
}

/** 400: what was sent could not be read at all. A body that was read and is wrong is `unprocessable`. */
export function badRequest(code: string, detail: string, errors?: Fault[]): Problem {
  return new Problem(400, code, { detail, errors })
}

/** 401, the same for a missing, unknown, expired or malformed credential (RFC 6750 §3). */
export function unauthorized(): Problem {
  return new Problem(401, 'unauthorized', {
    detail: 'A valid bearer token is required.',
    headers: { 'www-authenticate': 'Bearer' }
  })
}

/** 403: the actor may see it and may not do this. What it may not even see is `notFound`. */
export function forbidden(code: string, detail: string): Problem {
  return new Problem(403, code, { detail })
}

/** 403 for a credential that lacks `scope` (RFC 6750 §3.1). @param of whose credential it must be, beside that */
export function insufficientScope(scope: string, of = ''): Problem {
  return new Problem(403, 'insufficient_scope', {
    detail: `This needs the scope ${scope}${of}.`,
    headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` }
  })
}

/** 404, word for word the same whether it never existed, was erased, or belongs to someone else. */
export function notFound(): Problem {
  return new Problem(404, 'not_found', { detail: 'There is nothing here that you can see.' })
}

/** 405 with what the path does answer to. */
export function methodNotAllowed(allow: string[]): Problem {
  return new Problem(405, 'method_not_allowed', {
    detail: `This path answers to ${allow.join(', ')}.`,
    headers: { allow: allow.join(', ') }
  })
}

/** 409: right as such, and against the state that things are in now. */
export function conflict(code: string, detail: string): Problem {
  return new Problem(409, code, { detail })
}

/** 412: someone changed it in between. `etag` is what it is now. */
export function preconditionFailed(etag?: string): Problem {
  return new Problem(412, 'precondition_failed', {
    detail: 'If-Match is not the ETag that there is now, with its quotes. Read it again, then decide.',
    headers: etag === undefined ? undefined : { etag }
  })
}

/** 428: this may only be changed by saying which version was read. */
export function preconditionRequired(): Problem {
  return new Problem(428, 'precondition_required', { detail: 'Send If-Match with the ETag that you read.' })
}

/** 422: read, understood, and wrong. Either every fault of a body, or the one rule that it breaks and where. */
export function unprocessable(errors: Fault[]): Problem
export function unprocessable(code: string, pointer: string, detail: string): Problem
export function unprocessable(first: Fault[] | string, pointer?: string, detail?: string): Problem {
  if (typeof first !== 'string') {
    return new Problem(422, 'validation_failed', {
      detail: 'Some of what was sent is not as it must be.',
      errors: first
    })
  }
  return new Problem(422, first, { detail, errors: [{ pointer, in: 'body', code: first, detail: detail! }] })
}

/** 429: come back in `seconds` (rounded up, at least 1). */
export function tooManyRequests(seconds: number): Problem {
  return new Problem(429, 'too_many_requests', {
    detail: 'Too many requests. Wait as long as Retry-After says.',
    headers: retryAfter(seconds)
  })
}

/** 503: nothing is wrong with the request; try the same again in `seconds` (rounded up, at least 1). */
export function unavailable(code: string, seconds: number): Problem {
  return new Problem(503, code, {
    detail: 'This cannot be answered at the moment. The same request may be sent again.',
    headers: retryAfter(seconds)
  })
}

/** 415: a body in a form that is not read here. The headers say which forms are. */
export function unsupportedMediaType(): Problem {
  return new Problem(415, 'unsupported_media_type', {
    detail: 'Bodies are JSON in UTF-8, not compressed.',
    headers: {
      'accept-post': 'application/json',
      'accept-patch': 'application/merge-patch+json, application/json'
    }
  })
}

/** 415 where a body is text of one type. */
export function unsupportedText(type: string): Problem {
  return new Problem(415, 'unsupported_media_type', {
    detail: `The body is ${type} in UTF-8 here, not compressed.`,
    headers: { 'accept-post': type }
  })
}

/** 413: more than this path takes. */
export function payloadTooLarge(): Problem {
  return new Problem(413, 'payload_too_large', { detail: 'The body is larger than this path takes.' })
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
}
