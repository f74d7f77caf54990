import { sql } from 'drizzle-orm'
import { asker, quickStatement, statement } from '../database/statement.ts'
import type { Organization } from './schemas.ts'

const columns = sql.raw(
  'o.id, o.name, o.slug, o.time_zone, o.language, o.settings, o.version, o.created_at, o.updated_at'
)

export const findOrganization = quickStatement<Organization>(
  'find_organization',
  () => sql`select ${columns} from organizations o where o.id = ${asker.organization_id}`
)

/** The organization, about to be changed. */
export const lockOrganization = statement<Organization>(
  'lock_organization',
  () => sql`select ${columns} from organizations o where o.id = ${asker.organization_id} for no key update of o`
)

/** Who has been an administrator the longest and still works here. */
export const oldestAdministrator = statement<{ id: string }>(
  'oldest_administrator',
  () => sql`
    select s.id from staff s
    where s.organization_id = ${asker.organization_id} and s.role = 'admin' and s.deactivated_at is null
    order by s.created_at, s.id limit 1 for share of s`
)
