import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { forbidden, unprocessable } from '../problems.ts'
import { listedPersonOf } from './person.ts'
import { findIndexKey, searchPeople as findPeople, type Sought } from './queries.ts'
import type { Person, PersonSearch } from './schemas.ts'
import { emailIndex, indexKeyOf, phoneIndex, type Vault } from './sealed-contact.ts'

/**
 * Looks for people by one thing that is known of them.
 *
 * @throws Problem 422 `one_criterion` unless exactly one is given; 403 `not_permitted` for a facilitator who looks by
 *   anything but the name
 */
export async function searchPeople(db: Database, vault: Vault, caller: Caller, { limit, ...by }: PersonSearch) {
  const sought = await criterion(db, vault, caller, by)
  const rows = await db.read(caller, findPeople, { ...sought, limit: limit + 1 })
  const data = rows.slice(0, limit).map((row): Person => listedPersonOf(vault, caller.organization_id, row))
  return { data, page: { next_cursor: null, has_more: rows.length > limit } }
}

async function criterion(
  db: Database,
  vault: Vault,
  caller: Caller,
  { name, email, phone, external_id }: Omit<PersonSearch, 'limit'>
): Promise<Sought> {
  if ([name, email, phone, external_id].filter(one => one !== undefined).length !== 1) {
    throw unprocessable('one_criterion', '#', 'Give exactly one of name, email, phone and external_id.')
  }
  if (name !== undefined) {
    const name_key = fold(name)
    if (name_key === '')
      throw unprocessable('no_letters', '#/name', 'Nothing is left of this name without its accents.')
    return { name_key }
  }
  if (caller.reach === 'assigned') {
    throw forbidden('not_permitted', 'Facilitators look for people by name.')
  }
  if (external_id !== undefined) return external_id
  const indexKey = await indexKeyOf(vault, caller.organization_id, () => db.read(caller, findIndexKey, {}))
  return email === undefined
    ? { phone_index: phoneIndex(indexKey, phone!) }
    : { email_index: emailIndex(indexKey, email) }
}
