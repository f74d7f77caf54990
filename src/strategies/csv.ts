import { parse } from 'csv-parse/sync'
import { stringify } from 'csv-stringify/sync'
import { badRequest, type Fault, unprocessable } from '../problems.ts'
import type { ExportedStrategy } from './exchange-schemas.ts'

/** How each column is written and read. A list of texts has one a line; of words, one between semicolons. */
const columns = {
  id: 'word',
  title: 'line',
  summary: 'text',
  when_it_helps: 'text',
  steps: 'texts',
  minutes: 'number',
  where_usable: 'words',
  topics: 'words',
  category: 'word',
  language: 'word',
  links: 'links',
  source: 'line',
  contributor_nickname: 'line',
  visibility: 'word'
} as const satisfies Record<keyof ExportedStrategy, string>

type Name = keyof typeof columns
type Link = ExportedStrategy['links'][number]
const names = Object.keys(columns) as Name[]

const clearable: ReadonlySet<Name> = new Set([
  'summary',
  'when_it_helps',
  'minutes',
  'category',
  'source',
  'contributor_nickname'
])

export const csvHeader = `${names.map(name => `"${name}"`).join()}\r\n`

/** Cards as lines of CSV (RFC 4180), without the header. */
export const csvOf = (cards: ExportedStrategy[]): string =>
  stringify(
    cards.map(card => names.map(name => written(name, card[name]))),
    // All of them: what a reader takes for the end of a line or cell differs from one to the next.
    { record_delimiter: '\r\n', quoted: true }
  )

/** A row that has not the cells of the header, so that nobody knows which of them is missing. */
export class RaggedRow {
  readonly fault: Fault

  constructor(cells: number, columns: number) {
    const detail = `has ${cells} cells, and the header ${columns}: a text with the separator in it stands in quotes`
    this.fault = { pointer: '#', code: 'ragged_row', detail }
  }
}

/**
 * Reads CSV into rows as the JSON import has them, none of them checked yet. Columns may come in any order, and may be left
 * out; the separator is the comma, semicolon or tab that the header has.
 *
 * @throws Problem 400 `malformed_csv`, 422 `unknown_column`, `duplicate_column`
 */
export function rowsOfCsv(text: string, most: number): (Record<string, unknown> | RaggedRow)[] {
  const first = /[^\r\n]+/.exec(text)?.[0] ?? ''
  const separator = [',', ';', '\t'].find(one => first.includes(one)) ?? ','
  let records: string[][]
  try {
    // One more than is read, so that it is known that there are more.
    records = parse(text, {
      bom: true,
      delimiter: separator,
      skip_empty_lines: true,
      relax_column_count: true,
      to: most + 2
    })
  } catch (error) {
    const { lines } = error as { lines?: number }
    throw badRequest('malformed_csv', `This is no CSV (RFC 4180)${lines === undefined ? '' : `: see line ${lines}`}.`)
  }
  const [header = [], ...rows] = records
  const width = header.length
  // Spreadsheets add columns with nothing in them.
  while (header.length > 1 && header.at(-1)!.trim() === '') header.pop()
  const read = header.map(cell => cell.trim().toLowerCase())
  const unknown = read.findIndex(name => !Object.hasOwn(columns, name))
  if (unknown >= 0 || header.length === 0) {
    throw unprocessable('unknown_column', `#/header/${Math.max(unknown, 0)}`, `The columns are ${names.join(', ')}.`)
  }
  const twice = read.findIndex((name, index) => read.indexOf(name) !== index)
  if (twice >= 0) throw unprocessable('duplicate_column', `#/header/${twice}`, 'A column is there once.')
  return rows.map(row => {
    if (row.length !== width || row.slice(header.length).some(cell => cell.trim() !== '')) {
      return new RaggedRow(row.length, width)
    }
    const card: Record<string, unknown> = {}
    for (const [index, cell] of row.slice(0, header.length).entries()) {
      const name = read[index] as Name
      const value = readAs[columns[name]](cell.normalize('NFC'))
      // An empty cell clears what may be empty, and says nothing of what may not.
      if (value !== null || clearable.has(name)) card[name] = value
    }
    return card
  })
}

function written(name: Name, value: unknown): string {
  if (value === null) return ''
  const kind = columns[name]
  if (kind === 'texts') return (value as string[]).map(onOneLine).map(harmless).join('\n')
  if (kind === 'links') return (value as Link[]).map(linkWritten).map(harmless).join('\n')
  if (kind === 'words') return (value as string[]).join(';')
  // A line of a text may begin like a formula, too.
  return kind === 'number' ? String(value) : String(value).split('\n').map(harmless).join('\n')
}

/** Each answers the value, or null for an empty cell. */
const readAs: Record<(typeof columns)[Name], (cell: string) => unknown> = {
  word: cell => cell.trim() || null,
  line: cell => (cell.trim() === '' ? null : asMeant(cell)),
  text: cell => (cell.trim() === '' ? null : cell.replaceAll('\r\n', '\n').split('\n').map(asMeant).join('\n')),
  texts: cell => linesOf(cell).map(asMeant).map(onLines),
  // What is no number is told of as a text that should have been one.
  number: cell => (cell.trim() === '' ? null : /^\d{1,9}$/.test(cell.trim()) ? Number(cell) : cell),
  words: cell =>
    cell
      .split(/[;,]/)
      .map(word => word.trim())
      .filter(word => word !== ''),
  links: cell => linesOf(cell).map(asMeant).map(linkRead)
}

const linesOf = (cell: string): string[] => cell.split(/\r?\n/).filter(line => line.trim() !== '')

/** A step may have several lines: `\n`, and a backslash is two. */
const onOneLine = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
const onLines = (line: string): string => line.replace(/\\([\\n])/g, (_, char) => (char === 'n' ? '\n' : '\\'))

/** `Title <address>`; what would begin an address within the title has a backslash in front. */
const linkWritten = ({ title, url }: Link): string => `${title.replace(/[\\<]/g, '\\$&')} <${url}>`
function linkRead(line: string): Link {
  const [, title, url] = /^((?:[^\\<]|\\.)*)<(https:\/\/.*)>\s*$/u.exec(line) ?? []
  if (title === undefined || url === undefined) return { title: line, url: line.trim() }
  const plain = title.replace(/ $/, '').replace(/\\(.)/gu, '$1')
  return { title: plain || url, url }
}

/**
 * What a spreadsheet would take for a formula gets an apostrophe in front (OWASP, "CSV injection"): at the beginning, and behind
 * a semicolon or tab, where some of them begin a cell. What looks as if it had one gets one, too: `asMeant` takes away one, and
 * nothing that was somebody's own.
 */
const start = '(?<=^|[;\\t])'
const sign = String.raw`(?='*\s*[=+\-@\t\r＝＋－＠])`
const formula = new RegExp(`${start}${sign}`, 'gu')
const marked = new RegExp(`${start}'${sign}`, 'gu')
const harmless = (text: string): string => text.replace(formula, "'")
const asMeant = (text: string): string => text.replace(marked, '')
