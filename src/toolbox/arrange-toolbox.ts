import type { Answered } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { type Sight, strategyWithinReach } from '../strategies/queries.ts'
import { arrangeToolbox, listToolbox, lockOwner, takeFromToolbox, toolboxOrder } from './queries.ts'
import type { Toolbox, ToolboxPut } from './schemas.ts'

/** Cards that a toolbox holds at the most. */
const mostCards = 200

/**
 * Puts a card into a toolbox, or moves it. Cards that the asker does not read keep their places among the others.
 *
 * @throws Problem 404 where the asker reads no such card or sees no such person, 409 `toolbox_full`, 422 `unknown_reference`
 *   for an `after` that is not in the toolbox
 */
export async function putIntoToolbox(
  tx: Tx,
  sight: Sight,
  person_id: string,
  path_id: string,
  given: ToolboxPut
): Promise<Answered<Toolbox>> {
  const strategy_id = path_id.toLowerCase()
  const after = given.after?.toLowerCase() ?? given.after
  const { moderates } = sight
  const owner = await holdOwner(tx, sight, person_id, strategy_id)
  const cards = await tx.run(toolboxOrder, { person_id, moderates })
  const before = cards.map(card => card.strategy_id)
  const others = cards.filter(card => card.strategy_id !== strategy_id)
  // Those that the asker does not read are not counted: the refusal would tell of them.
  if (others.filter(({ seen }) => seen).length >= mostCards) {
    throw conflict('toolbox_full', `A toolbox holds ${mostCards} cards.`)
  }
  if (typeof after === 'string' && !others.some(card => card.strategy_id === after && card.seen)) {
    throw unprocessable('unknown_reference', '#/after', 'This is no other card of the toolbox.')
  }
  const stays = after === undefined && before.includes(strategy_id)
  const order = stays
    ? before
    : placed(
        others.map(card => card.strategy_id),
        strategy_id,
        after
      )
  if (order.join() !== before.join()) {
    await tx.run(arrangeToolbox, { person_id, strategy_ids: order })
    recordChange(tx, 'toolbox.changed', owner)
  }
  return { status: 200, headers: {}, body: await readToolbox(tx, sight, person_id) }
}

/** Takes a card out of a toolbox; one that is not there is out already. @throws Problem 404 as above */
export async function removeFromToolbox(
  tx: Tx,
  sight: Sight,
  person_id: string,
  strategy_id: string
): Promise<Answered<Toolbox>> {
  const owner = await holdOwner(tx, sight, person_id, strategy_id)
  const taken = await tx.run(takeFromToolbox, { person_id, strategy_id })
  if (taken.length > 0) recordChange(tx, 'toolbox.changed', owner)
  return { status: 200, headers: {}, body: await readToolbox(tx, sight, person_id) }
}

/** The toolbox as the asker reads it by now. */
export const readToolbox = async (tx: Tx, sight: Sight, person_id: string): Promise<Toolbox> =>
  toolboxOf(person_id, await tx.run(listToolbox, { person_id, ...sight }))

async function holdOwner(tx: Tx, { moderates }: Sight, person_id: string, strategy_id: string) {
  const [owner] = await tx.run(lockOwner, { person_id })
  const [card] = await tx.run(strategyWithinReach, { strategy_id, moderates })
  if (owner === undefined || card === undefined) throw notFound()
  return owner
}

/** Behind `after`, as the first (null), or as the last. */
function placed(others: string[], strategy_id: string, after: string | null | undefined): string[] {
  if (after === undefined) return [...others, strategy_id]
  const place = after === null ? 0 : others.indexOf(after) + 1
  return [...others.slice(0, place), strategy_id, ...others.slice(place)]
}

/** The rows of a toolbox as the contract has them. */
export function toolboxOf(person_id: string, rows: NonNullable<(typeof listToolbox)['row']>[]): Toolbox {
  return {
    person_id,
    data: rows.map(({ added_at, practiced_count, last_practiced_at, average_rating, ...strategy }) => ({
      strategy,
      added_at,
      practiced_count,
      last_practiced_at,
      average_rating
    }))
  }
}
