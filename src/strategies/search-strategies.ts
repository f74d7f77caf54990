import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import type { Asked } from '../http/page.ts'
import { sightOf } from './door.ts'
import { correctWords, type Search, searchStrategies } from './search-queries.ts'
import type { StrategyStatus, WhereUsable } from './vocabulary.ts'

/** Those whose words we know how to read; `und`, as they stand. */
const languagesRead = ['en', 'es', 'fr', 'de', 'pt', 'it', 'nl', 'und']

export interface Wanted {
  q?: string
  topic?: string
  category?: string
  language?: string
  where?: WhereUsable
  minutes_max?: number
  status: StrategyStatus
}

/** A card that was found, as the JSON text that PostgreSQL wrote. */
export interface FoundText {
  id: string
  score: number
  json: string
}

/** The search as the database takes it. Filters are words of the card's document; their letters need no quoting. */
export function searchOf({ q, topic, category, language, where, minutes_max, status }: Wanted): Search {
  const primary = language?.split('-')[0]
  const places = where === undefined ? [] : [...new Set([where, 'anywhere'])].map(place => `'#where:${place}'`)
  const filters = [
    topic && `'#topic:${topic}'`,
    category && `'#category:${category}'`,
    primary && `'#language:${primary}'`,
    places.length > 0 && `(${places.join(' | ')})`
  ].filter(filter => filter)
  return {
    words: q ?? null,
    languages: q === undefined ? null : primary === undefined ? languagesRead : [primary],
    filters: filters.length > 0 ? filters.join(' & ') : null,
    of_status: status,
    most_minutes: minutes_max ?? null
  }
}

/**
 * A page of a search. Where no card has the words as they were typed, those that no card has are put right and searched
 * again: `corrected` is told what was searched then.
 */
export async function findStrategies(
  db: Database,
  caller: Caller,
  wanted: Wanted,
  asked: Asked,
  corrected: (words: string) => void = () => {}
): Promise<FoundText[]> {
  const values = { ...sightOf(caller), ...asked }
  const search = searchOf(wanted)
  let rows = await db.read(caller, searchStrategies, { ...search, ...values })
  if (rows.length === 0 && search.words !== null && (await isMistyped(db, caller, search))) {
    const { words: typed, languages } = search
    const { moderates } = values
    const [right] = await db.read(caller, correctWords, { words: typed, languages, moderates })
    const words = right?.words ?? search.words
    if (words !== search.words) {
      rows = await db.read(caller, searchStrategies, { ...search, words, ...values })
      // What cards that the asker does not read would be found by is not told.
      if (rows.length > 0) corrected(words)
    }
  }
  return rows
}

/** Whether no card that the asker reads has the words, whatever else was asked for: then they may be mistyped. */
async function isMistyped(db: Database, caller: Caller, { words, languages }: Search): Promise<boolean> {
  const anywhere: Search = { words, languages, filters: null, of_status: 'published', most_minutes: null }
  const first = { limit: 1, after_0: undefined, after_1: undefined }
  return (await db.read(caller, searchStrategies, { ...anywhere, ...sightOf(caller), ...first })).length === 0
}
