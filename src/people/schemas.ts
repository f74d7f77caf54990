import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Changes,
  Defaulted,
  Id,
  Instant,
  Line,
  Nullable,
  named,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  Text,
  Version,
  Word
} from '../http/schemas.ts'
import { type Contact as ContactFields, contactWays } from './contact.ts'

export const DisplayName = Line(120, {
  description: 'What the person wants to be called; a nickname is fine. Two people may have the same.',
  examples: ['Ana']
})
const Email = Type.String({ format: 'email', maxLength: 254, examples: ['ana@example.org'] })
const Phone = Type.String({ format: 'phone', maxLength: 40, examples: ['+1 415 555 0100'] })

const contactFields = {
  email: Nullable(Email),
  phone: Nullable(Phone),
  postal: Nullable(Text(500, { description: 'A postal address, as it is written on an envelope.' })),
  preferred: Nullable(OneOf(contactWays, { description: 'How to reach the person; `none`: not at all.' }))
}
const Contact = Type.Unsafe<ContactFields | null>({
  type: ['object', 'null'],
  description:
    'How to reach the person; null where nothing is known. Not there for facilitators, nor in a list where it does not open.',
  required: Object.keys(contactFields),
  properties: contactFields
})
const ContactGiven = Type.Unsafe<Partial<ContactFields> | null>({
  type: ['object', 'null'],
  description: 'Absent fields of a change stay as they are; null clears one, or all.',
  additionalProperties: false,
  properties: contactFields
})

const system = Type.Unsafe<string>({
  ...Word,
  description: 'Which system: a short lower-case word.',
  examples: ['clinic-ehr']
})
const externalValue = Line(200, { description: 'What that system calls the person.', examples: ['A-1027'] })

export const ExternalId = Answer(
  'ExternalId',
  { system, value: externalValue },
  { description: 'What another system calls the person: one person for each system and value.' }
)
export type ExternalId = Static<typeof ExternalId>
const ExternalIdGiven = Type.Object({ system, value: externalValue }, { additionalProperties: false })
const ExternalIdsGiven = Type.Array(ExternalIdGiven, {
  maxItems: 20,
  uniqueItems: true,
  description: 'What other systems call the person; a change replaces the whole list. Not for facilitators.'
})

export const Person = Answer(
  'Person',
  {
    id: Id,
    display_name: DisplayName,
    contact: Type.Optional(Contact),
    external_ids: Type.Optional(
      Type.Array(named(ExternalId), { description: 'What other systems call the person. Not there for facilitators.' })
    ),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Somebody who comes, maybe under a name of their own choice.' }
)
export type Person = Static<typeof Person>

const given = {
  display_name: DisplayName,
  contact: Type.Optional(ContactGiven),
  external_ids: Type.Optional(ExternalIdsGiven)
}
export const PersonCreate = Body('PersonCreate', given, {
  description: 'Only the name is required.',
  examples: [
    {
      display_name: 'Ana',
      contact: { email: 'ana@example.org', preferred: 'email' },
      external_ids: [{ system: 'clinic-ehr', value: 'A-1027' }]
    }
  ]
})
export type PersonCreate = Static<typeof PersonCreate>

export const PersonPatch = Changes('PersonPatch', given, {
  examples: [{ contact: { phone: '+1 415 555 0100', email: null } }]
})
export type PersonPatch = Static<typeof PersonPatch>

export const PersonSearch = Body(
  'PersonSearch',
  {
    name: Type.Optional(
      Line(120, { description: 'How the name begins; case and accents do not matter.', examples: ['an'] })
    ),
    email: Type.Optional(Email),
    phone: Type.Optional(Phone),
    external_id: Type.Optional(ExternalIdGiven),
    limit: Defaulted(Type.Integer({ minimum: 1, maximum: 100, description: 'How many at most.' }), 25)
  },
  {
    minProperties: 1,
    description:
      'Exactly one of `name`, `email`, `phone` and `external_id`. A body, because a name or an address does not belong in a URL.',
    examples: [{ name: 'an' }]
  }
)
export type PersonSearch = Static<typeof PersonSearch>

export const PersonPage = Page('PersonPage', Person)

export const PersonPath = Parameters({ person_id: Id })
export const ExternalIdPath = Parameters({ system, value: externalValue })
export const PersonQuery = Parameters({ ...pageQuery })

export const schemas = [ExternalId, Person, PersonCreate, PersonPatch, PersonSearch, PersonPage]
