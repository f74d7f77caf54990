-- What a person keeps of the strategies: a toolbox, a log of practice, and reminders.

CREATE TABLE "practice_reminders" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"starts_on" date NOT NULL,
	"time" text NOT NULL,
	"time_zone" text NOT NULL,
	"rrule" text NOT NULL,
	"ended_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "practice_reminders_pkey" PRIMARY KEY("organization_id","id")
);
--> statement-breakpoint
CREATE TABLE "practices" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"practiced_at" timestamp(3) with time zone NOT NULL,
	"rating" integer,
	"voided_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "practices_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "practices_rating" CHECK ("practices"."rating" between 1 and 5)
);
--> statement-breakpoint
CREATE TABLE "toolbox_cards" (
	"organization_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"strategy_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"added_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "toolbox_cards_pkey" PRIMARY KEY("organization_id","person_id","strategy_id")
);
--> statement-breakpoint
ALTER TABLE "practice_reminders" ADD CONSTRAINT "practice_reminders_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "practice_reminders" ADD CONSTRAINT "practice_reminders_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "practices" ADD CONSTRAINT "practices_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "practices" ADD CONSTRAINT "practices_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "toolbox_cards" ADD CONSTRAINT "toolbox_cards_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "toolbox_cards" ADD CONSTRAINT "toolbox_cards_strategy" FOREIGN KEY ("organization_id","strategy_id") REFERENCES "public"."strategies"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "practice_reminders_of_person" ON "practice_reminders" USING btree ("organization_id","person_id","id");--> statement-breakpoint
CREATE INDEX "practices_of_person" ON "practices" USING btree ("organization_id","person_id","practiced_at","id") WHERE voided_at is null;
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['toolbox_cards', 'practices', 'practice_reminders'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format('create policy tenant on %I to circlekeeper_app
      using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', tenant_table);
  end loop;
end $$;
--> statement-breakpoint
grant select, insert, update on practices, practice_reminders to circlekeeper_app;
--> statement-breakpoint
grant select, insert, update, delete on toolbox_cards to circlekeeper_app;
--> statement-breakpoint
-- The new scopes, for the keys that could do all there was. The owner sees no row of its own tables while row-level security
-- is forced.
alter table api_keys no force row level security;
--> statement-breakpoint
update api_keys set scopes = scopes || '{toolbox:read,toolbox:write}'
where scopes @> '{organization:read,organization:write,staff:read,staff:write,api_keys:read,api_keys:write,groups:read,groups:write,people:read,people:write,memberships:read,memberships:write,sessions:read,sessions:write,attendance:read,attendance:write,imports:read,imports:write,strategies:read,strategies:write,strategies:moderate}';
--> statement-breakpoint
alter table api_keys force row level security;
