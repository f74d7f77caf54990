import { type Static, Type } from 'typebox'
import { Answer, Changes, Defaulted, Id, Line, Nullable, named, OneOf, Parameters } from '../http/schemas.ts'
import { RowCounts, RowProblem, rowResults } from '../imports/schemas.ts'
import { described } from './schemas.ts'
import { strategyStatuses } from './vocabulary.ts'

/** What of a card travels: nothing that tells of a person or a group here. */
const traveling = {
  title: described.title,
  summary: described.summary,
  when_it_helps: described.when_it_helps,
  steps: described.steps,
  minutes: described.minutes,
  where_usable: described.where_usable,
  topics: described.topics,
  category: described.category,
  language: described.language,
  links: described.links,
  source: described.source,
  contributor_nickname: Nullable(
    Line(100, { description: 'Null where the contributor is on record, or anonymous: neither is told.' })
  ),
  visibility: OneOf(['organization', 'public'])
}
export const ExportedStrategy = Answer(
  'ExportedStrategy',
  { id: Id, ...traveling },
  { description: 'A card as it travels from one organization to another, and back.' }
)
export type ExportedStrategy = Static<typeof ExportedStrategy>
export const StrategyExport = Answer(
  'StrategyExport',
  { data: Type.Array(named(ExportedStrategy)) },
  { description: 'Every published card that everybody here reads.' }
)
export const CsvQuery = Parameters({
  bom: Defaulted(
    Type.Boolean({ description: 'Begin with a byte order mark, by which Excel knows that this is UTF-8.' }),
    false
  )
})

/** The most cards that one import may have, and bytes that it may take. */
export const mostImported = { rows: 1000, bytes: 8 * 1024 * 1024 }

/** What a row of an import must be. What it does not say stays as it is in a card that is here. */
export const ImportedStrategy = Changes('ImportedStrategy', { id: Id, ...traveling })
export type ImportedStrategy = Static<typeof ImportedStrategy>

/** Any JSON is a row here: one that is no card is skipped by name and leaves the others alone. */
export const StrategyList = Type.Array(
  Type.Unknown({ description: 'A card: the fields of `ExportedStrategy`. A new one needs a `title`.' }),
  {
    $id: 'StrategyList',
    title: 'StrategyList',
    minItems: 1,
    maxItems: mostImported.rows,
    description: 'Cards, as the export has them.',
    examples: [
      [{ title: 'Box breathing', steps: ['Breathe in for four.', 'Hold for four.'], topics: ['panic'], language: 'en' }]
    ]
  }
)

/** The same as CSV. */
export const StrategyCsv = Type.String({
  $id: 'StrategyCsv',
  title: 'StrategyCsv',
  description: 'Cards as CSV (RFC 4180), the names of the columns first.',
  examples: ['title,steps,topics\r\nBox breathing,"Breathe in for four.\nHold for four.",panic;anxiety\r\n']
})

export const StrategyImportResult = Answer(
  'StrategyImportResult',
  {
    index: Type.Integer({ minimum: 0, description: 'The place of the row in the list, from 0.' }),
    result: OneOf(rowResults, { description: '`skipped`: `problem` says why.' }),
    strategy_id: Nullable({ ...Id, description: 'The card; null where the row was skipped.' }),
    status: Nullable(
      OneOf(strategyStatuses, { description: '`in_review` where a rule noticed something; null where it was skipped.' })
    ),
    problem: RowProblem('`invalid_row`, `duplicate_row`, `title_taken` or `strategy_not_in_use`')
  },
  { description: 'What became of one row.' }
)
export type StrategyImportResult = Static<typeof StrategyImportResult>
export const StrategyImport = Answer(
  'StrategyImport',
  {
    results: Type.Array(named(StrategyImportResult), { description: 'One for each row, in the order of the list.' }),
    counts: RowCounts
  },
  { description: 'What became of the cards of a list.' }
)
export type StrategyImport = Static<typeof StrategyImport>

export const schemas = [
  ExportedStrategy,
  StrategyExport,
  StrategyList,
  StrategyCsv,
  StrategyImportResult,
  StrategyImport
]
