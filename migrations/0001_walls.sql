-- What drizzle-kit cannot draw: exclusion constraints, the roles, row-level security and the reviewed functions.

-- Equality of uuid inside a GiST index; a trusted extension, so the owner of a database may create it.
create extension if not exists btree_gist;
--> statement-breakpoint
-- Overlapping episodes are refused: the last day counts.
alter table memberships add constraint memberships_one_at_a_time exclude using gist (
  organization_id with =, group_id with =, person_id with =, daterange(joined_on, left_on, '[]') with &&);
--> statement-breakpoint
-- One assignment of a member of staff to a group at a time; the end is not included.
alter table group_facilitators add constraint group_facilitators_one_at_a_time exclude using gist (
  organization_id with =, group_id with =, staff_id with =, tstzrange(starts_at, ends_at) with &&);
--> statement-breakpoint
-- circlekeeper_app: what the service runs as; it owns nothing and is a member of nothing.
-- circlekeeper_functions: owns the few functions that look across organizations; nobody runs as it.
-- Roles belong to the cluster: another database, migrating at this moment, may have made them (42710, 23505).
do $$
declare
  role_name text;
  may_set boolean;
begin
  foreach role_name in array array['circlekeeper_app', 'circlekeeper_functions'] loop
    begin
      execute format('create role %I nologin noinherit', role_name);
    exception when duplicate_object or unique_violation then null;
    end;
    -- From version 16 on, who may create roles must still grant themselves the right to become one.
    if current_setting('server_version_num')::int >= 160000 then
      execute format('select pg_has_role(current_user, %L, ''SET'')', role_name) into may_set;
      if not may_set then
        execute format('grant %I to current_user with set true, inherit false', role_name);
      end if;
    elsif not pg_has_role(current_user, role_name, 'MEMBER') then
      execute format('grant %I to current_user', role_name);
    end if;
  end loop;
end $$;
--> statement-breakpoint
revoke create on schema public from public;
--> statement-breakpoint
grant usage on schema public to circlekeeper_app, circlekeeper_functions;
--> statement-breakpoint
-- The organization that this transaction speaks for; null (and so no row at all) when nobody said.
-- After a transaction that set it, the setting is '' and not null.
create function current_organization() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.organization_id', true), '')::uuid $$;
--> statement-breakpoint
revoke execute on function current_organization() from public;
--> statement-breakpoint
grant execute on function current_organization() to circlekeeper_app, circlekeeper_functions;
--> statement-breakpoint
-- The calendar day somewhere. A zone that this server's tzdata lacks (packages without the old links) counts as UTC.
-- Parallel unsafe: a block with an exception handler is a subtransaction, which a parallel plan refuses.
create function local_date(zone text, at timestamptz) returns date language plpgsql stable parallel unsafe
  as $$
  begin
    return (at at time zone zone)::date;
  exception when invalid_parameter_value then
    return (at at time zone 'UTC')::date;
  end $$;
