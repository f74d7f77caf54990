import { and, eq, sql } from 'drizzle-orm'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { endSessionsLed, findFacilitator, lockFacilitator } from './queries.ts'
import type { Facilitator, FacilitatorEnd } from './schemas.ts'
import { groupFacilitators } from './tables.ts'

/**
 * Ends an assignment, now or at a given instant; one that was to begin later never begins. The end may lie in the past
 * (it was forgotten) or in the future, and may be moved until it has come.
 *
 * @throws Problem 409 `already_ended`; 422 `ends_before_start`
 */
export async function endFacilitator(
  tx: Tx,
  group_id: string,
  facilitator_id: string,
  ifMatch: string | undefined,
  { ends_at }: FacilitatorEnd
): Promise<Answered<Facilitator>> {
  const [before] = await tx.run(lockFacilitator, { group_id, facilitator_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  if (before.is_over) throw conflict('already_ended', 'This assignment is over.')
  if (ends_at !== undefined && Date.parse(ends_at) < Date.parse(before.starts_at)) {
    throw unprocessable('ends_before_start', '#/ends_at', 'An assignment cannot end before it begins.')
  }
  await tx.db
    .update(groupFacilitators)
    .set({
      ends_at: ends_at ?? sql`greatest(date_trunc('milliseconds', now()), ${groupFacilitators.starts_at})`,
      ...nextVersion(groupFacilitators)
    })
    .where(
      and(eq(groupFacilitators.organization_id, tx.actor.organization_id), eq(groupFacilitators.id, facilitator_id))
    )
  await tx.run(endSessionsLed, { facilitator_id })
  const [facilitator] = await tx.run(findFacilitator, { group_id, facilitator_id })
  recordChange(tx, 'facilitator.ended', facilitator!)
  return done(facilitator!)
}
