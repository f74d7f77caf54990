import type { StrategyCategory } from './schemas.ts'
import { seededCategories } from './vocabulary.ts'

/** All categories of an organization: the seeded ones in their order, as it renamed or retired them, then its own. */
export function allCategories(kept: StrategyCategory[]): StrategyCategory[] {
  const byKey = new Map(kept.map(category => [category.key, category]))
  const seeded = Object.entries(seededCategories).map(
    ([key, name]) => byKey.get(key) ?? { key, name, retired: false, version: 0 }
  )
  return [...seeded, ...kept.filter(({ key }) => !Object.hasOwn(seededCategories, key))]
}
