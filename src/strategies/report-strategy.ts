import { and, eq, sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import type { Answered } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { notFound } from '../problems.ts'
import { lockStrategy, type Sight } from './queries.ts'
import { fileReport } from './review-queries.ts'
import type { StrategyReport, StrategyReportCreate } from './schemas.ts'
import { strategies } from './tables.ts'

/**
 * Files a report. Where harm or somebody's name is in question the card is hidden at once, until somebody has looked: a
 * useful card away for a day costs less than a harmful one there for a day.
 */
export async function reportStrategy(
  tx: Tx,
  { moderates }: Sight,
  strategy_id: string,
  { reason, note }: StrategyReportCreate
): Promise<Answered<StrategyReport>> {
  const [before] = await tx.run(lockStrategy, { strategy_id, moderates })
  if (before === undefined) throw notFound()
  const hides = reason !== 'spam' && before.status === 'published' && before.visibility !== 'private'
  await tx.db
    .update(strategies)
    .set({
      review_since: sql`coalesce(${strategies.review_since}, now())`,
      ...(hides && { status: 'hidden' as const }),
      ...nextVersion(strategies)
    })
    .where(and(eq(strategies.organization_id, tx.actor.organization_id), eq(strategies.id, strategy_id)))
  const [report] = await tx.run(fileReport, { id: uuid(), strategy_id, reason, note })
  recordChange(tx, 'strategy.reported', { id: before.id, version: before.version + 1 })
  return {
    status: 201,
    headers: { location: `/v1/strategies/${before.id}` },
    body: report!
  }
}
