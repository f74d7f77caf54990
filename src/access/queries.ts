import { sql } from 'drizzle-orm'
import { asker, statement } from '../database/statement.ts'

/** Writes down, to the minute, that the key was used. */
export const touchKey = statement<never>(
  'touch_key',
  () => sql`
    update api_keys set last_used_at = date_trunc('minute', now())
    where organization_id = ${asker.organization_id} and id = ${asker.api_key_id}`
)
