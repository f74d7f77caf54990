import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import { conflict, unprocessable } from '../problems.ts'
import type { Membership } from './schemas.ts'
import type { MembershipStatus } from './vocabulary.ts'

/** A membership as it is kept: the message sealed, and the place in line of whoever has, or had, one. */
export type MembershipRow = Omit<Membership, 'message'> & { message_sealed: Buffer | null; place: number | null }

/** An offer that nobody took in time is over from that instant on, written down or not. */
const isOver = sql`(m.stage = 'offered' and m.offer_expires_at <= now())`

const status = sql`case
    when m.stage = 'member' then case when m.left_on < d.today then 'left' when away.paused then 'paused' else 'active' end
    when ${isOver} then 'not_joined' else m.stage end`

export const membershipColumns = sql`m.id, m.group_id, m.person_id, p.display_name, ${status} as status, m.joined_on, m.left_on, m.left_reason,
  case when m.stage = 'waitlisted' then (select count(*) from memberships w
    where w.organization_id = m.organization_id and w.group_id = m.group_id and w.stage = 'waitlisted' and w.place <= m.place) end as position,
  case when not ${isOver} then m.offer_expires_at end as offer_expires_at,
  case when ${isOver} then 'expired' else m.not_joined_reason end as not_joined_reason,
  m.over_capacity, m.message_sealed, m.place, away.absences, m.version, m.created_at, m.updated_at`

/** With the day it is where the group meets (`d`), and the absences that are not over (`away`). */
export const membershipsJoined = sql`memberships m
  join people p on p.organization_id = m.organization_id and p.id = m.person_id
  join groups g on g.organization_id = m.organization_id and g.id = m.group_id
  cross join lateral (select local_date(g.time_zone, now()) as today offset 0) d
  cross join lateral (
    select bool_or(a.until_on is null and a.from_on <= d.today) as paused,
      coalesce(json_agg(json_build_object('id', a.id, 'from', a.from_on, 'until', a.until_on) order by a.from_on, a.id)
        filter (where a.id is not null), '[]') as absences
    from membership_absences a
    where a.organization_id = m.organization_id and a.membership_id = m.id and a.withdrawn_at is null
      and (a.until_on is null or a.until_on >= d.today)) away`

/** It counts from the first day up to and including the last. Who is no member yet has no first day, and counts on none. */
const countsOn = (day: SQLWrapper): SQL => sql`(m.joined_on <= ${day} and (m.left_on is null or m.left_on >= ${day}))`

export interface MembershipFilters {
  on?: string
  active?: boolean
  status?: MembershipStatus
}

const filters = ({ has }: Shape): SQL => sql`
  ${has('on') ? sql`and ${countsOn(sql`${value('on')}::date`)}` : sql``}
  ${has('active') ? sql`and ${countsOn(sql`d.today`)} = ${value('active')}::boolean` : sql``}
  ${has('status') ? sql`and ${status} = ${value('status')}` : sql``}`

/** Those without a first day come last: after one of them, only others of them. */
const afterDay = ({ has }: Shape): SQL => {
  if (!has('after_1')) return sql``
  return has('after_0')
    ? sql`and ((m.joined_on, m.id) > (${value('after_0')}::date, ${value('after_1')}::uuid) or m.joined_on is null)`
    : sql`and m.joined_on is null and m.id > ${value('after_1')}::uuid`
}

/** By first day, those without one last. */
export const listMemberships = statement<MembershipRow, MembershipFilters & Asked & { group_id: string }>(
  'list_memberships',
  shape => sql`
    select ${membershipColumns} from ${membershipsJoined}
    where m.organization_id = ${asker.organization_id} and m.group_id = ${value('group_id')}
      and ${behindDoor(shape, sql`m.group_id`)} ${filters(shape)} ${afterDay(shape)}
    order by m.joined_on, m.id limit ${value('limit')}`
)

/** Who waits for a seat, in line. */
export const listWaiting = statement<MembershipRow, MembershipFilters & Asked & { group_id: string }>(
  'list_waiting',
  shape => sql`
    select ${membershipColumns} from ${membershipsJoined}
    where m.organization_id = ${asker.organization_id} and m.group_id = ${value('group_id')} and m.stage = 'waitlisted'
      and ${behindDoor(shape, sql`m.group_id`)} ${filters(shape)} ${shape.has('after_0') ? sql`and m.place > ${value('after_0')}::int` : sql``}
    order by m.place limit ${value('limit')}`
)

/** By first day, those without one last; in the groups that the asker may see. */
export const listPersonMemberships = statement<MembershipRow, MembershipFilters & Asked & { person_id: string }>(
  'list_person_memberships',
  shape => sql`
    select ${membershipColumns} from ${membershipsJoined}
    where m.organization_id = ${asker.organization_id} and m.person_id = ${value('person_id')}
      and ${behindDoor(shape, sql`m.group_id`)} ${filters(shape)} ${afterDay(shape)}
    order by m.joined_on, m.id limit ${value('limit')}`
)

export const findMembership = quickStatement<MembershipRow, { membership_id: string }>(
  'find_membership',
  shape => sql`
    select ${membershipColumns} from ${membershipsJoined}
    where m.organization_id = ${asker.organization_id} and m.id = ${value('membership_id')} and ${behindDoor(shape, sql`m.group_id`)}`
)

/** The membership, held still until the transaction ends. */
export const lockMembership = statement<{ id: string }, { membership_id: string }>(
  'lock_membership',
  shape => sql`
    select m.id from memberships m
    where m.organization_id = ${asker.organization_id} and m.id = ${value('membership_id')} and ${behindDoor(shape, sql`m.group_id`)}
    for no key update of m`
)

/**
 * The membership that is held, and the day it is where its group meets. A statement of its own: one that had to wait for the lock
 * would see the absences as they were before it waited.
 */
export const findHeldMembership = statement<MembershipRow & { today: string }, { membership_id: string }>(
  'find_held_membership',
  shape => sql`
    select ${membershipColumns}, d.today from ${membershipsJoined}
    where m.organization_id = ${asker.organization_id} and m.id = ${value('membership_id')} and ${behindDoor(shape, sql`m.group_id`)}`
)

/** Who wants to join. */
export const findPersonToJoin = statement<{ id: string }, { person_id: string }>(
  'find_person_to_join',
  shape => sql`
    select p.id from people p
    where p.organization_id = ${asker.organization_id} and p.id = ${value('person_id')} and ${personBehindDoor(shape, sql`p.id`)}`
)

export const refusals: Refusals = {
  memberships_one_at_a_time: () =>
    conflict('membership_overlaps', 'The person belongs to the group already during some of that time.'),
  memberships_one_request: () => conflict('already_requested', 'The person has asked to join already, or waits.'),
  memberships_order: () =>
    unprocessable('left_before_joining', '#/left_on', 'The last day cannot lie before the first.'),
  membership_absences_order: () =>
    unprocessable('ends_before_it_begins', '#/until', 'The last day cannot lie before the first.')
}
