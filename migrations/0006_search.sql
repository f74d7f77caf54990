-- How many cards have a word is known of three times as many words: of one that it does not know, PostgreSQL takes it that two
-- hundred cards in a hundred thousand are five hundred, and then looks through them all in the order of what helped most.
alter table strategies alter column document set statistics 300;
--> statement-breakpoint
-- The cards with all of these words in such a place, each card read in its own language: what "pánico" is stemmed to in Spanish is
-- an English word, and no English card says it. In none of the languages that we read (und), words are as they stand, and where
-- they already say the same, a language is not asked; those that read the words alike are asked once. Who asks in one language
-- filters by it. Without an accent there is one way to read a word.
create or replace function strategy_query(words text, languages text[], tier text) returns tsquery language sql immutable parallel safe
  as $$
    select string_agg('(' || r.all_words || case when r.anyhow then '' else ' & (' || r.read_in || ')' end || ')', ' | ')::tsquery
    from (
      select q.all_words, bool_or(q.language = 'und') or cardinality(languages) = 1 as anyhow,
        string_agg(distinct quote_literal('#language:' || q.language), ' | ') as read_in
      from (
        select l as language, (select string_agg(quote_literal(tier || ':' || x), ' & ') from unnest(w) x where x !~ '\\') as all_words
        from unnest(languages) l,
          unnest(case when words ~ '[^ -~]' then array[true, false] else array[true] end) u (unaccented),
          public.search_words(l, words, u.unaccented) w) q
      where q.all_words is not null
      group by q.all_words) r
  $$;
--> statement-breakpoint
-- A setting of an extension that is not loaded yet is nobody's to set for a function.
select similarity('', '');
--> statement-breakpoint
grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
set local role circlekeeper_functions;
--> statement-breakpoint
-- Words, in their order, with the ones that no card has replaced by those most like them; null where there are none. Words stay
-- when their card goes: those that no card that the asker reads has by now are passed over. What one of the languages leaves out
-- ("the") is no mistake.
create or replace function corrected_words(words text, languages text[], asker_staff uuid, asker_key uuid, moderates boolean, groups uuid[])
  returns text
  language sql stable security definer set search_path = pg_catalog, public set pg_trgm.similarity_threshold = 0.3
  as $$
    select case when bool_and(c.word is not null) then string_agg(c.word, ' ' order by g.places[1]) end
    from unnest(to_tsvector(public.search_configuration('simple', true), words)) g (word, places)
    left join lateral (
      select coalesce((select g.word from unnest(languages) l where cardinality(public.search_words(l, g.word, true)) = 0 limit 1),
        (select n.word from (
          select w.word, row_number() over (order by w.word <> g.word,
            -- Two letters in the wrong order: what hurried fingers do most.
            array(select x from unnest(string_to_array(w.word, null)) x order by x)
              <> array(select x from unnest(string_to_array(g.word, null)) x order by x),
            public.levenshtein(left(w.word, 200), left(g.word, 200)), public.similarity(w.word, g.word) desc, w.word) as place
          from public.strategy_words w
          where w.organization_id = public.current_organization()
            -- Beyond a third of its letters, it is another word.
            and (w.word = g.word or (w.word operator(public.%) g.word
                and public.levenshtein(left(w.word, 200), left(g.word, 200)) <= greatest(2, length(g.word) / 3))
              or (w.word ^@ left(g.word, 1) and length(w.word) between length(g.word) - 1 and length(g.word) + 1
                and length(g.word) between 3 and 60 and public.levenshtein_less_equal(w.word, g.word, 2) <= 2
                and (length(g.word) > 5 or public.levenshtein(w.word, g.word) = 1
                  or array(select x from unnest(string_to_array(w.word, null)) x order by x)
                    = array(select x from unnest(string_to_array(g.word, null)) x order by x))))
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
        order by n.place limit 1)) as word) c on true
    where octet_length(g.word) < 1000
  $$;
--> statement-breakpoint
reset role;
--> statement-breakpoint
revoke create on schema public from circlekeeper_functions;
