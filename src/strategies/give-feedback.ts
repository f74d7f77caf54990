import type { Answered } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { notFound } from '../problems.ts'
import { findFeedback, putFeedback, recountFeedback, withdrawFeedback } from './feedback-queries.ts'
import { lockStrategy, type Sight } from './queries.ts'
import type { Feedback, FeedbackPut } from './schemas.ts'

/** Says for a person whether it helped: one answer each, which may change. The card is held while its counts change. */
export const giveFeedback = (tx: Tx, sight: Sight, strategy_id: string, person_id: string, given: FeedbackPut) =>
  change(tx, sight, strategy_id, person_id, putFeedback.for(tx.actor, { strategy_id, person_id, ...given }))

/** Takes it back; what was not said is taken back already. */
export const takeFeedbackBack = (tx: Tx, sight: Sight, strategy_id: string, person_id: string) =>
  change(tx, sight, strategy_id, person_id, withdrawFeedback.for(tx.actor, { strategy_id, person_id }))

async function change(
  tx: Tx,
  { moderates, sees_people }: Sight,
  strategy_id: string,
  person_id: string,
  statement: ReturnType<typeof putFeedback.for>
): Promise<Answered<Feedback>> {
  if (!sees_people) throw notFound()
  const [card] = await tx.run(lockStrategy, { strategy_id, moderates })
  const [there] = card === undefined ? [] : await tx.run(findFeedback, { strategy_id, person_id, moderates })
  if (there === undefined) throw notFound()
  const answers = await tx.runAll([
    statement,
    recountFeedback.for(tx.actor, { strategy_id }),
    findFeedback.for(tx.actor, { strategy_id, person_id, moderates })
  ])
  // The card is the object: who said what is nobody's business outside.
  recordChange(tx, 'strategy.feedback_changed', { id: card!.id, version: card!.version })
  const [feedback] = answers[2] as [Feedback]
  return { status: 200, headers: {}, body: feedback }
}
