import { type SQL, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import { behindDoor, groupsFacilitated } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import { unprocessable } from '../problems.ts'
import { instantText } from '../sessions/queries.ts'
import type {
  Feedback,
  SharedStrategy,
  ShareLink,
  Strategy,
  StrategyCategory,
  StrategyDecision,
  StrategyReport,
  StrategyReview,
  StrategyVersion
} from './schemas.ts'
import type { StrategyStatus } from './vocabulary.ts'

/** What the scopes of whoever asks let them see of a card. Every statement about cards takes it. */
export interface Sight {
  moderates: boolean
  sees_people: boolean
}

/** Who reads a card is decided in one place, the function of that name (`migrations/0002_strategies.sql`). */
const readable = sql`strategy_is_readable(s.visibility, s.status, s.group_id, s.created_by_staff_id,
  s.created_by_key_id, ${asker.staff_id}::uuid, ${asker.api_key_id}::uuid, ${value('moderates')}::boolean, ${groupsFacilitated})`

/** A key of a member of staff is that member of staff. */
const isMine = sql`coalesce(case when s.created_by_staff_id is null
  then s.created_by_key_id = ${asker.api_key_id}::uuid and ${asker.staff_id}::uuid is null
  else s.created_by_staff_id = ${asker.staff_id}::uuid end, false)`

/** When an anonymous card was written down would help to tell by whom it is. */
const dayIfAnonymous = (at: SQL) =>
  sql`case when s.contributor_kind = 'anonymous' then date_trunc('day', ${at}) else ${at} end`

/** @param instant how a time is written: as PostgreSQL does, or as the contract has it where PostgreSQL writes the JSON */
const columns = (shape: Shape, instant: (at: SQL) => SQL = at => at): SQL => sql`
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
const contributor = (shape: Shape): SQL => sql`
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
  contributor_kind: string
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

export interface Search {
  words: string | null
  languages: string[] | null
  filters: string | null
  of_status: StrategyStatus
  most_minutes: number | null
}

/**
 * Where the words stand in a card, as pieces of its texts in turn without and with a match. All texts are read at once, apart
 * by U+0003, and `ts_headline` marks the words with U+0002: no text has either.
 */
const highlights = sql`coalesce((
  select json_agg(json_build_object('field', case t.place when 1 then 'title' when 2 then 'when_it_helps' else 'steps' end, 'segments', (
    select json_agg(json_build_object('text', piece, 'match', turn % 2 = 0) order by turn)
    from string_to_table(t.marked, E'\\x02') with ordinality p (piece, turn) where piece <> '')) order by t.place)
  from (select search_configuration(s.language, true) as read) c, string_to_table(
    ts_headline(c.read, array_to_string(array[s.title, coalesce(s.when_it_helps, '')] || s.steps, E'\\x03'),
      plainto_tsquery(c.read, ${value('words')}), E'HighlightAll=true, StartSel=\\x02, StopSel=\\x02'),
    E'\\x03') with ordinality t (marked, place)
  where position(E'\\x02' in t.marked) > 0), '[]')`

/** A page of a search (`search_strategies`), each card written by PostgreSQL as the contract has it. */
export const searchStrategies = statement<{ id: string; score: number; json: string }, Search & Sight & Asked>(
  'search_strategies',
  shape => sql`
    select f.id, f.score, row_to_json(r)::text as json
    from search_strategies(${value('words')}, ${value('languages')}::text[], ${value('filters')}::tsquery, ${value('of_status')},
      ${value('most_minutes')}::int, ${asker.staff_id}::uuid, ${asker.api_key_id}::uuid, ${value('moderates')}::boolean,
      ${groupsFacilitated}, ${shape.has('after_1') ? sql`${value('after_0')}::int, ${value('after_1')}::uuid` : sql`null, null`},
      ${value('limit')}::int) f
    cross join lateral (
      select ${columns(shape, instantText)}, ${highlights} as highlights from strategies s ${contributor(shape)}
      where s.organization_id = ${asker.organization_id} and s.id = f.id and ${readable}) r
    order by f.score desc, f.id desc`
)

/** The words with those that no card has put right; nothing where there is nothing like them. */
export const correctWords = statement<{ words: string | null }, { words: string; languages: string[] | null }>(
  'correct_words',
  () =>
    sql`select corrected_words(${value('words')}, ${value('languages')}::text[]) as words from organizations o where o.id = ${asker.organization_id}`
)

/** Adds the words of a card that everybody here reads to those that a mistyped word may be meant to be. */
export const keepWords = statement<never, { strategy_id: string }>(
  'keep_words',
  () => sql`
    insert into strategy_words (organization_id, word)
    select s.organization_id, w from strategies s,
      unnest(search_words('simple', concat_ws(E'\\n', s.title, s.when_it_helps, s.summary, array_to_string(s.topics, ' '),
        array_to_string(s.steps, E'\\n')), true)) w
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')}
      and s.status = 'published' and s.visibility in ('organization', 'public')
    on conflict do nothing`
)

/** Published cards that share words of the title, a topic or the category; those that share most first. */
export const similarStrategies = statement<Strategy, Sight & { strategy_id: string }>(
  'similar_strategies',
  shape => sql`
    with card as (
      select o.id, tsvector_to_array(o.document) as found_by from strategies o
      where o.organization_id = ${asker.organization_id} and o.id = ${value('strategy_id')}),
    near as (
      select f.id, max(f.score) as score
      from card, unnest(array['a:', '#']) kind, lateral (
        -- A word of its title, in another's title or beside it.
        select string_agg(quote_literal(case kind when 'a:' then 'b:' || substr(x, 3) else x end), ' | ')::tsquery as shared
        from unnest(card.found_by) x where x ^@ kind and x !~ '^#(language|where):' and x !~ '\\\\') q,
        search_strategies(null, null, q.shared, 'published', null, ${asker.staff_id}::uuid, ${asker.api_key_id}::uuid,
          ${value('moderates')}::boolean, ${groupsFacilitated}, null, null, 200) f
      where q.shared is not null
      group by f.id)
    select ${columns(shape)} from card, near n
    join strategies s on s.organization_id = ${asker.organization_id} and s.id = n.id ${contributor(shape)}
    where s.id <> card.id and ${readable}
    order by (
      select sum(case when x ^@ 'b:' and 'a:' || substr(x, 3) = any (card.found_by) then 3
        when x ^@ '#category:' and x = any (card.found_by) then 2 when x ^@ '#topic:' and x = any (card.found_by) then 1 else 0 end)
      from unnest(tsvector_to_array(s.document)) x) desc, n.score desc, s.id desc
    limit 10`
)

/**
 * The people whose name occurs in the text, and whether whoever asks sees them. `text` is folded, its words apart by single
 * spaces.
 */
export const namesIn = statement<
  { display_name: string; seen: boolean },
  Pick<Sight, 'sees_people'> & { text: string }
>(
  'names_in',
  shape => sql`
    select p.display_name, ${value('sees_people')}::boolean and ${personBehindDoor(shape, sql`p.id`)} as seen from people p
    where p.organization_id = ${asker.organization_id} and length(p.name_key) >= 3
      and position(' ' || p.name_key || ' ' in ${value('text')}) > 0
    limit 1000`
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

const author = (staff_id: SQL, key_id: SQL) => sql`json_build_object('staff_id', ${staff_id}, 'api_key_id', ${key_id},
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

/** The latest first: for its writer, and those who moderate. */
export const listDecisions = statement<
  StrategyDecision & { id: string },
  Pick<Sight, 'moderates'> & Asked & { strategy_id: string }
>(
  'list_decisions',
  shape => sql`
    select d.id, d.decision, d.reason, ${dayIfAnonymous(sql`d.decided_at`)} as decided_at, ${author(sql`d.decided_by_staff`, sql`d.decided_by_key`)} as decided_by
    from strategy_decisions d join strategies s on s.organization_id = d.organization_id and s.id = d.strategy_id
    where d.organization_id = ${asker.organization_id} and d.strategy_id = ${value('strategy_id')} and ${readable}
      and (${isMine} or ${value('moderates')}::boolean)
      ${shape.has('after_1') ? sql`and d.id < ${value('after_1')}::uuid` : sql``}
    order by d.id desc limit ${value('limit')}`
)

/** A card that waits for a decision, with what was reported of it. */
export type WaitingStrategy = Strategy & Pick<StrategyReview, 'waiting_since' | 'reports'>

/** What somebody must decide about, the longest waiting first. */
export const listReviews = statement<WaitingStrategy, Sight & Asked>(
  'list_reviews',
  shape => sql`
    select ${columns(shape)}, s.review_since as waiting_since, coalesce((
      select json_agg(json_build_object('id', q.id, 'reason', q.reason, 'note', q.note, 'reported_at', ${instantText(sql`q.reported_at`)},
        'reported_by', ${author(sql`q.reported_by_staff`, sql`q.reported_by_key`)}) order by q.id)
      from strategy_reports q
      where q.organization_id = s.organization_id and q.strategy_id = s.id and q.decision_id is null), '[]') as reports
    from strategies s ${contributor(shape)}
    where s.organization_id = ${asker.organization_id} and s.review_since is not null and ${readable}
      ${shape.has('after_1') ? sql`and (s.review_since, s.id) > (${value('after_0')}::timestamptz, ${value('after_1')}::uuid)` : sql``}
    order by s.review_since, s.id limit ${value('limit')}`
)

export const fileReport = statement<
  StrategyReport,
  { id: string; strategy_id: string; reason: string; note: string | null }
>(
  'file_report',
  () => sql`
    insert into strategy_reports (organization_id, id, strategy_id, reason, note, reported_by_key, reported_by_staff)
    values (${asker.organization_id}, ${value('id')}, ${value('strategy_id')}, ${value('reason')}, ${value('note')},
      ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid)
    returning id, strategy_id, reason, note, reported_at`
)

/** Writes a decision down, and answers with it whatever was reported. */
export const decide = statement<
  never,
  { id: string; strategy_id: string; decision: string; reason: string | null; answers: boolean }
>(
  'decide_strategy',
  () => sql`
    with decided as (
      insert into strategy_decisions (organization_id, id, strategy_id, decision, reason, decided_by_key, decided_by_staff)
      values (${asker.organization_id}, ${value('id')}, ${value('strategy_id')}, ${value('decision')}, ${value('reason')},
        ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid)
      returning organization_id, id, strategy_id)
    update strategy_reports r set decision_id = d.id from decided d
    where r.organization_id = ${asker.organization_id} and r.organization_id = d.organization_id and r.strategy_id = d.strategy_id
      and r.decision_id is null and ${value('answers')}::boolean`
)

export const putFeedback = statement<
  never,
  { strategy_id: string; person_id: string; outcome: string; topic: string | null }
>(
  'put_feedback',
  () => sql`
    insert into strategy_feedback (organization_id, strategy_id, person_id, outcome, topic)
    values (${asker.organization_id}, ${value('strategy_id')}, ${value('person_id')}, ${value('outcome')}, ${value('topic')})
    on conflict (organization_id, strategy_id, person_id) do update set outcome = excluded.outcome, topic = excluded.topic,
      updated_at = now()`
)

export const withdrawFeedback = statement<never, { strategy_id: string; person_id: string }>(
  'withdraw_feedback',
  () => sql`
    delete from strategy_feedback f
    where f.organization_id = ${asker.organization_id} and f.strategy_id = ${value('strategy_id')} and f.person_id = ${value('person_id')}`
)

/** Counted anew, of a card that is held still: what was added up could drift. */
export const recountFeedback = statement<never, { strategy_id: string }>(
  'recount_feedback',
  () => sql`
    update strategies s set helped_count = c.helped, tried_count = c.tried
    from (select count(*) filter (where f.outcome = 'helped') as helped, count(*) as tried from strategy_feedback f
      where f.organization_id = ${asker.organization_id} and f.strategy_id = ${value('strategy_id')}) c
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')}`
)

export const findFeedback = quickStatement<
  Feedback,
  Pick<Sight, 'moderates'> & { strategy_id: string; person_id: string }
>(
  'find_feedback',
  shape => sql`
    select s.id as strategy_id, p.id as person_id, f.outcome, f.topic, f.updated_at, s.helped_count, s.tried_count
    from strategies s join people p on p.organization_id = s.organization_id and p.id = ${value('person_id')}
    left join strategy_feedback f on f.organization_id = s.organization_id and f.strategy_id = s.id and f.person_id = p.id
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and ${readable}
      and ${personBehindDoor(shape, sql`p.id`)}`
)

const linkColumns = sql.raw('l.id, l.strategy_id, l.expires_at, l.revoked_at, l.version, l.created_at, l.updated_at')

/** The latest first. */
export const listShareLinks = statement<ShareLink, Pick<Sight, 'moderates'> & Asked & { strategy_id: string }>(
  'list_share_links',
  shape => sql`
    select ${linkColumns} from strategy_share_links l
    join strategies s on s.organization_id = l.organization_id and s.id = l.strategy_id
    where l.organization_id = ${asker.organization_id} and l.strategy_id = ${value('strategy_id')} and ${readable}
      ${shape.has('after_1') ? sql`and l.id < ${value('after_1')}::uuid` : sql``}
    order by l.id desc limit ${value('limit')}`
)

export const findShareLink = quickStatement<
  ShareLink,
  Pick<Sight, 'moderates'> & { strategy_id: string; share_link_id: string }
>(
  'find_share_link',
  () => sql`
    select ${linkColumns} from strategy_share_links l
    join strategies s on s.organization_id = l.organization_id and s.id = l.strategy_id
    where l.organization_id = ${asker.organization_id} and l.id = ${value('share_link_id')} and l.strategy_id = ${value('strategy_id')}
      and ${readable}`
)

export const makeShareLink = statement<
  ShareLink,
  { id: string; strategy_id: string; secret_hash: Buffer; expires_at: string }
>(
  'make_share_link',
  () => sql`
    insert into strategy_share_links as l (organization_id, id, strategy_id, secret_hash, expires_at, created_by_key, created_by_staff)
    values (${asker.organization_id}, ${value('id')}, ${value('strategy_id')}, ${value('secret_hash')}, ${value('expires_at')},
      ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid)
    returning ${linkColumns}`
)

/** Twice is the same as once. */
export const revokeShareLink = statement<
  ShareLink & { revoked_now: boolean },
  Pick<Sight, 'moderates'> & { strategy_id: string; share_link_id: string }
>(
  'revoke_share_link',
  () => sql`
    update strategy_share_links l set revoked_at = coalesce(l.revoked_at, now()),
      updated_at = case when l.revoked_at is null then now() else l.updated_at end, version = l.version + (l.revoked_at is null)::int
    from strategies s
    where l.organization_id = ${asker.organization_id} and l.id = ${value('share_link_id')} and l.strategy_id = ${value('strategy_id')}
      and s.organization_id = l.organization_id and s.id = l.strategy_id and ${readable}
    returning ${linkColumns}, l.revoked_at = now()::timestamptz(3) as revoked_now`
)

/** A card as a link shows it: as long as it is published, for everybody here. */
export const findSharedStrategy = quickStatement<SharedStrategy, { strategy_id: string }>(
  'find_shared_strategy',
  () => sql`
    select s.title, s.summary, s.when_it_helps, s.steps, s.minutes, s.where_usable, s.topics, s.category, s.language, s.links, s.source,
      json_build_object('kind', s.contributor_kind, 'nickname', s.contributor_nickname) as contributor, s.helped_count, s.tried_count
    from strategies s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and s.status = 'published'
      and s.visibility in ('organization', 'public')`
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
