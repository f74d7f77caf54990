ALTER TABLE "attendance_submissions" ADD COLUMN "follows" uuid;--> statement-breakpoint
-- What a sheet follows is a sheet of the same session.
DROP INDEX "attendance_submissions_of_session";--> statement-breakpoint
ALTER TABLE "attendance_submissions" ADD CONSTRAINT "attendance_submissions_of_session" UNIQUE("organization_id","session_id","id");--> statement-breakpoint
ALTER TABLE "attendance_submissions" ADD CONSTRAINT "attendance_submissions_follows" FOREIGN KEY ("organization_id","session_id","follows") REFERENCES "public"."attendance_submissions"("organization_id","session_id","id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
-- What changes nothing is no change: a session that something hangs from already is not told again because something else does.
drop trigger stamp_change on sessions;
--> statement-breakpoint
create trigger stamp_change before update on sessions for each row when (old.* is distinct from new.*) execute function stamp_change();
