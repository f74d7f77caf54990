import { and, eq, sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { lockActiveStaff } from '../facilitators/queries.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { findSessionFacilitator, lockSessionFacilitator, standingOf } from './facilitator-queries.ts'
import type { SessionFacilitator, SessionFacilitatorName } from './facilitator-schemas.ts'
import { touchSession } from './queries.ts'
import { sessionFacilitators } from './tables.ts'

/**
 * Names somebody for one session, also for one of the past: to tell who led.
 *
 * @throws Problem 409 `already_assigned`; 422 `unknown_reference`, `not_a_substitute`
 */
export async function nameFacilitator(
  tx: Tx,
  session_id: string,
  { staff_id, role, replaces_staff_id }: SessionFacilitatorName
): Promise<Answered<SessionFacilitator>> {
  const [session] = await tx.run(touchSession, { session_id })
  if (session === undefined) throw notFound()
  const [staff] = await tx.run(lockActiveStaff, { staff_id })
  if (staff === undefined) {
    throw unprocessable('unknown_reference', '#/staff_id', 'There is no such member of staff at work here.')
  }
  const [standing] = await tx.run(standingOf, { session_id, staff_id: replaces_staff_id ?? staff_id })
  if (replaces_staff_id === null && (standing!.facilitates || standing!.is_named)) {
    throw conflict('already_assigned', 'This member of staff facilitates the group then, or is named already.')
  }
  if (replaces_staff_id !== null && !standing!.facilitates) {
    throw unprocessable('unknown_reference', '#/replaces_staff_id', 'This is nobody who facilitates the group then.')
  }
  const id = uuid()
  await tx.db.insert(sessionFacilitators).values({
    organization_id: tx.actor.organization_id,
    id,
    session_id: session.id,
    staff_id,
    role,
    replaces_staff_id
  })
  const [named] = await tx.run(findSessionFacilitator, { session_id, session_facilitator_id: id })
  recordChange(tx, 'session_facilitator.named', named!)
  return created(`/v1/sessions/${session.id}/facilitators`, named!)
}

/** They do not lead it, and lose what they could see of it at once. Twice is the same as once. */
export async function withdrawFacilitator(
  tx: Tx,
  session_id: string,
  session_facilitator_id: string,
  ifMatch: string | undefined
): Promise<Answered<SessionFacilitator>> {
  const [before] = await tx.run(lockSessionFacilitator, { session_id, session_facilitator_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  if (before.withdrawn_at !== null) return done(before)
  await tx.db
    .update(sessionFacilitators)
    .set({ withdrawn_at: sql`now()`, ...nextVersion(sessionFacilitators) })
    .where(
      and(
        eq(sessionFacilitators.organization_id, tx.actor.organization_id),
        eq(sessionFacilitators.id, session_facilitator_id)
      )
    )
  const [after] = await tx.run(findSessionFacilitator, { session_id, session_facilitator_id })
  recordChange(tx, 'session_facilitator.withdrawn', after!)
  return done(after!)
}
