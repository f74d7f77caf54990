import { eq } from 'drizzle-orm'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { notFound } from '../problems.ts'
import { findOrganization, lockOrganization } from './queries.ts'
import type { Organization, OrganizationPatch } from './schemas.ts'
import { organizations } from './tables.ts'

/** Settings that are left out stay as they are. */
export async function changeOrganization(
  tx: Tx,
  ifMatch: string | undefined,
  changes: OrganizationPatch
): Promise<Answered<Organization>> {
  const [before] = await tx.run(lockOrganization, {})
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, 'optional')
  await tx.db
    .update(organizations)
    .set({ ...changes, settings: { ...before.settings, ...changes.settings }, ...nextVersion(organizations) })
    .where(eq(organizations.id, tx.actor.organization_id))
  const [organization] = await tx.run(findOrganization, {})
  recordChange(tx, 'organization.changed', organization!)
  return done(organization!)
}
