import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  date,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid
} from 'drizzle-orm/pg-core'
import { apiKeys, staff } from '../access/tables.ts'
import { changedBy, instant, oneOf, tenant, versioned } from '../database/columns.ts'
import { groups } from '../groups/tables.ts'
import { type Location, modes } from '../groups/vocabulary.ts'
import { people } from '../people/tables.ts'
import { closures, series } from '../schedule/tables.ts'
import {
  attendanceKinds,
  attendanceModes,
  attendanceStatuses,
  expectations,
  outcomes,
  sessionFacilitatorRoles,
  submissionOutcomes,
  versionKinds
} from './vocabulary.ts'

/** One dated meeting of a group, with the head of its attendance sheet. */
export const sessions = pgTable(
  'sessions',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    series_id: uuid(),
    /** The day that the rule gave: with the series, the identity of the occurrence, wherever it is moved. */
    occurs_on: date(),
    starts_at: instant().notNull(),
    ends_at: instant().notNull(),
    duration_minutes: integer().notNull(),
    local_date: date().notNull(),
    local_time: text().notNull(),
    time_zone: text().notNull(),
    topic: text(),
    mode: text({ enum: modes }),
    /** Where it is, if not where the group meets. */
    location: jsonb().$type<Location>(),
    online_url: text(),
    /** Somebody decided about this very session: what becomes of its series does not undo that. */
    touched: boolean().notNull().default(false),
    /** Its series names this day no more. */
    detached: boolean().notNull().default(false),
    /** Which closure suppressed it; it is cancelled then. */
    closure_id: uuid(),
    /** No closure suppresses it: somebody decided so. */
    holds_anyway: boolean().notNull().default(false),
    outcome: text({ enum: outcomes }).notNull().default('scheduled'),
    reason: text(),
    /** The sheet: version 0 until the first one is put, and never lower again; the counts are those of the sheet as it stands. */
    sheet_version: integer().notNull().default(0),
    /** Null where no sheet stands: none was put yet, or it was withdrawn. */
    submitted_at: instant(),
    submitted_by_key: uuid(),
    submitted_by_staff: uuid(),
    /** From when on only coordinators correct the sheet, with a reason. */
    locks_at: instant(),
    anonymous_count: integer().notNull().default(0),
    not_recorded_count: integer().notNull().default(0),
    present_count: integer().notNull().default(0),
    absent_count: integer().notNull().default(0),
    excused_count: integer().notNull().default(0),
    walk_in_count: integer().notNull().default(0),
    changed_by: changedBy(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'sessions_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'sessions_group',
      columns: [t.organization_id, t.group_id],
      foreignColumns: [groups.organization_id, groups.id]
    }),
    foreignKey({
      name: 'sessions_series',
      columns: [t.organization_id, t.group_id, t.series_id],
      foreignColumns: [series.organization_id, series.group_id, series.id]
    }),
    foreignKey({
      name: 'sessions_submitted_by_key',
      columns: [t.organization_id, t.submitted_by_key],
      foreignColumns: [apiKeys.organization_id, apiKeys.id]
    }),
    foreignKey({
      name: 'sessions_submitted_by_staff',
      columns: [t.organization_id, t.submitted_by_staff],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    foreignKey({
      name: 'sessions_closure',
      columns: [t.organization_id, t.closure_id],
      foreignColumns: [closures.organization_id, closures.id]
    }),
    uniqueIndex('sessions_one_per_occurrence').on(t.organization_id, t.series_id, t.occurs_on),
    unique('sessions_with_start').on(t.organization_id, t.id, t.group_id, t.starts_at),
    index('sessions_in_order').on(t.organization_id, t.starts_at, t.id),
    index('sessions_of_group').on(t.organization_id, t.group_id, t.starts_at, t.id),
    index('sessions_of_closure').on(t.organization_id, t.closure_id).where(sql`closure_id is not null`),
    check('sessions_mode', oneOf(t.mode, modes)),
    check('sessions_outcome', oneOf(t.outcome, outcomes)),
    check('sessions_held_has_sheet', sql`(${t.outcome} = 'held') = (${t.submitted_at} is not null)`),
    check('sessions_sheets_lock', sql`(${t.submitted_at} is null) = (${t.locks_at} is null)`),
    check('sessions_duration', sql`${t.duration_minutes} between 5 and 1440`),
    check('sessions_anonymous_count', sql`${t.anonymous_count} >= 0`),
    check('sessions_suppressed', sql`${t.closure_id} is null or ${t.outcome} = 'cancelled'`),
    check('sessions_occurrence', sql`(${t.series_id} is null) = (${t.occurs_on} is null)`)
  ]
)

