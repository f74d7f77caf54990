import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import { notFound } from '../problems.ts'
import { type Sight, strategyWithinReach } from './queries.ts'

/** What the scopes of a key let it see of a card. */
export const sightOf = ({ scopes }: Caller): Sight => ({
  moderates: scopes.has('strategies:moderate'),
  sees_people: scopes.has('people:read')
})

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
