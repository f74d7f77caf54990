/** What a member of staff may reach. */
export const roles = ['admin', 'coordinator', 'facilitator', 'observer'] as const
export type Role = (typeof roles)[number]

const subjects = [
  'organization',
  'staff',
  'api_keys',
  'groups',
  'people',
  'memberships',
  'sessions',
  'attendance',
  'imports',
  'strategies',
  'toolbox',
  'notes'
] as const

type Subject = (typeof subjects)[number]
export type Scope = `${Subject}:${'read' | 'write'}` | 'strategies:moderate' | 'handover:read' | 'attendance:correct'

export const scopes = [
  ...subjects.flatMap<Scope>(subject => [`${subject}:read`, `${subject}:write`]),
  'strategies:moderate',
  'handover:read',
  'attendance:correct'
] satisfies Scope[]

const both = (...names: Subject[]) => names.flatMap<Scope>(name => [`${name}:read`, `${name}:write`])

/** What people wrote for one another: no key without a member of staff can use these, whatever its role. */
export const staffScopes: ReadonlySet<Scope> = new Set(['notes:read', 'notes:write', 'handover:read'])

/** The scopes that a role can ever use; a key's own scopes narrow them further. */
export const scopesOf: Record<Role, ReadonlySet<Scope>> = {
  admin: new Set(scopes),
  coordinator: new Set<Scope>([
    ...both('groups', 'people', 'memberships', 'sessions', 'attendance', 'imports', 'strategies', 'toolbox', 'notes'),
    'strategies:moderate',
    'handover:read',
    'attendance:correct'
  ]),
  facilitator: new Set<Scope>([
    'groups:read',
    ...both('people', 'memberships', 'sessions', 'attendance', 'strategies', 'toolbox', 'notes'),
    'handover:read'
  ]),
  observer: new Set<Scope>(['groups:read', 'sessions:read', 'strategies:read'])
}

/** The roles that a scope lets in. */
export const rolesWith = (scope: Scope): Role[] => roles.filter(role => scopesOf[role].has(scope))
