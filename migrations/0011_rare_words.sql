-- A setting of an extension that is not loaded yet is nobody's to set for a function.
select similarity('', '');
--> statement-breakpoint
grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
set local role circlekeeper_functions;
--> statement-breakpoint
-- As it was, but that each tier is planned for fifty cards at the least. Of a word that it does not know, PostgreSQL takes it that a few
-- hundred cards in a hundred thousand have it: who asks for one card, or for the last of a page, then had all of them looked through
-- in the order of what helped most, and the word that nobody wrote (a typo) took half a second.
create or replace function search_strategies(words text, languages text[], filters tsquery, of_status text, most_minutes int,
    asker_staff uuid, asker_key uuid, moderates boolean, groups uuid[], after_score int, after_id uuid, most int)
  returns table (id uuid, score int) rows 25
  language plpgsql stable security definer set search_path = pg_catalog, public
  as $function$
  declare
    wanted tsquery;
    nearer tsquery;
    tier int;
    found_in_tier int;
    remaining int := most;
  begin
    for tier in reverse case when words is null then 0 else 3 end .. case when words is null then 0 else 1 end loop
      if words is not null then
        wanted := public.strategy_query(words, languages, (array['c', 'b', 'a'])[tier]);
        if wanted is null then return; end if;
      end if;
      if after_score is null or after_score >= tier * 10000000 then
        return query execute $query$
          with first as materialized (
            select s.id, s.helpfulness from public.strategies s
            where s.organization_id = (select public.current_organization()) and s.status = $4
              and ($1 is null or s.document @@ $1) and ($2 is null or not s.document @@ $2) and ($3 is null or s.document @@ $3)
              and ($5 is null or s.minutes <= $5)
              and public.strategy_is_readable(s.visibility, s.status, s.group_id, s.created_by_staff_id, s.created_by_key_id, $6, $7, $8, $9)
              and ($10 is null or (s.helpfulness, s.id) < ($10 - $13 * 10000000, $11))
            order by s.helpfulness desc, s.id desc limit greatest($12, 50))
          select f.id, $13 * 10000000 + f.helpfulness from first f order by f.helpfulness desc, f.id desc limit $12 $query$
          using wanted, nearer, filters, of_status, most_minutes, asker_staff, asker_key, moderates, groups, after_score, after_id,
            remaining, tier;
        get diagnostics found_in_tier = row_count;
        remaining := remaining - found_in_tier;
        if remaining <= 0 then return; end if;
      end if;
      nearer := wanted;
    end loop;
  end $function$;
--> statement-breakpoint
-- As it was, but that a word that some card has is not compared with all others.
create or replace function corrected_words(words text, languages text[], asker_staff uuid, asker_key uuid, moderates boolean, groups uuid[])
  returns text
  language sql stable security definer set search_path = pg_catalog, public set pg_trgm.similarity_threshold = 0.3
  as $$
    select case when bool_and(c.word is not null) then string_agg(c.word, ' ' order by g.places[1]) end
    from unnest(to_tsvector(public.search_configuration('simple', true), words)) g (word, places)
    left join lateral (
      select coalesce((select g.word from unnest(languages) l where cardinality(public.search_words(l, g.word, true)) = 0 limit 1),
        -- Most words are right: what is like them is not looked for.
        (select g.word where exists (select from public.strategies s
          where s.organization_id = public.current_organization() and s.status = 'published'
            and public.strategy_is_readable(s.visibility, s.status, s.group_id, s.created_by_staff_id, s.created_by_key_id, asker_staff,
              asker_key, moderates, groups)
            and s.document @@ public.strategy_query(g.word, languages, 'c')
            and g.word = any (public.search_words('simple', concat_ws(E'\n', s.title, s.when_it_helps, s.summary,
              array_to_string(s.topics, ' '), array_to_string(s.steps, E'\n')), true)))),
        (select n.word from (
          select w.word, row_number() over (order by
            -- Two letters in the wrong order: what hurried fingers do most.
            array(select x from unnest(string_to_array(w.word, null)) x order by x)
              <> array(select x from unnest(string_to_array(g.word, null)) x order by x),
            public.levenshtein(left(w.word, 200), left(g.word, 200)), public.similarity(w.word, g.word) desc, w.word) as place
          from public.strategy_words w
          where w.organization_id = public.current_organization()
            -- Beyond a third of its letters, it is another word.
            and ((w.word operator(public.%) g.word
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
