import { randomUUID } from 'node:crypto'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Answered } from '../changes/change.ts'
import { recordChangesNow } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { rowJudge } from '../http/validation.ts'
import { countResults } from '../imports/count-results.ts'
import { lockImports } from '../imports/queries.ts'
import { type Fault, Problem } from '../problems.ts'
import { write } from './change-strategy.ts'
import { sealContributor } from './contributor.ts'
import { flagsForAll, statusColumns, takeCategory } from './create-strategy.ts'
import { RaggedRow } from './csv.ts'
import {
  type ExportedStrategy,
  ImportedStrategy,
  type StrategyImport,
  type StrategyImportResult
} from './exchange-schemas.ts'
import { findSetting, keepVersion, keepWords, lockImported, type Sight } from './queries.ts'
import { statusChanged, statusHandedIn } from './review.ts'
import { strategies } from './tables.ts'
import type { StrategyStatus } from './vocabulary.ts'

/** A row that can be a card, and where it stood. */
interface Row {
  index: number
  id: string | undefined
  said: Omit<ImportedStrategy, 'id' | 'contributor_nickname'>
  contributor_nickname: string | null
}
type Known = NonNullable<(typeof lockImported)['row']>
type Content = Omit<ExportedStrategy, 'id' | 'contributor_nickname'>
interface Fresh {
  index: number
  content: Content
  contributor_nickname: string | null
}

const rowsAtOnce = 200
const mostFaults = 10
const judge = rowJudge(ImportedStrategy)

/** A list whose rows were looked at; those that are no card have their result by that. */
export interface JudgedList {
  rows: Row[]
  results: StrategyImportResult[]
}

/** Judges the rows of a list, before anything of the database is held. */
export async function judgeList(list: unknown[]): Promise<JudgedList> {
  const judged: JudgedList = { rows: [], results: [] }
  for (const [index, given] of list.entries()) {
    if (index % 50 === 49) await othersTurn()
    const faults = given instanceof RaggedRow ? [given.fault] : judge(given)
    if (faults.length > 0) {
      refuse(judged.results, index, faults)
      continue
    }
    const { id, contributor_nickname = null, ...said } = given as ImportedStrategy
    judged.rows.push({ index, id: id?.toLowerCase(), said, contributor_nickname })
  }
  return judged
}

/**
 * Takes the rows of a list, each by itself. A row with the id of a card that everybody here reads changes that card, as far as
 * it says something; any other is a new card, unless there is one of that title in that language. The contributor of a card
 * that is here stays. A list that was taken before changes nothing.
 */
export async function importStrategies(tx: Tx, sight: Sight, judged: JudgedList): Promise<Answered<StrategyImport>> {
  // The transaction may be repeated.
  const results = [...judged.results]
  await tx.run(lockImports, {})
  const [setting] = await tx.run(findSetting, { session_id: null })
  const languageOf = ({ said }: Row) => said.language ?? setting!.language
  const known = await tx.run(lockImported, {
    ids: judged.rows.flatMap(({ id }) => id ?? []),
    titles: judged.rows.map(({ said }) => said.title ?? ''),
    languages: judged.rows.map(languageOf)
  })
  const byId = new Map(known.map(card => [card.id, card]))
  const byTitle = new Map<string, Known[]>()
  for (const card of known) {
    if (card.status !== 'retired') byTitle.set(titleKey(card), [...(byTitle.get(titleKey(card)) ?? []), card])
  }

  const categories = new Map<string | null, boolean>()
  const hasCategory = async (key: string | null): Promise<boolean> => {
    if (!categories.has(key)) categories.set(key, await isCategory(tx, key))
    return categories.get(key)!
  }
  const fresh: Fresh[] = []
  const changed: Change[] = []
  const seen = new Set<string>()
  const twice = (key: string) => seen.size === seen.add(key).size
  for (const row of judged.rows) {
    const { index, said } = row
    const before = row.id === undefined ? undefined : byId.get(row.id)
    if (before !== undefined) {
      if (twice(before.id)) skip(results, index, 'duplicate_row', 'An earlier row is about the same card.')
      else if (saysTheSame(said, before)) results[index] = resultOf(index, 'unchanged', before.id, before.status)
      else if (before.status === 'retired') skip(results, index, 'strategy_not_in_use', 'The card was retired here.')
      else changed.push({ index, before, content: { ...contentOf(before), ...said } })
      continue
    }
    if (said.title === undefined) {
      refuse(results, index, [{ pointer: '#/title', code: 'required', detail: 'is required' }])
      continue
    }
    const content: Content = { ...empty, ...said, title: said.title, language: languageOf(row) }
    const alike = byTitle.get(titleKey(content)) ?? []
    const same = alike.find(card => saysTheSame(content, card))
    if (same !== undefined) results[index] = resultOf(index, 'unchanged', same.id, same.status)
    else if (alike.length > 0) {
      skip(results, index, 'title_taken', 'Another card here has this title: give its id to change it.', '/title')
    } else if (!(await hasCategory(content.category))) refuseCategory(results, index)
    else if (twice(titleKey(content))) skip(results, index, 'duplicate_row', 'An earlier row has this title.')
    else fresh.push({ index, content, contributor_nickname: row.contributor_nickname })
  }
  const allowed: Change[] = []
  for (const change of changed) {
    const { category } = change.content
    if (category === change.before.category || (await hasCategory(category))) allowed.push(change)
    else refuseCategory(results, change.index)
  }
  for (let at = 0; at < fresh.length; at += rowsAtOnce)
    await create(tx, sight, fresh.slice(at, at + rowsAtOnce), results)
  for (let at = 0; at < allowed.length; at += rowsAtOnce) {
    await update(tx, sight, allowed.slice(at, at + rowsAtOnce), results)
  }
  return { status: 207, headers: {}, body: { results, counts: countResults(results) } }
}

