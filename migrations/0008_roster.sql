CREATE TABLE "membership_absences" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"membership_id" uuid NOT NULL,
	"from_on" date NOT NULL,
	"until_on" date,
	"withdrawn_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "membership_absences_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "membership_absences_order" CHECK ("membership_absences"."until_on" >= "membership_absences"."from_on")
);
--> statement-breakpoint
CREATE TABLE "attendance_submissions" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"base_version" integer NOT NULL,
	"outcome" text NOT NULL,
	"version" integer NOT NULL,
	"resolved_version" integer,
	"occurred_at" timestamp(3) with time zone NOT NULL,
	"clock_off" boolean NOT NULL,
	"submitted_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"submitted_by_key" uuid,
	"submitted_by_staff" uuid,
	"reason" text,
	"anonymous_count" integer NOT NULL,
	"rows" jsonb NOT NULL,
	CONSTRAINT "attendance_submissions_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "attendance_submissions_outcome" CHECK ("attendance_submissions"."outcome" in ('stored', 'merged', 'unchanged', 'conflict')),
	CONSTRAINT "attendance_submissions_resolved" CHECK ("attendance_submissions"."resolved_version" is null or "attendance_submissions"."outcome" = 'conflict')
);
--> statement-breakpoint
CREATE TABLE "removed_sessions" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"group_id" uuid NOT NULL,
	"changed_by" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "removed_sessions_pkey" PRIMARY KEY("organization_id","id")
);
--> statement-breakpoint
CREATE TABLE "session_rsvps" (
	"organization_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"answer" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "session_rsvps_pkey" PRIMARY KEY("organization_id","session_id","person_id"),
	CONSTRAINT "session_rsvps_answer" CHECK ("session_rsvps"."answer" in ('yes', 'no', 'maybe'))
);
--> statement-breakpoint
ALTER TABLE "sessions" DROP CONSTRAINT "sessions_held_has_sheet";--> statement-breakpoint
ALTER TABLE "memberships" ALTER COLUMN "joined_on" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "groups" ADD COLUMN "capacity_rule" text DEFAULT 'hard' NOT NULL;--> statement-breakpoint
ALTER TABLE "groups" ADD COLUMN "changed_by" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "stage" text DEFAULT 'member' NOT NULL;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "place" integer;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "offer_expires_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "message_sealed" "bytea";--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "not_joined_reason" text;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "over_capacity" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "changed_by" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "attendance" ADD COLUMN "expected" text;--> statement-breakpoint
ALTER TABLE "attendance_versions" ADD COLUMN "kind" text DEFAULT 'put' NOT NULL;--> statement-breakpoint
ALTER TABLE "attendance_versions" ADD COLUMN "reason" text;--> statement-breakpoint
ALTER TABLE "attendance_versions" ADD COLUMN "occurred_at" timestamp(3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "attendance_versions" ADD COLUMN "clock_off" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "locks_at" timestamp(3) with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "not_recorded_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "changed_by" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
-- What there is becomes what it means now. The owner sees no row of its own tables while row-level security is forced.
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['organizations', 'api_keys', 'groups', 'memberships', 'people', 'sessions', 'attendance', 'attendance_versions'] loop
    execute format('alter table %I no force row level security', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
update organizations set settings = '{"sheet_grace_hours": 168, "offer_hours": 48}' || settings;
--> statement-breakpoint
-- Nobody was refused for want of a seat so far.
update groups set capacity_rule = 'soft' where capacity is not null;
--> statement-breakpoint
update attendance_versions set occurred_at = submitted_at;
--> statement-breakpoint
update attendance set expected = 'yes' where kind = 'roster';
--> statement-breakpoint
-- The roster of each sheet, as it was answered until now: who belonged to the group that day and was left out, is not recorded.
insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, status, expected)
select s.organization_id, gen_random_uuid(), s.id, s.group_id, s.starts_at,
  500 + row_number() over (partition by s.organization_id, s.id order by m.person_id), 'roster', m.person_id, 'not_recorded', 'yes'
from sessions s join memberships m on m.organization_id = s.organization_id and m.group_id = s.group_id
  and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date)
where s.sheet_version > 0
on conflict (organization_id, session_id, person_id) do nothing;
--> statement-breakpoint
update sessions s set locks_at = s.submitted_at + interval '168 hours',
  not_recorded_count = (select count(*) from attendance a
    where a.organization_id = s.organization_id and a.session_id = s.id and a.status = 'not_recorded')
