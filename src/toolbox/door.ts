import type { Caller } from '../access/caller.ts'
import type { Database, Tx } from '../database/database.ts'
import { personDoor } from '../people/door.ts'
import { notFound } from '../problems.ts'
import { sightOf, strategyDoor } from '../strategies/door.ts'
import type { Sight } from '../strategies/queries.ts'
import { lockOwner } from './queries.ts'

/** What a key sees of the cards in toolboxes. @throws Problem 404 for one that reads no cards */
export function toolboxSight(caller: Caller): Sight {
  if (!caller.scopes.has('strategies:read')) throw notFound()
  return sightOf(caller)
}

/** @throws Problem 404 where the caller reads no cards, or sees no such person */
export async function toolboxDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  toolboxSight(caller)
  await personDoor(db, caller, params)
}

/** Behind two doors, the person's and the card's. */
export async function cardDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  await toolboxDoor(db, caller, params)
  await strategyDoor(db, caller, params)
}

/** For a replay, which may come when the asker sees the person no more. @throws Problem 404 */
export async function stillSees(tx: Tx, person_id: string) {
  if ((await tx.run(lockOwner, { person_id })).length === 0) throw notFound()
}
