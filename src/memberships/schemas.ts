import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
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
  Text,
  Version
} from '../http/schemas.ts'
import { leaveReasons, membershipStatuses, notJoinedReasons } from './vocabulary.ts'

const day = (description: string) => Type.String({ format: 'date', description, examples: ['2026-11-23'] })

const reason = OneOf(leaveReasons, { description: 'Leaving because one feels well is a success, never drop-out.' })

export const Membership = Answer(
  'Membership',
  {
    id: Id,
    group_id: Id,
    person_id: Id,
    display_name: Line(120, { description: 'What the person wants to be called.' }),
    status: OneOf(membershipStatuses, {
      description:
        '`requested`: asked to join. `waitlisted`: waits for a seat. `offered`: a seat is kept. `active`: belongs, or will from `joined_on` on. `paused`: is away until further notice. `left`: the last day is over. `not_joined`: asked, or waited, and did not become a member.'
    }),
    joined_on: Nullable(day('The first day that counts, where the group meets; null: no member yet.')),
    left_on: Nullable(day('The last day that counts; null: belongs until further notice.')),
    left_reason: Nullable(reason),
    position: Nullable(
      Type.Integer({ minimum: 1, description: 'Which one in line among those who wait now; null: does not wait.' })
    ),
    offer_expires_at: Nullable({ ...Instant, description: 'Until when a seat is kept; null: none is offered.' }),
    not_joined_reason: Nullable(
      OneOf(notJoinedReasons, { description: '`expired`: nobody took the seat while it was kept.' })
    ),
    over_capacity: Type.Boolean({ description: 'Let in though every seat was taken.' }),
    message: Nullable(
      Text(2000, {
        description:
          'What was said with the request to join. Null too where it cannot be opened, and for keys without `memberships:read`.'
      })
    ),
    absences: Type.Array(
      Type.Object(
        {
          id: Id,
          from: day('The first day.'),
          until: Nullable(day('The last day; null: until further notice.'))
        },
        { title: 'PlannedAbsence' }
      ),
      { description: 'When the member is not expected: what is not withdrawn and not over, by first day.' }
    ),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  {
    description:
      'A dated episode of belonging to a group, from the request or the place in line on. Who comes back has a new one.'
  }
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

export const JoinRequest = Body(
  'JoinRequest',
  {
    person_id: Id,
    message: Type.Optional(Nullable(Text(2000, { description: 'What whoever asks wants to say. Kept sealed.' })))
  },
  { examples: [{ person_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60', message: 'A friend told me of the group.' }] }
)
export type JoinRequest = Static<typeof JoinRequest>

export const MembershipBegin = Body(
  'MembershipBegin',
  {
    joined_on: Type.Optional(
      day('The first day that counts, where the group meets: today unless given; at most a year ahead.')
    )
  },
  { examples: [{ joined_on: '2026-11-23' }] }
)
export type MembershipBegin = Static<typeof MembershipBegin>

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
    Type.Boolean({
      description: 'Only those who belong to the group today; false: only members who do not, yet or any more.'
    })
  ),
  status: Type.Optional(OneOf(membershipStatuses, { description: 'Only those of this status today.' }))
})
export const MembershipForce = Parameters({
  force: Defaulted(
    Type.Boolean({ description: 'Lets in beyond the capacity, past those who wait; `over_capacity` tells of it.' }),
    false
  )
})

export const schemas = [Membership, MembershipCreate, JoinRequest, MembershipBegin, MembershipLeave, MembershipPage]
