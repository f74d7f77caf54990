import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { badRequest, type Problem, unsupportedMediaType } from '../problems.ts'

/** Brackets within brackets that a body may have. */
export const maxDepth = 32

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
const lowerU = 0x75

/**
 * Reads a JSON text (RFC 8259) as strictly as the interoperable subset of RFC 7493 (I-JSON) asks: UTF-8 without a byte
 * order mark, no member twice in one object, no lone surrogate, no number beyond a double. Refused as well: U+0000
 * (PostgreSQL cannot keep it), more than 32 levels, and keys that reach a prototype. Strings come back NFC-normalized,
 * keys as they were sent. Linear in the length of the body.
 *
 * @throws Problem 400
 */
export function readJson(body: Buffer): unknown {
  if (body.length === 0) throw badRequest('empty_body', 'A JSON body is required.')
  if (!isUtf8(body)) throw badRequest('invalid_encoding', 'The body is not valid UTF-8.')
  const { members, plain } = survey(body)
  let value: unknown
  try {
    value = JSON.parse(plain ? body.toString('latin1') : body.toString('utf8'))
  } catch {
    // The parser's own message quotes the text.
    throw badRequest('malformed_json', 'The body is not valid JSON.')
  }
  const settling = { plain, keys: 0 }
  value = settle(value, settling)
  // In grammatical JSON every colon outside a string is one member; a key given twice leaves one fewer behind.
  if (settling.keys !== members) throw badRequest('duplicate_key', 'The body has the same key twice in one object.')
  return value
}

/**
 * One walk over the bytes, before anything is parsed: how deep, how many members, and whether the text is plain, that is
 * ASCII without `\u`, in which case no string can hold anything to refuse or to normalize. (Bytes of a multibyte
 * character are never ASCII, so UTF-8 needs no decoding for this.)
 */
function survey(bytes: Buffer): { members: number; plain: boolean } {
  const end = bytes.length
  let depth = 0
  let members = 0
  let plain = true
  for (let i = 0; i < end; i++) {
    switch (bytes[i]) {
      case quote:
        for (i++; i < end; i++) {
          const byte = bytes[i]!
          if (byte === quote) break
          if (byte === backslash) {
            i++
            if (bytes[i] === lowerU) plain = false
          } else if (byte > 0x7f) plain = false
        }
        break
      case openBracket:
      case openBrace:
        if (++depth > maxDepth) throw badRequest('too_deep', `The body is nested more than ${maxDepth} levels deep.`)
        break
      case closeBracket:
      case closeBrace:
        depth--
        break
      case colon:
        members++
    }
  }
  return { members, plain }
}

/** Walks a parsed value (never deeper than `maxDepth`), counting keys, refusing what must not be, normalizing strings. */
function settle(value: unknown, settling: { readonly plain: boolean; keys: number }): unknown {
  switch (typeof value) {
    case 'string':
      return settling.plain ? value : normalized(value)
    case 'number':
      if (!Number.isFinite(value)) throw badRequest('number_out_of_range', 'The body has a number that is too large.')
      return value
    case 'object': {
      if (value === null) return value
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
          const before: unknown = value[i]
          const after = settle(before, settling)
          if (after !== before) value[i] = after
        }
        return value
      }
      const object = value as Record<string, unknown>
      for (const key of Object.keys(object)) {
        settling.keys++
        if (key === '__proto__' || key === 'constructor' || key === 'prototype') throw forbiddenKey()
        if (!settling.plain) assertWellFormed(key)
        const before = object[key]
        const after = settle(before, settling)
        if (after !== before) object[key] = after
      }
    }
  }
  return value
}

/** ASCII but U+0000 is well formed and its own NFC: most strings need one look. */
const remarkable = /[\0\P{ASCII}]/u
const malformed = /[\0\p{Surrogate}]/u

function normalized(text: string): string {
  if (!remarkable.test(text)) return text
  assertWellFormed(text)
  return text.normalize('NFC')
}

function assertWellFormed(text: string): void {
  if (malformed.test(text)) {
    throw badRequest('invalid_text', 'The body has a string or key with U+0000 or half of a surrogate pair.')
  }
}

function forbiddenKey(): Problem {
  return badRequest('forbidden_key', 'The body has a key that is not allowed: __proto__, constructor or prototype.')
}

/**
 * Makes JSON in UTF-8 the only body that is read, as `application/json` or `application/merge-patch+json` (RFC 7396).
 * Any other type, charset or content coding is 415, and nothing is inflated. A body of no bytes is `undefined`, so that
 * actions need none; where one is required, validation says so.
 */
export function jsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    (request, body, done) => {
      // Nobody waits for the body of a path that does not exist: the answer is 404 or 405 whatever it holds.
      if (request.is404) return done(null, undefined)
      try {
        assertReadable(request)
        done(null, body.length === 0 ? undefined : readJson(body))
      } catch (problem) {
        done(problem as Problem)
      }
    }
  )
}

/** @throws Problem `refusal` for a body that is compressed, or not in UTF-8 */
export function assertReadable({ headers }: FastifyRequest, refusal = unsupportedMediaType()): void {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') throw refusal
  // Any parameter that calls itself charset counts, also one hidden in a quoted string: nobody honest sends that.
  for (const parameter of headers['content-type']!.split(';').slice(1)) {
    const [name, charset = ''] = parameter.toLowerCase().split('=', 2)
    if (name!.trim() === 'charset' && !utf8.has(charset.trim())) throw refusal
  }
}

const utf8 = new Set(['utf-8', '"utf-8"'])
