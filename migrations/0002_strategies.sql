-- Coping strategies: cards, what people say of them, and the search.

-- For the search: one index over the organization and the words, accents, and words that were mistyped. Trusted extensions,
-- so the owner of a database may create them.
create extension if not exists btree_gin;
--> statement-breakpoint
create extension if not exists unaccent;
--> statement-breakpoint
create extension if not exists pg_trgm;
--> statement-breakpoint
create extension if not exists fuzzystrmatch;
--> statement-breakpoint
-- The same languages without accents: `respiracion` finds `respiración`.
do $$
declare
  language text;
begin
  foreach language in array array['simple', 'english', 'spanish', 'french', 'german', 'portuguese', 'italian', 'dutch'] loop
    execute format('create text search configuration unaccented_%1$s (copy = pg_catalog.%1$s)', language);
    execute format('alter text search configuration unaccented_%1$s alter mapping for hword, hword_part, word with unaccent, %1$s%2$s',
      language, case language when 'simple' then '' else '_stem' end);
  end loop;
end $$;
--> statement-breakpoint
-- How the words of a language (BCP 47) are read; of one that is not here, as they stand.
create function search_configuration(language text, unaccented boolean) returns regconfig language sql immutable parallel safe
  as $$
    select case split_part(language, '-', 1)
      when 'en' then case when unaccented then 'public.unaccented_english'::regconfig else 'pg_catalog.english'::regconfig end
      when 'es' then case when unaccented then 'public.unaccented_spanish'::regconfig else 'pg_catalog.spanish'::regconfig end
      when 'fr' then case when unaccented then 'public.unaccented_french'::regconfig else 'pg_catalog.french'::regconfig end
      when 'de' then case when unaccented then 'public.unaccented_german'::regconfig else 'pg_catalog.german'::regconfig end
      when 'pt' then case when unaccented then 'public.unaccented_portuguese'::regconfig else 'pg_catalog.portuguese'::regconfig end
      when 'it' then case when unaccented then 'public.unaccented_italian'::regconfig else 'pg_catalog.italian'::regconfig end
      when 'nl' then case when unaccented then 'public.unaccented_dutch'::regconfig else 'pg_catalog.dutch'::regconfig end
      else case when unaccented then 'public.unaccented_simple'::regconfig else 'pg_catalog.simple'::regconfig end
    end
  $$;
--> statement-breakpoint
-- The words of a text as a language stems them, each with its accents and without: a stemmer knows `respiraciones` only by
-- its accents, and a hurried reader types none. Words too long for an index are left out.
create function search_words(language text, words text, unaccented boolean) returns text[] language sql immutable parallel safe
  as $$
    select array(select x from unnest(tsvector_to_array(to_tsvector(public.search_configuration(language, unaccented), words))) x
      where octet_length(x) < 1000 order by x)
  $$;
--> statement-breakpoint
-- What a card is found by. Its words: `a:` those in the title, `b:` those and the ones of when it helps, summary and topics,
-- `c:` those and the ones of the steps. What it is filtered by: `#topic:grief`. So one index serves a search with all of its
-- filters and its ranking, and the text of a card is read only once it is on the page.
create function strategy_document(language text, title text, when_it_helps text, summary text, steps text[], topics text[],
    where_usable text[], category text) returns tsvector language sql immutable parallel safe
  as $$
    select array_to_tsvector(array(
      select tier || ':' || x from
        (values ('{a,b,c}'::text[], title),
          ('{b,c}', concat_ws(E'\n', when_it_helps, summary, translate(array_to_string(topics, ' '), '-_', '  '))),
          ('{c}', array_to_string(steps, E'\n'))) t (tiers, words),
        (values (true), (false)) u (unaccented),
        unnest(public.search_words(language, t.words, u.unaccented)) x, unnest(t.tiers) tier
      union select '#language:' || split_part(language, '-', 1)
      union select '#topic:' || x from unnest(topics) x
      union select '#where:' || x from unnest(where_usable) x
      union select '#category:' || category where category is not null))
  $$;
