import { timingSafeEqual } from 'node:crypto'
import { and, eq } from 'drizzle-orm'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { openContributor, secretHashOf } from './contributor.ts'
import { flagsFor, statusColumns } from './create-strategy.ts'
import { findStrategy, lockStrategy, type Sight } from './queries.ts'
import type { AnonymityLift, Strategy } from './schemas.ts'
import { strategies } from './tables.ts'

/**
 * An anonymous contributor stands to the card, as who they are or under a name. Nobody else can: it takes the secret. The
 * rules look at the name as at all else.
 *
 * @throws Problem 409 `not_anonymous`, 422 `wrong_secret`, `contributor_incomplete`
 */
export async function liftAnonymity(
  tx: Tx,
  sight: Sight,
  strategy_id: string,
  { secret, kind, nickname }: AnonymityLift
): Promise<Answered<Strategy>> {
  const { organization_id } = tx.actor
  const [before] = await tx.run(lockStrategy, { strategy_id, moderates: sight.moderates })
  if (before === undefined) throw notFound()
  if (before.contributor_secret_hash === null) throw conflict('not_anonymous', 'The card is not anonymous.')
  if (!timingSafeEqual(before.contributor_secret_hash, secretHashOf(secret))) {
    throw unprocessable('wrong_secret', '#/secret', 'This is not the secret of the contributor.')
  }
  if (kind === 'nickname' && nickname === undefined) {
    throw unprocessable('contributor_incomplete', '#/nickname', 'Say under which name.')
  }
  if (kind === 'person' && before.contributor_sealed === null) {
    throw unprocessable('contributor_incomplete', '#/kind', 'Nobody was written down for this card: give a nickname.')
  }
  const { flags, seen } = await flagsFor(tx, sight, { ...before, nickname: kind === 'nickname' ? nickname! : null })
  const raised = seen.some(flag => !before.flags?.includes(flag))
  const status = before.status === 'published' && raised && !sight.moderates ? 'in_review' : before.status
  await tx.db
    .update(strategies)
    .set({
      contributor_kind: kind,
      contributor_person_id:
        kind === 'person'
          ? openContributor({ organization_id, strategy_id: before.id }, secret, before.contributor_sealed!)
          : null,
      contributor_nickname: kind === 'nickname' ? nickname! : null,
      contributor_sealed: null,
      contributor_secret_hash: null,
      flags,
      ...(raised && statusColumns(status, { visibility: before.visibility, flags, anonymous: false })),
      ...nextVersion(strategies)
    })
    .where(and(eq(strategies.organization_id, organization_id), eq(strategies.id, before.id)))
  const [strategy] = await tx.run(findStrategy, { strategy_id, ...sight })
  if (strategy === undefined) throw notFound()
  recordChange(tx, 'strategy.changed', strategy)
  return done(strategy)
}
