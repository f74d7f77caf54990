import { sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { serviceActor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import type { Keyring } from '../database/keyring.ts'
import { addOrganization, type NewOrganization } from './create-organization.ts'

/** An arbitrary number that only this locks: of replicas that start together one makes the organization. */
const bootstrapLock = 7_237_015

/** Makes the first organization where there is none; answers its administrator's key, or nothing where there is one. */
export async function bootstrapOrganization(
  db: Database,
  keyring: Keyring,
  given: NewOrganization
): Promise<string | undefined> {
  return await db.write(serviceActor(uuid(), uuid()), async tx => {
    await tx.db.execute(sql`select pg_advisory_xact_lock(${bootstrapLock})`)
    const { rows } = await tx.db.execute(sql`select from list_organizations() limit 1`)
    return rows.length > 0 ? undefined : await addOrganization(tx, keyring, given)
  })
}