--> statement-breakpoint
-- The cards with all of these words in such a place: whoever does not say in which language they ask, asks in several.
create function strategy_query(words text, languages text[], tier text) returns tsquery language sql immutable parallel safe
  as $$
    select string_agg('(' || q.all_words || ')', ' | ')::tsquery from (
      select distinct (select string_agg(quote_literal(tier || ':' || x), ' & ') from unnest(w) x where x !~ '\\') as all_words
      from unnest(languages) l, (values (true), (false)) u (unaccented), public.search_words(l, words, u.unaccented) w) q
  $$;
--> statement-breakpoint
-- The lower bound of Wilson's score interval for `helped` of `tried` at 95 % (E. B. Wilson, JASA 22, 1927), in millionths: how
-- often it helps at the least, as far as so few or so many can tell.
create function strategy_helpfulness(helped int, tried int) returns int language sql immutable parallel safe
  as $$
    select case when tried = 0 then 0 else greatest(0, round(1000000 * (
      (helped::float8 / tried + 1.9599639845400545 ^ 2 / (2 * tried)
        - 1.9599639845400545 * sqrt((helped::float8 / tried * (1 - helped::float8 / tried) + 1.9599639845400545 ^ 2 / (4 * tried)) / tried))
      / (1 + 1.9599639845400545 ^ 2 / tried)))::int) end
  $$;
--> statement-breakpoint
-- Who reads a card. Private: whoever wrote it down, and nobody else. Of a group: nobody from outside the group but those who
-- moderate. What is not published: those who moderate, and whoever wrote it down.
create function strategy_is_readable(visibility text, status text, group_id uuid, writer_staff uuid, writer_key uuid,
    asker_staff uuid, asker_key uuid, moderates boolean, groups uuid[]) returns boolean language sql immutable parallel safe
  as $$
    select case visibility
      when 'private' then
        coalesce(case when writer_staff is null then writer_key = asker_key and asker_staff is null else writer_staff = asker_staff end, false)
      else (visibility <> 'group' or moderates or coalesce(group_id = any (groups), false))
        and (status = 'published' or moderates or
          coalesce(case when writer_staff is null then writer_key = asker_key and asker_staff is null else writer_staff = asker_staff end, false))
    end
  $$;
