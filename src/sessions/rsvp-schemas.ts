import { type Static, Type } from 'typebox'
import { Answer, Body, Id, Instant, OneOf, Page, Parameters, pageQuery, Version } from '../http/schemas.ts'
import { expectations } from './vocabulary.ts'

const answer = OneOf(expectations, { description: 'Whether they mean to come.' })

export const Rsvp = Answer(
  'Rsvp',
  {
    session_id: Id,
    person_id: Id,
    display_name: Type.String(),
    answer,
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Whether a member means to come to a session.' }
)
export type Rsvp = Static<typeof Rsvp>

export const RsvpPut = Body('RsvpPut', { answer }, { examples: [{ answer: 'maybe' }] })
export type RsvpPut = Static<typeof RsvpPut>

export const RsvpPage = Page('RsvpPage', Rsvp)
export const RsvpQuery = Parameters({ ...pageQuery })
export const RsvpPath = Parameters({ session_id: Id, person_id: Id })

export const schemas = [Rsvp, RsvpPut, RsvpPage]
