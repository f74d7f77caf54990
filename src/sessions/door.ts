import { type SQL, sql } from 'drizzle-orm'
import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import { asker, quickStatement, type Shape, value } from '../database/statement.ts'
import { groupsFacilitated, sessionsLed } from '../groups/door.ts'
import { notFound } from '../problems.ts'

/**
 * The door of a session `s`: that of its group, and of those who lead this one session. Both are found first, each once, so that
 * a list goes by them and not by every session of the organization.
 */
export const behindSessionDoor = ({ reach }: Pick<Shape, 'reach'>): SQL =>
  reach === 'organization' ? sql`true` : sql`(s.group_id = any (${groupsFacilitated}) or s.id = any (${sessionsLed}))`

const sessionWithinReach = quickStatement<{ id: string }, { session_id: string }>(
  'session_within_reach',
  shape => sql`
    select s.id from sessions s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}`
)

/** @throws Problem 404 where the caller sees no such session */
export async function sessionDoor(db: Pick<Database, 'read'>, caller: Caller, { session_id }: Record<string, string>) {
  if ((await db.read(caller, sessionWithinReach, { session_id: session_id! })).length === 0) throw notFound()
}