/** Who leads one session beside those who facilitate its group that day, or in the place of one of them. */
export const sessionFacilitators = pgTable(
  'session_facilitators',
  {
    ...tenant(),
    session_id: uuid().notNull(),
    staff_id: uuid().notNull(),
    role: text({ enum: sessionFacilitatorRoles }).notNull(),
    replaces_staff_id: uuid(),
    withdrawn_at: instant(),
    /** When they see it no more, sooner than a week after it: they were replaced in the group, or left. */
    access_ends_at: instant(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'session_facilitators_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'session_facilitators_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    }),
    foreignKey({
      name: 'session_facilitators_staff',
      columns: [t.organization_id, t.staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    foreignKey({
      name: 'session_facilitators_replaced',
      columns: [t.organization_id, t.replaces_staff_id],
      foreignColumns: [staff.organization_id, staff.id]
    }),
    uniqueIndex('session_facilitators_once')
      .on(t.organization_id, t.session_id, t.staff_id)
      .where(sql`withdrawn_at is null`),
    index('session_facilitators_of_staff').on(t.organization_id, t.staff_id, t.session_id),
    check('session_facilitators_role', oneOf(t.role, sessionFacilitatorRoles)),
    check('session_facilitators_replaces', sql`${t.replaces_staff_id} is null or ${t.role} = 'substitute'`),
    check('session_facilitators_another', sql`${t.replaces_staff_id} <> ${t.staff_id}`)
  ]
)

/**
 * The sheet as it stands: a row for each person of the roster, which is that of the session's day when the first sheet was put,
 * and for each who walked in. A walk-in with a name only stays a name.
 */
export const attendance = pgTable(
  'attendance',
  {
    ...tenant(),
    session_id: uuid().notNull(),
    group_id: uuid().notNull(),
    starts_at: instant().notNull(),
    /** The place on the sheet, among the walk-ins. */
    position: integer().notNull(),
    kind: text({ enum: attendanceKinds }).notNull(),
    person_id: uuid(),
    display_name: text(),
    status: text({ enum: attendanceStatuses }).notNull(),
    /** Whether they meant to come, as it was known when the session began. */
    expected: text({ enum: expectations }),
    mode: text({ enum: attendanceModes }),
    arrived_late: boolean(),
    left_early: boolean(),
    minutes: integer(),
    /** As given by the facilitator; null: computed when read. */
    first_time: boolean(),
    /**
     * Of the release before, whose instances may still be running: what they write goes to `attendance_notes` as well. Not read any
     * more; the next release drops it.
     */
    note: text()
  },
  t => [
    primaryKey({ name: 'attendance_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'attendance_session',
      columns: [t.organization_id, t.session_id, t.group_id, t.starts_at],
      foreignColumns: [sessions.organization_id, sessions.id, sessions.group_id, sessions.starts_at]
    }),
    foreignKey({
      name: 'attendance_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    uniqueIndex('attendance_once_per_session').on(t.organization_id, t.session_id, t.person_id),
    index('attendance_in_order').on(t.organization_id, t.starts_at, t.id),
    index('attendance_of_person').on(t.organization_id, t.person_id, t.starts_at, t.id),
    index('attendance_of_group').on(t.organization_id, t.group_id, t.starts_at, t.id),
    check('attendance_kind', oneOf(t.kind, attendanceKinds)),
    check('attendance_status', oneOf(t.status, attendanceStatuses)),
    check('attendance_expected', oneOf(t.expected, expectations)),
    check('attendance_expects_the_roster', sql`(${t.kind} = 'roster') = (${t.expected} is not null)`),
    check('attendance_mode', oneOf(t.mode, attendanceModes)),
    check('attendance_minutes', sql`${t.minutes} between 0 and 1440`),
    check('attendance_somebody', sql`(${t.person_id} is null) <> (${t.display_name} is null)`),
    check('attendance_walk_in_came', sql`${t.kind} = 'roster' or ${t.status} = 'present'`),
    check('attendance_nameless_walks_in', sql`${t.kind} = 'walk_in' or ${t.person_id} is not null`)
  ]
)

/** Every version that a sheet ever had, whole, with who put it and when. Never changed, never deleted. */
export const attendanceVersions = pgTable(
  'attendance_versions',
  {
    organization_id: uuid().notNull(),
    session_id: uuid().notNull(),
    version: integer().notNull(),
    submitted_at: instant().notNull().default(sql`now()`),
    submitted_by_key: uuid(),
    submitted_by_staff: uuid(),
    kind: text({ enum: versionKinds }).notNull().default('put'),
    /** Why it was corrected or withdrawn. */
    reason: text(),
    /** When it was written down, by the device's clock; the server's where that could not be right. */
    occurred_at: instant().notNull().default(sql`now()`),
    clock_off: boolean().notNull().default(false),
    anonymous_count: integer().notNull(),
    /**
     * The rows of the sheet, in the columns of `attendance`. Those of an older release may have a `note` as well: they stay as they
     * were written, and it is told no more.
     */
    rows: jsonb().notNull()
  },
  t => [
    primaryKey({ name: 'attendance_versions_pkey', columns: [t.organization_id, t.session_id, t.version] }),
    check('attendance_versions_kind', oneOf(t.kind, versionKinds)),
    foreignKey({
      name: 'attendance_versions_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    })
  ]
)

/** A sheet that a device sent, and what became of it: also one that stands against another until somebody decides. */
export const attendanceSubmissions = pgTable(
  'attendance_submissions',
  {
    ...tenant(),
    session_id: uuid().notNull(),
    /** The version that the device had before it. */
    base_version: integer().notNull(),
    /** The sheet that it was begun from instead, if that one was filled in on the device as well and became part of what stands. */
    follows: uuid(),
    outcome: text({ enum: submissionOutcomes }).notNull(),
    /** The version of the sheet that it made or met. */
    version: integer().notNull(),
    /** The version by which somebody decided about a conflict. */
    resolved_version: integer(),
    occurred_at: instant().notNull(),
    clock_off: boolean().notNull(),
    submitted_at: instant().notNull().default(sql`now()`),
    submitted_by_key: uuid(),
    submitted_by_staff: uuid(),
    reason: text(),
    anonymous_count: integer().notNull(),
    /** As in `attendance_versions`. */
    rows: jsonb().notNull()
  },
  t => [
    primaryKey({ name: 'attendance_submissions_pkey', columns: [t.organization_id, t.id] }),
    foreignKey({
      name: 'attendance_submissions_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    }),
    foreignKey({
      name: 'attendance_submissions_follows',
      columns: [t.organization_id, t.session_id, t.follows],
      foreignColumns: [t.organization_id, t.session_id, t.id]
    }),
    unique('attendance_submissions_of_session').on(t.organization_id, t.session_id, t.id),
    index('attendance_submissions_to_decide')
      .on(t.organization_id, t.id)
      .where(sql`outcome = 'conflict' and resolved_version is null`),
    check('attendance_submissions_outcome', oneOf(t.outcome, submissionOutcomes)),
    check('attendance_submissions_resolved', sql`${t.resolved_version} is null or ${t.outcome} = 'conflict'`)
  ]
)

/** Whether somebody said that they come. */
export const sessionRsvps = pgTable(
  'session_rsvps',
  {
    organization_id: uuid().notNull(),
    session_id: uuid().notNull(),
    person_id: uuid().notNull(),
    answer: text({ enum: expectations }).notNull(),
    ...versioned()
  },
  t => [
    primaryKey({ name: 'session_rsvps_pkey', columns: [t.organization_id, t.session_id, t.person_id] }),
    foreignKey({
      name: 'session_rsvps_session',
      columns: [t.organization_id, t.session_id],
      foreignColumns: [sessions.organization_id, sessions.id]
    }),
    foreignKey({
      name: 'session_rsvps_person',
      columns: [t.organization_id, t.person_id],
      foreignColumns: [people.organization_id, people.id]
    }),
    index('session_rsvps_of_person').on(t.organization_id, t.person_id),
    check('session_rsvps_answer', oneOf(t.answer, expectations))
  ]
)

/** A session that was there and is not any more: its series changed. Devices are told. */
export const removedSessions = pgTable(
  'removed_sessions',
  {
    ...tenant(),
    group_id: uuid().notNull(),
    changed_by: changedBy()
  },
  t => [
    primaryKey({ name: 'removed_sessions_pkey', columns: [t.organization_id, t.id] }),
    index('removed_sessions_of_group').on(t.organization_id, t.group_id, t.changed_by)
  ]
)
