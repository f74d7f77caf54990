import { type SQL, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { conflict } from '../problems.ts'
import { personBehindDoor } from './door.ts'
import type { ExternalId } from './schemas.ts'
import type { SealedContact } from './sealed-contact.ts'

/** A person as the asker may see them: for a facilitator, contact details and external identifiers are not even read. */
export interface PersonRow extends Partial<SealedContact> {
  id: string
  display_name: string
  external_ids?: ExternalId[]
  version: number
  created_at: string
  updated_at: string
}

const columns = ({ reach }: Shape): SQL => sql`
  p.id, p.display_name, p.version, p.created_at, p.updated_at ${
    reach === 'organization'
      ? sql`, p.contact_sealed, p.contact_key_sealed, coalesce((
          select json_agg(json_build_object('system', e.system, 'value', e.value) order by e.system collate "C", e.value collate "C")
          from person_external_ids e where e.organization_id = p.organization_id and e.person_id = p.id), '[]') as external_ids`
      : sql``
  }`

/** By id, which is the order in which they were written down: a cursor holds no name. */
export const listPeople = statement<PersonRow, Asked>(
  'list_people',
  shape => sql`
    select ${columns(shape)} from people p
    where p.organization_id = ${asker.organization_id} and ${personBehindDoor(shape, sql`p.id`)}
      ${shape.has('after_1') ? sql`and p.id > ${value('after_1')}::uuid` : sql``}
    order by p.id limit ${value('limit')}`
)

export interface Sought {
  name_key?: string
  email_index?: Buffer
  phone_index?: Buffer
  system?: string
  value?: string
}

const sought = ({ has }: Shape): SQL => {
  // Not `^@`: of a prefix that is a parameter, the plan that all share could not look it up in the index. Names are
  // ordered by code points (collation C), and the last code point of all is in no name.
  if (has('name_key'))
    return sql`p.name_key >= ${value('name_key')} and p.name_key < ${value('name_key')} || U&'\\+10FFFF'`
  if (has('email_index')) return sql`p.email_index = ${value('email_index')}`
  if (has('phone_index')) return sql`p.phone_index = ${value('phone_index')}`
  return sql`p.id = (select e.person_id from person_external_ids e
    where e.organization_id = ${asker.organization_id} and e.system = ${value('system')} and e.value = ${value('value')})`
}

/** By name. */
export const searchPeople = statement<PersonRow, Sought & { limit: number }>(
  'search_people',
  shape => sql`
    select ${columns(shape)} from people p
    where p.organization_id = ${asker.organization_id} and ${sought(shape)} and ${personBehindDoor(shape, sql`p.id`)}
    order by p.name_key, p.id limit ${value('limit')}`
)

export const findPerson = quickStatement<PersonRow, { person_id: string }>(
  'find_person',
  shape => sql`
    select ${columns(shape)} from people p
    where p.organization_id = ${asker.organization_id} and p.id = ${value('person_id')} and ${personBehindDoor(shape, sql`p.id`)}`
)

/** The person, held still until the transaction ends. */
export const lockPerson = statement<PersonRow, { person_id: string }>(
  'lock_person',
  shape => sql`
    select ${columns(shape)} from people p
    where p.organization_id = ${asker.organization_id} and p.id = ${value('person_id')} and ${personBehindDoor(shape, sql`p.id`)}
    for no key update of p`
)

/** Who carries an external identifier; it stays with them until the transaction ends. */
export const holdExternalId = statement<{ person_id: string }, ExternalId>(
  'hold_external_id',
  () => sql`
    select e.person_id from person_external_ids e
    where e.organization_id = ${asker.organization_id} and e.system = ${value('system')} and e.value = ${value('value')}
    for no key update of e`
)

/** Gives a person these external identifiers and no others. In one order, so that two at once do not wait for each other. */
export const putExternalIds = statement<never, { person_id: string; systems: string[]; values: string[] }>(
  'put_external_ids',
  () => sql`
    with given as (select * from unnest(${value('systems')}::text[], ${value('values')}::text[]) as g (system, value)),
      dropped as (
        delete from person_external_ids e
        where e.organization_id = ${asker.organization_id} and e.person_id = ${value('person_id')}
          and not exists (select from given g where g.system = e.system and g.value = e.value))
    insert into person_external_ids (organization_id, system, value, person_id)
    select ${asker.organization_id}, g.system, g.value, ${value('person_id')} from given g
    where not exists (select from person_external_ids e
      where e.organization_id = ${asker.organization_id} and e.person_id = ${value('person_id')}
        and e.system = g.system and e.value = g.value)
    order by g.system, g.value`
)

/** The key of the organization's blind indexes, sealed. */
export const findIndexKey = statement<{ index_key_sealed: Buffer }>(
  'find_index_key',
  () => sql`select o.index_key_sealed from organizations o where o.id = ${asker.organization_id}`
)

/** The constraint that keeps two people from one external identifier. */
export const oneExternalId = 'person_external_ids_one_person'

export const refusals: Refusals = {
  [oneExternalId]: () =>
    conflict('external_id_taken', 'Another person of the organization already has one of these external identifiers.')
}
