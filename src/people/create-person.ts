import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { unprocessable } from '../problems.ts'
import { type Contact, mergeContact } from './contact.ts'
import { personOf } from './person.ts'
import { findIndexKey, findPerson, putExternalIds } from './queries.ts'
import type { ExternalId, Person, PersonCreate } from './schemas.ts'
import { emailIndex, indexKeyOf, phoneIndex, type SealedContact, sealContact, type Vault } from './sealed-contact.ts'
import { people } from './tables.ts'

/**
 * Writes a person down. Nobody is ever recognized by their name: the same name twice is two people.
 *
 * @throws Problem 422 `not_permitted` for a facilitator who gives external identifiers: that one is taken would tell of
 *   people beyond reach
 */
export async function createPerson(tx: Tx, vault: Vault, given: PersonCreate): Promise<Answered<Person>> {
  const { organization_id, staff_id, reach } = tx.actor
  if (reach === 'assigned' && given.external_ids !== undefined) {
    throw unprocessable('not_permitted', '#/external_ids', 'Facilitators do not give external identifiers.')
  }
  const id = uuid()
  await tx.db.insert(people).values({
    organization_id,
    id,
    ...nameColumns(given.display_name),
    ...(await contactColumns(tx, vault, id, mergeContact(null, given.contact ?? null))),
    created_by_staff_id: staff_id
  })
  if (given.external_ids !== undefined) await tx.run(putExternalIds, externalIdsOf(id, given.external_ids))
  const [row] = await tx.run(findPerson, { person_id: id })
  recordChange(tx, 'person.created', row!)
  return created('/v1/people', personOf(vault, organization_id, row!))
}

export const nameColumns = (display_name: string) => ({ display_name, name_key: fold(display_name) })

/** Contact details as they are kept: sealed, and findable by e-mail address and phone number. */
export async function contactColumns(
  tx: Tx,
  vault: Vault,
  person_id: string,
  contact: Contact | null,
  before?: SealedContact
) {
  const { organization_id } = tx.actor
  const sealed = sealContact(vault, { organization_id, person_id }, contact, before)
  if (contact === null) return { ...sealed, email_index: null, phone_index: null }
  const indexKey = await indexKeyOf(vault, organization_id, () => tx.run(findIndexKey, {}))
  return {
    ...sealed,
    email_index: contact.email === null ? null : emailIndex(indexKey, contact.email),
    phone_index: contact.phone === null ? null : phoneIndex(indexKey, contact.phone)
  }
}

/** Each once, whatever the order of its members was. */
export function externalIdsOf(person_id: string, external_ids: ExternalId[]) {
  const distinct = [
    ...new Map(external_ids.map(({ system, value }) => [`${system} ${value}`, { system, value }])).values()
  ]
  return { person_id, systems: distinct.map(id => id.system), values: distinct.map(id => id.value) }
}
