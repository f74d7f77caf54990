grant create on schema public to circlekeeper_functions;
--> statement-breakpoint
set local role circlekeeper_functions;
--> statement-breakpoint
-- Where a capacity is soft, whoever comes is let in: those who wait are offered seats as well.
create or replace function groups_with_seats(most int) returns table (organization_id uuid, group_id uuid)
  language sql stable security definer set search_path = pg_catalog, public
  as $$
    select g.organization_id, g.id
    from (select distinct w.organization_id, w.group_id from public.memberships w where w.stage = 'waitlisted' and w.place is not null) w
    join public.groups g on g.organization_id = w.organization_id and g.id = w.group_id
    where g.archived_at is null and g.status <> 'closed' and (g.capacity is null or g.capacity_rule = 'soft' or g.capacity > (
      select count(*) from public.memberships m
      where m.organization_id = g.organization_id and m.group_id = g.id
        and (m.stage = 'member' and (m.left_on is null or m.left_on > public.local_date(g.time_zone, now()))
          or m.stage = 'offered' and m.offer_expires_at > now())))
    order by g.organization_id, g.id limit most
  $$;
--> statement-breakpoint
reset role;
--> statement-breakpoint
revoke create on schema public from circlekeeper_functions;
--> statement-breakpoint
-- A roster carries names, and so does a sheet. Sessions in one order, so that of two who are renamed at once neither waits for the other.
create function stamp_named() returns trigger language plpgsql as $$
  begin
    update memberships m set changed_by = pg_current_xact_id()
    where m.organization_id = new.organization_id and m.person_id = new.id;
    with held as materialized (
      select s.id from sessions s
      where s.organization_id = new.organization_id and s.id in (
        select a.session_id from attendance a where a.organization_id = new.organization_id and a.person_id = new.id)
      order by s.id for no key update)
    update sessions s set changed_by = pg_current_xact_id()
    from held where s.organization_id = new.organization_id and s.id = held.id;
    return null;
  end $$;
--> statement-breakpoint
revoke execute on function stamp_named() from public;
--> statement-breakpoint
drop trigger stamp_memberships on people;
--> statement-breakpoint
drop function stamp_memberships();
--> statement-breakpoint
create trigger stamp_named after update of display_name on people for each row
  when (old.display_name is distinct from new.display_name) execute function stamp_named();
