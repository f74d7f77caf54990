import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { v7 as uuid } from 'uuid'
import type { Answered } from '../changes/change.ts'
import { recordChangesNow } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { rowJudge } from '../http/validation.ts'
import { lockImports } from '../imports/queries.ts'
import { type Fault, Problem } from '../problems.ts'
import { write } from './change-strategy.ts'
import { sealContributor } from './contributor.ts'
import { flagsForAll, statusColumns, takeCategory } from './create-strategy.ts'
import { findSetting, keepVersion, keepWords, lockImported, type Sight } from './queries.ts'
import { statusChanged, statusHandedIn } from './review.ts'
import { ImportedStrategy, type StrategyImport, type StrategyImportResult } from './schemas.ts'
import { strategies } from './tables.ts'
import type { StrategyStatus } from './vocabulary.ts'

/** A row that is a card, and where it stood. */
type Row = ImportedStrategy & { index: number; language: string }
type Known = NonNullable<(typeof lockImported)['row']>

const rowsAtOnce = 200
const judge = rowJudge(ImportedStrategy)

/**
 * Takes a list of cards, each row by itself. A row with the id of a card that everybody here reads changes that card; any
 * other is a new card, unless there is one of that title in that language. The contributor of a card that is here stays.
 * A list that was taken before changes nothing.
 */
export async function importStrategies(tx: Tx, sight: Sight, list: unknown[]): Promise<Answered<StrategyImport>> {
  await tx.run(lockImports, {})
  const [setting] = await tx.run(findSetting, { session_id: null })
  const results: StrategyImportResult[] = []
  const rows = sortOut(list, setting!.language, results)
  const taken = await withCategory(tx, rows, results)
  const known = await tx.run(lockImported, {
    ids: taken.flatMap(({ id }) => id ?? []),
    titles: taken.map(({ title }) => title),
    languages: taken.map(({ language }) => language)
  })
  const byId = new Map(known.map(card => [card.id, card]))
  const byTitle = new Map(known.filter(({ status }) => status !== 'retired').map(card => [titleKey(card), card]))
  const fresh: Row[] = []
  const changed: { row: Row; before: Known }[] = []
  for (const row of taken) {
    const same = row.id === undefined ? undefined : byId.get(row.id)
    const before = same ?? byTitle.get(titleKey(row))
    if (before === undefined) fresh.push(row)
    else if (before.status === 'retired') skip(results, row.index, 'strategy_not_in_use', 'The card was retired here.')
    else if (saysTheSame(row, before)) results[row.index] = resultOf(row.index, 'unchanged', before.id, before.status)
    else if (same === undefined) {
      skip(results, row.index, 'title_taken', 'Another card here has this title: give its id to change it.', '/title')
    } else changed.push({ row, before })
  }
  for (let at = 0; at < fresh.length; at += rowsAtOnce)
    await create(tx, sight, fresh.slice(at, at + rowsAtOnce), results)
  for (let at = 0; at < changed.length; at += rowsAtOnce) {
    await update(tx, sight, changed.slice(at, at + rowsAtOnce), results)
  }
  const count = (wanted: StrategyImportResult['result']) => results.filter(({ result }) => result === wanted).length
  const counts = {
    created: count('created'),
    updated: count('updated'),
    unchanged: count('unchanged'),
    skipped: count('skipped')
  }
  return { status: 207, headers: {}, body: { results, counts } }
}

const titleKey = ({ title, language }: { title: string; language: string }) => `${language} ${title.toLowerCase()}`

function resultOf(
  index: number,
  result: StrategyImportResult['result'],
  strategy_id: string,
  status: StrategyStatus
): StrategyImportResult {
  return { index, result, strategy_id, status, problem: null }
}

/** @param pointer from the row on, where one field is to blame */
function skip(results: StrategyImportResult[], index: number, code: string, detail: string, pointer?: string) {
  const errors = pointer === undefined ? [] : [{ pointer: `#/${index}${pointer}`, code, detail }]
  results[index] = { index, result: 'skipped', strategy_id: null, status: null, problem: { code, detail, errors } }
}

/** The rows that are cards; the others have their result by that. The first of two that mean one card counts. */
function sortOut(list: unknown[], language: string, results: StrategyImportResult[]): Row[] {
  const seen = new Set<string>()
  const rows: Row[] = []
  for (const [index, given] of list.entries()) {
    const faults = judge(given)
    if (faults.length > 0) {
      refuse(results, index, faults)
      continue
    }
    const card = given as ImportedStrategy
    const row = { ...card, id: card.id?.toLowerCase(), index, language: card.language ?? language }
    const keys = [titleKey(row), ...(row.id === undefined ? [] : [row.id])]
    if (keys.some(key => seen.has(key))) {
      skip(results, index, 'duplicate_row', 'An earlier row is about the same card.')
      continue
    }
    for (const key of keys) seen.add(key)
    rows.push(row as Row)
  }
  return rows
}

