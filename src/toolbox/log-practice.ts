import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { notFound, unprocessable } from '../problems.ts'
import { type Sight, strategyWithinReach } from '../strategies/queries.ts'
import { findPractice, lockOwner, markVoided } from './queries.ts'
import type { Practice, PracticeCreate } from './schemas.ts'
import { practices } from './tables.ts'

/** Milliseconds by which the clock of a phone may be ahead. */
const tolerance = 300_000

/** Writes down that a person did what a card says. @throws Problem 404, 422 `unknown_reference`, `in_the_future` */
export async function logPractice(
  tx: Tx,
  { moderates }: Sight,
  person_id: string,
  { strategy_id, practiced_at, rating }: PracticeCreate,
  now = new Date()
): Promise<Answered<Practice>> {
  const [owner] = await tx.run(lockOwner, { person_id })
  if (owner === undefined) throw notFound()
  if ((await tx.run(strategyWithinReach, { strategy_id, moderates })).length === 0) throw noSuchStrategy()
  if (practiced_at !== undefined && Date.parse(practiced_at) > now.getTime() + tolerance) {
    throw unprocessable('in_the_future', '#/practiced_at', 'What was done was done by now.')
  }
  const id = uuid()
  await tx.db.insert(practices).values({
    organization_id: tx.actor.organization_id,
    id,
    person_id,
    strategy_id,
    practiced_at: practiced_at ?? now.toISOString(),
    rating
  })
  const [practice] = await tx.run(findPractice, { practice_id: id, moderates })
  // The card was hidden in this very moment.
  if (practice === undefined) throw noSuchStrategy()
  recordChange(tx, 'practice.logged', practice)
  return created('/v1/practices', practice)
}

/** It was logged by mistake: it counts no more. Twice is the same as once. */
export async function voidPractice(tx: Tx, sight: Sight, practice_id: string): Promise<Answered<Practice>> {
  await readPractice(tx, sight, practice_id)
  recordChange(tx, 'practice.voided', ...(await tx.run(markVoided, { practice_id })))
  return done(await readPractice(tx, sight, practice_id))
}

/** @throws Problem 404 where the asker reads it no more */
export async function readPractice(tx: Tx, { moderates }: Sight, practice_id: string): Promise<Practice> {
  const [practice] = await tx.run(findPractice, { practice_id, moderates })
  if (practice === undefined) throw notFound()
  return practice
}

export const noSuchStrategy = () => unprocessable('unknown_reference', '#/strategy_id', 'There is no such strategy.')
