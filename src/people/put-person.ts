import type { Answered } from '../changes/change.ts'
import type { Tx } from '../database/database.ts'
import { refusalOf } from '../database/refusals.ts'
import { preconditionFailed } from '../problems.ts'
import { changePerson } from './change-person.ts'
import { createPerson } from './create-person.ts'
import { holdExternalId, oneExternalId } from './queries.ts'
import type { ExternalId, Person, PersonCreate } from './schemas.ts'
import type { Vault } from './sealed-contact.ts'

/**
 * Creates the person whom another system calls so, or changes them as PATCH does: what is left out stays as it is. They
 * always keep the external identifier by which they were found.
 *
 * @throws Problem 412 where If-Match was given and there is nobody yet
 */
export async function putPersonByExternalId(
  tx: Tx,
  vault: Vault,
  external_id: ExternalId,
  ifMatch: string | undefined,
  given: PersonCreate
): Promise<Answered<Person>> {
  const withThis = (others: ExternalId[]) => [external_id, ...others]
  const [held] = await tx.run(holdExternalId, external_id)
  if (held === undefined) {
    if (ifMatch !== undefined) throw preconditionFailed()
    return await createPerson(tx, vault, { ...given, external_ids: withThis(given.external_ids ?? []) })
  }
  const changes = given.external_ids === undefined ? given : { ...given, external_ids: withThis(given.external_ids) }
  return await changePerson(tx, vault, held.person_id, ifMatch, changes, 'optional')
}

/**
 * Of two that create the same person at once the database refuses one; asked again, that one finds the other's person.
 * Refused a second time, the identifier is another person's.
 */
export async function againIfTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (refusalOf(error)?.constraint !== oneExternalId) throw error
    return await work()
  }
}
