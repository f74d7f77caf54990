import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import type { Asked } from '../http/page.ts'
import { sightOf } from './door.ts'
import { correctWords, type Search, searchStrategies } from './queries.ts'
import type { FoundStrategy, Highlight } from './schemas.ts'
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

export type Found = FoundStrategy & { score: number }

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
): Promise<Found[]> {
  const values = { ...sightOf(caller), ...asked }
  const search = searchOf(wanted)
  let rows = await db.read(caller, searchStrategies, { ...search, ...values })
  if (rows.length === 0 && search.words !== null) {
    const [right] = await db.read(caller, correctWords, { words: search.words })
    const words = right?.words ?? search.words
    if (words !== search.words) {
      rows = await db.read(caller, searchStrategies, { ...search, words, ...values })
      // What cards that the asker does not read would be found by is not told.
      if (rows.length > 0) corrected(words)
    }
  }
  return rows.map(({ marked, ...strategy }) => ({ ...strategy, highlights: highlightsOf(marked ?? []) }))
}

/** The marked texts of a card (title, when it helps, then the steps) as pieces; those without a mark are left out. */
function highlightsOf(marked: (string | null)[]): Highlight[] {
  return marked.flatMap((text, index) => {
    if (text === null || !text.includes('\x02')) return []
    const field = index === 0 ? 'title' : index === 1 ? 'when_it_helps' : 'steps'
    const [before, ...rest] = text.split('\x02')
    const segments = [{ text: before!, match: false }]
    for (const piece of rest) {
      const [match, plain] = piece.split('\x03')
      segments.push({ text: match!, match: true }, { text: plain ?? '', match: false })
    }
    return [{ field, segments: segments.filter(segment => segment.text !== '') }]
  })
}
