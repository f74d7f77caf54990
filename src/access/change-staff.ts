import { and, eq, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { notFound } from '../problems.ts'
import { holdMakerWith } from './maker.ts'
import { endAssignments, findStaff, lockStaff, revokeKeysOf, widthsOfKeysOf, withdrawFromSessions } from './queries.ts'
import type { Staff, StaffPatch } from './schemas.ts'
import { staff } from './tables.ts'
import { assertRoleWithin } from './width.ts'

type Columns = PgUpdateSetSource<typeof staff>

async function change(
  tx: Tx,
  staff_id: string,
  ifMatch: string | undefined,
  type: `staff.${string}`,
  decide: (before: Staff) => Columns | undefined | Promise<Columns | undefined>
): Promise<Answered<Staff>> {
  const [before] = await tx.run(lockStaff, { staff_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  const columns = await decide(before)
  if (columns !== undefined) {
    await tx.db
      .update(staff)
      .set({ ...columns, ...nextVersion(staff) })
      .where(and(eq(staff.organization_id, tx.actor.organization_id), eq(staff.id, staff_id)))
  }
  const [after] = await tx.run(findStaff, { staff_id })
  if (columns !== undefined) recordChange(tx, type, after!)
  return done(after!)
}

/** A new role may not let a key of theirs do what the key that asks cannot: 403 `wider_than_maker`. */
export const changeStaff = (tx: Tx, staff_id: string, ifMatch: string | undefined, changes: StaffPatch) =>
  change(tx, staff_id, ifMatch, 'staff.changed', async before => {
    if (changes.role !== undefined && changes.role !== before.role) {
      const maker = await holdMakerWith(tx, 'staff:write')
      assertRoleWithin(await tx.run(widthsOfKeysOf, { staff_id }), before.role, changes.role, maker)
    }
    return changes
  })

/** They no longer work here: their keys are revoked and what they facilitate ends, with the same commit. Twice is once. */
export const deactivateStaff = (tx: Tx, staff_id: string, ifMatch: string | undefined) =>
  change(tx, staff_id, ifMatch, 'staff.deactivated', async before => {
    if (before.deactivated_at !== null) return undefined
    recordChange(tx, 'api_key.revoked', ...(await tx.run(revokeKeysOf, { staff_id })))
    recordChange(tx, 'facilitator.ended', ...(await tx.run(endAssignments, { staff_id })))
    recordChange(tx, 'session_facilitator.withdrawn', ...(await tx.run(withdrawFromSessions, { staff_id })))
    return { deactivated_at: sql`now()` }
  })

/** They work here again. Their former keys stay revoked and their former groups are assigned anew. */
export const reactivateStaff = (tx: Tx, staff_id: string, ifMatch: string | undefined) =>
  change(tx, staff_id, ifMatch, 'staff.reactivated', before =>
    before.deactivated_at === null ? undefined : { deactivated_at: null }
  )