--> statement-breakpoint
revoke execute on function local_date(text, timestamptz) from public;
--> statement-breakpoint
grant execute on function local_date(text, timestamptz) to circlekeeper_app;
--> statement-breakpoint
-- The wall: the same policy for every table of a tenant, forced, so that it holds for the owner too.
-- (select …) makes it an InitPlan: once per statement instead of once per row.
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['staff', 'api_keys', 'people', 'person_external_ids', 'groups', 'group_facilitators',
    'memberships', 'series', 'sessions', 'attendance', 'attendance_versions', 'audit_entries', 'outbox_events', 'idempotency_keys'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format('create policy tenant on %I to circlekeeper_app
      using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
alter table organizations enable row level security;
--> statement-breakpoint
alter table organizations force row level security;
--> statement-breakpoint
create policy tenant on organizations to circlekeeper_app
  using (id = (select current_organization())) with check (id = (select current_organization()));
--> statement-breakpoint
grant select, insert, update on organizations, staff, api_keys, people, groups, group_facilitators, memberships, series to circlekeeper_app;
--> statement-breakpoint
grant select, insert, update, delete on sessions, attendance, person_external_ids, idempotency_keys to circlekeeper_app;
--> statement-breakpoint
-- What was done is added to and read, never changed.
grant select, insert on attendance_versions, audit_entries, outbox_events, encryption_keys to circlekeeper_app;
--> statement-breakpoint
-- Readiness asks whether the last migration is there.
grant select on schema_migrations to circlekeeper_app;
--> statement-breakpoint
-- What the reviewed functions may see, and what they may purge.
create policy reviewed_functions on organizations for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on staff for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on api_keys for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on series for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on audit_entries for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on outbox_events for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_functions on idempotency_keys for select to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_purge on audit_entries for delete to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_purge on outbox_events for delete to circlekeeper_functions using (true);
--> statement-breakpoint
create policy reviewed_purge on idempotency_keys for delete to circlekeeper_functions using (true);
--> statement-breakpoint
grant select on organizations, staff, api_keys, series to circlekeeper_functions;
--> statement-breakpoint
grant select, delete on audit_entries, outbox_events, idempotency_keys to circlekeeper_functions;
--> statement-breakpoint
-- Who a key speaks for, before the organization is known: one row, or none for a key that is unknown, revoked,
-- expired or of a member of staff who was deactivated.
create function find_api_key(hash bytea)
  returns table (organization_id uuid, api_key_id uuid, name text, scopes text[], expires_at timestamptz, staff_id uuid, role text)
  language sql stable security definer set search_path = pg_catalog, public
  as $$
    select k.organization_id, k.id, k.name, k.scopes, k.expires_at, k.staff_id, coalesce(s.role, 'admin')
    from public.api_keys k left join public.staff s on s.organization_id = k.organization_id and s.id = k.staff_id
    where k.secret_hash = hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
      and s.deactivated_at is null
  $$;
--> statement-breakpoint
-- Every organization, for the commands of whoever runs the service.
create function list_organizations() returns table (id uuid, name text, slug text, created_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, public
  as $$ select o.id, o.name, o.slug, o.created_at from public.organizations o order by o.created_at, o.id $$;
--> statement-breakpoint
-- Series whose sessions do not yet exist up to the given day: for the job that extends them, organization by organization.
create function series_to_extend(until date, most int) returns table (organization_id uuid, series_id uuid)
  language sql stable security definer set search_path = pg_catalog, public
  as $$
    select s.organization_id, s.id from public.series s
    where (s.ends_on is null or s.ends_on >= s.extended_until) and s.extended_until < until
    order by s.extended_until, s.organization_id, s.id limit most
  $$;
--> statement-breakpoint
-- Deletes what is older than its keeping time, at most 10,000 rows of each at once; answers how many.
create function purge_expired(audit_days int, outbox_days int, idempotency_hours int) returns int
  language plpgsql security definer set search_path = pg_catalog, public
  as $$
  declare
    gone int;
    total int := 0;
  begin
    delete from public.audit_entries a using (select e.organization_id, e.id from public.audit_entries e
      where e.at < now() - make_interval(days => audit_days) limit 10000) old
      where a.organization_id = old.organization_id and a.id = old.id;
    get diagnostics gone = row_count;
    total := total + gone;
    delete from public.outbox_events a using (select e.organization_id, e.id from public.outbox_events e
      where e.at < now() - make_interval(days => outbox_days) limit 10000) old
      where a.organization_id = old.organization_id and a.id = old.id;
    get diagnostics gone = row_count;
    total := total + gone;
    delete from public.idempotency_keys a using (select e.organization_id, e.api_key_id, e.key from public.idempotency_keys e
      where e.created_at < now() - make_interval(hours => idempotency_hours) limit 10000) old
      where a.organization_id = old.organization_id and a.api_key_id = old.api_key_id and a.key = old.key;
    get diagnostics gone = row_count;
    return total + gone;
  end $$;
--> statement-breakpoint
-- To hand a function over, the new owner must be able to create in the schema: only for this moment.
grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
alter function find_api_key(bytea) owner to circlekeeper_functions;
--> statement-breakpoint
alter function list_organizations() owner to circlekeeper_functions;
--> statement-breakpoint
alter function series_to_extend(date, int) owner to circlekeeper_functions;
--> statement-breakpoint
alter function purge_expired(int, int, int) owner to circlekeeper_functions;
--> statement-breakpoint
revoke create on schema public from circlekeeper_functions;
--> statement-breakpoint
do $$
begin
  execute 'set local role circlekeeper_functions';
  revoke execute on function find_api_key(bytea), list_organizations(), series_to_extend(date, int), purge_expired(int, int, int) from public;
  grant execute on function find_api_key(bytea), list_organizations(), series_to_extend(date, int), purge_expired(int, int, int) to circlekeeper_app;
  execute 'reset role';
end $$;
