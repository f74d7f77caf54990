import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import { notFound } from '../problems.ts'
import { findMembership } from './queries.ts'

/** @throws Problem 404 where the caller sees no such membership */
export async function membershipDoor(
  db: Pick<Database, 'read'>,
  caller: Caller,
  { membership_id }: Record<string, string>
) {
  const rows = await db.read(caller, findMembership, { membership_id: membership_id! })
  if (rows.length === 0) throw notFound()
}