function refuse(results: StrategyImportResult[], index: number, faults: Fault[]) {
  const errors = faults.map(({ pointer, code, detail }) => ({
    pointer: `#/${index}${pointer!.slice(1)}`,
    code,
    detail
  }))
  const problem = { code: 'invalid_row', detail: 'The row is no card that can be kept; errors say why.', errors }
  results[index] = { index, result: 'skipped', strategy_id: null, status: null, problem }
}

/** The rows whose category is one of the organization. */
async function withCategory(tx: Tx, rows: Row[], results: StrategyImportResult[]): Promise<Row[]> {
  const unknown = new Set<string>()
  // In one order, so that two at once do not wait for each other.
  for (const key of [...new Set(rows.flatMap(({ category }) => category ?? []))].sort()) {
    await takeCategory(tx, key).catch(error => {
      if (!(error instanceof Problem)) throw error
      unknown.add(key)
    })
  }
  return rows.filter(({ index, category }) => {
    if (category === null || !unknown.has(category)) return true
    const detail = 'This is no category of the organization.'
    refuse(results, index, [{ pointer: '#/category', code: 'unknown_reference', detail }])
    return false
  })
}

const contentOf = ({ index: _, id: __, contributor_nickname: ___, ...content }: Row) => content

const saysTheSame = (row: Row, before: Known): boolean =>
  Object.entries(contentOf(row)).every(([name, value]) => isDeepStrictEqual(value, before[name as keyof Known]))

async function create(tx: Tx, sight: Sight, rows: Row[], results: StrategyImportResult[]) {
  const { organization_id, staff_id, api_key_id } = tx.actor
  const flags = await flagsForAll(tx, sight, rows.map(nicknamed))
  const cards = rows.map((row, place) => {
    const { flags: noticed, seen } = flags[place]!
    const { visibility, contributor_nickname } = row
    const anonymous = contributor_nickname === null
    const id = anonymous ? randomUUID() : uuid()
    const status = statusHandedIn({ visibility, flags: seen, trusted: true })
    results[row.index] = resultOf(row.index, 'created', id, status)
    const { secret: _, ...sealed } = sealContributor({ organization_id, strategy_id: id }, null)
    return {
      ...contentOf(row),
      organization_id,
      id,
      contributor_kind: anonymous ? ('anonymous' as const) : ('nickname' as const),
      contributor_nickname,
      ...(anonymous && sealed),
      ...statusColumns(status, { visibility, flags: noticed, anonymous }),
      flags: noticed,
      created_by_staff_id: staff_id,
      created_by_key_id: api_key_id
    }
  })
  await tx.db.insert(strategies).values(cards)
  await keep(tx, cards)
  await recordChangesNow(
    tx,
    'strategy.created',
    cards.map(({ id }) => ({ id, version: 1 }))
  )
}

async function update(tx: Tx, sight: Sight, changes: { row: Row; before: Known }[], results: StrategyImportResult[]) {
  const flags = await flagsForAll(
    tx,
    sight,
    changes.map(({ row, before }) => nicknamed({ ...row, contributor_nickname: before.contributor_nickname }))
  )
  const versions: { id: string; version: number }[] = []
  for (const [place, { row, before }] of changes.entries()) {
    const { flags: noticed, seen } = flags[place]!
    const { visibility } = row
    const status = statusChanged(before, { visibility, flags: seen, moderates: true, trusted: true })
    const raised = noticed.some(flag => !before.flags.includes(flag))
    const anonymous = before.contributor_kind === 'anonymous'
    const [written] = await write(tx, before.id, {
      ...contentOf(row),
      flags: noticed,
      ...((status !== before.status || raised) && statusColumns(status, { visibility, flags: noticed, anonymous }))
    }).returning({ id: strategies.id, version: strategies.version })
    versions.push(written!)
    results[row.index] = resultOf(row.index, 'updated', before.id, status)
  }
  await keep(tx, versions)
  await recordChangesNow(tx, 'strategy.changed', versions)
}

const nicknamed = (row: Row) => ({ ...row, nickname: row.contributor_nickname })

const keep = (tx: Tx, cards: { id: string }[]) =>
  tx.runAll(
    cards.flatMap(({ id }) => [
      keepVersion.for(tx.actor, { strategy_id: id }),
      keepWords.for(tx.actor, { strategy_id: id })
    ])
  )
