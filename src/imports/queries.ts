import { sql } from 'drizzle-orm'
import { asker, statement, value } from '../database/statement.ts'
import type { MeetingGroup } from './meeting-guide.ts'
import type { KnownGroup, KnownSeries } from './precedence.ts'

/** What `series.source` says of a series that a Meeting Guide list keeps up, and of one that it ended by leaving it out. */
const source = sql.raw(`'meeting_guide'`)
const left = sql.raw(`'meeting_guide_left'`)

/**
 * One import of an organization at a time, until the transaction ends: two of the same list would make the same groups.
 * Waits as long as for any lock.
 */
export const lockImports = statement<never>(
  'lock_imports',
  () => sql`select pg_advisory_xact_lock(hashtextextended('imports ' || ${asker.organization_id}::text, 0))`
)

export interface StoredGroup extends KnownGroup {
  id: string
  slug: string
  archived_at: string | null
}

/** The groups with these slugs, held still until the transaction ends; others may go on to refer to them. */
export const lockGroupsBySlug = statement<StoredGroup, { slugs: string[] }>(
  'lock_groups_by_slug',
  () => sql`
    select g.id, g.slug, g.name, g.description, g.topics, g.mode, g.location, g.online_url, g.online_phone, g.languages,
      g.accessibility, g.audience, g.status, g.status_reason, g.time_zone, g.archived_at
    from groups g
    where g.organization_id = ${asker.organization_id} and g.slug = any (${value('slugs')}::text[])
    order by g.id
    for no key update of g`
)

/** Their series that matter to an import, the oldest first, held still likewise. */
export const lockSeriesOfGroups = statement<KnownSeries, { group_ids: string[] }>(
  'lock_series_of_groups',
  () => sql`
    select s.id, s.group_id, s.start_time, s.duration_minutes, s.time_zone, s.rrule, s.ends_on,
      s.source is not null as imported, s.source is not distinct from ${left} as left
    from series s
    where s.organization_id = ${asker.organization_id} and s.group_id = any (${value('group_ids')}::uuid[])
      and (s.ends_on is null or s.source in (${source}, ${left}))
    order by s.created_at, s.id
    for no key update of s`
)

/** Series that a list keeps up, of groups in use with none of these slugs; held still likewise. */
export const lockSeriesLeft = statement<
  { id: string; group_id: string; slug: string; time_zone: string },
  { slugs: string[] }
>(
  'lock_series_left',
  () => sql`
    select s.id, s.group_id, g.slug, s.time_zone
    from series s join groups g on g.organization_id = s.organization_id and g.id = s.group_id
    where s.organization_id = ${asker.organization_id} and s.source = ${source} and s.ends_on is null and g.archived_at is null
      and not (g.slug = any (${value('slugs')}::text[]))
    order by g.slug, s.id
    for no key update of s`
)

/** The list ended these by leaving them out: naming them again, it begins them anew. */
export const markLeft = statement<never, { series_ids: string[] }>(
  'mark_left',
  () => sql`
    update series s set source = ${left}
    where s.organization_id = ${asker.organization_id} and s.id = any (${value('series_ids')}::uuid[])`
)

/** A group as it is written: what is computed from it is there as well. */
export interface GroupRow extends KnownGroup {
  id: string
  search_text: string
  name_key: string
}
export type NewGroupRow = GroupRow & MeetingGroup

const rows = sql`jsonb_to_recordset(${value('rows')}::jsonb)`

/** Makes groups from a JSON array of `NewGroupRow`; answers those whose slug was free to the last moment. */
export const insertGroups = statement<{ id: string }, { rows: string }>(
  'insert_groups',
  () => sql`
    insert into groups (organization_id, id, name, slug, description, topics, access, format, mode, location, online_url,
      online_phone, languages, accessibility, audience, status, status_reason, visibility, time_zone, search_text, name_key)
    select ${asker.organization_id}::uuid, r.* from ${rows} as r (id uuid, name text, slug text, description text, topics text[],
      access text, format text, mode text, location jsonb, online_url text, online_phone text, languages text[],
      accessibility text[], audience text[], status text, status_reason text, visibility text, time_zone text,
      search_text text, name_key text)
    on conflict (organization_id, slug) do nothing
    returning id`
)

/** Changes groups by a JSON array of `GroupRow`. */
export const updateGroups = statement<{ id: string; version: number }, { rows: string }>(
  'update_groups',
  () => sql`
    update groups g set name = r.name, description = r.description, topics = r.topics, mode = r.mode, location = r.location,
      online_url = r.online_url, online_phone = r.online_phone, languages = r.languages, accessibility = r.accessibility,
      audience = r.audience, status = r.status, status_reason = r.status_reason, time_zone = r.time_zone,
      search_text = r.search_text, name_key = r.name_key, version = g.version + 1, updated_at = now()
    from ${rows} as r (id uuid, name text, description text, topics text[], mode text, location jsonb, online_url text,
      online_phone text, languages text[], accessibility text[], audience text[], status text, status_reason text,
      time_zone text, search_text text, name_key text)
    where g.organization_id = ${asker.organization_id} and g.id = r.id
    returning g.id, g.version`
)

/** Takes back the sessions of these series that are still to come and that nobody decided about, or wrote something down of. */
export const dropComingSessions = statement<{ id: string; version: number }, { series_ids: string[] }>(
  'drop_coming_sessions',
  () => sql`
    delete from sessions s
    where s.organization_id = ${asker.organization_id} and s.series_id = any (${value('series_ids')}::uuid[])
      and s.starts_at > now() and s.sheet_version = 0 and not s.touched
      and not exists (select from strategies c where c.organization_id = s.organization_id and c.session_id = s.id)
    returning s.id, s.version`
)

/** The days, those just past among them, on which imported series of these groups have a session. */
export const daysWithSessions = statement<
  { series_id: string; group_id: string; day: string },
  { group_ids: string[] }
>(
  'days_with_sessions',
  () => sql`
    select s.series_id, s.group_id, d.day
    from series i
    join sessions s on s.organization_id = i.organization_id and s.series_id = i.id
    cross join lateral (values (s.occurs_on), (s.local_date)) as d (day)
    where i.organization_id = ${asker.organization_id} and i.group_id = any (${value('group_ids')}::uuid[]) and i.source in (${source}, ${left})
      and s.starts_at > now() - interval '2 days'`
)

/** Ends series by a JSON array of their ids and last days. */
export const endManySeries = statement<{ id: string; version: number }, { rows: string }>(
  'end_many_series',
  () => sql`
    update series s set ends_on = r.ends_on, version = s.version + 1, updated_at = now()
    from ${rows} as r (id uuid, ends_on date)
    where s.organization_id = ${asker.organization_id} and s.id = r.id
    returning s.id, s.version`
)

export interface SeriesRow {
  id: string
  group_id: string
  starts_on: string
  start_time: string
  duration_minutes: number
  time_zone: string
  rrule: string
  extended_until: string
}

/** Makes imported series from a JSON array of `SeriesRow`. */
export const insertManySeries = statement<never, { rows: string }>(
  'insert_many_series',
  () => sql`
    insert into series (organization_id, id, group_id, starts_on, start_time, duration_minutes, time_zone, rrule, extended_until,
      source)
    select ${asker.organization_id}::uuid, r.*, ${source} from ${rows} as r (id uuid, group_id uuid, starts_on date, start_time text,
      duration_minutes int, time_zone text, rrule text, extended_until date)`
)
