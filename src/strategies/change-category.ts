import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { putCategory } from './queries.ts'
import type { StrategyCategory, StrategyCategoryPut } from './schemas.ts'

/** Adds a category, or changes one. It has no id of its own: what is told of it is told of the organization. */
export async function changeCategory(
  tx: Tx,
  key: string,
  given: StrategyCategoryPut
): Promise<Answered<StrategyCategory>> {
  const [category] = await tx.run(putCategory, { key, ...given })
  recordChange(tx, 'strategy_category.changed', { id: tx.actor.organization_id, version: category!.version })
  return done(category!)
}
