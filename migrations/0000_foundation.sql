-- The tables of the foundation. Every tenant table carries organization_id in its primary key and in every foreign key,
-- so that no row can point into another organization. Folded names compare by bytes, or prefix search could not use its index.

CREATE TABLE "api_keys" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"scopes" text[] NOT NULL,
	"staff_id" uuid,
	"expires_at" timestamp(3) with time zone,
	"revoked_at" timestamp(3) with time zone,
	"last_used_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_keys_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "api_keys_secret_hash" CHECK (length("api_keys"."secret_hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "staff" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"display_name" text NOT NULL,
	"email" text,
	"role" text NOT NULL,
	"deactivated_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "staff_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "staff_role" CHECK ("staff"."role" in ('admin', 'coordinator', 'facilitator', 'observer'))
);
--> statement-breakpoint
CREATE TABLE "audit_entries" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"api_key_id" uuid,
	"staff_id" uuid,
	"operation" text NOT NULL,
	"object_type" text NOT NULL,
	"object_id" uuid NOT NULL,
	"request_id" text NOT NULL,
	CONSTRAINT "audit_entries_pkey" PRIMARY KEY("organization_id","id")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"organization_id" uuid NOT NULL,
	"api_key_id" uuid NOT NULL,
	"key" text NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"status" integer,
	"answer_sealed" "bytea",
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("organization_id","api_key_id","key")
);
--> statement-breakpoint
CREATE TABLE "outbox_events" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"type" text NOT NULL,
	"object_type" text NOT NULL,
	"object_id" uuid NOT NULL,
	"object_version" integer NOT NULL,
	CONSTRAINT "outbox_events_pkey" PRIMARY KEY("organization_id","id")
);
--> statement-breakpoint
CREATE TABLE "group_facilitators" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"group_id" uuid NOT NULL,
	"staff_id" uuid NOT NULL,
	"role" text NOT NULL,
	"starts_at" timestamp(3) with time zone NOT NULL,
	"ends_at" timestamp(3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "group_facilitators_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "group_facilitators_role" CHECK ("group_facilitators"."role" in ('facilitator', 'co_facilitator')),
	CONSTRAINT "group_facilitators_order" CHECK ("group_facilitators"."ends_at" >= "group_facilitators"."starts_at")
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"slug" text NOT NULL,
	"description" text,
	"topics" text[] NOT NULL,
	"access" text NOT NULL,
	"format" text NOT NULL,
	"mode" text NOT NULL,
	"location" jsonb,
	"latitude" double precision GENERATED ALWAYS AS ((location ->> 'latitude')::double precision) STORED,
	"longitude" double precision GENERATED ALWAYS AS ((location ->> 'longitude')::double precision) STORED,
	"online_url" text,
	"online_phone" text,
	"languages" text[] NOT NULL,
	"accessibility" text[] NOT NULL,
	"audience" text[] NOT NULL,
	"capacity" integer,
	"status" text NOT NULL,
	"status_reason" text,
	"visibility" text NOT NULL,
	"time_zone" text NOT NULL,
	"archived_at" timestamp(3) with time zone,
	"search_text" text NOT NULL,
	"name_key" text COLLATE "C" NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "groups_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "groups_access" CHECK ("groups"."access" in ('open', 'closed')),
	CONSTRAINT "groups_format" CHECK ("groups"."format" in ('ongoing', 'fixed_length')),
	CONSTRAINT "groups_mode" CHECK ("groups"."mode" in ('in_person', 'online', 'hybrid')),
	CONSTRAINT "groups_status" CHECK ("groups"."status" in ('forming', 'active', 'paused', 'closed')),
	CONSTRAINT "groups_visibility" CHECK ("groups"."visibility" in ('listed', 'unlisted')),
	CONSTRAINT "groups_capacity" CHECK ("groups"."capacity" > 0),
	CONSTRAINT "groups_place" CHECK (case "groups"."mode"
        when 'in_person' then coalesce("groups"."location" ->> 'address', "groups"."location" ->> 'city') is not null
        when 'hybrid' then "groups"."location" ->> 'address' is not null and coalesce("groups"."online_url", "groups"."online_phone") is not null
        else true end)
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"group_id" uuid NOT NULL,
	"person_id" uuid NOT NULL,
	"joined_on" date NOT NULL,
	"left_on" date,
	"left_reason" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "memberships_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "memberships_left_reason" CHECK ("memberships"."left_reason" in ('feels_well', 'moved', 'schedule', 'unwell', 'found_other_support', 'not_a_fit', 'completed', 'asked_to_leave', 'unknown', 'prefers_not_to_say')),
	CONSTRAINT "memberships_order" CHECK ("memberships"."left_on" >= "memberships"."joined_on"),
	CONSTRAINT "memberships_reason_of_leaving" CHECK ("memberships"."left_reason" is null or "memberships"."left_on" is not null)
);
--> statement-breakpoint
CREATE TABLE "encryption_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"check_sealed" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"slug" text NOT NULL,
	"time_zone" text NOT NULL,
	"language" text NOT NULL,
	"settings" jsonb NOT NULL,
	"index_key_sealed" "bytea" NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "people" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"display_name" text NOT NULL,
	"name_key" text COLLATE "C" NOT NULL,
	"contact_sealed" "bytea",
	"contact_key_sealed" "bytea",
	"email_index" "bytea",
	"phone_index" "bytea",
	"created_by_staff_id" uuid,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "people_pkey" PRIMARY KEY("organization_id","id")
);
--> statement-breakpoint
CREATE TABLE "person_external_ids" (
	"organization_id" uuid NOT NULL,
	"system" text NOT NULL,
	"value" text NOT NULL,
	"person_id" uuid NOT NULL,
	CONSTRAINT "person_external_ids_one_person" PRIMARY KEY("organization_id","system","value")
);
--> statement-breakpoint
CREATE TABLE "series" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"group_id" uuid NOT NULL,
	"starts_on" date NOT NULL,
	"start_time" text NOT NULL,
	"duration_minutes" integer NOT NULL,
	"time_zone" text NOT NULL,
	"rrule" text NOT NULL,
	"topic" text,
	"mode" text,
	"ends_on" date,
	"extended_until" date NOT NULL,
	"source" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "series_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "series_with_group" UNIQUE("organization_id","group_id","id"),
	CONSTRAINT "series_mode" CHECK ("series"."mode" in ('in_person', 'online', 'hybrid')),
	CONSTRAINT "series_start_time" CHECK ("series"."start_time" ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'),
	CONSTRAINT "series_duration" CHECK ("series"."duration_minutes" between 5 and 1440)
);
--> statement-breakpoint
CREATE TABLE "attendance" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"group_id" uuid NOT NULL,
	"starts_at" timestamp(3) with time zone NOT NULL,
	"position" integer NOT NULL,
	"kind" text NOT NULL,
	"person_id" uuid,
	"display_name" text,
	"status" text NOT NULL,
	"mode" text,
	"arrived_late" boolean,
	"left_early" boolean,
	"minutes" integer,
	"first_time" boolean,
	"note" text,
	CONSTRAINT "attendance_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "attendance_kind" CHECK ("attendance"."kind" in ('roster', 'walk_in')),
	CONSTRAINT "attendance_status" CHECK ("attendance"."status" in ('not_recorded', 'present', 'absent', 'excused')),
	CONSTRAINT "attendance_mode" CHECK ("attendance"."mode" in ('in_person', 'video', 'phone')),
	CONSTRAINT "attendance_minutes" CHECK ("attendance"."minutes" between 0 and 1440),
	CONSTRAINT "attendance_somebody" CHECK (("attendance"."person_id" is null) <> ("attendance"."display_name" is null)),
	CONSTRAINT "attendance_walk_in_came" CHECK ("attendance"."kind" = 'roster' or "attendance"."status" = 'present'),
	CONSTRAINT "attendance_nameless_walks_in" CHECK ("attendance"."kind" = 'walk_in' or "attendance"."person_id" is not null)
);
--> statement-breakpoint
CREATE TABLE "attendance_versions" (
	"organization_id" uuid NOT NULL,
	"session_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"submitted_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"submitted_by_key" uuid,
	"submitted_by_staff" uuid,
	"anonymous_count" integer NOT NULL,
	"rows" jsonb NOT NULL,
	CONSTRAINT "attendance_versions_pkey" PRIMARY KEY("organization_id","session_id","version")
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"organization_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"group_id" uuid NOT NULL,
	"series_id" uuid,
	"occurs_on" date,
	"starts_at" timestamp(3) with time zone NOT NULL,
	"ends_at" timestamp(3) with time zone NOT NULL,
	"duration_minutes" integer NOT NULL,
	"local_date" date NOT NULL,
	"local_time" text NOT NULL,
	"time_zone" text NOT NULL,
	"topic" text,
	"mode" text,
	"outcome" text DEFAULT 'scheduled' NOT NULL,
	"reason" text,
	"sheet_version" integer DEFAULT 0 NOT NULL,
	"submitted_at" timestamp(3) with time zone,
	"submitted_by_key" uuid,
	"submitted_by_staff" uuid,
	"anonymous_count" integer DEFAULT 0 NOT NULL,
	"present_count" integer DEFAULT 0 NOT NULL,
	"absent_count" integer DEFAULT 0 NOT NULL,
	"excused_count" integer DEFAULT 0 NOT NULL,
	"walk_in_count" integer DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp(3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "sessions_pkey" PRIMARY KEY("organization_id","id"),
	CONSTRAINT "sessions_with_start" UNIQUE("organization_id","id","group_id","starts_at"),
	CONSTRAINT "sessions_mode" CHECK ("sessions"."mode" in ('in_person', 'online', 'hybrid')),
	CONSTRAINT "sessions_outcome" CHECK ("sessions"."outcome" in ('scheduled', 'held', 'did_not_happen', 'cancelled')),
	CONSTRAINT "sessions_held_has_sheet" CHECK (("sessions"."outcome" = 'held') = ("sessions"."sheet_version" > 0)),
	CONSTRAINT "sessions_duration" CHECK ("sessions"."duration_minutes" between 5 and 1440),
	CONSTRAINT "sessions_anonymous_count" CHECK ("sessions"."anonymous_count" >= 0),
	CONSTRAINT "sessions_occurrence" CHECK (("sessions"."series_id" is null) = ("sessions"."occurs_on" is null))
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_staff" FOREIGN KEY ("organization_id","staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff" ADD CONSTRAINT "staff_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "audit_entries" ADD CONSTRAINT "audit_entries_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox_events" ADD CONSTRAINT "outbox_events_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "group_facilitators" ADD CONSTRAINT "group_facilitators_group" FOREIGN KEY ("organization_id","group_id") REFERENCES "public"."groups"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "group_facilitators" ADD CONSTRAINT "group_facilitators_staff" FOREIGN KEY ("organization_id","staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "groups" ADD CONSTRAINT "groups_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_group" FOREIGN KEY ("organization_id","group_id") REFERENCES "public"."groups"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "people" ADD CONSTRAINT "people_organization" FOREIGN KEY ("organization_id") REFERENCES "public"."organizations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "people" ADD CONSTRAINT "people_created_by" FOREIGN KEY ("organization_id","created_by_staff_id") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "person_external_ids" ADD CONSTRAINT "person_external_ids_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "series" ADD CONSTRAINT "series_group" FOREIGN KEY ("organization_id","group_id") REFERENCES "public"."groups"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attendance" ADD CONSTRAINT "attendance_session" FOREIGN KEY ("organization_id","session_id","group_id","starts_at") REFERENCES "public"."sessions"("organization_id","id","group_id","starts_at") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attendance" ADD CONSTRAINT "attendance_person" FOREIGN KEY ("organization_id","person_id") REFERENCES "public"."people"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "attendance_versions" ADD CONSTRAINT "attendance_versions_session" FOREIGN KEY ("organization_id","session_id") REFERENCES "public"."sessions"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_group" FOREIGN KEY ("organization_id","group_id") REFERENCES "public"."groups"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_series" FOREIGN KEY ("organization_id","group_id","series_id") REFERENCES "public"."series"("organization_id","group_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_submitted_by_key" FOREIGN KEY ("organization_id","submitted_by_key") REFERENCES "public"."api_keys"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_submitted_by_staff" FOREIGN KEY ("organization_id","submitted_by_staff") REFERENCES "public"."staff"("organization_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "api_keys_secret" ON "api_keys" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "api_keys_of_staff" ON "api_keys" USING btree ("organization_id","staff_id");--> statement-breakpoint
CREATE UNIQUE INDEX "staff_email" ON "staff" USING btree ("organization_id",lower("email"));--> statement-breakpoint
CREATE INDEX "audit_entries_in_order" ON "audit_entries" USING btree ("organization_id","at","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_by_age" ON "idempotency_keys" USING btree ("organization_id","created_at");--> statement-breakpoint
CREATE INDEX "outbox_events_in_order" ON "outbox_events" USING btree ("organization_id","at","id");--> statement-breakpoint
CREATE INDEX "group_facilitators_of_staff" ON "group_facilitators" USING btree ("organization_id","staff_id","group_id");--> statement-breakpoint
CREATE INDEX "group_facilitators_of_group" ON "group_facilitators" USING btree ("organization_id","group_id","starts_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "groups_slug" ON "groups" USING btree ("organization_id","slug");--> statement-breakpoint
CREATE INDEX "groups_by_name" ON "groups" USING btree ("organization_id","name_key","id");--> statement-breakpoint
CREATE INDEX "memberships_of_group" ON "memberships" USING btree ("organization_id","group_id","joined_on","id");--> statement-breakpoint
CREATE INDEX "memberships_of_person" ON "memberships" USING btree ("organization_id","person_id","joined_on","id");--> statement-breakpoint
CREATE INDEX "people_created_by_staff" ON "people" USING btree ("organization_id","created_by_staff_id");--> statement-breakpoint
CREATE INDEX "people_by_name" ON "people" USING btree ("organization_id","name_key","id");--> statement-breakpoint
CREATE INDEX "people_by_email" ON "people" USING btree ("organization_id","email_index");--> statement-breakpoint
CREATE INDEX "people_by_phone" ON "people" USING btree ("organization_id","phone_index");--> statement-breakpoint
CREATE INDEX "person_external_ids_of_person" ON "person_external_ids" USING btree ("organization_id","person_id");--> statement-breakpoint
CREATE INDEX "series_of_group" ON "series" USING btree ("organization_id","group_id","starts_on","id");--> statement-breakpoint
CREATE INDEX "series_to_extend" ON "series" USING btree ("organization_id","extended_until") WHERE "series"."ends_on" is null or "series"."ends_on" >= "series"."extended_until";--> statement-breakpoint
CREATE UNIQUE INDEX "attendance_once_per_session" ON "attendance" USING btree ("organization_id","session_id","person_id");--> statement-breakpoint
CREATE INDEX "attendance_in_order" ON "attendance" USING btree ("organization_id","starts_at","id");--> statement-breakpoint
CREATE INDEX "attendance_of_person" ON "attendance" USING btree ("organization_id","person_id","starts_at","id");--> statement-breakpoint
CREATE INDEX "attendance_of_group" ON "attendance" USING btree ("organization_id","group_id","starts_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_one_per_occurrence" ON "sessions" USING btree ("organization_id","series_id","occurs_on");--> statement-breakpoint
CREATE INDEX "sessions_in_order" ON "sessions" USING btree ("organization_id","starts_at","id");--> statement-breakpoint
CREATE INDEX "sessions_of_group" ON "sessions" USING btree ("organization_id","group_id","starts_at","id");