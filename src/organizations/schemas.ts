import { type Static, Type } from 'typebox'
import { Answer, Changes, Id, Instant, Language, Line, Slug, TimeZone, Version } from '../http/schemas.ts'

const settings = {
  default_duration_minutes: Type.Integer({
    minimum: 5,
    maximum: 1440,
    description: 'The length of a series or session whose length is left out.',
    examples: [90]
  }),
  publish_strategies_at_once: Type.Boolean({
    description: 'Strategy cards of facilitators are published without a review, but for those that a rule flags.'
  }),
  sheet_grace_hours: Type.Integer({
    minimum: 1,
    maximum: 8760,
    description:
      'How many hours after its first submission a sheet may be changed by whoever logs attendance; then it is locked, and corrected by coordinators with a reason. Sheets that were submitted before keep their time.',
    examples: [168]
  }),
  offer_hours: Type.Integer({
    minimum: 1,
    maximum: 720,
    description: 'For how many hours a seat is kept for whom it is offered to, before the next in line.',
    examples: [48]
  })
}

const fields = {
  name: Line(200, { examples: ['Riverside Peer Support'] }),
  slug: Slug,
  time_zone: { ...TimeZone, description: 'An IANA time zone name: of groups that name none.' },
  language: Language
}

export const Organization = Answer(
  'Organization',
  {
    id: Id,
    ...fields,
    settings: Type.Object(settings, { description: 'What the organization sets for itself.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'The nonprofit or clinic that runs the groups.' }
)
export type Organization = Static<typeof Organization>

export const OrganizationPatch = Changes(
  'OrganizationPatch',
  {
    ...fields,
    settings: Type.Partial(Type.Object(settings), {
      additionalProperties: false,
      description: 'What is left out stays as it is (RFC 7396).'
    })
  },
  { examples: [{ name: 'Riverside Peer Support', settings: { default_duration_minutes: 60 } }] }
)
export type OrganizationPatch = Static<typeof OrganizationPatch>

export const schemas = [Organization, OrganizationPatch]
