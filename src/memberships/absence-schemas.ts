import { type Static, Type } from 'typebox'
import { Answer, Body, Id, Instant, Nullable, Page, Parameters, pageQuery, Version } from '../http/schemas.ts'

const day = (description: string) => Type.String({ format: 'date', description, examples: ['2026-12-21'] })

const from = day('The first day, where the group meets; at most a year ahead.')
const until = Nullable(day('The last day, at most a year ahead; null: until further notice.'))

export const Absence = Answer(
  'Absence',
  {
    id: Id,
    membership_id: Id,
    from: day('The first day, where the group meets.'),
    until: Nullable(day('The last day; null: until further notice.')),
    withdrawn_at: Nullable({ ...Instant, description: 'Since when it does not count; null: it counts.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Days on which a member is not expected. Why, nobody asks.' }
)
export type Absence = Static<typeof Absence>

export const AbsenceCreate = Body(
  'AbsenceCreate',
  { from, until: Type.Optional(until) },
  { examples: [{ from: '2026-12-21', until: '2027-01-03' }] }
)
export type AbsenceCreate = Static<typeof AbsenceCreate>

export const MembershipPause = Body(
  'MembershipPause',
  { from: Type.Optional(day('The first day away, where the group meets: today unless given; at most a year ahead.')) },
  { examples: [{ from: '2026-12-21' }] }
)
export type MembershipPause = Static<typeof MembershipPause>

export const MembershipResume = Body(
  'MembershipResume',
  { on: Type.Optional(day('The first day back, where the group meets: today unless given; at most a year ahead.')) },
  { examples: [{ on: '2027-01-11' }] }
)
export type MembershipResume = Static<typeof MembershipResume>

export const AbsencePage = Page('AbsencePage', Absence)
export const AbsencePath = Parameters({ membership_id: Id, absence_id: Id })
export const AbsenceQuery = Parameters(pageQuery)

export const schemas = [Absence, AbsenceCreate, MembershipPause, MembershipResume, AbsencePage]
