import { type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Caller } from '../access/caller.ts'
import type { Actor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { asker, quickStatement, type Shape, value } from '../database/statement.ts'
import { notFound } from '../problems.ts'

/** The groups that the asker facilitates at this instant, beside something (`t`) that hangs from a group. */
const facilitatedNow = sql`f.organization_id = ${asker.organization_id} and f.staff_id = ${asker.staff_id}
  and f.starts_at <= now() and (f.ends_at is null or f.ends_at > now())
  and t.organization_id = f.organization_id and t.group_id = f.group_id`

/**
 * The door of a person: true for whoever reaches the whole organization. A facilitator sees the people who have, or had, a
 * membership or a row on a sheet in a group facilitated at this instant, and for a day those whom the facilitator wrote
 * down, to let them join. Only time ends that, and not what groups they join: that would tell of groups beyond reach.
 *
 * Whom one sees is found first, each once, from the asker's groups along their indexes, and not tried person by person.
 * Groups, memberships and sheets hang from people, so this room may not import theirs: here they are only known by
 * their tables' names.
 */
export const personBehindDoor = ({ reach }: Pick<Shape, 'reach'>, person_id: SQLWrapper): SQL =>
  reach === 'organization'
    ? sql`true`
    : sql`${person_id} in (
        select t.person_id from group_facilitators f, memberships t where ${facilitatedNow}
        union
        select t.person_id from group_facilitators f, attendance t where ${facilitatedNow}
        union
        select n.id from people n
        where n.organization_id = ${asker.organization_id} and n.created_by_staff_id = ${asker.staff_id}
          and n.created_at > now() - interval '24 hours')`

const personWithinReach = quickStatement<{ id: string }, { person_id: string }>(
  'person_within_reach',
  shape => sql`
    select p.id from people p
    where p.organization_id = ${asker.organization_id} and p.id = ${value('person_id')} and ${personBehindDoor(shape, sql`p.id`)}`
)

/** @throws Problem 404 where the actor sees no such person */
export async function personDoor(
  db: Pick<Database, 'read'>,
  actor: Actor | Caller,
  { person_id }: Record<string, string>
) {
  const rows = await db.read(actor, personWithinReach, { person_id: person_id! })
  if (rows.length === 0) throw notFound()
}
