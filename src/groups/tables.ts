import { sql } from 'drizzle-orm'
import {
  check,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid
} from 'drizzle-orm/pg-core'
import { staff } from '../access/tables.ts'
import { instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { organizations } from '../organizations/tables.ts'
import { people } from '../people/tables.ts'
import {
  accesses,
  facilitatorRoles,
  formats,
  groupStatuses,
  type Location,
  leaveReasons,
  modes,
  visibilities
} from './vocabulary.ts'

/** The people and the purpose that persist. */
export const groups = pgTable(
  'groups',
  {
    ...tenant(),
    name: text().notNull(),
    slug: text().notNull(),
    description: text(),
    topics: text().array().notNull(),
    access: text({ enum: accesses }).notNull(),
    format: text({ enum: formats }).notNull(),
    mode: text({ enum: modes }).notNull(),
    location: jsonb().$type<Location>(),
    latitude: doublePrecision().generatedAlwaysAs(sql`(location ->> 'latitude')::double precision`),
    longitude: doublePrecision().generatedAlwaysAs(sql`(location ->> 'longitude')::double precision`),
    online_url: text(),
    online_phone: text(),
    languages: text().array().notNull(),
    accessibility: text().array().notNull(),
    audience: text().array().notNull(),
    capacity: integer(),
    status: text({ enum: groupStatuses }).notNull(),
    status_reason: text(),
    visibility: text({ enum: visibilities }).notNull(),
    time_zone: text().notNull(),
    archived_at: instant(),
    /** Name, description and place, folded (lower case, no accents): what `q` looks through. */
    search_text: text().notNull(),
    /** The name, folded: the order of the list. */
    name_key: text().notNull(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'groups_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({ name: 'groups_organization', columns: [t.organization_id], foreignColumns: [organizations.id] }),
    uniqueIndex('groups_slug').on(t.organization_id, t.slug),
    index('groups_by_name').on(t.organization_id, t.name_key, t.id),
    check('groups_access', oneOf(t.access, accesses)),
    check('groups_format', oneOf(t.format, formats)),
    check('groups_mode', oneOf(t.mode, modes)),
    check('groups_status', oneOf(t.status, groupStatuses)),
    check('groups_visibility', oneOf(t.visibility, visibilities)),
    check('groups_capacity', sql`${t.capacity} > 0`),
    check(
      'groups_place',
      sql`case ${t.mode}
        when 'in_person' then coalesce(${t.location} ->> 'address', ${t.location} ->> 'city') is not null
        when 'hybrid' then ${t.location} ->> 'address' is not null and coalesce(${t.online_url}, ${t.online_phone}) is not null
        else true end`
    )
  ]
)

/** Who facilitates a group, from when to when: history keeps who led. */
export const groupFacilitators = pgTable(
  'group_facilitators',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    staff_id: uuid().notNull(),
    role: text({ enum: facilitatorRoles }).notNull(),
    starts_at: instant().notNull(),
    ends_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'group_facilitators_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'group_facilitators_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'group_facilitators_staff',
      columns: [t.organization_id, t.staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    index('group_facilitators_of_staff').on(t.organization_id, t.staff_id, t.group_id),
    index('group_facilitators_of_group').on(t.organization_id, t.group_id, t.starts_at, t.id),
    check('group_facilitators_role', oneOf(t.role, facilitatorRoles)),
    check('group_facilitators_order', sql`${t.ends_at} >= ${t.starts_at}`)
  ]
)

/** A dated episode of belonging. Rejoining makes a new one; the migration refuses two at once. */
export const memberships = pgTable(
  'memberships',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    person_id: uuid().notNull(),
    joined_on: date().notNull(),
    left_on: date(),
    left_reason: text({ enum: leaveReasons }),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'memberships_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'memberships_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'memberships_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    index('memberships_of_group').on(t.organization_id, t.group_id, t.joined_on, t.id),
    index('memberships_of_person').on(t.organization_id, t.person_id, t.joined_on, t.id),
    check('memberships_left_reason', oneOf(t.left_reason, leaveReasons)),
    check('memberships_order', sql`${t.left_on} >= ${t.joined_on}`),
    check('memberships_reason_of_leaving', sql`${t.left_reason} is null or ${t.left_on} is not null`)
  ]
)