where s.sheet_version > 0;
--> statement-breakpoint
-- Coordinators correct what is locked.
update api_keys set scopes = scopes || '{attendance:correct}'
where scopes @> '{groups:write,people:write,memberships:write,sessions:write,attendance:write,imports:write,strategies:moderate}';
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['organizations', 'api_keys', 'groups', 'memberships', 'people', 'sessions', 'attendance', 'attendance_versions'] loop
    execute format('alter table %I force row level security', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
ALTER TABLE "membership_absences" ADD CONSTRAINT "membership_absences_membership" FOREIGN KEY ("organization_id","membership_id") REFERENCES "public"."memberships"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attendance_submissions" ADD CONSTRAINT "attendance_submissions_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_rsvps" ADD CONSTRAINT "session_rsvps_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_rsvps" ADD CONSTRAINT "session_rsvps_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "membership_absences_of_membership" ON "membership_absences" USING btree ("organization_id","membership_id","from_on","id");--> statement-breakpoint
CREATE INDEX "attendance_submissions_of_session" ON "attendance_submissions" USING btree ("organization_id","session_id","id");--> statement-breakpoint
CREATE INDEX "attendance_submissions_to_decide" ON "attendance_submissions" USING btree ("organization_id","id") WHERE outcome = 'conflict' and resolved_version is null;--> statement-breakpoint
CREATE INDEX "removed_sessions_of_group" ON "removed_sessions" USING btree ("organization_id","group_id","changed_by");--> statement-breakpoint
CREATE INDEX "session_rsvps_of_person" ON "session_rsvps" USING btree ("organization_id","person_id");--> statement-breakpoint
CREATE UNIQUE INDEX "memberships_one_request" ON "memberships" USING btree ("organization_id","group_id","person_id") WHERE stage in ('requested', 'waitlisted', 'offered');--> statement-breakpoint
CREATE UNIQUE INDEX "memberships_in_line" ON "memberships" USING btree ("organization_id","group_id","place") WHERE place is not null;--> statement-breakpoint
ALTER TABLE "groups" ADD CONSTRAINT "groups_capacity_rule" CHECK ("groups"."capacity_rule" in ('hard', 'soft'));--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_stage" CHECK ("memberships"."stage" in ('requested', 'waitlisted', 'offered', 'member', 'not_joined'));--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_not_joined_reason" CHECK ("memberships"."not_joined_reason" in ('refused', 'declined', 'expired', 'withdrawn'));--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_members_have_days" CHECK (("memberships"."stage" = 'member') = ("memberships"."joined_on" is not null));--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_who_waits_has_a_place" CHECK ("memberships"."stage" <> 'waitlisted' or "memberships"."place" is not null);--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_offers_end" CHECK (("memberships"."stage" = 'offered') = ("memberships"."offer_expires_at" is not null));--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_not_joined" CHECK (("memberships"."stage" = 'not_joined') = ("memberships"."not_joined_reason" is not null));--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_only_members_leave" CHECK ("memberships"."left_on" is null or "memberships"."stage" = 'member');--> statement-breakpoint
ALTER TABLE "attendance" ADD CONSTRAINT "attendance_expected" CHECK ("attendance"."expected" in ('yes', 'no', 'maybe'));--> statement-breakpoint
ALTER TABLE "attendance" ADD CONSTRAINT "attendance_expects_the_roster" CHECK (("attendance"."kind" = 'roster') = ("attendance"."expected" is not null));--> statement-breakpoint
ALTER TABLE "attendance_versions" ADD CONSTRAINT "attendance_versions_kind" CHECK ("attendance_versions"."kind" in ('put', 'withdrawn'));--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_sheets_lock" CHECK (("sessions"."submitted_at" is null) = ("sessions"."locks_at" is null));--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_held_has_sheet" CHECK (("sessions"."outcome" = 'held') = ("sessions"."submitted_at" is not null));
--> statement-breakpoint
alter table memberships drop constraint memberships_one_at_a_time;
--> statement-breakpoint
alter table memberships add constraint memberships_one_at_a_time exclude using gist (
  organization_id with =, group_id with =, person_id with =, daterange(joined_on, left_on, '[]') with &&) where (joined_on is not null);
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['membership_absences', 'session_rsvps', 'attendance_submissions', 'removed_sessions'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format('create policy tenant on %I to circlekeeper_app
      using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
grant select, insert, update on membership_absences, session_rsvps to circlekeeper_app;
--> statement-breakpoint
grant select, insert, update (resolved_version) on attendance_submissions to circlekeeper_app;
--> statement-breakpoint
grant select, insert on removed_sessions to circlekeeper_app;
--> statement-breakpoint
-- Which transaction wrote a row last: whoever asks what changed since they looked can tell what was still under way then.
create function stamp_change() returns trigger language plpgsql as $$
  begin
    new.changed_by := pg_current_xact_id();
    return new;
  end $$;
--> statement-breakpoint
create trigger stamp_change before update on groups for each row execute function stamp_change();
--> statement-breakpoint
create trigger stamp_change before update on memberships for each row execute function stamp_change();
--> statement-breakpoint
create trigger stamp_change before update on sessions for each row execute function stamp_change();
--> statement-breakpoint
-- A roster carries names.
create function stamp_memberships() returns trigger language plpgsql as $$
  begin
    update memberships m set changed_by = pg_current_xact_id()
    where m.organization_id = new.organization_id and m.person_id = new.id;
    return null;
  end $$;
--> statement-breakpoint
create trigger stamp_memberships after update of display_name on people for each row
  when (old.display_name is distinct from new.display_name) execute function stamp_memberships();
--> statement-breakpoint
-- A session meets as its group does, unless it has its own way.
create function stamp_coming_sessions() returns trigger language plpgsql as $$
  begin
    update sessions s set changed_by = pg_current_xact_id()
    where s.organization_id = new.organization_id and s.group_id = new.id and s.starts_at > now() - interval '60 days' and s.mode is null;
    return null;
  end $$;
--> statement-breakpoint
create trigger stamp_coming_sessions after update of mode on groups for each row
  when (old.mode is distinct from new.mode) execute function stamp_coming_sessions();
--> statement-breakpoint
create function keep_removed_session() returns trigger language plpgsql as $$
  begin
    insert into removed_sessions (organization_id, id, group_id) values (old.organization_id, old.id, old.group_id);
    return null;
  end $$;
--> statement-breakpoint
create trigger keep_removed_session after delete on sessions for each row execute function keep_removed_session();
--> statement-breakpoint
revoke execute on function stamp_change(), stamp_memberships(), stamp_coming_sessions(), keep_removed_session() from public;
--> statement-breakpoint
create policy reviewed_functions on groups for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on memberships for select to circlekeeper_functions using (true);
--> statement-breakpoint
grant select on groups, memberships to circlekeeper_functions;
--> statement-breakpoint
grant execute on function local_date(text, timestamptz) to circlekeeper_functions;
--> statement-breakpoint
-- Groups where somebody waits and a seat is free: for the job that offers them, organization by organization. Whose last day has
-- come, leaves a seat; who is offered one, holds it until the offer ends.
create function groups_with_seats(most int) returns table (organization_id uuid, group_id uuid)
  language sql stable security definer set search_path = pg_catalog, public
  as $$
    select g.organization_id, g.id
    from (select distinct w.organization_id, w.group_id from public.memberships w where w.stage = 'waitlisted' and w.place is not null) w
    join public.groups g on g.organization_id = w.organization_id and g.id = w.group_id
    where g.archived_at is null and g.status <> 'closed' and (g.capacity is null or g.capacity > (
      select count(*) from public.memberships m
      where m.organization_id = g.organization_id and m.group_id = g.id
        and (m.stage = 'member' and (m.left_on is null or m.left_on > public.local_date(g.time_zone, now()))
          or m.stage = 'offered' and m.offer_expires_at > now())))
    order by g.organization_id, g.id limit most
  $$;
--> statement-breakpoint
grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
alter function groups_with_seats(int) owner to circlekeeper_functions;
--> statement-breakpoint
revoke create on schema public from circlekeeper_functions;
--> statement-breakpoint
do $$
begin
  execute 'set local role circlekeeper_functions';
  revoke execute on function groups_with_seats(int) from public;
  grant execute on function groups_with_seats(int) to circlekeeper_app;
  execute 'reset role';
end $$;
