import { type Static, Type } from 'typebox'
import {
  Answer,
  Body,
  Changes,
  Defaulted,
  Id,
  Instant,
  Language,
  Line,
  Nullable,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  Slug,
  Text,
  TimeZone,
  Version,
  Word
} from '../http/schemas.ts'
import {
  accesses,
  capacityRules,
  formats,
  groupStatuses,
  type Location as LocationRow,
  modes,
  visibilities
} from './vocabulary.ts'

const words = (description: string) => Type.Array(Word, { maxItems: 20, uniqueItems: true, description })

const phrases = (description: string) => Type.Array(Line(60), { maxItems: 20, uniqueItems: true, description })

const locationFields = {
  address: Nullable(Line(300, { description: 'Street and number.' })),
  city: Nullable(Line(200)),
  region: Nullable(Line(200, { description: 'State or province.' })),
  postal_code: Nullable(Line(200)),
  country: Nullable(Line(200)),
  latitude: Nullable(
    Type.Number({ minimum: -90, maximum: 90, description: 'Degrees, WGS 84; together with the longitude.' })
  ),
  longitude: Nullable(Type.Number({ minimum: -180, maximum: 180, description: 'Degrees, WGS 84.' })),
  notes: Nullable(Text(2000, { description: 'How to find the room; the quarter.' }))
}
export const Location = Type.Unsafe<LocationRow | null>({
  title: 'Location',
  type: ['object', 'null'],
  description: 'Where it meets; null for a group that only meets online, and for what meets where its group does.',
  required: Object.keys(locationFields),
  properties: locationFields
})
export const LocationGiven = Type.Unsafe<Partial<LocationRow> | null>({
  title: 'LocationGiven',
  type: ['object', 'null'],
  description: 'Where it meets. Absent fields of a change stay as they are; null clears.',
  additionalProperties: false,
  properties: locationFields
})

export const OnlineUrl = Type.String({
  format: 'https-url',
  maxLength: 2000,
  examples: ['https://meet.example.org/tuesday']
})
export const Phone = Type.String({ format: 'phone', maxLength: 40, examples: ['+1 415 555 0100'] })

const described = {
  name: Line(200, { examples: ['Tuesday Night Grief Circle'] }),
  slug: Slug,
  description: Nullable(Text(4000)),
  topics: words('What it is about.'),
  access: OneOf(accesses, { description: '`open`: new people are always welcome. `closed`: closed once formed.' }),
  format: OneOf(formats),
  mode: OneOf(modes, {
    description: '`in_person` needs an address or a city; `hybrid` an address and a link or phone number.'
  }),
  online_url: Nullable(OnlineUrl),
  online_phone: Nullable(Phone),
  languages: Type.Array(Language, { maxItems: 20, uniqueItems: true, description: 'BCP 47.' }),
  accessibility: phrases('E.g. `wheelchair access`, `sign language`, `babysitting`.'),
  audience: phrases('Whom it is meant for, e.g. `women`, `young people`.'),
  capacity: Nullable(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Seats; null: as many as come.' })),
  capacity_rule: OneOf(capacityRules, {
    description:
      '`hard`: who comes when every seat is taken, waits in line. `soft`: they are let in, and it is said that there are too many.'
  }),
  status: OneOf(groupStatuses),
  status_reason: Nullable(Line(300, { description: 'Why it is paused or closed.' })),
  visibility: OneOf(visibilities, { description: '`listed`: may appear in a directory.' }),
  time_zone: TimeZone
}

export const Group = Answer(
  'Group',
  {
    id: Id,
    ...described,
    location: Location,
    archived_at: Nullable(Instant),
    next_session_at: Nullable(Instant),
    member_count: Type.Integer({ minimum: 0, description: 'People who belong to it today, by its own calendar.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'The people and the purpose that persist.' }
)
export type Group = Static<typeof Group>

const optional = {
  slug: Type.Optional(described.slug),
  description: Defaulted(described.description, null),
  topics: Defaulted(described.topics, []),
  access: Defaulted(described.access, 'open'),
  format: Defaulted(described.format, 'ongoing'),
  location: Type.Optional(LocationGiven),
  online_url: Defaulted(described.online_url, null),
  online_phone: Defaulted(described.online_phone, null),
  languages: Defaulted(described.languages, []),
  accessibility: Defaulted(described.accessibility, []),
  audience: Defaulted(described.audience, []),
  capacity: Defaulted(described.capacity, null),
  capacity_rule: Defaulted(described.capacity_rule, 'hard'),
  status: Defaulted(described.status, 'active'),
  status_reason: Defaulted(described.status_reason, null),
  visibility: Defaulted(described.visibility, 'unlisted'),
  time_zone: Type.Optional(described.time_zone)
}
export const GroupCreate = Body(
  'GroupCreate',
  { name: described.name, mode: described.mode, ...optional },
  {
    description: 'The slug is made from the name unless given; the time zone is the organization’s unless given.',
    examples: [
      {
        name: 'Tuesday Night Grief Circle',
        mode: 'in_person',
        topics: ['grief'],
        location: { address: '12 Elm Street', city: 'Oakland', region: 'CA', country: 'US' },
        time_zone: 'America/Los_Angeles'
      }
    ]
  }
)
export type GroupCreate = Static<typeof GroupCreate>

export const GroupPatch = Changes(
  'GroupPatch',
  { ...described, location: LocationGiven },
  { examples: [{ status: 'paused', status_reason: 'Summer break' }] }
)
export type GroupPatch = Static<typeof GroupPatch>

export const GroupPage = Page('GroupPage', Group)

export const GroupPath = Parameters({ group_id: Id })

export const GroupQuery = Parameters({
  ...pageQuery,
  status: Type.Optional(OneOf(groupStatuses)),
  topic: Type.Optional(Word),
  access: Type.Optional(OneOf(accesses)),
  mode: Type.Optional(OneOf(modes)),
  language: Type.Optional(Language),
  q: Type.Optional(
    Line(200, {
      description: 'Words that must all occur in the name, description or place; case and accents do not matter.'
    })
  ),
  lat: Type.Optional(
    Type.Number({ minimum: -90, maximum: 90, description: 'With `lng` and `km`: groups around here, nearest first.' })
  ),
  lng: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
  km: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 20_100, description: 'The radius, in kilometres.' })),
  archived: Defaulted(
    OneOf(['exclude', 'include', 'only'], { description: 'What to do with archived groups.' }),
    'exclude'
  )
})
export type GroupQuery = Static<typeof GroupQuery>

export const schemas = [Group, GroupCreate, GroupPatch, GroupPage]
