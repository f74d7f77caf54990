import { and, eq, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { addDays } from '../clock/time-zones.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound, unprocessable } from '../problems.ts'
import { findAbsence } from './absence-queries.ts'
import type { Absence, AbsenceCreate, MembershipPause, MembershipResume } from './absence-schemas.ts'
import { changeMembership, lockAsRead, notAMember } from './change-membership.ts'
import { assertNotTooFarAhead } from './days.ts'
import type { Membership } from './schemas.ts'
import { membershipAbsences } from './tables.ts'

/**
 * Writes down when a member is not expected.
 *
 * @throws Problem 409 `not_a_member`, `already_paused`; 422 `ends_before_it_begins`, `too_far_ahead`
 */
export async function planAbsence(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  { from, until = null }: AbsenceCreate
): Promise<Answered<Absence>> {
  const { today, absences } = await lockMember(tx, membership_id, undefined)
  assertNotTooFarAhead(from, today, '#/from')
  assertNotTooFarAhead(until ?? undefined, today, '#/until')
  if (until !== null && until < from) {
    throw unprocessable('ends_before_it_begins', '#/until', 'The last day cannot lie before the first.')
  }
  if (until === null) assertNotPaused(absences)
  const id = await insert(tx, membership_id, from, until)
  await changeMembership(tx, vault, membership_id, 'absence_planned', {})
  const [absence] = await tx.run(findAbsence, { membership_id, absence_id: id })
  if (absence === undefined) throw notFound()
  return created(`/v1/memberships/${membership_id}/absences`, absence)
}

/** The member is away until further notice. @throws Problem 409 `not_a_member`, `already_paused`; 422 `too_far_ahead` */
export async function pauseMembership(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined,
  { from }: MembershipPause
): Promise<Answered<Membership>> {
  const { today, absences } = await lockMember(tx, membership_id, ifMatch)
  assertNotTooFarAhead(from, today, '#/from')
  assertNotPaused(absences)
  await insert(tx, membership_id, from ?? today, null)
  return await changeMembership(tx, vault, membership_id, 'paused', {})
}

/**
 * Ends the absence without a last day on the day before the member is back, or withdraws it where it has not begun by then.
 *
 * @throws Problem 409 `not_a_member`, `not_paused`; 422 `too_far_ahead`
 */
export async function resumeMembership(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  ifMatch: string | undefined,
  { on }: MembershipResume
): Promise<Answered<Membership>> {
  const { today, absences } = await lockMember(tx, membership_id, ifMatch)
  assertNotTooFarAhead(on, today, '#/on')
  const open = absences.find(absence => absence.until === null)
  if (open === undefined) throw conflict('not_paused', 'The member is not away until further notice.')
  const last = addDays(on ?? today, -1)
  await change(tx, open.id, last < open.from ? { withdrawn_at: sql`now()` } : { until_on: last })
  return await changeMembership(tx, vault, membership_id, 'resumed', {})
}

/** It does not count. Twice is the same as once. */
export async function withdrawAbsence(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  absence_id: string,
  ifMatch: string | undefined
): Promise<Answered<Absence>> {
  // Every change of an absence holds its membership.
  await lockAsRead(tx, membership_id, undefined)
  const [before] = await tx.run(findAbsence, { membership_id, absence_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  if (before.withdrawn_at !== null) return done(before)
  await change(tx, absence_id, { withdrawn_at: sql`now()` })
  await changeMembership(tx, vault, membership_id, 'absence_withdrawn', {})
  const [after] = await tx.run(findAbsence, { membership_id, absence_id })
  if (after === undefined) throw notFound()
  return done(after)
}

async function lockMember(tx: Tx, membership_id: string, ifMatch: string | undefined) {
  const before = await lockAsRead(tx, membership_id, ifMatch)
  if (before.status !== 'active' && before.status !== 'paused') throw notAMember()
  return before
}

function assertNotPaused(absences: Membership['absences']): void {
  if (absences.some(absence => absence.until === null)) {
    throw conflict('already_paused', 'The member is, or will be, away until further notice.')
  }
}

async function insert(tx: Tx, membership_id: string, from_on: string, until_on: string | null): Promise<string> {
  const id = uuid()
  const { organization_id } = tx.actor
  await tx.db.insert(membershipAbsences).values({ organization_id, id, membership_id, from_on, until_on })
  return id
}

const change = (tx: Tx, absence_id: string, columns: PgUpdateSetSource<typeof membershipAbsences>) =>
  tx.db
    .update(membershipAbsences)
    .set({ ...columns, ...nextVersion(membershipAbsences) })
    .where(and(eq(membershipAbsences.organization_id, tx.actor.organization_id), eq(membershipAbsences.id, absence_id)))
