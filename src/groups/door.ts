import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Caller } from '../access/caller.ts'
import type { Actor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { asker, quickStatement, type Shape, value } from '../database/statement.ts'
import { notFound } from '../problems.ts'

/**
 * The door of a group: true for whoever reaches the whole organization, and for the facilitators of that group at this
 * instant. Every statement about what hangs from a group stands behind it, and calls nothing `door` itself: `group_id`
 * would then be the facilitator’s own.
 */
export const behindDoor = ({ reach }: Pick<Shape, 'reach'>, group_id: SQLWrapper): SQL =>
  reach === 'organization'
    ? sql`true`
    : sql`exists (select from group_facilitators door
        where door.organization_id = ${asker.organization_id} and door.staff_id = ${asker.staff_id} and door.group_id = ${group_id}
          and door.starts_at <= now() and (door.ends_at is null or door.ends_at > now()))`

/** The groups that whoever asks facilitates at this instant, as an array: whatever else they reach. */
export const groupsFacilitated = sql`array(select door.group_id from group_facilitators door
  where door.organization_id = ${asker.organization_id} and door.staff_id = ${asker.staff_id}::uuid
    and door.starts_at <= now() and (door.ends_at is null or door.ends_at > now()))`

/**
 * The sessions that whoever asks leads without facilitating their group, as an array: from when they were named until a week
 * after the session. Whoever is replaced in the group, or leaves, loses them as well, at that instant. Sessions hang from groups,
 * so they are only known by their tables' names here.
 */
export const sessionsLed = sql`array(select lead.session_id from session_facilitators lead
  join sessions led on led.organization_id = lead.organization_id and led.id = lead.session_id
  where lead.organization_id = ${asker.organization_id} and lead.staff_id = ${asker.staff_id}::uuid and lead.withdrawn_at is null
    and led.ends_at > now() - interval '7 days' and (lead.access_ends_at is null or lead.access_ends_at > now()))`

/** Whoever leads a session of a group `g` may read the group; what hangs from it stays behind its door. */
export const behindGroupOrSessionDoor = (shape: Pick<Shape, 'reach'>): SQL =>
  shape.reach === 'organization'
    ? sql`true`
    : sql`(${behindDoor(shape, sql`g.id`)} or exists (select from sessions s
        where s.organization_id = ${asker.organization_id} and s.group_id = g.id and s.id = any (${sessionsLed})))`

const groupWithinReach = quickStatement<{ id: string }, { group_id: string }>(
  'group_within_reach',
  shape => sql`
    select g.id from groups g
    where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')} and ${behindDoor(shape, sql`g.id`)}`
)

/** @throws Problem 404 where the actor sees no such group */
export async function groupDoor(
  db: Pick<Database, 'read'>,
  actor: Actor | Caller,
  { group_id }: Record<string, string>
) {
  const rows = await db.read(actor, groupWithinReach, { group_id: group_id! })
  if (rows.length === 0) throw notFound()
}
