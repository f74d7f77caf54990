import { randomUUID } from 'node:crypto'
import type { Answered } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { lockImports } from '../imports/queries.ts'
import { keepCategory, keepVersion, keepWords, recognizeStarters } from './queries.ts'
import type { StarterSetResult } from './schemas.ts'
import { starterSet } from './starter-set.ts'
import { strategies } from './tables.ts'
import { seededCategories } from './vocabulary.ts'

/** Adds those cards of the starter set that the organization never had: one of its title that came by other ways is that card. */
export async function addStarterSet(tx: Tx): Promise<Answered<StarterSetResult>> {
  const { organization_id, staff_id, api_key_id } = tx.actor
  await tx.runAll(
    [...new Set(starterSet.map(({ category }) => category))].map(key =>
      keepCategory.for(tx.actor, { key, name: seededCategories[key] })
    )
  )
  await tx.run(lockImports, {})
  await tx.run(recognizeStarters, {
    keys: starterSet.map(({ key }) => key),
    titles: starterSet.map(({ title }) => title)
  })
  const added = await tx.db
    .insert(strategies)
    .values(
      starterSet.map(({ key, ...content }) => ({
        ...content,
        organization_id,
        id: randomUUID(),
        language: 'en',
        links: [],
        contributor_kind: 'nickname' as const,
        contributor_nickname: 'Starter set',
        visibility: 'organization' as const,
        status: 'published' as const,
        flags: [],
        starter_key: key,
        created_by_staff_id: staff_id,
        created_by_key_id: api_key_id
      }))
    )
    .onConflictDoNothing({ target: [strategies.organization_id, strategies.starter_key] })
    .returning({ id: strategies.id, version: strategies.version })
  await tx.runAll(
    added.flatMap(({ id }) => [
      keepVersion.for(tx.actor, { strategy_id: id }),
      keepWords.for(tx.actor, { strategy_id: id })
    ])
  )
  recordChange(tx, 'strategy.created', ...added)
  return { status: 200, headers: {}, body: { added: added.length, already_there: starterSet.length - added.length } }
}
