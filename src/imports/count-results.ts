import type { rowResults } from './schemas.ts'

type RowResult = (typeof rowResults)[number]

/** How many rows became what. */
export function countResults(results: { result: RowResult }[]): Record<RowResult, number> {
  const counts = { created: 0, updated: 0, unchanged: 0, skipped: 0 }
  for (const { result } of results) counts[result]++
  return counts
}
