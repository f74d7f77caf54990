import { sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, statement, statementPlannedOnce, value } from '../database/statement.ts'
import { groupsFacilitated } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import { columns, contributor, readable, type Sight } from './queries.ts'
import type { Strategy } from './schemas.ts'
import type { StrategyStatus } from './vocabulary.ts'

export interface Search {
  words: string | null
  languages: string[] | null
  filters: string | null
  of_status: StrategyStatus
  most_minutes: number | null
}

/**
 * Where the words stand in a card, as pieces of its texts in turn without and with a match. All texts are read at once, apart
 * by U+0003, and `ts_headline` marks the words with U+0002: no text has either. Read without accents; or with them, where that is how
 * the words are found: "respiraciones" is "respiración", and not what "respiracion" is stemmed to.
 */
const highlights = sql`coalesce((
  select json_agg(json_build_object('field', case t.place when 1 then 'title' when 2 then 'when_it_helps' else 'steps' end, 'segments', (
    select json_agg(json_build_object('text', piece, 'match', turn % 2 = 0) order by turn)
    from string_to_table(t.marked, E'\\x02') with ordinality p (piece, turn) where piece <> '')) order by t.place)
  from (select array_to_string(array[s.title, coalesce(s.when_it_helps, '')] || s.steps, E'\\x03') as texts) x, lateral (
    select search_configuration(s.language, s.language ^@ 'en' or to_tsvector(search_configuration(s.language, true), x.texts)
      @@ plainto_tsquery(search_configuration(s.language, true), ${value('words')})) as read) c, string_to_table(
    ts_headline(c.read, x.texts,
      plainto_tsquery(c.read, ${value('words')}), E'HighlightAll=true, StartSel=\\x02, StopSel=\\x02'),
    E'\\x03') with ordinality t (marked, place)
  where position(E'\\x02' in t.marked) > 0), '[]')`

/** A page of a search (`search_strategies`), each card written by PostgreSQL as the contract has it. */
export const searchStrategies = statementPlannedOnce<
  { id: string; score: number; json: string },
  Search & Sight & Asked
>(
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

/** The words with those that no card has put right; nothing where there is nothing like them that the asker reads. */
export const correctWords = statement<
  { words: string | null },
  Pick<Sight, 'moderates'> & { words: string; languages: string[] | null }
>(
  'correct_words',
  () => sql`
    select corrected_words(${value('words')}, ${value('languages')}::text[], ${asker.staff_id}::uuid, ${asker.api_key_id}::uuid,
      ${value('moderates')}::boolean, ${groupsFacilitated}) as words
    from organizations o where o.id = ${asker.organization_id}`
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
