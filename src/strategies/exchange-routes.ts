import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import { idempotent, named } from '../http/schemas.ts'
import { textBodies } from '../http/text-body.ts'
import { insufficientScope, unprocessable } from '../problems.ts'
import { csvHeader, csvOf, rowsOfCsv } from './csv.ts'
import { sightOf } from './door.ts'
import {
  CsvQuery,
  type ExportedStrategy,
  mostImported,
  StrategyCsv,
  StrategyExport,
  StrategyImport,
  StrategyList
} from './exchange-schemas.ts'
import { importStrategies, judgeList } from './import-strategies.ts'
import { exportStrategies } from './queries.ts'

const cardsAtOnce = 500

const importing = `
Needs the scope \`strategies:write\` too. Each row is taken or \`skipped\` by itself. A row with the \`id\` of a card that
everybody here reads changes that card as far as it says something, and leaves its contributor alone. Any other row is a new
card, published unless a rule notices something; where there is a card of that title in that language already, the row is
\`unchanged\` if they say the same and \`skipped\` if not. A list that is sent again changes nothing. The cards of an export (its
\`data\`, or its CSV as it is) can be imported; a new card without a nickname is by an anonymous contributor.
`.trim()

/** Cards on their way out and in. */
const routes: FastifyPluginAsyncTypebox = async app => {
  /** Page by page: the first is read before anything is answered, so that a refusal is one. */
  async function pagesOf(caller: Caller): Promise<AsyncIterable<ExportedStrategy[]>> {
    const read = (after: string | null) => app.db.read(caller, exportStrategies, { limit: cardsAtOnce, after })
    const first = await read(null)
    return (async function* () {
      for (let page = first; page.length > 0; page = await read(page.at(-1)!.id)) {
        yield page
        if (page.length < cardsAtOnce) return
      }
    })()
  }

  const sent = (reply: FastifyReply, type: string, name: string, texts: AsyncIterable<string>) =>
    reply
      .type(type)
      .header('content-disposition', `attachment; filename="${name}"`)
      .send(Readable.from(texts, { objectMode: false }))

  app.get(
    '/strategies/export',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'exportStrategies',
        tags: ['strategies'],
        summary: 'Export strategies',
        description:
          'Every published card that everybody here reads, in one answer. Nobody on record is told, and nobody’s group.',
        response: { 200: named(StrategyExport) }
      }
    },
    async (request, reply) => {
      const pages = await pagesOf(request.caller)
      async function* texts() {
        let before = '{"data":['
        for await (const page of pages) {
          yield before + JSON.stringify(page).slice(1, -1)
          before = ','
        }
        yield before === ',' ? ']}' : `${before}]}`
      }
      return sent(reply, 'application/json; charset=utf-8', 'strategies.json', texts()) as never
    }
  )

  app.get(
    '/strategies/export.csv',
    {
      config: { scope: 'strategies:read' },
      schema: {
        operationId: 'exportStrategiesAsCsv',
        tags: ['strategies'],
        summary: 'Export strategies as CSV',
        description:
          'The same as CSV (RFC 4180). Steps and links stand one a line (`Title <address>`; a line break within a step is `\\n`), words apart by semicolons. What a spreadsheet would take for a formula begins with an apostrophe, which the import takes away again.',
        querystring: CsvQuery,
        response: { 200: { description: 'The cards.', content: { 'text/csv': { schema: named(StrategyCsv) } } } }
      }
    },
    async (request, reply) => {
      const pages = await pagesOf(request.caller)
      const { bom } = request.query
      async function* texts() {
        yield (bom ? '\ufeff' : '') + csvHeader
        for await (const page of pages) yield csvOf(page)
      }
      return sent(reply, 'text/csv; charset=utf-8; header=present', 'strategies.csv', texts()) as never
    }
  )

  async function take(request: FastifyRequest, reply: FastifyReply, list: unknown[]) {
    const { scopes } = request.caller
    if (!scopes.has('strategies:write')) throw insufficientScope('strategies:write')
    const judged = await judgeList(list)
    return await change(request, reply, tx => importStrategies(tx, sightOf(request.caller), judged))
  }

  app.post(
    '/imports/strategies',
    {
      bodyLimit: mostImported.bytes,
      config: { scope: 'strategies:moderate', idempotent: true },
      schema: {
        operationId: 'importStrategies',
        tags: ['strategies'],
        summary: 'Import strategies',
        description: importing,
        headers: idempotent,
        body: named(StrategyList),
        response: { 207: named(StrategyImport) }
      }
    },
    async (request, reply) => await take(request, reply, request.body)
  )

  await app.register(async csv => {
    textBodies(csv, 'text/csv')
    csv.post(
      '/imports/strategies.csv',
      {
        bodyLimit: mostImported.bytes,
        config: { scope: 'strategies:moderate', idempotent: true },
        schema: {
          operationId: 'importStrategiesFromCsv',
          tags: ['strategies'],
          summary: 'Import strategies from CSV',
          description: `As the CSV export has them; only the column \`title\` is required, and at most ${mostImported.rows} rows are taken. A row that has not the cells of the header is skipped; an empty line is no row. Pointers count rows from 0, without the header; into that, \`#/header/2\` is its third cell.\n\n${importing}`,
          headers: idempotent,
          body: { content: { 'text/csv': { schema: named(StrategyCsv) } } },
          response: { 207: named(StrategyImport) }
        }
      },
      async (request, reply) => {
        // A request without a type is none of CSV.
        if (typeof request.body !== 'string') {
          throw unprocessable([{ pointer: '#', in: 'body', code: 'required', detail: 'a CSV body is required' }])
        }
        const rows = rowsOfCsv(request.body, mostImported.rows)
        if (rows.length > mostImported.rows) {
          throw unprocessable('too_many_rows', '#', `At most ${mostImported.rows} rows are taken at once.`)
        }
        return await take(request, reply, rows)
      }
    )
  })
}

export default routes
