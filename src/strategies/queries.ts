import { type SQL, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor, groupsFacilitated } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import { unprocessable } from '../problems.ts'
import type { ExportedStrategy } from './exchange-schemas.ts'
import type { Strategy, StrategyCategory, StrategyVersion } from './schemas.ts'
import type { ContributorKind, StrategyFlag, StrategyStatus } from './vocabulary.ts'

/** What the scopes of whoever asks let them see of a card. Every statement about cards takes it. */
export interface Sight {
  moderates: boolean
  sees_people: boolean
}

/** Who reads a card is decided in one place, the function of that name (`migrations/0002_strategies.sql`). */
const readableAs = (status: SQL) => sql`strategy_is_readable(s.visibility, ${status}, s.group_id, s.created_by_staff_id,
  s.created_by_key_id, ${asker.staff_id}::uuid, ${asker.api_key_id}::uuid, ${value('moderates')}::boolean, ${groupsFacilitated})`
export const readable = readableAs(sql`s.status`)

/** The same for what people did with a card: of one that was retired well, its readers keep the title. */
export const readableInLogs = readableAs(
  sql`case when s.status = 'retired' and s.stays_in_logs and s.review_since is null then 'published' else s.status end`
)

/** A key of a member of staff is that member of staff. */
export const isMine = sql`coalesce(case when s.created_by_staff_id is null
  then s.created_by_key_id = ${asker.api_key_id}::uuid and ${asker.staff_id}::uuid is null
  else s.created_by_staff_id = ${asker.staff_id}::uuid end, false)`

/** When an anonymous card was written down would help to tell by whom it is. */
export const dayIfAnonymous = (at: SQL) =>
  sql`case when s.contributor_kind = 'anonymous' then date_trunc('day', ${at}) else ${at} end`

/** @param instant how a time is written: as PostgreSQL does, or as the contract has it where PostgreSQL writes the JSON */
export const columns = (shape: Shape, instant: (at: SQL) => SQL = at => at): SQL => sql`
  s.id, s.title, s.summary, s.when_it_helps, s.steps, s.minutes, s.where_usable, s.topics, s.category, s.language, s.links, s.source,
  json_build_object('kind', s.contributor_kind, 'person_id', p.id, 'display_name', p.display_name, 'nickname', s.contributor_nickname)
    as contributor,
  case when ${behindDoor(shape, sql`s.group_id`)} then s.group_id end as group_id,
  case when ${behindDoor(shape, sql`s.group_id`)} then s.session_id end as session_id,
  s.visibility, s.status, case when ${value('moderates')}::boolean then
    case when ${value('sees_people')}::boolean then s.flags else array_remove(s.flags, 'names_person') end end as flags, ${isMine} as mine,
  s.helped_count, s.tried_count, s.version, ${instant(dayIfAnonymous(sql`s.created_at`))} as created_at,
  ${instant(dayIfAnonymous(sql`s.updated_at`))} as updated_at`

/** Beside a card, its contributor: for whoever sees that person. */
export const contributor = (shape: Shape): SQL => sql`
  left join people p on p.organization_id = s.organization_id and p.id = s.contributor_person_id
    and ${value('sees_people')}::boolean and ${personBehindDoor(shape, sql`p.id`)}`

export const findStrategy = quickStatement<Strategy, Sight & { strategy_id: string }>(
  'find_strategy',
  shape => sql`
    select ${columns(shape)} from strategies s ${contributor(shape)}
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and ${readable}`
)

/** Whether the card is there for whoever asks. */
export const strategyWithinReach = quickStatement<{ id: string }, Pick<Sight, 'moderates'> & { strategy_id: string }>(
  'strategy_within_reach',
  () => sql`
    select s.id from strategies s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and ${readable}`
)

/** A card about to be changed. */
export interface LockedStrategy extends Omit<Strategy, 'contributor'> {
  contributor_kind: ContributorKind
  contributor_sealed: Buffer | null
  contributor_secret_hash: Buffer | null
  contributor_nickname: string | null
  review_since: string | null
  /** Something was reported, and is not answered yet. */
  reported: boolean
  /** A moderator gave it back once: it is reviewed, whatever the organization does with others. */
  returned: boolean
  publishes_at_once: boolean
}

export const lockStrategy = statement<LockedStrategy, Pick<Sight, 'moderates'> & { strategy_id: string }>(
  'lock_strategy',
  () => sql`
    select s.id, s.title, s.summary, s.when_it_helps, s.steps, s.minutes, s.where_usable, s.topics, s.category, s.language, s.links,
      s.source, s.contributor_kind, s.contributor_nickname, s.contributor_sealed, s.contributor_secret_hash, s.group_id, s.session_id,
      s.visibility, s.status, s.flags, s.review_since, ${isMine} as mine, s.helped_count, s.tried_count, s.version, s.created_at, s.updated_at,
      exists (select from strategy_reports r
        where r.organization_id = s.organization_id and r.strategy_id = s.id and r.decision_id is null) as reported,
      exists (select from strategy_decisions d
        where d.organization_id = s.organization_id and d.strategy_id = s.id and d.decision = 'return') as returned,
      (o.settings ->> 'publish_strategies_at_once')::boolean as publishes_at_once
    from strategies s join organizations o on o.id = s.organization_id
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and ${readable}
    for no key update of s`
)

