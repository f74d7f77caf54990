import { type Static, Type } from 'typebox'
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
  Version
} from '../http/schemas.ts'
import { leaveReasons } from './vocabulary.ts'

const day = (description: string) => Type.String({ format: 'date', description, examples: ['2026-11-23'] })

const reason = OneOf(leaveReasons, { description: 'Leaving because one feels well is a success, never drop-out.' })

export const Membership = Answer(
  'Membership',
  {
    id: Id,
    group_id: Id,
    person_id: Id,
    display_name: Line(120, { description: 'What the person wants to be called.' }),
    joined_on: day('The first day that counts, where the group meets.'),
    left_on: Nullable(day('The last day that counts; null: belongs until further notice.')),
    left_reason: Nullable(reason),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'A dated episode of belonging to a group. Who comes back has a new one.' }
)
export type Membership = Static<typeof Membership>

export const MembershipCreate = Body(
  'MembershipCreate',
  {
    person_id: Id,
    joined_on: Type.Optional(
      day('The first day that counts, where the group meets: today unless given; at most a year ahead.')
    )
  },
  { examples: [{ person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60', joined_on: '2026-11-23' }] }
)
export type MembershipCreate = Static<typeof MembershipCreate>

export const MembershipLeave = Body(
  'MembershipLeave',
  {
    left_on: Type.Optional(
      day('The last day that counts, where the group meets: today unless given; at most a year ahead.')
    ),
    reason: Type.Optional(Nullable(reason))
  },
  { examples: [{ left_on: '2026-12-31', reason: 'feels_well' }] }
)
export type MembershipLeave = Static<typeof MembershipLeave>

export const MembershipPage = Page('MembershipPage', Membership)
export const MembershipPath = Parameters({ membership_id: Id })
export const MembershipQuery = Parameters({
  ...pageQuery,
  on: Type.Optional(
    Type.Unsafe<string>({
      ...LocalDate,
      description: 'Only those who belong to the group on this day, where it meets.'
    })
  ),
  active: Type.Optional(
    Type.Boolean({ description: 'Only those who belong to the group today; false: only those who do not.' })
  )
})

export const schemas = [Membership, MembershipCreate, MembershipLeave, MembershipPage]
