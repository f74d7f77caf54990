CREATE TABLE "notes" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"written_by_staff_id" uuid NOT NULL,
	"text_sealed" "bytea" NOT NULL,
	"for_handover" boolean NOT NULL,
	"follow_up" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "notes_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "notes_follow_up" CHECK ("notes"."follow_up" in ('open', 'done'))
);
--> statement-breakpoint
CREATE TABLE "session_facilitators" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"staff_id" uuid NOT NULL,
	"role" text NOT NULL,
	"replaces_staff_id" uuid,
	"withdrawn_at" timestamp(3) with time zone,
	"access_ends_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "session_facilitators_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "session_facilitators_role" CHECK ("session_facilitators"."role" in ('substitute', 'co_facilitator')),
	CONSTRAINT "session_facilitators_replaces" CHECK ("session_facilitators"."replaces_staff_id" is null or "session_facilitators"."role" = 'substitute'),
	CONSTRAINT "session_facilitators_another" CHECK ("session_facilitators"."replaces_staff_id" <> "session_facilitators"."staff_id")
);
--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notes" ADD CONSTRAINT "notes_written_by" FOREIGN KEY ("organization_id","written_by_staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_facilitators" ADD CONSTRAINT "session_facilitators_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_facilitators" ADD CONSTRAINT "session_facilitators_staff" FOREIGN KEY ("organization_id","staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "session_facilitators" ADD CONSTRAINT "session_facilitators_replaced" FOREIGN KEY ("organization_id","replaces_staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "notes_of_session" ON "notes" USING btree ("organization_id","session_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "session_facilitators_once" ON "session_facilitators" USING btree ("organization_id","session_id","staff_id") WHERE withdrawn_at is null;--> statement-breakpoint
CREATE INDEX "session_facilitators_of_staff" ON "session_facilitators" USING btree ("organization_id","staff_id","session_id");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['session_facilitators', 'notes'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format('create policy tenant on %I to circlekeeper_app
      using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
grant select, insert, update on session_facilitators, notes to circlekeeper_app;
--> statement-breakpoint
-- The new scopes, for the keys of members of staff that could do all that is a facilitator's. The owner sees no row of its own
-- tables while row-level security is forced.
alter table api_keys no force row level security;
--> statement-breakpoint
update api_keys set scopes = scopes || '{notes:read,notes:write,handover:read}'
where staff_id is not null and scopes @> '{groups:read,people:read,people:write,memberships:read,memberships:write,sessions:read,sessions:write,attendance:read,attendance:write,strategies:read,strategies:write,toolbox:read,toolbox:write}';
--> statement-breakpoint
alter table api_keys force row level security;
