import { type Static, Type } from 'typebox'
import { modes } from '../groups/vocabulary.ts'
import {
  Answer,
  Body,
  Changes,
  Defaulted,
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
import { DurationMinutes, place, placeGiven } from '../schedule/schemas.ts'
import { mostRows } from './attendance.ts'
import { attendanceModes, attendanceStatuses, expectations, outcomes, versionKinds } from './vocabulary.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const Counts = Answer(
  'Counts',
  {
    present: count('People of the roster who came.'),
    absent: count('People of the roster who did not come.'),
    excused: count('People of the roster who let the group know.'),
    not_recorded: count('People of the roster about whom nothing was recorded: not the same as absent.'),
    walk_ins: count('People who came without being on the roster, by name.'),
    anonymous: count('Heads without any record: contacts, never unduplicated people.'),
    total: count('Everyone who was there: present, walk-ins and anonymous.')
  },
  { description: 'Three numbers that never mix: people on record, walk-ins by name, anonymous heads.' }
)

const topic = Nullable(Line(300))
const mode = Nullable(
  OneOf(modes, { description: 'How it meets; in answers the group’s unless the session has its own.' })
)
const reason = Line(300, { description: 'Why, for those who look back.', examples: ['Snow'] })

export const Session = Answer(
  'Session',
  {
    id: Id,
    group_id: Id,
    series_id: Nullable(Id),
    starts_at: Instant,
    ends_at: Instant,
    duration_minutes: DurationMinutes,
    local_date: LocalDate,
    local_time: Type.String({ description: 'Wall-clock start, `HH:MM`.', examples: ['19:00'] }),
    time_zone: TimeZone,
    topic,
    mode: OneOf(modes),
    ...place,
    original_date: Nullable({
      ...LocalDate,
      description: 'The day that the series gave it: with the series, what it is, wherever it is moved.'
    }),
    detached: Type.Boolean({ description: 'Its series names that day no more.' }),
    outcome: OneOf(outcomes, { description: 'Held with nobody present is still held.' }),
    reason: Nullable(Type.String({ description: 'Why it was cancelled or did not happen.' })),
    closure_id: Nullable({ ...Id, description: 'The closure that cancelled it.' }),
    submitted_at: Nullable(Instant),
    counts: Type.Unsafe<Static<typeof Counts>>({ $ref: 'Counts#' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'One dated meeting of a group.' }
)
export type Session = Static<typeof Session>

export const SessionCreate = Body(
  'SessionCreate',
  {
    starts_at: Instant,
    duration_minutes: Type.Optional(DurationMinutes),
    time_zone: Type.Optional(TimeZone),
    topic: Defaulted(topic, null),
    mode: Defaulted(mode, null),
    location: Type.Optional(placeGiven.location),
    online_url: Type.Optional(placeGiven.online_url)
  },
  { examples: [{ starts_at: '2026-11-25T03:00:00Z', duration_minutes: 90, topic: 'Holidays' }] }
)
export type SessionCreate = Static<typeof SessionCreate>

export const SessionPatch = Changes(
  'SessionPatch',
  { starts_at: Instant, duration_minutes: DurationMinutes, topic, mode, ...placeGiven },
  {
    description:
      'Start and length cannot change once there is a sheet, or while the session is cancelled or did not happen. A session that was moved stays where it is when its series changes.',
    examples: [{ topic: 'Holidays' }]
  }
)
export type SessionPatch = Static<typeof SessionPatch>

export const SessionReason = Body('SessionReason', { reason }, { examples: [{ reason: 'Snow' }] })
export type SessionReason = Static<typeof SessionReason>

export const SessionPage = Page('SessionPage', Session)
export const SessionPath = Parameters({ session_id: Id })
export const SessionMove = Parameters({
  force: Defaulted(
    Type.Boolean({ description: 'Also onto another session of the group, which is refused otherwise.' }),
    false
  )
})

/** A day where the session is, or an instant. */
const dayOrInstant = (description: string) =>
  Type.Unsafe<string>({
    type: 'string',
    maxLength: 40,
    anyOf: [{ format: 'date' }, { format: 'date-time' }],
    description,
    examples: ['2026-11-01']
  })
const interval = {
  from: Type.Optional(dayOrInstant('From this local day or instant on.')),
  to: Type.Optional(dayOrInstant('Before this local day or instant.'))
}
const sessionFilters = {
  ...pageQuery,
  ...interval,
  outcome: Type.Optional(OneOf(outcomes)),
  unlogged: Type.Optional(
    Type.Boolean({
      description: '`true`: past their end without a sheet, neither cancelled nor marked as not happened.'
    })
  )
}
export const GroupSessionQuery = Parameters(sessionFilters)
export const SessionQuery = Parameters({
  ...sessionFilters,
  group_id: Type.Optional(Id),
  staff_id: Type.Optional({
    ...Id,
    description:
      'Those that this member of staff leads: the sessions of a group facilitated when they begin, unless another stands in, and those for which the member of staff is named. With `unlogged`, whose sheets are missing.'
  })
})

export const facts = {
  mode: Nullable(OneOf(attendanceModes, { description: 'How they took part, if present.' })),
  arrived_late: Nullable(Type.Boolean({ description: 'If present.' })),
  left_early: Nullable(Type.Boolean({ description: 'If present.' })),
  minutes: Nullable(Type.Integer({ minimum: 0, maximum: 1440, description: 'How long they were there, if present.' })),
  first_time: Nullable(
    Type.Boolean({ description: 'Their first session of this group. Computed, unless the sheet said so itself.' })
  )
}
export const status = OneOf(attendanceStatuses, { description: '`not_recorded` is not `absent`.' })
const name = Line(120, { examples: ['Ana'] })
const expected = OneOf(expectations, {
  description:
    'Whether they meant to come, as it was known when the session began: what they said; else `no` if they are away that day, `yes` otherwise. Expected and absent is a no-show.'
})

const SheetRow = Type.Object(
  { person_id: Id, display_name: Type.String(), status, expected, ...facts },
  { title: 'SheetRow', description: 'Somebody of the roster, and what was recorded.' }
)
const SheetWalkIn = Type.Object(
  { person_id: Nullable(Id), display_name: Type.String(), status, ...facts },
  { title: 'SheetWalkIn', description: 'Somebody who came without being on the roster: on record, or only a name.' }
)

export const Sheet = Answer(
  'Sheet',
  {
    session_id: Id,
    version: Version,
    state: OneOf(['open', 'submitted', 'locked'], {
      description:
        '`open`: no sheet stands. `locked`: only coordinators correct it, with a reason; from `locks_at` on, some time after the first submission (`sheet_grace_hours` of the organization).'
    }),
    submitted_at: Nullable(Instant),
    locks_at: Nullable(Instant),
    submitted_by: Type.Unsafe<{ staff_id: string | null; api_key_id: string; display_name: string } | null>({
      type: ['object', 'null'],
      description: 'Who put the sheet as it stands; null before the first one.',
      required: ['staff_id', 'api_key_id', 'display_name'],
      properties: {
        staff_id: Nullable(Id),
        api_key_id: Id,
        display_name: Type.String({ description: 'The member of staff, or else the key.' })
      }
    }),
    roster: Type.Array(SheetRow, {
      description:
        'The people who belonged to the group on the session’s local day, by name. It is kept with the first sheet: who joins or leaves afterwards changes nothing, and so it is what rates are taken of.'
    }),
    walk_ins: Type.Array(SheetWalkIn, {
      description:
        'Visitors: who came without being on the roster, people on record or only a name. Visitors of this session they stay, though they join the group later.'
    }),
    anonymous_count: count('Heads without any record.'),
    counts: Type.Unsafe<Static<typeof Counts>>({ $ref: 'Counts#' })
  },
  {
    description:
      'Who came to a session. What is noted about somebody’s attendance stands apart (`listAttendanceNotes`).'
  }
)
export type Sheet = Static<typeof Sheet>

const given = {
  mode: Type.Optional(facts.mode),
  arrived_late: Type.Optional(facts.arrived_late),
  left_early: Type.Optional(facts.left_early),
  minutes: Type.Optional(facts.minutes),
  first_time: Type.Optional(facts.first_time)
}
const correction = Line(300, {
  description: 'Why it is changed; required once the sheet is locked.',
  examples: ['Ben was there, he came late']
})

export const SheetRecordPut = Type.Object(
  { person_id: Id, status, ...given },
  { title: 'SheetRecordPut', additionalProperties: false }
)
export const SheetWalkInPut = Type.Object(
  {
    person_id: Type.Optional(Nullable(Id)),
    display_name: Type.Optional(name),
    status: Type.Optional(OneOf(['present'])),
    ...given
  },
  {
    title: 'SheetWalkInPut',
    additionalProperties: false,
    anyOf: [{ required: ['person_id'] }, { required: ['display_name'] }]
  }
)

export const sheetPut = {
  records: Type.Array(SheetRecordPut, {
    maxItems: mostRows,
    description: 'People of the roster. Whoever is left out is `not_recorded`.'
  }),
  walk_ins: Defaulted(
    Type.Array(SheetWalkInPut, {
      maxItems: mostRows,
      description:
        'Everyone else who came. With `person_id` somebody on record (a `display_name` beside it is ignored); with a name only, the name stays on this sheet: a contact, never an unduplicated person.'
    }),
    []
  ),
  anonymous_count: Defaulted(
    Type.Integer({ minimum: 0, maximum: 10_000, description: 'Heads without any record.' }),
    0
  ),
  reason: Type.Optional(Nullable(correction)),
  occurred_at: Type.Optional(
    Nullable({
      ...Instant,
      description:
        'When it was written down, by the clock of the device: now, if left out. One that is ahead of ours by more than five minutes is flagged, and the server’s time kept.'
    })
  )
}

export const SheetPut = Body(
  'SheetPut',
  {
    ...sheetPut,
    resolves: Type.Optional(
      Type.Array(Id, {
        maxItems: 50,
        uniqueItems: true,
        description: 'Conflicts that are decided by this (`listAttendanceConflicts`), whichever sheet it follows.'
      })
    )
  },
  {
    description:
      'The whole sheet: what is not in it is not recorded. What is to be noted about somebody’s attendance belongs beside it (`putAttendanceNote`).',
    examples: [
      {
        records: [
          {
            person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60',
            status: 'present',
            mode: 'in_person',
            arrived_late: false,
            minutes: 90
          },
          { person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f61', status: 'excused' }
        ],
        walk_ins: [{ display_name: 'Ana' }, { person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f62' }],
        anonymous_count: 3
      }
    ]
  }
)
export type SheetPut = Static<typeof SheetPut>

export const SheetVersion = Answer(
  'SheetVersion',
  {
    session_id: Id,
    version: Version,
    kind: OneOf(versionKinds, { description: '`withdrawn`: the sheet was taken back.' }),
    reason: Nullable(Type.String({ description: 'Why it was corrected or withdrawn.' })),
    entered_in_error: Type.Boolean({ description: 'The sheet was withdrawn later: this never held.' }),
    occurred_at: { ...Instant, description: 'When it was written down, by the device.' },
    recorded_at: { ...Instant, description: 'When it was received.' },
    clock_off: Type.Boolean({
      description: 'The clock of the device could not be right: `occurred_at` is the server’s time.'
    }),
    submitted_by: Type.Unsafe<{ staff_id: string | null; api_key_id: string; display_name: string }>({
      type: 'object',
      description: 'Who put it.',
      required: ['staff_id', 'api_key_id', 'display_name'],
      properties: { staff_id: Nullable(Id), api_key_id: Id, display_name: Type.String() }
    }),
    records: Type.Array(SheetRow, {
      description: 'The roster, and what was recorded.'
    }),
    walk_ins: Type.Array(SheetWalkIn),
    anonymous_count: count('Heads without any record.')
  },
  { description: 'A version of a sheet, as it was put; names as they are today.' }
)
export type SheetVersion = Static<typeof SheetVersion>
export const SheetVersionPage = Page('SheetVersionPage', SheetVersion)
export const SheetHistoryQuery = Parameters({ ...pageQuery })

export const SheetWithdraw = Body(
  'SheetWithdraw',
  { reason: { ...correction, description: 'Why it is taken back.', examples: ['Logged on the wrong evening'] } },
  { examples: [{ reason: 'Logged on the wrong evening' }] }
)
export type SheetWithdraw = Static<typeof SheetWithdraw>

export const HeadIdentify = Body(
  'HeadIdentify',
  {
    walk_in: Type.Optional(
      Nullable(
        Type.Integer({
          minimum: 0,
          maximum: 999,
          description: 'Which of `walk_ins` it is, counted from 0; one of the anonymous heads, if left out.'
        })
      )
    ),
    person_id: Type.Optional(Nullable({ ...Id, description: 'Who it was.' })),
    display_name: Type.Optional(Line(120, { description: 'What they are called, where nobody says who it was.' })),
    reason: Type.Optional(Nullable(correction))
  },
  {
    description: 'A head of a sheet, and who it was.',
    anyOf: [{ required: ['person_id'] }, { required: ['display_name'] }],
    examples: [{ walk_in: 0, person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60' }]
  }
)
export type HeadIdentify = Static<typeof HeadIdentify>

export const Attendance = Answer(
  'Attendance',
  {
    id: Id,
    session_id: Id,
    group_id: Id,
    starts_at: Instant,
    local_date: LocalDate,
    person_id: Nullable(Id),
    display_name: Type.String(),
    walk_in: Type.Boolean({ description: 'Came without being on the roster.' }),
    status,
    expected: Nullable(expected),
    ...facts
  },
  { description: 'One person at one session. Anonymous heads are in the session’s counts only.' }
)
export type Attendance = Static<typeof Attendance>
export const AttendancePage = Page('AttendancePage', Attendance)
const attendanceFilters = { ...pageQuery, ...interval, status: Type.Optional(OneOf(['present', 'absent', 'excused'])) }
export const PersonAttendanceQuery = Parameters({ ...attendanceFilters, group_id: Type.Optional(Id) })
export const AttendanceQuery = Parameters({
  ...attendanceFilters,
  group_id: Type.Optional(Id),
  person_id: Type.Optional(Id)
})

export const schemas = [
  Counts,
  Session,
  SessionCreate,
  SessionPatch,
  SessionReason,
  SessionPage,
  Sheet,
  SheetPut,
  SheetWithdraw,
  HeadIdentify,
  SheetVersion,
  SheetVersionPage,
  Attendance,
  AttendancePage
]
