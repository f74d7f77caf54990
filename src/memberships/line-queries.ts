import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import { asker, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Group } from '../groups/schemas.ts'

/** What is asked of a group before somebody is let in. */
export type GroupToJoin = Pick<Group, 'id' | 'time_zone' | 'status' | 'archived_at' | 'capacity' | 'capacity_rule'>

/** The group of a membership, held still until the transaction ends: nobody else takes or leaves a seat meanwhile. */
export const lockGroupOfMembership = statement<GroupToJoin, { membership_id: string }>(
  'lock_group_of_membership',
  shape => sql`
    select g.id, g.time_zone, g.status, g.archived_at, g.capacity, g.capacity_rule from groups g
    where g.organization_id = ${asker.organization_id} and ${behindDoor(shape, sql`g.id`)} and g.id = (
      select m.group_id from memberships m where m.organization_id = ${asker.organization_id} and m.id = ${value('membership_id')})
    for no key update of g`
)

/**
 * Whose last day has come, leaves a seat; who is offered one, holds it until the offer ends. Where the capacity is soft, all who wait
 * are offered one, and hold none.
 */
const holdsSeat = (today: SQLWrapper): SQL => sql`(m.stage = 'member' and (m.left_on is null or m.left_on > ${today})
  or m.stage = 'offered' and m.offer_expires_at > now() and g.capacity_rule = 'hard')`

const seatsTaken = sql`select count(*) from memberships m
  where m.organization_id = g.organization_id and m.group_id = g.id and ${holdsSeat(sql`d.today`)}`

const groupToday = sql`groups g cross join lateral (select local_date(g.time_zone, now()) as today offset 0) d`

interface Moved {
  id: string
  version: number
  place: number
}

/** Ends the offers of a group whose time is over. */
export const endOffers = statement<Moved, { group_id: string }>(
  'end_offers',
  () => sql`
    update memberships m set stage = 'not_joined', not_joined_reason = 'expired', offer_expires_at = null,
      version = m.version + 1, updated_at = now()
    where m.organization_id = ${asker.organization_id} and m.group_id = ${value('group_id')} and m.stage = 'offered'
      and m.offer_expires_at <= now()
    returning m.id, m.version, m.place`
)

/**
 * Offers what seats are free to the first in line, for as many hours as the organization has set; where the capacity is soft, or
 * there is none any more, to all: whoever comes now is let in, and must not pass those who wait.
 */
export const offerFreeSeats = statement<Moved, { group_id: string }>(
  'offer_free_seats',
  () => sql`
    with free as materialized (
      select case when g.capacity is not null and g.capacity_rule = 'hard' then greatest(g.capacity - (${seatsTaken}), 0) end as seats
      from ${groupToday}
      where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')} and g.archived_at is null and g.status <> 'closed'
    ), first as materialized (
      select m.id from memberships m
      where m.organization_id = ${asker.organization_id} and m.group_id = ${value('group_id')} and m.stage = 'waitlisted'
        and m.place is not null and exists (select from free)
      order by m.place limit (select seats from free)
    )
    update memberships m set stage = 'offered', version = m.version + 1, updated_at = now(),
      offer_expires_at = now() + make_interval(hours => (
        select (o.settings ->> 'offer_hours')::int from organizations o where o.id = ${asker.organization_id}))
    from first where m.organization_id = ${asker.organization_id} and m.id = first.id
    returning m.id, m.version, m.place`
)

/** How a group stands, and somebody to it. */
export interface Standing {
  /** Seats that others hold. */
  taken: number
  waiting: number
  next_place: number
  belongs: boolean
  asked: boolean
}

/** After `offerSeats`, under the group's lock: it holds until the transaction ends. */
export const findStanding = statement<Standing, { group_id: string; person_id: string }>(
  'find_standing',
  () => sql`
    select (${seatsTaken} and m.person_id <> ${value('person_id')}) as taken,
      (select count(*) from memberships m
        where m.organization_id = g.organization_id and m.group_id = g.id and m.stage = 'waitlisted' and m.place is not null) as waiting,
      (select coalesce(max(m.place), 0) + 1 from memberships m
        where m.organization_id = g.organization_id and m.group_id = g.id and m.place is not null) as next_place,
      theirs.belongs, theirs.asked
    from ${groupToday} cross join lateral (
      select coalesce(bool_or(m.stage = 'member' and (m.left_on is null or m.left_on > d.today)), false) as belongs,
        coalesce(bool_or(m.stage in ('requested', 'waitlisted', 'offered')), false) as asked
      from memberships m
      where m.organization_id = g.organization_id and m.group_id = g.id and m.person_id = ${value('person_id')}) theirs
    where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')}`
)
