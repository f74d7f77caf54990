import { v7 as uuid } from 'uuid'
import { serviceActor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { findOrganization, oldestAdministrator } from '../organizations/queries.ts'
import { notFound } from '../problems.ts'
import { newApiKey } from './api-key.ts'
import { addAdministrator, addAdministratorKey } from './create-organization.ts'

/**
 * For an organization that lost its administrator's key: another one for who has been an administrator the longest, or for
 * a new one where none is left. The keys that there are stay as they are.
 *
 * @throws Problem 404 where there is no such organization
 */
export async function newAdministratorKey(db: Database, organization_id: string): Promise<string> {
  return await db.write(serviceActor(organization_id, uuid()), async tx => {
    if ((await tx.run(findOrganization, {})).length === 0) throw notFound()
    const [administrator] = await tx.run(oldestAdministrator, {})
    const api_key = newApiKey()
    await addAdministratorKey(tx, administrator?.id ?? (await addAdministrator(tx)), api_key)
    return api_key
  })
}
