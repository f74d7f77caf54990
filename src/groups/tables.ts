import { sql } from 'drizzle-orm'
import {
  check,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex
} from 'drizzle-orm/pg-core'
import { changedBy, instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { organizations } from '../organizations/tables.ts'
import { accesses, capacityRules, formats, groupStatuses, type Location, modes, visibilities } from './vocabulary.ts'

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
    capacity_rule: text({ enum: capacityRules }).notNull().default('hard'),
    status: text({ enum: groupStatuses }).notNull(),
    status_reason: text(),
    visibility: text({ enum: visibilities }).notNull(),
    time_zone: text().notNull(),
    archived_at: instant(),
    /** Name, description and place, folded (lower case, no accents): what `q` looks through. */
    search_text: text().notNull(),
    /** The name, folded: the order of the list. */
    name_key: text().notNull(),
    changed_by: changedBy(),
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
    check('groups_capacity_rule', oneOf(t.capacity_rule, capacityRules)),
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