interface Change {
  index: number
  before: Known
  content: Content
}

/** What a new card says where its row says nothing. */
const empty = {
  summary: null,
  when_it_helps: null,
  steps: [],
  minutes: null,
  where_usable: [],
  topics: [],
  category: null,
  links: [],
  source: null,
  visibility: 'organization' as const
}

const titleKey = ({ title, language }: { title: string; language: string }) => `${language} ${title.toLowerCase()}`

const contentOf = ({
  id: _,
  contributor_nickname: __,
  status: ___,
  flags: ____,
  contributor_kind: _____,
  ...content
}: Known): Content => content

const saysTheSame = (said: object, before: Known): boolean =>
  Object.entries(said).every(([name, value]) => isDeepStrictEqual(value, before[name as keyof Known]))

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

function refuse(results: StrategyImportResult[], index: number, faults: Fault[]) {
  const errors = faults
    .slice(0, mostFaults)
    .map(({ pointer, code, detail }) => ({ pointer: `#/${index}${pointer!.slice(1)}`, code, detail }))
  const problem = { code: 'invalid_row', detail: 'The row is no card that can be kept; errors say why.', errors }
  results[index] = { index, result: 'skipped', strategy_id: null, status: null, problem }
}

const refuseCategory = (results: StrategyImportResult[], index: number) =>
  refuse(results, index, [
    { pointer: '#/category', code: 'unknown_reference', detail: 'This is no category of the organization.' }
  ])

const isCategory = (tx: Tx, key: string | null): Promise<boolean> =>
  takeCategory(tx, key).then(
    () => true,
    error => {
      if (error instanceof Problem) return false
      throw error
    }
  )

async function create(tx: Tx, sight: Sight, rows: Fresh[], results: StrategyImportResult[]) {
  const { organization_id, staff_id, api_key_id } = tx.actor
  const flags = await flagsForAll(
    tx,
    sight,
    rows.map(({ content, contributor_nickname: nickname }) => ({ ...content, nickname }))
  )
  const cards = rows.map(({ index, content, contributor_nickname }, place) => {
    const { flags: noticed, seen } = flags[place]!
    const { visibility } = content
    const anonymous = contributor_nickname === null
    const id = randomUUID()
    const status = statusHandedIn({ visibility, flags: seen, trusted: true })
    results[index] = resultOf(index, 'created', id, status)
    const { secret: _, ...sealed } = sealContributor({ organization_id, strategy_id: id }, null)
    return {
      ...content,
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
  const made = cards.map(({ id }) => ({ id, version: 1 }))
  await keep(tx, made)
  await recordChangesNow(tx, 'strategy.created', made)
}

async function update(tx: Tx, sight: Sight, changes: Change[], results: StrategyImportResult[]) {
  const flags = await flagsForAll(
    tx,
    sight,
    changes.map(({ content, before }) => ({ ...content, nickname: before.contributor_nickname }))
  )
  const versions: { id: string; version: number }[] = []
  for (const [place, { index, content, before }] of changes.entries()) {
    const { flags: noticed, seen } = flags[place]!
    const { visibility } = content
    const status = statusChanged(before, { visibility, flags: seen, moderates: true, trusted: true })
    const raised = noticed.some(flag => !before.flags.includes(flag))
    const anonymous = before.contributor_kind === 'anonymous'
    const [written] = await write(tx, before.id, {
      ...content,
      flags: noticed,
      ...((status !== before.status || raised) && statusColumns(status, { visibility, flags: noticed, anonymous }))
    }).returning({ id: strategies.id, version: strategies.version })
    versions.push(written!)
    results[index] = resultOf(index, 'updated', before.id, status)
  }
  await keep(tx, versions)
  await recordChangesNow(tx, 'strategy.changed', versions)
}

const keep = (tx: Tx, cards: { id: string }[]) =>
  tx.runAll(
    cards.flatMap(({ id }) => [
      keepVersion.for(tx.actor, { strategy_id: id }),
      keepWords.for(tx.actor, { strategy_id: id })
    ])
  )
