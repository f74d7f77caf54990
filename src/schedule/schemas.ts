import { type Static, type TOptional, type TSchema, Type } from 'typebox'
import { Location, LocationGiven, OnlineUrl } from '../groups/schemas.ts'
import { modes } from '../groups/vocabulary.ts'
import {
  Answer,
  Body,
  Changes,
  Defaulted,
  Id,
  Instant,
  Language,
  Line,
  LocalDate,
  Nullable,
  named,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  TimeZone,
  Version
} from '../http/schemas.ts'
import { ruleMaxLength } from './recurrence.ts'
import { sentenceLanguages, warningCodes } from './sentence.ts'

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

/** Where it meets, if not where the group does. */
export const place = { location: Location, online_url: Nullable(OnlineUrl) }
export const placeGiven = {
  location: LocationGiven,
  online_url: Nullable({ ...OnlineUrl, description: 'The link, if not the group’s; null: as the group.' })
}

const occurrenceTimes = {
  starts_at: Instant,
  ends_at: Instant,
  local_date: LocalDate,
  local_time: Type.String({ description: 'What clocks show there, `HH:MM`.', examples: ['19:00'] })
}
const Sentence = Type.String({
  description:
    'The rule as a person would say it, in the first of the group’s languages, or the one that a preview asks for (English, Spanish, French or German; else English).',
  examples: ['Every 2nd and 4th Tuesday at 19:00']
})

export const Series = Answer(
  'Series',
  {
    id: Id,
    group_id: Id,
    ...described,
    location: place.location,
    online_url: place.online_url,
    sentence: Sentence,
    next_occurrences: Type.Array(Type.Object({ session_id: Id, ...occurrenceTimes }), {
      description: 'The next three sessions to be held, as they are by now: moved ones where they were moved to.'
    }),
    ends_on: Nullable(LocalDate),
    continues_series_id: Nullable({ ...Id, description: 'The series that it goes on with, changed from a day on.' }),
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
    mode: Type.Optional(described.mode),
    location: Type.Optional(placeGiven.location),
    online_url: Type.Optional(placeGiven.online_url)
  },
  {
    description: 'The length is the organization’s usual one and the time zone the group’s, unless given.',
    examples: [{ starts_on: '2026-11-24', start_time: '19:00', duration_minutes: 90, rrule: 'FREQ=WEEKLY;BYDAY=TU' }]
  }
)
export type SeriesCreate = Static<typeof SeriesCreate>

/** How many occurrences a preview shows unless told. */
const previewed = 10

export const SeriesPreviewCreate = Body(
  'SeriesPreviewCreate',
  {
    group_id: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'Whose time zone and language are taken where none is given.',
        examples: ['0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60']
      })
    ),
    starts_on: described.starts_on,
    start_time: described.start_time,
    rrule: described.rrule,
    duration_minutes: Type.Optional(described.duration_minutes),
    time_zone: Type.Optional(described.time_zone),
    language: Type.Optional(Language),
    limit: Defaulted(
      Type.Integer({ minimum: 1, maximum: 100, description: 'Occurrences to show.', examples: [previewed] }),
      previewed
    )
  },
  {
    description: 'What a series would be. Without a group, the time zone is the organization’s unless given.',
    examples: [
      {
        starts_on: '2026-11-24',
        start_time: '19:00',
        rrule: 'FREQ=MONTHLY;BYDAY=2TU,4TU',
        time_zone: 'America/New_York'
      }
    ]
  }
)
export type SeriesPreviewCreate = Static<typeof SeriesPreviewCreate>

export const SeriesPreview = Answer(
  'SeriesPreview',
  {
    rrule: RRule,
    sentence: Sentence,
    language: OneOf(sentenceLanguages, { description: 'Of the sentence and the warnings.', examples: ['en'] }),
    time_zone: TimeZone,
    occurrences: Type.Array(Type.Object(occurrenceTimes), {
      description: 'The first ones, by the rule alone, within two years of its first day.'
    }),
    has_more: Type.Boolean({ description: 'Whether there are more within two years of the first day.' }),
    warnings: Type.Array(
      Type.Object({
        code: OneOf(warningCodes, {
          description:
            '`time_skipped`: clocks leave that time out on that day, so there is no session; `time_repeated`: they show it twice, and the first is meant.'
        }),
        local_date: LocalDate,
        detail: Type.String({ examples: ['On 8 March 2026 clocks leave out 02:30: there is no session on that day.'] })
      }),
      { description: 'Days within two years of the first day on which clocks change at that time.' }
    )
  },
  { description: 'What a rule would make. Nothing is stored.' }
)
export type SeriesPreview = Static<typeof SeriesPreview>

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

const changes = {
  start_time: described.start_time,
  duration_minutes: described.duration_minutes,
  time_zone: described.time_zone,
  rrule: described.rrule,
  topic: described.topic,
  mode: described.mode,
  ...placeGiven
}

export const SeriesPatch = Changes('SeriesPatch', changes, {
  description: 'For all sessions that are to come.',
  examples: [{ start_time: '18:30' }]
})
export type SeriesPatch = Static<typeof SeriesPatch>

