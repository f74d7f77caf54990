import { sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { organizations } from '../organizations/tables.ts'
import { findGroup, takenSlugs } from './queries.ts'
import type { Group, GroupCreate } from './schemas.ts'
import { searchText } from './search-text.ts'
import { groups } from './tables.ts'
import type { Location } from './vocabulary.ts'

const nowhere: Location = {
  address: null,
  city: null,
  region: null,
  postal_code: null,
  country: null,
  latitude: null,
  longitude: null,
  notes: null
}

/** Every field of a place is there, known or not. */
export const wholeLocation = (
  given: Partial<Location> | null | undefined,
  before: Location | null = null
): Location | null => (given == null ? null : { ...nowhere, ...before, ...given })

/** A name as a slug: `Grief & Loss, Oakland` is `grief-loss-oakland`. */
const slugOf = (name: string): string =>
  fold(name)
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 64)
    .replace(/-$/, '') || 'group'

/** The slug of a name, with a number where others have it already. Two at once: the second is refused by the database. */
async function freeSlug(tx: Tx, name: string): Promise<string> {
  const stem = slugOf(name)
  const taken = new Set((await tx.run(takenSlugs, { stem })).map(row => row.slug))
  let slug = stem
  for (let number = 2; taken.has(slug); number++) slug = `${stem}-${number}`
  return slug
}

export async function createGroup(tx: Tx, given: GroupCreate): Promise<Answered<Group>> {
  const id = uuid()
  const location = wholeLocation(given.location)
  await tx.db.insert(groups).values({
    ...given,
    organization_id: tx.actor.organization_id,
    id,
    location,
    slug: given.slug ?? (await freeSlug(tx, given.name)),
    time_zone:
      given.time_zone ??
      sql`(select time_zone from ${organizations} where ${organizations.id} = ${tx.actor.organization_id})`,
    search_text: searchText({ ...given, location }),
    name_key: fold(given.name)
  })
  const [group] = await tx.run(findGroup, { group_id: id })
  recordChange(tx, 'group.created', group!)
  return created('/v1/groups', group!)
}