--> statement-breakpoint
CREATE TABLE "strategies" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"title" text NOT NULL,
	"summary" text,
	"when_it_helps" text,
	"steps" text[] NOT NULL,
	"minutes" integer,
	"where_usable" text[] NOT NULL,
	"topics" text[] NOT NULL,
	"category" text,
	"language" text NOT NULL,
	"links" jsonb NOT NULL,
	"source" text,
	"contributor_kind" text NOT NULL,
	"contributor_person_id" uuid,
	"contributor_nickname" text,
	"contributor_sealed" "bytea",
	"contributor_secret_hash" "bytea",
	"group_id" uuid,
	"session_id" uuid,
	"visibility" text NOT NULL,
	"status" text NOT NULL,
	"flags" text[] NOT NULL,
	"review_since" timestamp(3) with time zone,
	"starter_key" text,
	"created_by_staff_id" uuid,
	"created_by_key_id" uuid,
	"helped_count" integer DEFAULT 0 NOT NULL,
	"tried_count" integer DEFAULT 0 NOT NULL,
	"helpfulness" integer GENERATED ALWAYS AS (strategy_helpfulness(helped_count, tried_count)) STORED NOT NULL,
	"document" "tsvector" GENERATED ALWAYS AS (strategy_document(language, title, when_it_helps, summary, steps, topics, where_usable, category)) STORED NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strategies_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "strategies_contributor_kind" CHECK ("strategies"."contributor_kind" in ('person', 'nickname', 'anonymous')),
	CONSTRAINT "strategies_contributor" CHECK (("strategies"."contributor_kind" = 'person') = ("strategies"."contributor_person_id" is not null)
        and ("strategies"."contributor_kind" = 'nickname') = ("strategies"."contributor_nickname" is not null)
        and ("strategies"."contributor_kind" = 'anonymous') = ("strategies"."contributor_secret_hash" is not null)
        and ("strategies"."contributor_kind" = 'anonymous' or "strategies"."contributor_sealed" is null)),
	CONSTRAINT "strategies_visibility" CHECK ("strategies"."visibility" in ('private', 'group', 'organization', 'public')),
	CONSTRAINT "strategies_status" CHECK ("strategies"."status" in ('draft', 'in_review', 'published', 'hidden', 'retired')),
	CONSTRAINT "strategies_of_a_group" CHECK ("strategies"."visibility" <> 'group' or "strategies"."group_id" is not null),
	CONSTRAINT "strategies_minutes" CHECK ("strategies"."minutes" between 1 and 1440),
	CONSTRAINT "strategies_counts" CHECK ("strategies"."helped_count" between 0 and "strategies"."tried_count")
);
--> statement-breakpoint
CREATE TABLE "strategy_categories" (
	"organization_id" uuid NOT NULL,
	"key" text NOT NULL,
	"name" text NOT NULL,
	"retired_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strategy_categories_pkey" PRIMARY KEY("organization_id","key")
);
--> statement-breakpoint
CREATE TABLE "strategy_decisions" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"decision" text NOT NULL,
	"reason" text,
	"decided_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"decided_by_key" uuid,
	"decided_by_staff" uuid,
	CONSTRAINT "strategy_decisions_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "strategy_decisions_decision" CHECK ("strategy_decisions"."decision" in ('submit', 'publish', 'return', 'hide', 'retire'))
);
--> statement-breakpoint
CREATE TABLE "strategy_feedback" (
	"organization_id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"outcome" text NOT NULL,
	"topic" text,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strategy_feedback_pkey" PRIMARY KEY("organization_id","strategy_id","person_id"),
	CONSTRAINT "strategy_feedback_outcome" CHECK ("strategy_feedback"."outcome" in ('tried', 'helped', 'did_not_help'))
);
--> statement-breakpoint
CREATE TABLE "strategy_reports" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"reason" text NOT NULL,
	"note" text,
	"reported_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"reported_by_key" uuid,
	"reported_by_staff" uuid,
	"decision_id" uuid,
	CONSTRAINT "strategy_reports_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "strategy_reports_reason" CHECK ("strategy_reports"."reason" in ('harmful', 'identifies_somebody', 'spam'))
);
--> statement-breakpoint
CREATE TABLE "strategy_share_links" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"expires_at" timestamp(3) with time zone NOT NULL,
	"revoked_at" timestamp(3) with time zone,
	"created_by_key" uuid,
	"created_by_staff" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "strategy_share_links_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "strategy_share_links_secret_hash" CHECK (length("strategy_share_links"."secret_hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "strategy_versions" (
	"organization_id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"changed_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"changed_by_key" uuid,
	"changed_by_staff" uuid,
	"visibility" text NOT NULL,
	"content" jsonb NOT NULL,
	CONSTRAINT "strategy_versions_pkey" PRIMARY KEY("organization_id","strategy_id","version"),
	CONSTRAINT "strategy_versions_visibility" CHECK ("strategy_versions"."visibility" in ('private', 'group', 'organization', 'public'))
);
--> statement-breakpoint
CREATE TABLE "strategy_words" (
	"organization_id" uuid NOT NULL,
	"word" text NOT NULL,
	CONSTRAINT "strategy_words_pkey" PRIMARY KEY("organization_id","word")
);
--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_category" FOREIGN KEY ("organization_id","category") REFERENCES "public"."strategy_categories"("organization_id","key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_contributor_person" FOREIGN KEY ("organization_id","contributor_person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_group" FOREIGN KEY ("organization_id","group_id") REFERENCES "public"."groups"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_created_by_staff" FOREIGN KEY ("organization_id","created_by_staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategies" ADD CONSTRAINT "strategies_created_by_key" FOREIGN KEY ("organization_id","created_by_key_id") REFERENCES "public"."api_keys"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_categories" ADD CONSTRAINT "strategy_categories_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_decisions" ADD CONSTRAINT "strategy_decisions_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_feedback" ADD CONSTRAINT "strategy_feedback_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_feedback" ADD CONSTRAINT "strategy_feedback_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_reports" ADD CONSTRAINT "strategy_reports_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_reports" ADD CONSTRAINT "strategy_reports_decision" FOREIGN KEY ("organization_id","decision_id") REFERENCES "public"."strategy_decisions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_share_links" ADD CONSTRAINT "strategy_share_links_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_versions" ADD CONSTRAINT "strategy_versions_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "strategy_words" ADD CONSTRAINT "strategy_words_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "strategies_starter" ON "strategies" USING btree ("organization_id","starter_key");--> statement-breakpoint
CREATE INDEX "strategies_by_helpfulness" ON "strategies" USING btree ("organization_id","status","helpfulness","id");--> statement-breakpoint
CREATE INDEX "strategies_to_review" ON "strategies" USING btree ("organization_id","review_since","id") WHERE review_since is not null;--> statement-breakpoint
CREATE INDEX "strategy_decisions_of_strategy" ON "strategy_decisions" USING btree ("organization_id","strategy_id","id");--> statement-breakpoint
CREATE INDEX "strategy_reports_of_strategy" ON "strategy_reports" USING btree ("organization_id","strategy_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "strategy_share_links_secret" ON "strategy_share_links" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "strategy_share_links_of_strategy" ON "strategy_share_links" USING btree ("organization_id","strategy_id","id");
--> statement-breakpoint
-- One index for the words and the filters of a search, within the organization. Cards are read far more often than written:
-- what was written waits in no list that every search would have to read.
create index strategies_search on strategies using gin (organization_id, document) with (fastupdate = off);
--> statement-breakpoint
create index strategy_words_alike on strategy_words using gin (organization_id, word gin_trgm_ops) with (fastupdate = off);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['strategies', 'strategy_categories', 'strategy_words', 'strategy_versions', 'strategy_feedback',
    'strategy_decisions', 'strategy_reports', 'strategy_share_links'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format('create policy tenant on %I to circlekeeper_app
      using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
grant select, insert, update on strategies, strategy_categories, strategy_reports, strategy_share_links to circlekeeper_app;
--> statement-breakpoint
grant select, insert, update, delete on strategy_feedback to circlekeeper_app;
--> statement-breakpoint
grant select, insert on strategy_versions, strategy_decisions, strategy_words to circlekeeper_app;
--> statement-breakpoint
-- Functions of plain arithmetic and words: they read no table.
revoke execute on function search_configuration(text, boolean), search_words(text, text, boolean), strategy_query(text, text[], text),
  strategy_document(text, text, text, text, text[], text[], text[], text), strategy_helpfulness(int, int),
  strategy_is_readable(text, text, uuid, uuid, uuid, uuid, uuid, boolean, uuid[]) from public;
--> statement-breakpoint
grant execute on function search_configuration(text, boolean), search_words(text, text, boolean), strategy_query(text, text[], text),
  strategy_document(text, text, text, text, text[], text[], text[], text), strategy_helpfulness(int, int),
  strategy_is_readable(text, text, uuid, uuid, uuid, uuid, uuid, boolean, uuid[]) to circlekeeper_app, circlekeeper_functions;
--> statement-breakpoint
create policy reviewed_functions on strategies for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on strategy_words for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on strategy_share_links for select to circlekeeper_functions using (true);
--> statement-breakpoint
grant select on strategies, strategy_words, strategy_share_links to circlekeeper_functions;
--> statement-breakpoint
-- Full text under row-level security: `@@` is not leakproof, so that the policy would have every card of the organization
-- read first. This function looks past it, within the one organization that is spoken for, and answers the page of cards
-- that the asker reads: those with all of the words in the title first, then those with them in the title or when it helps,
-- summary or topics, then the rest; among equals those that helped most. No words: all that fit, the most helpful first.
-- A score is the tier in tens of millions and the helpfulness in millionths. Each tier ends at its page, so that a word that
-- every card has costs no more than one that few have. The text is planned with its values: which index is right depends on them.
create function search_strategies(words text, languages text[], filters tsquery, of_status text, most_minutes int,
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
          select s.id, $14 * 10000000 + s.helpfulness from public.strategies s
          where s.organization_id = (select public.current_organization()) and s.status = $4
            and ($1 is null or s.document @@ $1) and ($2 is null or not s.document @@ $2) and ($3 is null or s.document @@ $3)
            and ($5 is null or s.minutes <= $5)
            and public.strategy_is_readable(s.visibility, s.status, s.group_id, s.created_by_staff_id, s.created_by_key_id, $6, $7, $8, $9)
            and ($10 is null or (s.helpfulness, s.id) < ($10 - $14 * 10000000, $11))
          order by s.helpfulness desc, s.id desc limit $12 - $13 $query$
          using wanted, nearer, filters, of_status, most_minutes, asker_staff, asker_key, moderates, groups, after_score, after_id,
            most, most - remaining, tier;
        get diagnostics found_in_tier = row_count;
        remaining := remaining - found_in_tier;
        if remaining <= 0 then return; end if;
      end if;
      nearer := wanted;
    end loop;
  end $function$;
--> statement-breakpoint
-- Words with the ones that no card has replaced by those most like them; null where there are none. Words stay when their card
-- goes: those that no card that everybody here reads has by now are passed over.
create function corrected_words(words text, languages text[]) returns text
  language sql stable security definer set search_path = pg_catalog, public set pg_trgm.similarity_threshold = 0.3
  as $$
    select case when bool_and(c.word is not null) then string_agg(c.word, ' ' order by g.place) end
    from unnest(public.search_words('simple', words, true)) with ordinality g (word, place)
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
        order by place limit 10) n
      where exists (select from public.strategies s
        where s.organization_id = public.current_organization() and s.status = 'published' and s.visibility in ('organization', 'public')
          and s.document @@ public.strategy_query(n.word, languages, 'c'))
      order by n.place limit 1) c on true
  $$;
--> statement-breakpoint
-- Which card a link leads to, before the organization is known: one row, or none for a link that is unknown, revoked or over.
create function find_share_link(hash bytea) returns table (organization_id uuid, strategy_id uuid)
  language sql stable security definer set search_path = pg_catalog, public
  as $$
    select l.organization_id, l.strategy_id from public.strategy_share_links l
    where l.secret_hash = hash and l.revoked_at is null and l.expires_at > now()
  $$;
--> statement-breakpoint
grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
alter function search_strategies(text, text[], tsquery, text, int, uuid, uuid, boolean, uuid[], int, uuid, int) owner to circlekeeper_functions;
--> statement-breakpoint
alter function corrected_words(text, text[]) owner to circlekeeper_functions;
--> statement-breakpoint
alter function find_share_link(bytea) owner to circlekeeper_functions;
--> statement-breakpoint
revoke create on schema public from circlekeeper_functions;
--> statement-breakpoint
do $$
begin
  execute 'set local role circlekeeper_functions';
  revoke execute on function search_strategies(text, text[], tsquery, text, int, uuid, uuid, boolean, uuid[], int, uuid, int),
    corrected_words(text, text[]), find_share_link(bytea) from public;
  grant execute on function search_strategies(text, text[], tsquery, text, int, uuid, uuid, boolean, uuid[], int, uuid, int),
    corrected_words(text, text[]), find_share_link(bytea) to circlekeeper_app;
  execute 'reset role';
end $$;
--> statement-breakpoint
-- A setting that every organization has from now on, and the new scopes for the keys that could do all there was. The owner
-- sees no row of its own tables while row-level security is forced.
alter table organizations no force row level security;
--> statement-breakpoint
update organizations set settings = settings || '{"publish_strategies_at_once": false}' where not settings ? 'publish_strategies_at_once';
--> statement-breakpoint
alter table organizations force row level security;
--> statement-breakpoint
alter table api_keys no force row level security;
--> statement-breakpoint
update api_keys set scopes = scopes || '{strategies:read,strategies:write,strategies:moderate}'
where scopes @> '{organization:read,organization:write,staff:read,staff:write,api_keys:read,api_keys:write,groups:read,groups:write,people:read,people:write,memberships:read,memberships:write,sessions:read,sessions:write,attendance:read,attendance:write,imports:read,imports:write}';
--> statement-breakpoint
alter table api_keys force row level security;
