import { sql } from 'drizzle-orm'
import type { Refusals } from '../database/refusals.ts'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { conflict } from '../problems.ts'
import type { Role, Scope } from './roles.ts'
import type { ApiKey, Me, Staff } from './schemas.ts'

/** Writes down, to the minute, that the key was used. */
export const touchKey = statement<never>(
  'touch_key',
  () => sql`
    update api_keys set last_used_at = date_trunc('minute', now())
    where organization_id = ${asker.organization_id} and id = ${asker.api_key_id}`
)

/** What the sign-in does not know about whoever asks. */
export const findMe = quickStatement<Pick<Me, 'organization' | 'staff' | 'groups'> & { key_scopes: Scope[] }>(
  'find_me',
  () => sql`
    select
      json_build_object(
        'id', o.id, 'name', o.name, 'slug', o.slug, 'time_zone', o.time_zone, 'language', o.language) as organization,
      (select k.scopes from api_keys k
        where k.organization_id = o.id and k.id = ${asker.api_key_id}) as key_scopes,
      (select json_build_object('id', s.id, 'display_name', s.display_name, 'role', s.role) from staff s
        where s.organization_id = o.id and s.id = ${asker.staff_id}) as staff,
      coalesce((
        select json_agg(json_build_object('group_id', g.id, 'name', g.name, 'role', f.role) order by g.name_key, g.id)
        from group_facilitators f join groups g on g.organization_id = f.organization_id and g.id = f.group_id
        where f.organization_id = o.id and f.staff_id = ${asker.staff_id}
          and f.starts_at <= now() and (f.ends_at is null or f.ends_at > now())), '[]') as groups
    from organizations o where o.id = ${asker.organization_id}`
)

const staffColumns = sql.raw(
  's.id, s.display_name, s.email, s.role, s.deactivated_at, s.version, s.created_at, s.updated_at'
)

/** In the order in which they were added. */
export const listStaff = statement<Staff, { role?: Role; active?: boolean } & Asked>(
  'list_staff',
  ({ has }) => sql`
    select ${staffColumns} from staff s
    where s.organization_id = ${asker.organization_id}
      ${has('role') ? sql`and s.role = ${value('role')}` : sql``}
      ${has('active') ? sql`and (s.deactivated_at is null) = ${value('active')}::boolean` : sql``}
      ${has('after_1') ? sql`and s.id > ${value('after_1')}::uuid` : sql``}
    order by s.id limit ${value('limit')}`
)

export const findStaff = quickStatement<Staff, { staff_id: string }>(
  'find_staff',
  () => sql`
    select ${staffColumns} from staff s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('staff_id')}`
)

/** The member of staff, about to be changed. */
export const lockStaff = statement<Staff, { staff_id: string }>(
  'lock_staff',
  () => sql`
    select ${staffColumns} from staff s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('staff_id')}
    for no key update of s`
)

/** The member of staff, held as they are until the transaction ends: for giving them something that a deactivation takes. */
export const holdStaff = statement<Staff, { staff_id: string }>(
  'hold_staff',
  () => sql`
    select ${staffColumns} from staff s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('staff_id')}
    for share of s`
)

/**
 * Ends what a member of staff facilitates, now or at some time to come (that is then over before it begins).
 * The room of the assignments hangs from this one, so their table is called by its name.
 */
export const endAssignments = statement<{ id: string; version: number }, { staff_id: string }>(
  'end_assignments',
  () => sql`
    update group_facilitators f
    set ends_at = greatest(date_trunc('milliseconds', now()), f.starts_at), version = f.version + 1, updated_at = now()
    where f.organization_id = ${asker.organization_id} and f.staff_id = ${value('staff_id')}
      and (f.ends_at is null or (f.ends_at > now() and f.ends_at > f.starts_at))
    returning f.id, f.version`
)

/** The same for the single sessions for which they are named: they lead none to come, and see none that has begun. */
export const withdrawFromSessions = statement<{ id: string; version: number }, { staff_id: string }>(
  'withdraw_from_sessions',
  () => sql`
    update session_facilitators n set withdrawn_at = case when s.starts_at > now() then now() end, access_ends_at = now(),
      version = n.version + 1, updated_at = now()
    from sessions s
    where n.organization_id = ${asker.organization_id} and n.staff_id = ${value('staff_id')} and n.withdrawn_at is null
      and (n.access_ends_at is null or n.access_ends_at > now())
      and s.organization_id = n.organization_id and s.id = n.session_id and s.ends_at > now() - interval '7 days'
    returning n.id, n.version`
)

export const revokeKeysOf = statement<{ id: string; version: number }, { staff_id: string }>(
  'revoke_keys_of',
  () => sql`
    update api_keys k set revoked_at = now(), version = k.version + 1, updated_at = now()
    where k.organization_id = ${asker.organization_id} and k.staff_id = ${value('staff_id')} and k.revoked_at is null
    returning k.id, k.version`
)

/** What the keys of a member of staff may do, the dead ones left out. */
export const widthsOfKeysOf = statement<{ scopes: Scope[]; expires_at: string | null }, { staff_id: string }>(
  'widths_of_keys_of',
  () => sql`
    select k.scopes, k.expires_at from api_keys k
    where k.organization_id = ${asker.organization_id} and k.staff_id = ${value('staff_id')}
      and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())`
)

const keyColumns = sql.raw(
  `k.id, k.name, k.scopes, k.staff_id, k.expires_at, k.revoked_at, k.last_used_at, k.version, k.created_at, k.updated_at`
)

/** In the order in which they were made. */
export const listApiKeys = statement<ApiKey, { staff_id?: string; active?: boolean } & Asked>(
  'list_api_keys',
  ({ has }) => sql`
    select ${keyColumns} from api_keys k
    where k.organization_id = ${asker.organization_id}
      ${has('staff_id') ? sql`and k.staff_id = ${value('staff_id')}` : sql``}
      ${has('active') ? sql`and (k.revoked_at is null and (k.expires_at is null or k.expires_at > now())) = ${value('active')}::boolean` : sql``}
      ${has('after_1') ? sql`and k.id > ${value('after_1')}::uuid` : sql``}
    order by k.id limit ${value('limit')}`
)

export const findApiKey = quickStatement<ApiKey, { api_key_id: string }>(
  'find_api_key_of_organization',
  () => sql`
    select ${keyColumns} from api_keys k
    where k.organization_id = ${asker.organization_id} and k.id = ${value('api_key_id')}`
)

/** The key, about to be changed. */
export const lockApiKey = statement<ApiKey & { expired: boolean }, { api_key_id: string }>(
  'lock_api_key',
  () => sql`
    select ${keyColumns}, coalesce(k.expires_at <= now(), false) as expired from api_keys k
    where k.organization_id = ${asker.organization_id} and k.id = ${value('api_key_id')}
    for no key update of k`
)

/** The key that asks, as it is at this instant, held so (its staff is held before); nothing if it is not let in any more. */
export const holdMaker = statement<{ scopes: Scope[]; expires_at: string | null; role: Role }>(
  'hold_maker',
  () => sql`
    select k.scopes, k.expires_at, coalesce(s.role, 'admin') as role
    from api_keys k left join staff s on s.organization_id = k.organization_id and s.id = k.staff_id
    where k.organization_id = ${asker.organization_id} and k.id = ${asker.api_key_id}
      and k.revoked_at is null and (k.expires_at is null or k.expires_at > now()) and s.deactivated_at is null
    for no key update of k`
)

export const refusals: Refusals = {
  staff_email: () => conflict('email_taken', 'Another member of staff has this e-mail address.')
}
