import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import { conflict, unprocessable } from '../problems.ts'
import type { Membership } from './schemas.ts'

const columns = sql.raw(
  `m.id, m.group_id, m.person_id, p.display_name, m.joined_on, m.left_on, m.left_reason, m.version, m.created_at, m.updated_at`
)
const joined = sql`memberships m
  join people p on p.organization_id = m.organization_id and p.id = m.person_id
  join groups g on g.organization_id = m.organization_id and g.id = m.group_id`

/** It counts from the first day up to and including the last. */
const countsOn = (day: SQLWrapper): SQL => sql`(m.joined_on <= ${day} and (m.left_on is null or m.left_on >= ${day}))`

const today = sql`local_date(g.time_zone, now())`

export interface MembershipFilters {
  on?: string
  active?: boolean
}

const filters = ({ has }: Shape): SQL => sql`
  ${has('on') ? sql`and ${countsOn(sql`${value('on')}::date`)}` : sql``}
  ${has('active') ? sql`and ${countsOn(today)} = ${value('active')}::boolean` : sql``}
  ${has('after_1') ? sql`and (m.joined_on, m.id) > (${value('after_0')}::date, ${value('after_1')}::uuid)` : sql``}`

/** By first day. */
export const listMemberships = statement<Membership, MembershipFilters & Asked & { group_id: string }>(
  'list_memberships',
  shape => sql`
    select ${columns} from ${joined}
    where m.organization_id = ${asker.organization_id} and m.group_id = ${value('group_id')}
      and ${behindDoor(shape, sql`m.group_id`)} ${filters(shape)}
    order by m.joined_on, m.id limit ${value('limit')}`
)

/** By first day; in the groups that the asker may see. */
export const listPersonMemberships = statement<Membership, MembershipFilters & Asked & { person_id: string }>(
  'list_person_memberships',
  shape => sql`
    select ${columns} from ${joined}
    where m.organization_id = ${asker.organization_id} and m.person_id = ${value('person_id')}
      and ${behindDoor(shape, sql`m.group_id`)} ${filters(shape)}
    order by m.joined_on, m.id limit ${value('limit')}`
)

export const findMembership = quickStatement<Membership, { membership_id: string }>(
  'find_membership',
  shape => sql`
    select ${columns} from ${joined}
    where m.organization_id = ${asker.organization_id} and m.id = ${value('membership_id')} and ${behindDoor(shape, sql`m.group_id`)}`
)

/** The membership and its group's time zone, held still until the transaction ends. */
export const lockMembership = statement<Membership & { time_zone: string }, { membership_id: string }>(
  'lock_membership',
  shape => sql`
    select ${columns}, g.time_zone from ${joined}
    where m.organization_id = ${asker.organization_id} and m.id = ${value('membership_id')} and ${behindDoor(shape, sql`m.group_id`)}
    for no key update of m`
)

/** Who wants to join: two joinings of one person come one after the other (at once, each would wait for the other). */
export const holdPerson = statement<{ id: string }, { person_id: string }>(
  'hold_person',
  shape => sql`
    select p.id from people p
    where p.organization_id = ${asker.organization_id} and p.id = ${value('person_id')} and ${personBehindDoor(shape, sql`p.id`)}
    for no key update of p`
)

export const refusals: Refusals = {
  memberships_one_at_a_time: () =>
    conflict('membership_overlaps', 'The person belongs to the group already during some of that time.'),
  memberships_order: () =>
    unprocessable('left_before_joining', '#/left_on', 'The last day cannot lie before the first.')
}
