import { type SQL, sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, type Shape, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { conflict, unprocessable } from '../problems.ts'
import { behindDoor, behindGroupOrSessionDoor } from './door.ts'
import type { Group } from './schemas.ts'

const columns = sql.raw(
  `g.id, g.name, g.slug, g.description, g.topics, g.access, g.format, g.mode, g.location, g.online_url, g.online_phone,
  g.languages, g.accessibility, g.audience, g.capacity, g.capacity_rule, g.status, g.status_reason, g.visibility, g.time_zone,
  g.archived_at, g.version, g.created_at, g.updated_at`
)

/**
 * What changes without the group changing: its next session, and who belongs to it today. `offset 0` keeps the planner
 * from asking for the day once more with every membership.
 */
const computed = sql`
  (select s.starts_at from sessions s
    where s.organization_id = g.organization_id and s.group_id = g.id and s.starts_at >= now() and s.outcome = 'scheduled'
    order by s.starts_at, s.id limit 1) as next_session_at,
  (select count(*) from (select local_date(g.time_zone, now()) as today offset 0) d, memberships m
    where m.organization_id = g.organization_id and m.group_id = g.id
      and m.joined_on <= d.today and (m.left_on is null or m.left_on >= d.today)
  ) as member_count`

/** A group as it is answered. */
export const groupColumns = sql`${columns}, ${computed}`

/** Kilometres as the crow flies (haversine, on a sphere of 6371 km). */
const distance = sql`(12742 * asin(least(1, sqrt(
  sin(radians(g.latitude - ${value('lat')}::float8) / 2) ^ 2
  + cos(radians(${value('lat')}::float8)) * cos(radians(g.latitude)) * sin(radians(g.longitude - ${value('lng')}::float8) / 2) ^ 2))))`

const filters = ({ has }: Shape): SQL =>
  sql.join(
    [
      ['status', sql`and g.status = ${value('status')}`],
      ['topic', sql`and ${value('topic')} = any (g.topics)`],
      ['access', sql`and g.access = ${value('access')}`],
      ['mode', sql`and g.mode = ${value('mode')}`],
      ['language', sql`and ${value('language')} = any (g.languages)`],
      [
        'words',
        sql`and not exists (select from unnest(${value('words')}::text[]) w where position(w in g.search_text) = 0)`
      ],
      ['archived', sql`and (g.archived_at is not null) = ${value('archived')}::boolean`]
    ].map(([name, condition]) => (has(name as string) ? (condition as SQL) : sql``)),
    sql` `
  )

export interface GroupFilters {
  status?: string
  topic?: string
  access?: string
  mode?: string
  language?: string
  words?: string[]
  archived?: boolean
}

/** By name. */
export const listGroups = statement<Group & { name_key: string }, GroupFilters & Asked>(
  'list_groups',
  shape => sql`
    select ${groupColumns}, g.name_key from groups g
    where g.organization_id = ${asker.organization_id} and ${behindDoor(shape, sql`g.id`)} ${filters(shape)}
      ${shape.has('after_1') ? sql`and (g.name_key, g.id) > (${value('after_0')}, ${value('after_1')}::uuid)` : sql``}
    order by g.name_key, g.id limit ${value('limit')}`
)

/** Nearest first, within a radius. */
export const listGroupsNear = statement<
  Group & { distance: number },
  GroupFilters & Asked & { lat: number; lng: number; km: number }
>(
  'list_groups_near',
  shape => sql`
    select ${groupColumns}, g.distance from (
      select g.*, ${distance} as distance from groups g
      where g.organization_id = ${asker.organization_id} and g.latitude is not null and g.longitude is not null
        and ${behindDoor(shape, sql`g.id`)} ${filters(shape)}) g
    where g.distance <= ${value('km')}::float8
      ${shape.has('after_1') ? sql`and (g.distance, g.id) > (${value('after_0')}::float8, ${value('after_1')}::uuid)` : sql``}
    order by g.distance, g.id limit ${value('limit')}`
)

export const findGroup = quickStatement<Group, { group_id: string }>(
  'find_group',
  shape => sql`
    select ${groupColumns} from groups g
    where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')} and ${behindGroupOrSessionDoor(shape)}`
)

/** The group, held still until the transaction ends. */
export const lockGroup = statement<Group, { group_id: string }>(
  'lock_group',
  shape => sql`
    select ${columns} from groups g
    where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')} and ${behindDoor(shape, sql`g.id`)}
    for no key update of g`
)

/** The group to which something is to be added: it cannot be closed or archived meanwhile. Several may hold it at once. */
export const holdGroup = statement<
  { time_zone: string; status: string; archived_at: string | null },
  { group_id: string }
>(
  'hold_group',
  shape => sql`
    select g.time_zone, g.status, g.archived_at from groups g
    where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')} and ${behindDoor(shape, sql`g.id`)}
    for share of g`
)

/** Which of these slugs are taken. */
export const takenSlugs = statement<{ slug: string }, { stem: string }>(
  'taken_slugs',
  () => sql`
    select g.slug from groups g
    where g.organization_id = ${asker.organization_id} and (g.slug = ${value('stem')} or g.slug ^@ (${value('stem')} || '-'))`
)

export const refusals: Refusals = {
  groups_slug: () => conflict('slug_taken', 'Another group of the organization has this slug.'),
  groups_place: () =>
    unprocessable(
      'place_required',
      '#/location',
      'A hybrid group needs an address and a link or phone number, an in-person one an address or a city.'
    )
}
