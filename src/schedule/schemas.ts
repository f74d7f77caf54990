import { type Static, Type } from 'typebox'
import { modes } from '../groups/vocabulary.ts'
import {
  Answer,
  Body,
  Id,
  Instant,
  Line,
  LocalDate,
  Nullable,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  TimeZone,
  Version
} from '../http/schemas.ts'
import { ruleMaxLength } from './recurrence.ts'

export const DurationMinutes = Type.Integer({ minimum: 5, maximum: 1440, description: 'Minutes.', examples: [90] })

/** Local wall-clock time. */
export const StartTime = Type.String({
  pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$',
  description: 'Local wall-clock time, `HH:MM`: 19:00 stays 19:00 when the clocks change.',
  examples: ['19:00']
})

/** A recurrence rule, as `parseRule` reads it. */
export const RRule = Type.String({
  minLength: 1,
  maxLength: ruleMaxLength,
  description:
    'RFC 5545, as far as DAILY, WEEKLY and MONTHLY with INTERVAL, BYDAY (with ordinals), BYMONTHDAY, BYSETPOS, COUNT or UNTIL, and WKST.',
  examples: ['FREQ=WEEKLY;BYDAY=TU']
})

/** The local day from which a rule counts. */
export const StartsOn = Type.String({
  format: 'date',
  description: 'The local day from which the rule counts; at most 400 days back and two years ahead.',
  examples: ['2026-11-24']
})

const described = {
  starts_on: StartsOn,
  start_time: StartTime,
  duration_minutes: DurationMinutes,
  time_zone: TimeZone,
  rrule: RRule,
  topic: Nullable(Line(300, { description: 'What its sessions are about.' })),
  mode: Nullable(OneOf(modes, { description: 'Where it differs from the group’s; null: as the group.' }))
}

export const Series = Answer(
  'Series',
  {
    id: Id,
    group_id: Id,
    ...described,
    ends_on: Nullable(LocalDate),
    sessions_until: Type.String({ format: 'date', description: 'Its sessions exist before this local day.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'A recurrence rule and a wall-clock time that make sessions.' }
)
export type Series = Static<typeof Series>

export const SeriesCreate = Body(
  'SeriesCreate',
  {
    starts_on: described.starts_on,
    start_time: described.start_time,
    rrule: described.rrule,
    duration_minutes: Type.Optional(described.duration_minutes),
    time_zone: Type.Optional(described.time_zone),
    topic: Type.Optional(described.topic),
    mode: Type.Optional(described.mode)
  },
  {
    description: 'The length is the organization’s usual one and the time zone the group’s, unless given.',
    examples: [{ starts_on: '2026-11-24', start_time: '19:00', duration_minutes: 90, rrule: 'FREQ=WEEKLY;BYDAY=TU' }]
  }
)
export type SeriesCreate = Static<typeof SeriesCreate>

export const SeriesEnd = Body(
  'SeriesEnd',
  {
    ends_on: Type.Optional(
      Type.String({
        format: 'date',
        description: 'The last local day with a session; today unless given.',
        examples: ['2026-12-22']
      })
    )
  },
  { examples: [{ ends_on: '2026-12-22' }] }
)
export type SeriesEnd = Static<typeof SeriesEnd>

export const SeriesPage = Page('SeriesPage', Series)
export const SeriesPath = Parameters({ series_id: Id })
export const SeriesQuery = Parameters({ ...pageQuery })

export const schemas = [Series, SeriesCreate, SeriesEnd, SeriesPage]
