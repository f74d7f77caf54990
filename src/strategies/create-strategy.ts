import { randomUUID } from 'node:crypto'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { type Answered, created } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Database, Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import { groupDoor } from '../groups/door.ts'
import { personDoor } from '../people/door.ts'
import { notFound, Problem, unprocessable } from '../problems.ts'
import { sealContributor } from './contributor.ts'
import { type Content, flagsOf, textOf, wordsOf } from './flags.ts'
import {
  facilitatesNow,
  findSetting,
  findStrategy,
  holdCategory,
  keepCategory,
  keepVersion,
  keepWords,
  namesIn,
  type Sight
} from './queries.ts'
import { awaitsReview, statusHandedIn } from './review.ts'
import type { ContributorGiven, Strategy, StrategyCreate, StrategyCreated } from './schemas.ts'
import { strategies } from './tables.ts'
import {
  type CategoryKey,
  type StrategyFlag,
  type StrategyStatus,
  type StrategyVisibility,
  seededCategories
} from './vocabulary.ts'

/**
 * Writes a card down.
 *
 * @throws Problem 422 `unknown_reference`, `not_permitted`, `contributor_incomplete`
 */
export async function createStrategy(tx: Tx, sight: Sight, given: StrategyCreate): Promise<Answered<StrategyCreated>> {
  const { draft, contributor, session_id: _, ...content } = given
  const { organization_id, staff_id, api_key_id } = tx.actor
  const session_id = given.session_id?.toLowerCase() ?? null
  const given_group_id = given.group_id?.toLowerCase()
  const [setting] = await tx.run(findSetting, { session_id })
  const group_id = session_id === null ? (given_group_id ?? null) : setting!.session_group_id
  await assertPlace(tx, sight, { visibility: given.visibility, group_id, session_id })
  if (given_group_id !== undefined && given_group_id !== group_id) {
    throw unprocessable('unknown_reference', '#/group_id', 'The session is of another group.')
  }
  await assertContributor(tx, sight, contributor)
  await takeCategory(tx, given.category)

  // The id does not tell when the card was made: nobody may trace it then, once its contributor is anonymous.
  const id = randomUUID()
  const { flags, seen } = await flagsFor(tx, sight, { ...given, nickname: contributor.nickname ?? null })
  const trusted = sight.moderates || setting!.publishes_at_once
  const status = draft ? 'draft' : statusHandedIn({ visibility: given.visibility, flags: seen, trusted })
  const { secret, ...contributorColumns } = columnsOf(contributor, { organization_id, strategy_id: id })
  await tx.db.insert(strategies).values({
    ...content,
    organization_id,
    id,
    language: given.language ?? setting!.language,
    ...contributorColumns,
    group_id,
    session_id,
    ...statusColumns(status, { visibility: given.visibility, flags, anonymous: contributor.kind === 'anonymous' }),
    flags,
    created_by_staff_id: staff_id,
    created_by_key_id: api_key_id
  })
  const strategy = await keepAll(tx, sight, id)
  recordChange(tx, 'strategy.created', strategy)
  return {
    ...created('/v1/strategies', { ...strategy, contributor_secret: secret }),
    kept: { ...strategy, contributor_secret: null }
  }
}

/**
 * A status, and since when somebody must decide: also about a card that is published and flagged. Of an anonymous one only
 * the day, like everything that tells when it was written down.
 */
export function statusColumns(
  status: StrategyStatus,
  {
    visibility,
    flags,
    anonymous
  }: { visibility: StrategyVisibility; flags: readonly StrategyFlag[]; anonymous: boolean }
) {
  const waits = awaitsReview(status) || (status === 'published' && visibility !== 'private' && flags.length > 0)
  return { status, review_since: waits ? (anonymous ? sql`date_trunc('day', now())` : sql`now()`) : null }
}

/** Keeps a card's version and words, and answers the card. @throws Problem 404 where the asker reads it no more */
export async function keepAll(tx: Tx, sight: Sight, strategy_id: string): Promise<Strategy> {
  const answers = await tx.runAll([
    keepVersion.for(tx.actor, { strategy_id }),
    keepWords.for(tx.actor, { strategy_id }),
    findStrategy.for(tx.actor, { strategy_id, ...sight })
  ])
  const [strategy] = answers[2] as Strategy[]
  if (strategy === undefined) throw notFound()
  return strategy
}

/**
 * A card of a group is for those who read it then; one that was shared in a group, for those who see that group; a public one
 * is given by moderators.
 *
 * @throws Problem 422
 */
