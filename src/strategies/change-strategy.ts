import { and, eq } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, forbidden, notFound } from '../problems.ts'
import { assertPlace, flagsFor, keepAll, takeCategory } from './create-strategy.ts'
import { decide, findStrategy, keepWords, lockStrategy, type Sight } from './queries.ts'
import { awaitsReview, statusChanged, statusDecided } from './review.ts'
import type { Strategy, StrategyPatch } from './schemas.ts'
import { strategies } from './tables.ts'
import type { Decision, StrategyFlag, StrategyStatus } from './vocabulary.ts'

/** The card, held still, as whoever may change it reads it. @throws Problem 404, 403, 412, 428 */
export async function holdStrategy(tx: Tx, sight: Sight, strategy_id: string, ifMatch: string | undefined) {
  const [before] = await tx.run(lockStrategy, { strategy_id, moderates: sight.moderates })
  if (before === undefined) throw notFound()
  if (!before.mine && !sight.moderates) {
    throw forbidden('not_permitted', 'A card is changed by whoever wrote it down, and by those who moderate.')
  }
  assertVersion(ifMatch, before.version)
  return before
}

/** A status, and since when somebody must decide. */
const statusColumns = (status: StrategyStatus) => ({
  status,
  review_since: awaitsReview(status) ? new Date().toISOString() : null
})

const write = (tx: Tx, strategy_id: string, columns: Partial<typeof strategies.$inferInsert>) =>
  tx.db
    .update(strategies)
    .set({ ...columns, ...nextVersion(strategies) })
    .where(and(eq(strategies.organization_id, tx.actor.organization_id), eq(strategies.id, strategy_id)))

/**
 * Changes what a card says, or who reads it. What its writer changes in a published card is reviewed again.
 *
 * @throws Problem 409 `strategy_not_in_use` for a retired card
 */
export async function changeStrategy(
  tx: Tx,
  sight: Sight,
  strategy_id: string,
  ifMatch: string | undefined,
  changes: StrategyPatch
): Promise<Answered<Strategy>> {
  const before = await holdStrategy(tx, sight, strategy_id, ifMatch)
  if (before.status === 'retired') throw conflict('strategy_not_in_use', 'The card is retired. Publish it first.')
  const after = { ...before, ...changes }
  if (changes.visibility !== undefined || changes.group_id !== undefined) {
    // A card that was shared in a session stays with its group.
    if (before.session_id !== null && changes.group_id !== undefined && changes.group_id !== before.group_id) {
      throw conflict('strategy_shared_in_session', 'The card was shared in a session, and stays with its group.')
    }
    await assertPlace(tx, sight, { visibility: after.visibility, group_id: after.group_id })
  }
  if (changes.category !== undefined && changes.category !== before.category) await takeCategory(tx, changes.category)
  const flags = await flagsFor(tx, after)
  const status = statusChanged(before.status, before.flags ?? [], {
    visibility: after.visibility,
    flags,
    trusted: sight.moderates || before.publishes_at_once
  })
  await write(tx, strategy_id, { ...changes, flags, ...(status !== before.status && statusColumns(status)) })
  const strategy = await keepAll(tx, sight, strategy_id)
  // What is in a group that the asker has just closed to themselves is theirs no more.
  if (strategy === undefined) throw notFound()
  recordChange(tx, 'strategy.changed', strategy)
  return done(strategy)
}

/** Decisions and what the world is told of them. */
const told = {
  submit: 'strategy.submitted',
  publish: 'strategy.published',
  return: 'strategy.returned',
  hide: 'strategy.hidden',
  retire: 'strategy.retired'
} as const

/**
 * Decides what becomes of a card. Every decision is kept with its reason, and answers what was reported; twice is the same
 * as once.
 *
 * @throws Problem 409 `strategy_not_in_use`
 */
export async function decideStrategy(
  tx: Tx,
  sight: Sight,
  strategy_id: string,
  ifMatch: string | undefined,
  decision: Decision,
  reason: string | null
): Promise<Answered<Strategy>> {
  const before = await holdStrategy(tx, sight, strategy_id, ifMatch)
  const status = statusDecided(decision, before.status, {
    visibility: before.visibility,
    flags: (before.flags ?? []) as StrategyFlag[],
    trusted: sight.moderates || before.publishes_at_once
  })
  const answers = decision !== 'submit' && sight.moderates
  const decides = status !== undefined || (answers && before.review_since !== null)
  if (decides) {
    await write(tx, strategy_id, {
      ...statusColumns(status ?? before.status),
      // Somebody has decided: hidden for good needs no other look.
      ...(answers && { review_since: null })
    })
    await tx.runAll([
      decide.for(tx.actor, { id: uuid(), strategy_id, decision, reason, answers }),
      keepWords.for(tx.actor, { strategy_id })
    ])
  }
  const [strategy] = await tx.run(findStrategy, { strategy_id, ...sight })
  if (decides) recordChange(tx, told[decision], strategy!)
  return done(strategy!)
}
