import { and, eq } from 'drizzle-orm'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { notFound } from '../problems.ts'
import { type Contact, mergeContact } from './contact.ts'
import { contactColumns, externalIdsOf, nameColumns } from './create-person.ts'
import { personOf } from './person.ts'
import { findPerson, lockPerson, type PersonRow, putExternalIds } from './queries.ts'
import type { ExternalId, Person, PersonPatch } from './schemas.ts'
import { openContact, type SealedContact, type Vault } from './sealed-contact.ts'
import { people } from './tables.ts'

/**
 * Changes a person; for whoever reaches the whole organization. What changes nothing makes no version, so that another
 * system may send the same every night.
 *
 * Contact details that do not open can still be cleared (`contact: null`), and then given anew.
 *
 * @throws Problem 409 `integrity_error`, `external_id_taken`
 */
export async function changePerson(
  tx: Tx,
  vault: Vault,
  person_id: string,
  ifMatch: string | undefined,
  changes: PersonPatch,
  precondition: 'optional' | 'required' = 'required'
): Promise<Answered<Person>> {
  const { organization_id } = tx.actor
  const [before] = await tx.run(lockPerson, { person_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version, precondition)

  const columns = {
    ...(changes.display_name !== undefined &&
      changes.display_name !== before.display_name &&
      nameColumns(changes.display_name)),
    ...(changes.contact !== undefined && (await changedContact(tx, vault, before, changes.contact)))
  }
  const external_ids =
    changes.external_ids !== undefined && !sameIds(before.external_ids!, changes.external_ids)
      ? changes.external_ids
      : undefined
  if (Object.keys(columns).length === 0 && external_ids === undefined) {
    return done(personOf(vault, organization_id, before))
  }

  await tx.db
    .update(people)
    .set({ ...columns, ...nextVersion(people) })
    .where(and(eq(people.organization_id, organization_id), eq(people.id, person_id)))
  if (external_ids !== undefined) await tx.run(putExternalIds, externalIdsOf(person_id, external_ids))
  const [row] = await tx.run(findPerson, { person_id })
  recordChange(tx, 'person.changed', row!)
  return done(personOf(vault, organization_id, row!))
}

/** The columns of contact details that change, if any. */
async function changedContact(tx: Tx, vault: Vault, row: PersonRow, changes: Partial<Contact> | null) {
  const before = row as PersonRow & SealedContact
  if (changes === null) {
    return before.contact_sealed === null ? undefined : await contactColumns(tx, vault, row.id, null)
  }
  const known = openContact(vault, { organization_id: tx.actor.organization_id, person_id: row.id }, before)
  const after = mergeContact(known, changes)
  return isSameContact(known, after) ? undefined : await contactColumns(tx, vault, row.id, after, before)
}

const isSameContact = (a: Contact | null, b: Contact | null) =>
  a?.email === b?.email && a?.phone === b?.phone && a?.postal === b?.postal && a?.preferred === b?.preferred

function sameIds(before: ExternalId[], after: ExternalId[]): boolean {
  const written = (ids: ExternalId[]) => new Set(ids.map(({ system, value }) => `${system} ${value}`))
  const [a, b] = [written(before), written(after)]
  return a.size === b.size && [...a].every(id => b.has(id))
}