export async function assertPlace(
  tx: Tx,
  { moderates }: Sight,
  {
    visibility,
    group_id,
    session_id
  }: { visibility: StrategyVisibility; group_id: string | null; session_id?: string | null }
) {
  if (visibility === 'public' && !moderates) {
    throw unprocessable('not_permitted', '#/visibility', 'A card is made public by those who moderate.')
  }
  const noSession = () => unprocessable('unknown_reference', '#/session_id', 'There is no such session.')
  if (group_id === null) {
    if (session_id != null) throw noSession()
    return
  }
  await insteadOf404(groupDoor(within(tx), tx.actor, { group_id }), () =>
    session_id == null ? unprocessable('unknown_reference', '#/group_id', 'There is no such group.') : noSession()
  )
  if (visibility === 'group' && !moderates && (await tx.run(facilitatesNow, { group_id })).length === 0) {
    throw unprocessable('not_permitted', '#/visibility', 'A card of a group is written by its facilitators.')
  }
}

/** Doors asked inside a transaction. */
const within = (tx: Tx): Pick<Database, 'read'> => ({ read: (_actor, statement, values) => tx.run(statement, values) })

/** @throws Problem 422 where it is not said who it is, or said of somebody whom the asker does not see */
export async function assertContributor(
  tx: Tx,
  { sees_people }: Sight,
  { kind, person_id, nickname }: ContributorGiven
) {
  const incomplete = (pointer: string, detail: string) => unprocessable('contributor_incomplete', pointer, detail)
  if (kind === 'person' && person_id === undefined) throw incomplete('#/contributor', 'Say which person it is.')
  if (kind === 'nickname' && nickname === undefined) throw incomplete('#/contributor', 'Say which nickname.')
  if (kind !== 'nickname' && nickname !== undefined) {
    throw incomplete('#/contributor/nickname', 'A nickname is for the kind `nickname`.')
  }
  if (kind === 'nickname' && person_id !== undefined) {
    throw incomplete('#/contributor/person_id', 'Whoever goes by a nickname is not written down beside it.')
  }
  if (person_id === undefined) return
  const unknown = () => unprocessable('unknown_reference', '#/contributor/person_id', 'There is no such person.')
  if (!sees_people) throw unknown()
  await insteadOf404(personDoor(within(tx), tx.actor, { person_id }), unknown)
}

const insteadOf404 = (door: Promise<void>, refusal: () => Problem): Promise<void> =>
  door.catch(error => {
    throw error instanceof Problem && error.status === 404 ? refusal() : error
  })

/** What is written of a contributor, and the secret of an anonymous one. */
export function columnsOf(contributor: ContributorGiven, whose: { organization_id: string; strategy_id: string }) {
  const { kind, person_id, nickname } = contributor
  const nobody = { contributor_kind: kind, contributor_person_id: null, contributor_nickname: null }
  if (kind === 'anonymous') return { ...nobody, ...sealContributor(whose, person_id?.toLowerCase() ?? null) }
  return { ...nobody, contributor_person_id: person_id ?? null, contributor_nickname: nickname ?? null, secret: null }
}

/** @throws Problem 422 where there is no such category, or it is retired */
export async function takeCategory(tx: Tx, key: string | null | undefined) {
  if (key == null) return
  if (Object.hasOwn(seededCategories, key)) {
    await tx.run(keepCategory, { key, name: seededCategories[key as CategoryKey] })
  }
  const held = await tx.run(holdCategory, { key })
  if (held.length === 0) {
    throw unprocessable('unknown_reference', '#/category', 'This is no category of the organization.')
  }
}

/**
 * What the rules notice (`flags`), and what of that whoever writes may know (`seen`): of other people's names, only those of
 * people whom they see.
 */
export async function flagsFor(tx: Tx, sight: Sight, content: Content) {
  const [flags] = await flagsForAll(tx, sight, [content])
  return flags!
}

/** Words of so many are looked for at once, before others have their turn. */
const wordsAtOnce = 20_000

/** The same of many, with a look at the people for every few of them. */
export async function flagsForAll(tx: Tx, { sees_people }: Sight, contents: Content[]) {
  const all: { flags: StrategyFlag[]; seen: StrategyFlag[] }[] = []
  while (all.length < contents.length) {
    const some: { content: Content; words: Set<string> }[] = []
    const words = new Set<string>()
    while (all.length + some.length < contents.length && words.size < wordsAtOnce) {
      const content = contents[all.length + some.length]!
      const own = new Set(wordsOf(fold(textOf(content))))
      for (const word of own) words.add(word)
      some.push({ content, words: own })
    }
    const people = await tx.run(namesIn, { words: [...words], sees_people })
    const known = people.map(one => ({ ...one, words: wordsOf(fold(one.display_name)) }))
    for (const { content, words } of some) {
      const here = known.filter(name => name.words.every(word => words.has(word)))
      const named = (some: typeof here) =>
        flagsOf(
          content,
          some.map(({ display_name }) => display_name)
        )
      all.push({ flags: named(here), seen: named(here.filter(({ seen }) => seen)) })
    }
    if (all.length < contents.length) await othersTurn()
  }
  return all
}
