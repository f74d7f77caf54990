-- Retired cards that nothing was held against keep their title in people's logs. Of those retired before, nobody knows.
ALTER TABLE "strategies" ADD COLUMN "stays_in_logs" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- A mistyped word is put right by the words of every card that its reader reads, not only of those that everybody reads.
ALTER TABLE "strategy_words" ADD COLUMN "reach" uuid;--> statement-breakpoint
ALTER TABLE "strategy_words" ADD COLUMN "is_private" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "strategy_words" ALTER COLUMN "is_private" DROP DEFAULT;--> statement-breakpoint
-- The owner sees no row of its own tables while row-level security is forced.
alter table strategy_words no force row level security;
--> statement-breakpoint
alter table strategies no force row level security;
--> statement-breakpoint
update strategy_words set reach = organization_id;
--> statement-breakpoint
ALTER TABLE "strategy_words" ALTER COLUMN "reach" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "strategy_words" DROP CONSTRAINT "strategy_words_pkey";
--> statement-breakpoint
ALTER TABLE "strategy_words" ADD CONSTRAINT "strategy_words_pkey" PRIMARY KEY("organization_id","reach","word");
--> statement-breakpoint
insert into strategy_words (organization_id, reach, is_private, word)
select s.organization_id, case s.visibility when 'group' then s.group_id else coalesce(s.created_by_staff_id, s.created_by_key_id) end,
  s.visibility = 'private', w
from strategies s, unnest(search_words('simple', concat_ws(E'\n', s.title, s.when_it_helps, s.summary, array_to_string(s.topics, ' '),
  array_to_string(s.steps, E'\n')), true)) w
where s.status = 'published' and s.visibility in ('group', 'private')
on conflict do nothing;
--> statement-breakpoint
alter table strategies force row level security;
--> statement-breakpoint
alter table strategy_words force row level security;
--> statement-breakpoint
-- The cards with all of these words in such a place, each card read in its own language: what "pánico" is stemmed to in Spanish is
-- an English word, and no English card says it. In none of the languages that we read (und), words are as they stand;
-- who asks in one language filters by it. Without an accent there is one way to read it.
create or replace function strategy_query(words text, languages text[], tier text) returns tsquery language sql immutable parallel safe
  as $$
    select string_agg('(' || q.all_words || ')', ' | ')::tsquery from (
      select distinct (select string_agg(quote_literal(tier || ':' || x), ' & ') from unnest(w) x where x !~ '\\')
        || case when l = 'und' or cardinality(languages) = 1 then '' else ' & ' || quote_literal('#language:' || l) end as all_words
      from unnest(languages) l,
        unnest(case when words ~ '[^ -~]' then array[true, false] else array[true] end) u (unaccented),
        public.search_words(l, words, u.unaccented) w) q
  $$;
--> statement-breakpoint
do $$
begin
  execute 'set local role circlekeeper_functions';
  drop function corrected_words(text, text[]);
  execute 'reset role';
end $$;
--> statement-breakpoint
-- A setting of an extension that is not loaded yet is nobody's to set for a function.
select similarity('', '');
--> statement-breakpoint
-- Words, in their order, with the ones that no card has replaced by those most like them; null where there are none. Words stay
-- when their card goes: those that no card that the asker reads has by now are passed over.
create function corrected_words(words text, languages text[], asker_staff uuid, asker_key uuid, moderates boolean, groups uuid[])
  returns text
  language sql stable security definer set search_path = pg_catalog, public set pg_trgm.similarity_threshold = 0.3
  as $$
    select case when bool_and(c.word is not null) then string_agg(c.word, ' ' order by g.places[1]) end
    from unnest(to_tsvector(public.search_configuration('simple', true), words)) g (word, places)
    left join lateral (
      select n.word from (
        select w.word, row_number() over (order by w.word <> g.word,
          -- Two letters in the wrong order: what hurried fingers do most.
          array(select x from unnest(string_to_array(w.word, null)) x order by x)
            <> array(select x from unnest(string_to_array(g.word, null)) x order by x),
          public.levenshtein(left(w.word, 200), left(g.word, 200)), public.similarity(w.word, g.word) desc, w.word) as place
        from public.strategy_words w
        where w.organization_id = public.current_organization()
          and (w.word = g.word or w.word operator(public.%) g.word
            or (w.word ^@ left(g.word, 1) and length(w.word) between length(g.word) - 1 and length(g.word) + 1
              and length(g.word) between 3 and 60 and public.levenshtein_less_equal(w.word, g.word, 2) <= 2))
          and case when w.is_private then w.reach = coalesce(asker_staff, asker_key)
            else moderates or w.reach = w.organization_id or w.reach = any (groups) end
        group by w.word
        order by place limit 25) n
      where exists (select from public.strategies s
        where s.organization_id = public.current_organization() and s.status = 'published'
          and public.strategy_is_readable(s.visibility, s.status, s.group_id, s.created_by_staff_id, s.created_by_key_id, asker_staff,
            asker_key, moderates, groups)
          and s.document @@ public.strategy_query(n.word, languages, 'c')
          -- The very word: of one that is only like it, some other card has told.
          and n.word = any (public.search_words('simple', concat_ws(E'\n', s.title, s.when_it_helps, s.summary,
            array_to_string(s.topics, ' '), array_to_string(s.steps, E'\n')), true)))
      order by n.place limit 1) c on true
    where octet_length(g.word) < 1000
  $$;
--> statement-breakpoint
grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
alter function corrected_words(text, text[], uuid, uuid, boolean, uuid[]) owner to circlekeeper_functions;
--> statement-breakpoint
revoke create on schema public from circlekeeper_functions;
--> statement-breakpoint
do $$
begin
  execute 'set local role circlekeeper_functions';
  revoke execute on function corrected_words(text, text[], uuid, uuid, boolean, uuid[]) from public;
  grant execute on function corrected_words(text, text[], uuid, uuid, boolean, uuid[]) to circlekeeper_app;
  execute 'reset role';
end $$;
