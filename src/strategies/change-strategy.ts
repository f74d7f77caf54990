import { isDeepStrictEqual } from 'node:util'
import { and, eq, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { v7 as uuid } from 'uuid'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, forbidden, notFound, unprocessable } from '../problems.ts'
import {
  assertContributor,
  assertPlace,
  columnsOf,
  flagsFor,
  keepAll,
  statusColumns,
  takeCategory
} from './create-strategy.ts'
import { findSetting, findStrategy, keepWords, type LockedStrategy, lockStrategy, type Sight } from './queries.ts'
import { statusChanged, statusDecided } from './review.ts'
import { decide } from './review-queries.ts'
import type { ContributorGiven, Strategy, StrategyChanged, StrategyPatch } from './schemas.ts'
import { strategies } from './tables.ts'
import type { Decision, StrategyFlag } from './vocabulary.ts'

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

/** Writes columns of a card, as its next version. */
export const write = (tx: Tx, strategy_id: string, columns: PgUpdateSetSource<typeof strategies>) =>
  tx.db
    .update(strategies)
    .set({ ...columns, ...nextVersion(strategies) })
    .where(and(eq(strategies.organization_id, tx.actor.organization_id), eq(strategies.id, strategy_id)))

/**
 * Changes what a card says, or who reads it. What its writer changes in a published card is reviewed again.
 *
 * @throws Problem 409 `strategy_not_in_use` for a retired card, `strategy_reported` for one that would escape a decision,
 *   `strategy_shared_in_session`, `contributor_sealed`; 422
 */
export async function changeStrategy(
  tx: Tx,
  sight: Sight,
  strategy_id: string,
  ifMatch: string | undefined,
  changes: StrategyPatch
): Promise<Answered<StrategyChanged>> {
  const before = await holdStrategy(tx, sight, strategy_id, ifMatch)
  // Whoever wants to be told of no more is not asked to publish the card again.
  const saysMore = Object.keys(changes).some(field => field !== 'contributor')
  if (before.status === 'retired' && saysMore)
    throw conflict('strategy_not_in_use', 'The card is retired. Publish it first.')
  const { contributor, ...content } = changes
  const saysTheSame = Object.entries(content).every(([field, value]) =>
    isDeepStrictEqual(value, before[field as never])
  )
  if (contributor === undefined && saysTheSame)
    return done({ ...(await readCard(tx, sight, strategy_id)), contributor_secret: null })
  const contributed = await contributorChanged(tx, sight, before, contributor)
  const after = { ...before, ...content, ...(await placeChanged(tx, before, changes)) }
  const { visibility, group_id, session_id } = after
  if (visibility === 'private' && before.visibility !== 'private') assertMayHide(before)
  // Whoever left the group can still take back what they wrote.
  const opens = visibility !== before.visibility && (visibility === 'group' || visibility === 'public')
  const moves = group_id !== before.group_id || (session_id !== null && session_id !== before.session_id)
  if (opens || moves) await assertPlace(tx, sight, { visibility, group_id, session_id: moves ? session_id : null })
  // Only now: of a session that the asker does not see, nothing tells of which group it is.
  if (changes.group_id !== undefined && (changes.group_id?.toLowerCase() ?? null) !== group_id) {
    throw unprocessable('unknown_reference', '#/group_id', 'The session is of another group.')
  }
  if (changes.category !== undefined && changes.category !== before.category) await takeCategory(tx, changes.category)

  const { flags, seen } = await flagsFor(tx, sight, { ...after, nickname: contributed.contributor_nickname })
  const status = statusChanged(
    { status: before.status, visibility: before.visibility, flags: before.flags ?? [] },
    { visibility, flags: seen, moderates: sight.moderates, trusted: isTrusted(sight, before) }
  )
  const raised = flags.some(flag => !before.flags?.includes(flag))
  const { secret: contributor_secret, ...contributorColumns } = contributed
  const anonymous = contributed.contributor_kind === 'anonymous'
  await write(tx, strategy_id, {
    ...content,
    ...contributorColumns,
    group_id,
    session_id,
    flags,
    // A card of the starter set that few read is none: the organization may have that one again.
    ...((visibility === 'private' || visibility === 'group') && { starter_key: null }),
    ...(anonymous && before.contributor_kind !== 'anonymous' && { review_since: sql`date_trunc('day', review_since)` }),
    ...((status !== before.status || raised) && statusColumns(status, { visibility, flags, anonymous }))
  })
  const strategy = await keepAll(tx, sight, strategy_id)
  recordChange(tx, 'strategy.changed', strategy)
  return done({ ...strategy, contributor_secret })
}

