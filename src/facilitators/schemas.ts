import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Defaulted,
  Id,
  Instant,
  Line,
  Nullable,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  Version
} from '../http/schemas.ts'
import { facilitatorRoles } from './vocabulary.ts'

const described = {
  staff_id: Id,
  role: OneOf(facilitatorRoles),
  starts_at: Type.String({
    format: 'date-time',
    description: 'From when on: an instant, included.',
    examples: ['2026-11-24T03:00:00Z']
  }),
  ends_at: Nullable(
    Type.String({
      format: 'date-time',
      description: 'Until when: an instant, not included any more; null: until further notice.',
      examples: ['2027-06-30T22:00:00Z']
    })
  )
}

export const Facilitator = Answer(
  'Facilitator',
  {
    id: Id,
    group_id: Id,
    ...described,
    display_name: Line(200, { description: 'What the member of staff is called.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Who facilitates a group, from when to when. The history stays.' }
)
export type Facilitator = Static<typeof Facilitator>

export const FacilitatorAssign = Body(
  'FacilitatorAssign',
  {
    staff_id: described.staff_id,
    role: Defaulted(described.role, 'facilitator'),
    starts_at: Type.Optional(described.starts_at),
    ends_at: Defaulted(described.ends_at, null)
  },
  {
    description: 'From now on and until further notice, unless said otherwise.',
    examples: [{ staff_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60', role: 'co_facilitator' }]
  }
)
export type FacilitatorAssign = Static<typeof FacilitatorAssign>

export const FacilitatorEnd = Body(
  'FacilitatorEnd',
  {
    ends_at: Type.Optional(
      Type.String({
        format: 'date-time',
        description: 'An instant, not included any more; now unless given.',
        examples: ['2026-12-31T23:00:00Z']
      })
    )
  },
  { examples: [{ ends_at: '2026-12-31T23:00:00Z' }] }
)
export type FacilitatorEnd = Static<typeof FacilitatorEnd>

export const FacilitatorPage = Page('FacilitatorPage', Facilitator)
export const FacilitatorPath = Parameters({ group_id: Id, facilitator_id: Id })
export const FacilitatorQuery = Parameters({
  ...pageQuery,
  at: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'Only those who facilitate (or facilitated) at this instant.',
      examples: ['2026-11-24T03:00:00Z']
    })
  ),
  active: Type.Optional(Type.Boolean({ description: 'Only those who facilitate now; false: only those who do not.' }))
})

export const schemas = [Facilitator, FacilitatorAssign, FacilitatorEnd, FacilitatorPage]
