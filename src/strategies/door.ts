import type { Caller } from '../access/caller.ts'
import type { Database, Tx } from '../database/database.ts'
import { notFound } from '../problems.ts'
import { findStrategy, type Sight, strategyWithinReach } from './queries.ts'
import type { Strategy } from './schemas.ts'

/** What the scopes of a key let it see of a card. */
export const sightOf = ({ scopes }: Caller): Sight => ({
  moderates: scopes.has('strategies:moderate'),
  sees_people: scopes.has('people:read')
})

/** A card as the asker reads it by now, for a replay. @throws Problem 404 where they read it no more */
export async function readAgain(tx: Tx, caller: Caller, strategy_id: string): Promise<Strategy> {
  const [strategy] = await tx.run(findStrategy, { strategy_id, ...sightOf(caller) })
  if (strategy === undefined) throw notFound()
  return strategy
}

/** @throws Problem 404 where the caller reads no such card */
export async function strategyDoor(
  db: Pick<Database, 'read'>,
  caller: Caller,
  { strategy_id }: Record<string, string>
) {
  const { moderates } = sightOf(caller)
  const rows = await db.read(caller, strategyWithinReach, { strategy_id: strategy_id!, moderates })
  if (rows.length === 0) throw notFound()
}
