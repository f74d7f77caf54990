import { v7 as uuid } from 'uuid'
import { newSecretText } from '../access/api-key.ts'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database, Tx } from '../database/database.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { secretHashOf } from './contributor.ts'
import { lockStrategy, type Sight } from './queries.ts'
import type { SharedStrategy, ShareLink, ShareLinkCreate, ShareLinkCreated } from './schemas.ts'
import { findSharedStrategy, makeShareLink, revokeShareLink } from './share-queries.ts'

const mostDays = 90

/**
 * Makes a link to a card that everybody here reads: a card of a group, or one that is not published, is not for outside.
 *
 * @throws Problem 409 `strategy_not_shareable`, 422 `expires_in_the_past`, `expires_too_late`
 */
export async function shareStrategy(
  tx: Tx,
  publicUrl: string,
  { moderates }: Sight,
  strategy_id: string,
  { expires_at }: ShareLinkCreate
): Promise<Answered<ShareLinkCreated>> {
  const [card] = await tx.run(lockStrategy, { strategy_id, moderates })
  if (card === undefined) throw notFound()
  if (card.status !== 'published' || card.visibility === 'private' || card.visibility === 'group') {
    throw conflict('strategy_not_shareable', 'Only a published card that everybody here reads is shared by a link.')
  }
  const ahead = Date.parse(expires_at) - Date.now()
  if (ahead <= 0) throw unprocessable('expires_in_the_past', '#/expires_at', 'A link expires at some time to come.')
  if (ahead > mostDays * 86_400_000) {
    throw unprocessable('expires_too_late', '#/expires_at', `A link expires within ${mostDays} days.`)
  }
  const secret = newSecretText('ck_share_')
  const [link] = await tx.run(makeShareLink, { id: uuid(), strategy_id, secret_hash: secretHashOf(secret), expires_at })
  recordChange(tx, 'share_link.created', link!)
  return created(`/v1/strategies/${strategy_id}/share_links`, {
    ...link!,
    url: `${publicUrl}/shared/strategies/${secret}`
  })
}

/** Ends a link at once; twice is the same as once. */
export async function endShareLink(
  tx: Tx,
  { moderates }: Sight,
  strategy_id: string,
  share_link_id: string
): Promise<Answered<ShareLink>> {
  const [revoked] = await tx.run(revokeShareLink, { strategy_id, share_link_id, moderates })
  if (revoked === undefined) throw notFound()
  const { revoked_now, ...link } = revoked
  if (revoked_now) recordChange(tx, 'share_link.revoked', link)
  return done(link)
}

/** The card that a link leads to. @throws Problem 404 where the link or the card is none any more */
export async function readShared(db: Database, secret: string, request_id: string): Promise<SharedStrategy> {
  const [link] = await db.reviewed<{ organization_id: string; strategy_id: string }>(
    'find_share_link',
    'select * from find_share_link($1)',
    [secretHashOf(secret)]
  )
  const [card] =
    link === undefined
      ? []
      : await db.read(serviceActor(link.organization_id, request_id), findSharedStrategy, {
          strategy_id: link.strategy_id
        })
  if (card === undefined) throw notFound()
  return card
}
