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
  foreach tenant_table in array array['sessions', 'attendance', 'people', 'staff'] loop
    execute format('alter table %I no force row level security', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
-- The ids are of version 7, as everywhere: from the instant of the sheet on, so that older notes are told before newer ones. Who put
-- the sheet as it stands is who wrote its notes, as far as anybody can tell. A note about somebody who is only a name stays in the
-- versions of its sheet alone: they are as they were written. The column stays for instances of the release before, which may still be
-- running; the release after this one drops it.
insert into attendance_notes (organization_id, id, session_id, person_id, written_by_staff_id, text_plain, created_at, updated_at)
select a.organization_id,
  (lpad(to_hex((extract(epoch from s.submitted_at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid,
  a.session_id, a.person_id, s.submitted_by_staff, a.note, s.submitted_at, s.submitted_at
from attendance a join sessions s on s.organization_id = a.organization_id and s.id = a.session_id
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
  foreach tenant_table in array array['sessions', 'attendance', 'people', 'staff'] loop
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
