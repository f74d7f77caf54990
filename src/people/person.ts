import { Problem } from '../problems.ts'
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

/**
 * A person among others. Contact details that do not open are left out and told to the operator: one person's must not
 * keep everybody else from being answered.
 */
export function listedPersonOf(vault: Vault, organization_id: string, row: PersonRow): Person {
  try {
    return personOf(vault, organization_id, row)
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'integrity_error')) throw error
    const { contact_sealed, contact_key_sealed, ...person } = row
    return person
  }
}