/** What a new card takes from where it is made: the organization's language and rule, and the group of the session. */
export const findSetting = statement<
  { language: string; publishes_at_once: boolean; session_group_id: string | null },
  { session_id: string | null }
>(
  'find_strategy_setting',
  () => sql`
    select o.language, (o.settings ->> 'publish_strategies_at_once')::boolean as publishes_at_once, s.group_id as session_group_id
    from organizations o left join sessions s on s.organization_id = o.id and s.id = ${value('session_id')}::uuid
    where o.id = ${asker.organization_id}`
)

/** Adds the words of a published card to those that a mistyped word may be meant to be, for whoever reads the card. */
export const keepWords = statement<never, { strategy_id: string }>(
  'keep_words',
  () => sql`
    insert into strategy_words (organization_id, reach, is_private, word)
    select s.organization_id, case s.visibility when 'private' then coalesce(s.created_by_staff_id, s.created_by_key_id)
        when 'group' then s.group_id else s.organization_id end, s.visibility = 'private', w
    from strategies s,
      unnest(search_words('simple', concat_ws(E'\\n', s.title, s.when_it_helps, s.summary, array_to_string(s.topics, ' '),
        array_to_string(s.steps, E'\\n')), true)) w
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')}
      and s.status = 'published'
    on conflict do nothing`
)

/**
 * The names here whose first word is one of these, and whether whoever asks sees somebody of that name. Words are folded. What
 * parts them is spelled out: what is a letter depends on how the database was made.
 */
export const namesIn = statement<
  { display_name: string; seen: boolean },
  Pick<Sight, 'sees_people'> & { words: string[] }
>(
  'names_in',
  shape => sql`
    select p.display_name, bool_or(${value('sees_people')}::boolean and ${personBehindDoor(shape, sql`p.id`)}) as seen from people p
    where p.organization_id = ${asker.organization_id} and length(p.name_key) >= 3
      and split_part(trim(regexp_replace(p.name_key, '[\\u0001-/:-@[-\`{-\\u00bf\\u2000-\\u206f]+', ' ', 'g')), ' ', 1)
        in (select unnest(${value('words')}::text[]))
    group by p.display_name`
)

/** Whether whoever asks facilitates the group now. */
export const facilitatesNow = statement<{ id: string }, { group_id: string }>(
  'facilitates_now',
  () => sql`
    select o.id from organizations o
    where o.id = ${asker.organization_id} and ${value('group_id')}::uuid = any (${groupsFacilitated})`
)

/** The seeded categories that a card has are kept, so that the card can refer to them. */
export const keepCategory = statement<never, { key: string; name: string }>(
  'keep_category',
  () => sql`
    insert into strategy_categories (organization_id, key, name) values (${asker.organization_id}, ${value('key')}, ${value('name')})
    on conflict do nothing`
)

/** A category that a card is about to get: it is not retired meanwhile. */
export const holdCategory = statement<{ key: string }, { key: string }>(
  'hold_category',
  () => sql`
    select c.key from strategy_categories c
    where c.organization_id = ${asker.organization_id} and c.key = ${value('key')} and c.retired_at is null for share of c`
)

/** Those that the organization made or changed. */
export const listCategories = statement<StrategyCategory>(
  'list_categories',
  () => sql`
    select c.key, c.name, c.retired_at is not null as retired, c.version from strategy_categories c
    where c.organization_id = ${asker.organization_id} order by c.key limit 1000`
)

export const putCategory = statement<StrategyCategory, { key: string; name: string; retired: boolean }>(
  'put_category',
  () => sql`
    insert into strategy_categories as c (organization_id, key, name, retired_at)
    values (${asker.organization_id}, ${value('key')}, ${value('name')}, case when ${value('retired')}::boolean then now() end)
    on conflict (organization_id, key) do update set name = excluded.name,
      retired_at = case when excluded.retired_at is not null then coalesce(c.retired_at, excluded.retired_at) end,
      version = c.version + 1, updated_at = now()
    returning c.key, c.name, c.retired_at is not null as retired, c.version`
)

/** Keeps what the card says as one of its versions. */
export const keepVersion = statement<never, { strategy_id: string }>(
  'keep_strategy_version',
  () => sql`
    insert into strategy_versions (organization_id, strategy_id, version, visibility, changed_by_key, changed_by_staff, content)
    select s.organization_id, s.id, s.version, s.visibility, ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid, jsonb_build_object('title', s.title,
      'summary', s.summary, 'when_it_helps', s.when_it_helps, 'steps', s.steps, 'minutes', s.minutes, 'where_usable', s.where_usable,
      'topics', s.topics, 'category', s.category, 'language', s.language, 'links', s.links, 'source', s.source)
    from strategies s where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')}`
)

