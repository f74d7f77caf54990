import { type Static, Type } from 'typebox'
import { facilitatorRoles } from '../facilitators/vocabulary.ts'
import { Answer, Id, Instant, Line, LocalDate, Nullable, named, OneOf } from '../http/schemas.ts'
import { Note } from '../notes/schemas.ts'
import { SessionLeader } from '../sessions/facilitator-schemas.ts'
import type { Counts } from '../sessions/schemas.ts'
import { outcomes } from '../sessions/vocabulary.ts'

const part = <T extends Parameters<typeof Type.Object>[0]>(title: string, description: string, properties: T) =>
  Type.Object(properties, { title, description })

const session = {
  session_id: Id,
  starts_at: Instant,
  local_date: LocalDate,
  topic: Nullable(Line(300)),
  outcome: OneOf(outcomes),
  reason: Nullable(Type.String({ description: 'Why it was cancelled or did not happen.' })),
  led_by: Type.Array(named(SessionLeader), { description: 'Who leads, or led, it.' })
}

export const Handover = Answer(
  'Handover',
  {
    group_id: Id,
    name: Line(200),
    facilitators: Type.Array(
      part('HandoverFacilitator', 'Who facilitates the group now, or is to.', {
        staff_id: Id,
        display_name: Line(200),
        role: OneOf(facilitatorRoles),
        starts_at: Instant,
        ends_at: Nullable(Instant)
      }),
      { description: 'By beginning.' }
    ),
    roster: Type.Array(
      part('HandoverMember', 'Somebody who belongs to the group today.', {
        person_id: Id,
        display_name: Line(120),
        joined_on: LocalDate,
        last_present_on: Nullable({ ...LocalDate, description: 'The last session that a sheet says they came to.' }),
        missed_in_a_row: Type.Integer({
          minimum: 0,
          description:
            'Sessions that they missed without letting the group know, since they last came or did let it know.'
        })
      }),
      { description: 'By name.' }
    ),
    recent_sessions: Type.Array(
      part('HandoverSession', 'A session that has begun.', {
        ...session,
        counts: Type.Unsafe<Static<typeof Counts>>({ $ref: 'Counts#' })
      }),
      { description: 'The last six, the latest first.' }
    ),
    coming_sessions: Type.Array(part('HandoverComing', 'A session to come.', session), {
      description: 'The next three, the cancelled ones among them.'
    }),
    follow_ups: Type.Array(
      part('HandoverFollowUp', 'Something that waits for whoever holds the group.', {
        kind: OneOf(['sheet_missing', 'missed_in_a_row', 'note'], {
          description:
            '`sheet_missing`: nobody logged the session; `missed_in_a_row`: somebody missed two sessions or more and might need a hello; `note`: a note asks for something.'
        }),
        session_id: Nullable(Id),
        person_id: Nullable(Id),
        note_id: Nullable(Id)
      }),
      {
        description:
          'Sheets that are missing, the oldest first, a hundred at the most; then people, by name; then notes, those that are among `notes`.'
      }
    ),
    notes: Type.Array(named(Note), {
      description: 'Those marked for handover and those still to be followed up, which come first; fifty at the most.'
    })
  },
  { description: 'What the next facilitator of a group needs.' }
)
export type Handover = Static<typeof Handover>

export const schemas = [Handover]
