import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'
import { badRequest, type Problem, unsupportedText } from '../problems.ts'
import { assertReadable } from './json.ts'

/** Makes text of one type, in UTF-8, the only body that is read here, as a string. */
export function textBodies(app: FastifyInstance, type: string): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(type, { parseAs: 'buffer' }, (request, body, done) => {
    try {
      assertReadable(request, unsupportedText(type))
      if (!isUtf8(body)) throw badRequest('invalid_encoding', 'The body is not valid UTF-8.')
      done(null, body.toString('utf8'))
    } catch (problem) {
      done(problem as Problem)
    }
  })
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(unsupportedText(type)))
}