/**
 * Another contributor, or none: one who is known may become anonymous, and nobody else makes an anonymous one known.
 *
 * @throws Problem 409 `contributor_sealed`, 422
 */
async function contributorChanged(tx: Tx, sight: Sight, before: LockedStrategy, contributor?: ContributorGiven) {
  const { contributor_kind, contributor_nickname } = before
  const stays = { contributor_kind, contributor_nickname, secret: null }
  if (contributor === undefined) return stays
  await assertContributor(tx, sight, contributor)
  if (contributor_kind === 'anonymous') {
    if (contributor.kind === 'anonymous' && contributor.person_id === undefined) return stays
    throw conflict('contributor_sealed', 'The contributor is anonymous: they alone change that, with their secret.')
  }
  return columnsOf(contributor, { organization_id: tx.actor.organization_id, strategy_id: before.id })
}

/** In which group a card is, and in which of its sessions it was shared. @throws Problem 409 `strategy_shared_in_session`, 422 */
async function placeChanged(tx: Tx, before: LockedStrategy, given: Pick<StrategyPatch, 'group_id' | 'session_id'>) {
  const session_id = given.session_id === undefined ? before.session_id : (given.session_id?.toLowerCase() ?? null)
  const group_id = given.group_id === undefined ? before.group_id : (given.group_id?.toLowerCase() ?? null)
  if (session_id !== null && session_id !== before.session_id) {
    const [setting] = await tx.run(findSetting, { session_id })
    return { group_id: setting!.session_group_id, session_id }
  }
  if (session_id !== null && group_id !== before.group_id) {
    throw conflict('strategy_shared_in_session', 'The card was shared in a session, and stays with its group.')
  }
  return { group_id, session_id }
}

/** Whether what is handed in needs no review: unless a moderator gave the card back before. */
const isTrusted = ({ moderates }: Sight, { publishes_at_once, returned }: LockedStrategy) =>
  moderates || (publishes_at_once && !returned)

/** @throws Problem 409, 422 where a card would become one that nobody but its writer sees, and that is not theirs to do */
function assertMayHide({ mine, reported, status }: LockedStrategy) {
  if (!mine) throw unprocessable('not_permitted', '#/visibility', 'A card is made private by whoever wrote it down.')
  if (reported || status === 'hidden') {
    throw conflict('strategy_reported', 'Something was reported of the card, and must be decided first.')
  }
}

/** @throws Problem 404 where the asker reads it no more */
async function readCard(tx: Tx, sight: Sight, strategy_id: string): Promise<Strategy> {
  const [strategy] = await tx.run(findStrategy, { strategy_id, ...sight })
  if (strategy === undefined) throw notFound()
  return strategy
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
  const flags = (before.flags ?? []) as StrategyFlag[]
  const { visibility } = before
  const status = statusDecided(decision, before.status, { visibility, flags, trusted: isTrusted(sight, before) })
  const answers = decision !== 'submit' && sight.moderates
  const decides = status !== undefined || (answers && before.review_since !== null)
  if (decides) {
    await write(tx, strategy_id, {
      ...statusColumns(status ?? before.status, {
        visibility,
        flags,
        anonymous: before.contributor_kind === 'anonymous'
      }),
      stays_in_logs: status === 'retired' && before.status === 'published' && before.review_since === null,
      // Once somebody has decided, nobody needs to look; and what was reported waits for that, whatever its writer does.
      ...(answers ? { review_since: null } : before.reported && { review_since: before.review_since })
    })
    await tx.runAll([
      decide.for(tx.actor, { id: uuid(), strategy_id, decision, reason, answers }),
      keepWords.for(tx.actor, { strategy_id })
    ])
  }
  const strategy = await readCard(tx, sight, strategy_id)
  if (decides) recordChange(tx, told[decision], strategy)
  return done(strategy)
}
