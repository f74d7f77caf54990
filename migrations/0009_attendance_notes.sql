CREATE TABLE "attendance_notes" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"written_by_staff_id" uuid,
	"text_sealed" "bytea",
	"text_plain" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "attendance_notes_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "attendance_notes_one_each" UNIQUE NULLS NOT DISTINCT("organization_id","session_id","person_id","written_by_staff_id"),
	CONSTRAINT "attendance_notes_one_text" CHECK (("attendance_notes"."text_sealed" is null) <> ("attendance_notes"."text_plain" is null)),
	CONSTRAINT "attendance_notes_somebodys" CHECK ("attendance_notes"."written_by_staff_id" is not null or "attendance_notes"."text_plain" is not null)
);
--> statement-breakpoint
-- Notes leave the sheets, which keys without a member of staff read as well. The owner sees no row of its own tables while row-level
-- security is forced; people and staff are only looked up, by the foreign keys below.
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['sessions', 'attendance', 'attendance_versions', 'people', 'staff'] loop
    execute format('alter table %I no force row level security', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
-- Whose note it is: of whoever put the first of the versions that have it as it stands, one after the other; others sent it back with
-- the sheet. The ids are of version 7, as everywhere: from that instant on, so that older notes are told before newer ones. A note
-- about somebody who is only a name stays in the versions of its sheet alone: they are as they were written.
insert into attendance_notes (organization_id, id, session_id, person_id, written_by_staff_id, text_plain, created_at, updated_at)
select a.organization_id,
  (lpad(to_hex((extract(epoch from f.written_at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
  a.session_id, a.person_id, f.staff_id, a.note, f.written_at, f.written_at
from attendance a
join sessions s on s.organization_id = a.organization_id and s.id = a.session_id
left join lateral (
  select v.submitted_by_staff, v.submitted_at
  from (
    select w.version, w.submitted_by_staff, w.submitted_at,
      bool_and(exists (select from jsonb_to_recordset(w.rows) r (person_id uuid, note text) where r.person_id = a.person_id and r.note = a.note))
        over (order by w.version desc) as stands
    from attendance_versions w
    where w.organization_id = a.organization_id and w.session_id = a.session_id) v
  where v.stands
  order by v.version limit 1) first on true
cross join lateral (
  select case when first.submitted_at is null then s.submitted_by_staff else first.submitted_by_staff end as staff_id,
    coalesce(first.submitted_at, s.submitted_at) as written_at) f
where a.note is not null and a.person_id is not null;
--> statement-breakpoint
ALTER TABLE "attendance_notes" ADD CONSTRAINT "attendance_notes_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attendance_notes" ADD CONSTRAINT "attendance_notes_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attendance_notes" ADD CONSTRAINT "attendance_notes_written_by" FOREIGN KEY ("organization_id","written_by_staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "attendance_notes_of_session" ON "attendance_notes" USING btree ("organization_id","session_id","id");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['sessions', 'attendance', 'attendance_versions', 'people', 'staff'] loop
    execute format('alter table %I force row level security', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
alter table attendance_notes enable row level security;
--> statement-breakpoint
alter table attendance_notes force row level security;
--> statement-breakpoint
create policy tenant on attendance_notes to circlekeeper_app
  using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
--> statement-breakpoint
-- Whose note it is, and about whom, never changes.
grant select, insert, delete, update (text_sealed, text_plain, version, updated_at) on attendance_notes to circlekeeper_app;
--> statement-breakpoint
-- The column stays for instances of the release before, which may still be running: what they write is moved as well, once the sheet
-- that it came with is written. The release after this one drops it, with this.
create function keep_sheet_note() returns trigger language plpgsql as $$
  begin
    insert into attendance_notes (organization_id, id, session_id, person_id, written_by_staff_id, text_plain)
    select s.organization_id,
      (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
      s.id, new.person_id, s.submitted_by_staff, new.note
    from sessions s where s.organization_id = new.organization_id and s.id = new.session_id
    on conflict on constraint attendance_notes_one_each do update
      set text_plain = excluded.text_plain, text_sealed = null, version = attendance_notes.version + 1, updated_at = now();
    return null;
  end $$;
--> statement-breakpoint
revoke execute on function keep_sheet_note() from public;
--> statement-breakpoint
create constraint trigger keep_new_note after insert on attendance deferrable initially deferred for each row
  when (new.note is not null and new.person_id is not null) execute function keep_sheet_note();
--> statement-breakpoint
create constraint trigger keep_changed_note after update of note on attendance deferrable initially deferred for each row
  when (new.note is distinct from old.note and new.note is not null and new.person_id is not null) execute function keep_sheet_note();
