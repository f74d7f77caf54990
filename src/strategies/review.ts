import { conflict } from '../problems.ts'
import type { Decision, StrategyFlag, StrategyStatus, StrategyVisibility } from './vocabulary.ts'

interface Written {
  visibility: StrategyVisibility
  /** Of what whoever wrote it sees: from what becomes of a card, nobody learns whom else there is. */
  flags: readonly StrategyFlag[]
  /** Whether whoever wrote it moderates, or the organization publishes at once. */
  trusted: boolean
}

/** What becomes of a card that is handed in: one for its writer alone needs no review, one that a rule flags always does. */
export const statusHandedIn = ({ visibility, flags, trusted }: Written): StrategyStatus =>
  visibility === 'private' || (trusted && flags.length === 0) ? 'published' : 'in_review'

/** What becomes of the status when the card is changed. A card that others come to read is handed in by that. */
export function statusChanged(
  before: { status: StrategyStatus; visibility: StrategyVisibility; flags: readonly StrategyFlag[] },
  { moderates, ...written }: Written & { moderates: boolean }
): StrategyStatus {
  if (before.status !== 'published' && before.status !== 'in_review') return before.status
  if (before.visibility === 'private' || written.visibility === 'private') return statusHandedIn(written)
  // Who moderates has seen what was flagged before.
  const raised = written.flags.some(flag => !moderates || !before.flags.includes(flag))
  return written.trusted && !raised ? before.status : 'in_review'
}

/** Somebody must decide about a card in these. */
export const awaitsReview = (status: StrategyStatus): boolean => status === 'in_review' || status === 'hidden'

/**
 * What a decision makes of a card; undefined where it is so already.
 *
 * @throws Problem 409 `strategy_not_in_use` where the decision is about a card that people use, and it is a draft or retired
 */
export function statusDecided(
  decision: Decision,
  before: StrategyStatus,
  written: Written
): StrategyStatus | undefined {
  const after: Record<Decision, StrategyStatus> = {
    submit: statusHandedIn(written),
    publish: 'published',
    return: 'draft',
    hide: 'hidden',
    retire: 'retired'
  }
  if (decision === 'submit' && before !== 'draft') {
    if (before === 'retired') throw notInUse()
    return undefined
  }
  if (before === after[decision]) return undefined
  if (
    (decision === 'hide' && before === 'draft') ||
    ((decision === 'hide' || decision === 'return') && before === 'retired')
  ) {
    throw notInUse()
  }
  return after[decision]
}

const notInUse = () => conflict('strategy_not_in_use', 'The card is a draft or retired. Publish it first.')
