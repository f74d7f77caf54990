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
  named,
  OneOf,
  Page,
  Parameters,
  pageQuery,
  Slug,
  TimeZone,
  Version
} from '../http/schemas.ts'
import { roles, type Scope as ScopeName, scopes } from './roles.ts'

export const Scope = Type.Unsafe<ScopeName>({
  $id: 'Scope',
  title: 'Scope',
  type: 'string',
  enum: scopes,
  description: 'What a key may do: a subject, to be read or written.'
})

export const Role = OneOf(roles, {
  description:
    '`admin`: everything. `coordinator`: everything but keys, staff and the organization. `facilitator`: the groups facilitated now, without contact details. `observer`: groups, sessions and counts.'
})

const staffFields = {
  display_name: Line(200, { description: 'What colleagues call them.', examples: ['Sam Okafor'] }),
  email: Nullable(
    Type.String({
      format: 'email',
      maxLength: 254,
      description: 'One member of staff for each address; case does not matter.',
      examples: ['sam@riverside.example']
    })
  ),
  role: Role
}

export const Staff = Answer(
  'Staff',
  {
    id: Id,
    ...staffFields,
    deactivated_at: Nullable({ ...Instant, description: 'Since when they no longer work here; null for who does.' }),
    version: Version,
    created_at: Instant,
    updated_at: Instant
  },
  { description: 'Somebody who runs groups: never somebody who comes.' }
)
export type Staff = Static<typeof Staff>

export const StaffCreate = Body(
  'StaffCreate',
  { display_name: staffFields.display_name, role: staffFields.role, email: Defaulted(staffFields.email, null) },
  { examples: [{ display_name: 'Sam Okafor', email: 'sam@riverside.example', role: 'facilitator' }] }
)
export type StaffCreate = Static<typeof StaffCreate>

export const StaffPatch = Changes('StaffPatch', staffFields, { examples: [{ role: 'coordinator' }] })
export type StaffPatch = Static<typeof StaffPatch>

export const StaffPage = Page('StaffPage', Staff)

export const StaffPath = Parameters({ staff_id: Id })

export const StaffQuery = Parameters({
  ...pageQuery,
  role: Type.Optional(Role),
  active: Type.Optional(
    Type.Boolean({ description: 'Only who works here (`true`), or only who was deactivated (`false`).' })
  )
})

const keyFields = {
  name: Line(200, { description: 'What the key is for.', examples: ['Front desk'] }),
  scopes: Type.Array(named(Scope), {
    uniqueItems: true,
    description: 'What it may do, as far as the role of its member of staff goes.'
  }),
  staff_id: Nullable({
    ...Id,
    description: 'Whose reach it has; null: it reaches the whole organization, as far as its scopes go.'
  }),
  expires_at: Nullable({ ...Instant, description: 'From when on it is refused; null: never.' })
}

const keyAnswer = {
  id: Id,
  ...keyFields,
  revoked_at: Nullable({ ...Instant, description: 'Since when it is refused for good; null: it was not revoked.' }),
  last_used_at: Nullable({ ...Instant, description: 'When it was last used, to the minute.' }),
  version: Version,
  created_at: Instant,
  updated_at: Instant
}

export const ApiKey = Answer('ApiKey', keyAnswer, {
  description: 'A key, without its secret: that is shown once, when it is made or rotated, and kept only as a hash.'
})
export type ApiKey = Static<typeof ApiKey>

export const ApiKeyWithSecret = Answer(
  'ApiKeyWithSecret',
  {
    ...keyAnswer,
    secret: Type.String({
      description: 'What goes behind `Bearer` in the Authorization header. Shown this once: nobody can read it again.',
      examples: ['ck_live_4f9KqT2vXwZ7mBnR8sLdYc3PjH6gEaUoWi1tNx5yQ0k']
    })
  },
  { description: 'A key with its secret, which is shown this once.' }
)
export type ApiKeyWithSecret = Static<typeof ApiKeyWithSecret>

export const ApiKeyCreate = Body(
  'ApiKeyCreate',
  {
    name: keyFields.name,
    scopes: Type.Optional({
      ...keyFields.scopes,
      minItems: 1,
      description: 'Left out: all that the key making it has and that role can use.'
    }),
    staff_id: Defaulted(keyFields.staff_id, null),
    expires_at: Type.Optional(
      Nullable({ ...Instant, description: 'Left out: it lasts as long as the key that makes it.' })
    )
  },
  {
    description: 'A key is never wider than its maker: neither in its scopes nor in how long it lasts.',
    examples: [{ name: 'Front desk', scopes: ['groups:read', 'sessions:read'] }]
  }
)
export type ApiKeyCreate = Static<typeof ApiKeyCreate>

export const ApiKeyPage = Page('ApiKeyPage', ApiKey)

export const ApiKeyPath = Parameters({ api_key_id: Id })

export const ApiKeyQuery = Parameters({
  ...pageQuery,
  staff_id: Type.Optional({ ...Id, description: 'Only keys with the reach of this member of staff.' }),
  active: Type.Optional(
    Type.Boolean({ description: 'Only keys that are let in (`true`), or only revoked and expired ones (`false`).' })
  )
})

export const Me = Answer(
  'Me',
  {
    organization: Type.Object({ id: Id, name: Line(200), slug: Slug, time_zone: TimeZone, language: Language }),
    key: Type.Object({ id: Id, name: keyFields.name, scopes: keyFields.scopes, expires_at: keyFields.expires_at }),
    staff: Type.Unsafe<{ id: string; display_name: string; role: Static<typeof Role> } | null>({
      type: ['object', 'null'],
      description: 'The member of staff whose reach the key has; null for a key of the organization.',
      required: ['id', 'display_name', 'role'],
      properties: { id: Id, display_name: staffFields.display_name, role: Role }
    }),
    role: Role,
    scopes: Type.Array(named(Scope), {
      uniqueItems: true,
      description: 'What the key may really do: its scopes, as far as the role goes.'
    }),
    groups: Type.Array(Type.Object({ group_id: Id, name: Line(200), role: OneOf(['facilitator', 'co_facilitator']) }), {
      description: 'The groups that the member of staff facilitates at this instant, by name.'
    })
  },
  { description: 'Who a key speaks for.' }
)
export type Me = Static<typeof Me>

export const schemas = [
  Scope,
  Me,
  Staff,
  StaffCreate,
  StaffPatch,
  StaffPage,
  ApiKey,
  ApiKeyWithSecret,
  ApiKeyCreate,
  ApiKeyPage
]
