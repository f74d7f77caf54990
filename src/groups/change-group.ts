import { and, eq, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { assertVersion } from '../http/etag.ts'
import { notFound } from '../problems.ts'
import { wholeLocation } from './create-group.ts'
import { findGroup, lockGroup } from './queries.ts'
import type { Group, GroupPatch } from './schemas.ts'
import { searchText } from './search-text.ts'
import { groups } from './tables.ts'

type Columns = PgUpdateSetSource<typeof groups>

async function change(
  tx: Tx,
  group_id: string,
  ifMatch: string | undefined,
  type: `group.${string}`,
  decide: (before: Group) => Columns | undefined
): Promise<Answered<Group>> {
  const [before] = await tx.run(lockGroup, { group_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  const columns = decide(before)
  if (columns !== undefined) {
    await tx.db
      .update(groups)
      .set({ ...columns, ...nextVersion(groups) })
      .where(and(eq(groups.organization_id, tx.actor.organization_id), eq(groups.id, group_id)))
  }
  const [group] = await tx.run(findGroup, { group_id })
  if (columns !== undefined) recordChange(tx, type, group!)
  return done(group!)
}

export const changeGroup = (tx: Tx, group_id: string, ifMatch: string | undefined, changes: GroupPatch) =>
  change(tx, group_id, ifMatch, 'group.changed', before => {
    const location = changes.location === undefined ? before.location : wholeLocation(changes.location, before.location)
    const after = { ...before, ...changes, location }
    return { ...changes, location, search_text: searchText(after), name_key: fold(after.name) }
  })

/** Archiving twice is the same as once. An archived group keeps its history and leaves the lists. */
export const archiveGroup = (tx: Tx, group_id: string, ifMatch: string | undefined) =>
  change(tx, group_id, ifMatch, 'group.archived', before =>
    before.archived_at === null ? { archived_at: sql`now()` } : undefined
  )

export const restoreGroup = (tx: Tx, group_id: string, ifMatch: string | undefined) =>
  change(tx, group_id, ifMatch, 'group.restored', before =>
    before.archived_at === null ? undefined : { archived_at: null }
  )
