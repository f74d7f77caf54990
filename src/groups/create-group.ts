import { sql } from 'drizzle-orm'
import type { PgInsertValue } from 'drizzle-orm/pg-core'
import { v7 as uuid } from 'uuid'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { organizations } from '../organizations/tables.ts'
import { unprocessable } from '../problems.ts'
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

/** Every field of a place is there, known or not. @throws Problem 422 where half of a point is given */
export const wholeLocation = (
  given: Partial<Location> | null | undefined,
  before: Location | null = null
): Location | null => {
  if (given == null) return null
  const location = { ...nowhere, ...before, ...given }
  const missing = (['latitude', 'longitude'] as const).filter(field => location[field] === null)
  if (missing.length === 1) {
    throw unprocessable(
      'incomplete_coordinates',
      `#/location/${missing[0]}`,
      'Latitude and longitude are given together.'
    )
  }
  return location
}

/** A name as a slug: `Grief & Loss, Oakland` is `grief-loss-oakland`. */
const slugOf = (name: string): string =>
  fold(name)
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 64)
    .replace(/-$/, '') || 'group'

/**
 * Inserts under the slug of a name, with a number where others have it already. Of two at once the second waits for the
 * first, inserts nothing and takes the next number.
 */
async function insertNamed(tx: Tx, name: string, columns: Omit<PgInsertValue<typeof groups>, 'slug'>): Promise<void> {
  const stem = slugOf(name)
  const taken = new Set((await tx.run(takenSlugs, { stem })).map(row => row.slug))
  for (let number = 1; ; number++) {
    const slug = number === 1 ? stem : `${stem}-${number}`
    if (taken.has(slug)) continue
    const inserted = await tx.db
      .insert(groups)
      .values({ ...columns, slug })
      .onConflictDoNothing({ target: [groups.organization_id, groups.slug] })
      .returning({ id: groups.id })
    if (inserted.length > 0) return
  }
}

export async function createGroup(tx: Tx, given: GroupCreate): Promise<Answered<Group>> {
  const id = uuid()
  const location = wholeLocation(given.location)
  const { slug, ...rest } = given
  const columns = {
    ...rest,
    organization_id: tx.actor.organization_id,
    id,
    location,
    time_zone:
      given.time_zone ??
      sql`(select time_zone from ${organizations} where ${organizations.id} = ${tx.actor.organization_id})`,
    search_text: searchText({ ...given, location }),
    name_key: fold(given.name)
  }
  if (slug === undefined) await insertNamed(tx, given.name, columns)
  else await tx.db.insert(groups).values({ ...columns, slug })
  const [group] = await tx.run(findGroup, { group_id: id })
  recordChange(tx, 'group.created', group!)
  return created('/v1/groups', group!)
}
