import type { PersonRow } from './queries.ts'
import type { Person } from './schemas.ts'
import { openContact, type Vault } from './sealed-contact.ts'

/**
 * A person as they are answered. Where contact details were not read (a facilitator asks), they and the external
 * identifiers are not there at all: not even as null, which would say something.
 *
 * @throws Problem 409 `integrity_error`
 */
export function personOf(vault: Vault, organization_id: string, row: PersonRow): Person {
  const { contact_sealed, contact_key_sealed, ...person } = row
  if (contact_sealed === undefined || contact_key_sealed === undefined) return person
  const sealed = { contact_sealed, contact_key_sealed }
  return { ...person, contact: openContact(vault, { organization_id, person_id: row.id }, sealed) }
}
