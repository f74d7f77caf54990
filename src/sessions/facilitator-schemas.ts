import { type Static, Type } from 'typebox'
import { facilitatorRoles } from '../facilitators/vocabulary.ts'
import {
  Answer,
  Body,
  Defaulted,
  Id,
  Instant,
  Line,
  Nullable,
  named,
  OneOf,
  Parameters,
  Version
} from '../http/schemas.ts'
import { sessionFacilitatorRoles } from './vocabulary.ts'

const display_name = Line(200, { description: 'What the member of staff is called.' })
const role = OneOf(sessionFacilitatorRoles, {
  description:
    '`substitute`: in the place of somebody, who may be named; `co_facilitator`: beside those who lead it anyway.'
})
const replaces_staff_id = Nullable({
  ...Id,
  description: 'Who does not lead this session: one of those who facilitate the group when it begins.'
})

export const SessionLeader = Answer(
  'SessionLeader',
  {
    session_facilitator_id: Nullable({
      ...Id,
      description: 'Where they are named for this session; null: they facilitate the group when it begins.'
    }),
    staff_id: Id,
    display_name,
    role: OneOf([...facilitatorRoles, 'substitute']),
    replaces_staff_id
  },
  { description: 'Who leads, or led, one session.' }
)
export type SessionLeader = Static<typeof SessionLeader>

export const SessionLeaderList = Answer(
  'SessionLeaderList',
  { data: Type.Array(named(SessionLeader), { description: 'All of them, without those whom others replace.' }) },
  { description: 'Who leads a session.' }
)

export const SessionFacilitator = Answer(
  'SessionFacilitator',
  {
    id: Id,
    session_id: Id,
    group_id: Id,
    staff_id: Id,
    display_name,
    role,
    replaces_staff_id,
    withdrawn_at: Nullable(Instant),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Somebody who was named to lead one session.' }
)
export type SessionFacilitator = Static<typeof SessionFacilitator>

export const SessionFacilitatorName = Body(
  'SessionFacilitatorName',
  { staff_id: Id, role: Defaulted(role, 'substitute'), replaces_staff_id: Defaulted(replaces_staff_id, null) },
  {
    examples: [
      {
        staff_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60',
        role: 'substitute',
        replaces_staff_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f61'
      }
    ]
  }
)
export type SessionFacilitatorName = Static<typeof SessionFacilitatorName>

export const SessionFacilitatorPath = Parameters({ session_id: Id, session_facilitator_id: Id })

export const schemas = [SessionLeader, SessionLeaderList, SessionFacilitator, SessionFacilitatorName]