export const author = (
  staff_id: SQL,
  key_id: SQL
) => sql`json_build_object('staff_id', ${staff_id}, 'api_key_id', ${key_id},
  'display_name', coalesce(
    (select f.display_name from staff f where f.organization_id = ${asker.organization_id} and f.id = ${staff_id}),
    (select k.name from api_keys k where k.organization_id = ${asker.organization_id} and k.id = ${key_id})))`

/** What it said before, the latest first: for its writer, and for those who moderate what was not private then. */
export const listStrategyVersions = statement<
  StrategyVersion,
  Pick<Sight, 'moderates'> & Asked & { strategy_id: string }
>(
  'list_strategy_versions',
  shape => sql`
    select v.strategy_id, v.version, ${dayIfAnonymous(sql`v.changed_at`)} as changed_at,
      ${author(sql`v.changed_by_staff`, sql`v.changed_by_key`)} as changed_by, v.content
    from strategy_versions v join strategies s on s.organization_id = v.organization_id and s.id = v.strategy_id
    where v.organization_id = ${asker.organization_id} and v.strategy_id = ${value('strategy_id')} and ${readable}
      and (${isMine} or (${value('moderates')}::boolean and v.visibility <> 'private'))
      and v.version < (select max(l.version) from strategy_versions l
        where l.organization_id = v.organization_id and l.strategy_id = v.strategy_id)
      ${shape.has('after_1') ? sql`and v.version < ${value('after_1')}::int` : sql``}
    order by v.version desc limit ${value('limit')}`
)

/** Cards that everybody here reads once they are published, each as it travels. */
const traveling =
  sql.raw(`s.id, s.title, s.summary, s.when_it_helps, s.steps, s.minutes, s.where_usable, s.topics, s.category, s.language,
  s.links, s.source, case when s.contributor_kind = 'nickname' then s.contributor_nickname end as contributor_nickname, s.visibility`)

/** By id, which no order of time tells of those that are anonymous. */
export const exportStrategies = statement<ExportedStrategy, { limit: number; after: string | null }>(
  'export_strategies',
  () => sql`
    select ${traveling} from strategies s
    where s.organization_id = ${asker.organization_id} and s.status = 'published' and s.visibility in ('organization', 'public')
      and (${value('after')}::uuid is null or s.id > ${value('after')}::uuid)
    order by s.id limit ${value('limit')}`
)

/** Those that an import means by an id, or by a title in a language: held still until the transaction ends. */
export const lockImported = statement<
  ExportedStrategy & { status: StrategyStatus; flags: StrategyFlag[]; contributor_kind: ContributorKind },
  { ids: string[]; titles: string[]; languages: string[] }
>(
  'lock_imported_strategies',
  () => sql`
    select ${traveling}, s.status, s.flags, s.contributor_kind from strategies s
    where s.organization_id = ${asker.organization_id} and s.visibility in ('organization', 'public')
      and (s.id = any (${value('ids')}::uuid[]) or s.status <> 'retired' and (lower(s.title), s.language) in (
        select lower(g.title), g.language from unnest(${value('titles')}::text[], ${value('languages')}::text[]) as g (title, language)))
    order by s.id for no key update of s`
)

/** Cards that everybody here reads with the titles of the starter set, in its language, are its cards from now on. */
export const recognizeStarters = statement<never, { keys: string[]; titles: string[] }>(
  'recognize_starters',
  () => sql`
    update strategies s set starter_key = k.key
    from (
      select distinct on (g.key) g.key, o.id
      from unnest(${value('keys')}::text[], ${value('titles')}::text[]) as g (key, title)
      join strategies o on o.organization_id = ${asker.organization_id} and lower(o.title) = lower(g.title)
        and split_part(o.language, '-', 1) = 'en' and o.visibility in ('organization', 'public') and o.status = 'published'
        and o.starter_key is null
      where not exists (select from strategies t where t.organization_id = ${asker.organization_id} and t.starter_key = g.key)
      order by g.key, o.id) k
    where s.organization_id = ${asker.organization_id} and s.id = k.id`
)

export const refusals: Refusals = {
  strategies_category: () =>
    unprocessable('unknown_reference', '#/category', 'This is no category of the organization.'),
  strategies_contributor_person: () =>
    unprocessable('unknown_reference', '#/contributor/person_id', 'There is no such person.'),
  strategies_of_a_group: () => unprocessable('group_required', '#/group_id', 'A card of a group says which.'),
  strategies_group: () => unprocessable('unknown_reference', '#/group_id', 'There is no such group.'),
  strategies_session: () => unprocessable('unknown_reference', '#/session_id', 'There is no such session.')
}
