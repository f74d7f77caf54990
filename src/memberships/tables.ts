import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid
} from 'drizzle-orm/pg-core'
import { bytes, changedBy, instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { people } from '../people/tables.ts'
import { leaveReasons, notJoinedReasons, stages } from './vocabulary.ts'

/**
 * A dated episode of belonging, from the request on. Rejoining makes a new one; the migration refuses two at once, and an index
 * two that wait.
 */
export const memberships = pgTable(
  'memberships',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    person_id: uuid().notNull(),
    stage: text({ enum: stages }).notNull().default('member'),
    /** The first day that counts; of members alone. */
    joined_on: date(),
    left_on: date(),
    left_reason: text({ enum: leaveReasons }),
    /** The place in the group's line, in order of arrival; never given twice. */
    place: integer(),
    offer_expires_at: instant(),
    /** What somebody said when they asked to join, sealed. */
    message_sealed: bytes(),
    not_joined_reason: text({ enum: notJoinedReasons }),
    /** Let in though every seat was taken. */
    over_capacity: boolean().notNull().default(false),
    changed_by: changedBy(),
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
    uniqueIndex('memberships_one_request')
      .on(t.organization_id, t.group_id, t.person_id)
      .where(sql`stage in ('requested', 'waitlisted', 'offered')`),
    uniqueIndex('memberships_in_line').on(t.organization_id, t.group_id, t.place).where(sql`place is not null`),
    check('memberships_stage', oneOf(t.stage, stages)),
    check('memberships_not_joined_reason', oneOf(t.not_joined_reason, notJoinedReasons)),
    check('memberships_members_have_days', sql`(${t.stage} = 'member') = (${t.joined_on} is not null)`),
    check('memberships_who_waits_has_a_place', sql`${t.stage} <> 'waitlisted' or ${t.place} is not null`),
    check('memberships_offers_end', sql`(${t.stage} = 'offered') = (${t.offer_expires_at} is not null)`),
    check('memberships_not_joined', sql`(${t.stage} = 'not_joined') = (${t.not_joined_reason} is not null)`),
    check('memberships_only_members_leave', sql`${t.left_on} is null or ${t.stage} = 'member'`),
    check('memberships_left_reason', oneOf(t.left_reason, leaveReasons)),
    check('memberships_order', sql`${t.left_on} >= ${t.joined_on}`),
    check('memberships_reason_of_leaving', sql`${t.left_reason} is null or ${t.left_on} is not null`)
  ]
)

/** Days on which a member is not expected. Without a last day: until further notice, the membership is paused. */
export const membershipAbsences = pgTable(
  'membership_absences',
  {
    ...tenant(),
    membership_id: uuid().notNull(),
    from_on: date().notNull(),
    until_on: date(),
    withdrawn_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'membership_absences_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'membership_absences_membership',
      columns: [t.organization_id, t.membership_id],
      foreignColumns: [memberships.organization_id, memberships.id]
    }),
    index('membership_absences_of_membership').on(t.organization_id, t.membership_id, t.from_on, t.id),
    check('membership_absences_order', sql`${t.until_on} >= ${t.from_on}`)
  ]
)
