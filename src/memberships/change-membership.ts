import { and, eq } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import type { Vault } from '../database/keyring.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound } from '../problems.ts'
import { type GroupToJoin, lockGroupOfMembership } from './line-queries.ts'
import { findHeldMembership, findMembership, lockMembership, type MembershipRow } from './queries.ts'
import type { Membership } from './schemas.ts'
import { membershipOf } from './sealed-message.ts'
import { memberships } from './tables.ts'

type Locked = MembershipRow & { today: string }

/** Holds a membership still, as it was read. @throws Problem 404, 412 */
export async function lockAsRead(tx: Tx, membership_id: string, ifMatch: string | undefined): Promise<Locked> {
  const [, [before]] = (await tx.runAll([
    lockMembership.for(tx.actor, { membership_id }),
    findHeldMembership.for(tx.actor, { membership_id })
  ])) as [unknown[], [Locked?]]
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  return before
}

/**
 * The same, and first the group: for whatever changes who has a seat, so that one such change follows the other, and none waits
 * for one that waits for it.
 */
export async function lockWithGroup(
  tx: Tx,
  membership_id: string,
  ifMatch: string | undefined
): Promise<{ group: GroupToJoin; before: Locked }> {
  const [group] = await tx.run(lockGroupOfMembership, { membership_id })
  if (group === undefined) throw notFound()
  return { group, before: await lockAsRead(tx, membership_id, ifMatch) }
}

/** @param type the past tense of what was done to it */
export async function changeMembership(
  tx: Tx,
  vault: Vault,
  membership_id: string,
  type: string,
  columns: PgUpdateSetSource<typeof memberships>
): Promise<Answered<Membership>> {
  const { organization_id } = tx.actor
  await tx.db
    .update(memberships)
    .set({ ...columns, ...nextVersion(memberships) })
    .where(and(eq(memberships.organization_id, organization_id), eq(memberships.id, membership_id)))
  const [row] = await tx.run(findMembership, { membership_id })
  // The door closed meanwhile.
  if (row === undefined) throw notFound()
  recordChange(tx, `membership.${type}`, row)
  return done(membershipOf(vault, organization_id, row))
}

export const notAMember = () => conflict('not_a_member', 'Only a member can do this.')