export const SeriesSplit = Body(
  'SeriesSplit',
  {
    from: { ...LocalDate, description: 'The local day, by the rule of the series, from which it changes.' },
    ...(Object.fromEntries(
      Object.entries(changes).map(([name, schema]) => [name, Type.Optional(schema as TSchema)])
    ) as unknown as { [Name in keyof typeof changes]: TOptional<(typeof changes)[Name]> })
  },
  { description: 'For this session and those that follow.', examples: [{ from: '2027-06-01', start_time: '18:30' }] }
)
export type SeriesSplit = Static<typeof SeriesSplit>

export const SeriesChanged = Answer(
  'SeriesChanged',
  {
    ...Series.properties,
    detached_session_ids: Type.Array(Id, {
      description:
        'Sessions that the rule names no more, and that stay: they have a sheet, are past, or somebody decided about them.'
    })
  },
  { description: 'The series as it is now, and what it left behind.' }
)
export type SeriesChanged = Static<typeof SeriesChanged>

export const SeriesPage = Page('SeriesPage', Series)
export const SeriesPath = Parameters({ series_id: Id })
export const SeriesQuery = Parameters({ ...pageQuery })

const closedDays = {
  starts_on: Type.String({ format: 'date', description: 'The first local day.', examples: ['2026-12-24'] }),
  ends_on: Type.String({ format: 'date', description: 'The last local day.', examples: ['2027-01-01'] }),
  name: Line(200, { description: 'Why: the reason of the sessions that it cancels.', examples: ['Winter break'] })
}

export const Closure = Answer(
  'Closure',
  {
    id: Id,
    group_id: Nullable({ ...Id, description: 'The group; null: the whole organization.' }),
    ...closedDays,
    removed_at: Nullable(Instant),
    cancelled_sessions: Type.Integer({
      minimum: 0,
      description: 'So many sessions, of those that whoever asks sees, are cancelled by it at this time.'
    }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Days on which nothing is held.' }
)
export type Closure = Static<typeof Closure>

export const ClosureCreate = Body(
  'ClosureCreate',
  {
    group_id: Type.Optional({ ...Id, description: 'The group; absent: the whole organization.' }),
    starts_on: closedDays.starts_on,
    ends_on: Type.Optional({ ...closedDays.ends_on, description: 'The last local day; the first unless given.' }),
    name: closedDays.name
  },
  { examples: [{ starts_on: '2026-12-24', ends_on: '2027-01-01', name: 'Winter break' }] }
)
export type ClosureCreate = Static<typeof ClosureCreate>
export const ClosurePage = Page('ClosurePage', Closure)
export const ClosurePath = Parameters({ closure_id: Id })
export const ClosureQuery = Parameters({
  ...pageQuery,
  from: Type.Optional({ ...LocalDate, description: 'Closures that last until this day or longer.' }),
  to: Type.Optional({ ...LocalDate, description: 'Closures that begin before this day.' }),
  group_id: Type.Optional({ ...Id, description: 'Those that close this group: its own, and the organization’s.' })
})

/** The largest calendar file, in bytes. */
export const calendarBytes = 1024 * 1024

export const CalendarFile = Type.String({
  $id: 'CalendarFile',
  title: 'CalendarFile',
  description: 'An iCalendar file (RFC 5545), as calendars export it.',
  examples: [
    'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:new-year@example.org\r\nDTSTART;VALUE=DATE:20270101\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:New Year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
  ]
})
export const ClosureImportQuery = Parameters({
  group_id: Type.Optional({ ...Id, description: 'The group that is closed; absent: the whole organization.' })
})
const closureResults = ['created', 'updated', 'unchanged', 'removed', 'skipped'] as const
export const ClosureImportResult = Answer(
  'ClosureImportResult',
  {
    uid: Nullable(
      Type.String({ description: 'What the calendar calls the event; null if it has none that can be read.' })
    ),
    name: Nullable(Type.String()),
    starts_on: Nullable(closedDays.starts_on),
    ends_on: Nullable(closedDays.ends_on),
    result: OneOf(closureResults, {
      description:
        '`removed`: the event has that day no more. `unchanged`: also where somebody removed the closure by hand. `skipped`: `problem` says why.'
    }),
    closure_id: Nullable(Id),
    problem: Type.Unsafe<{ code: string; detail: string } | null>({
      type: ['object', 'null'],
      description: 'Why the event was skipped; null for all others.',
      required: ['code', 'detail'],
      properties: {
        code: Type.String({
          description: '`invalid_event`, `cancelled`, `past` or `too_many`. More values may be added.',
          examples: ['past']
        }),
        detail: Type.String({ description: 'For people.' })
      }
    })
  },
  { description: 'What became of an event, or of one day of an event that recurs.' }
)
export type ClosureImportResult = Static<typeof ClosureImportResult>
const whole = Type.Integer({ minimum: 0 })
export const ClosureImport = Answer(
  'ClosureImport',
  {
    results: Type.Array(named(ClosureImportResult)),
    counts: Type.Object(
      Object.fromEntries(closureResults.map(result => [result, whole])) as Record<
        (typeof closureResults)[number],
        typeof whole
      >
    )
  },
  { description: 'What became of a calendar.' }
)
export type ClosureImport = Static<typeof ClosureImport>

export const schemas = [
  CalendarFile,
  ClosureImportResult,
  ClosureImport,
  Closure,
  ClosureCreate,
  ClosurePage,
  Series,
  SeriesCreate,
  SeriesPatch,
  SeriesSplit,
  SeriesChanged,
  SeriesEnd,
  SeriesPage,
  SeriesPreview,
  SeriesPreviewCreate
]
