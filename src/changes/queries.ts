import { sql } from 'drizzle-orm'
import { asker, statement, value } from '../database/statement.ts'

/** One audit row and one outbox event for each object. */
export const recordChanges = statement<
  never,
  {
    ids: string[]
    event_ids: string[]
    type: string
    object_type: string
    object_ids: string[]
    object_versions: number[]
    request_id: string
  }
>(
  'record_changes',
  () => sql`
    with entries as (
      insert into audit_entries (organization_id, id, api_key_id, staff_id, operation, object_type, object_id, request_id)
      select ${asker.organization_id}, c.id, ${asker.api_key_id}, ${asker.staff_id}, ${value('type')}, ${value('object_type')},
        c.object_id, ${value('request_id')}
      from unnest(${value('ids')}::uuid[], ${value('object_ids')}::uuid[]) as c (id, object_id))
    insert into outbox_events (organization_id, id, type, object_type, object_id, object_version)
    select ${asker.organization_id}, c.id, ${value('type')}, ${value('object_type')}, c.object_id, c.object_version
    from unnest(${value('event_ids')}::uuid[], ${value('object_ids')}::uuid[], ${value('object_versions')}::int[])
      as c (id, object_id, object_version)`
)

/** One audit row for each object that was read. */
export const recordReadings = statement<
  never,
  { ids: string[]; type: string; object_type: string; object_ids: string[]; request_id: string }
>(
  'record_readings',
  () => sql`
    insert into audit_entries (organization_id, id, api_key_id, staff_id, operation, object_type, object_id, request_id)
    select ${asker.organization_id}, c.id, ${asker.api_key_id}, ${asker.staff_id}, ${value('type')}, ${value('object_type')},
      c.object_id, ${value('request_id')}
    from unnest(${value('ids')}::uuid[], ${value('object_ids')}::uuid[]) as c (id, object_id)`
)

/** Takes the key for this request: a row unless another request has it. Waits for one that is still under way. */
export const claimKey = statement<{ key: string }, { key: string; fingerprint: Buffer }>(
  'claim_idempotency_key',
  () => sql`
    insert into idempotency_keys as k (organization_id, api_key_id, key, fingerprint)
    values (${asker.organization_id}, ${asker.api_key_id}, ${value('key')}, ${value('fingerprint')})
    on conflict (organization_id, api_key_id, key)
      do update set fingerprint = excluded.fingerprint, status = null, answer_sealed = null, created_at = now()
      where k.created_at < now() - interval '24 hours'
    returning key`
)

export const findKey = statement<{ fingerprint: Buffer; status: number; answer_sealed: Buffer }, { key: string }>(
  'find_idempotency_key',
  () => sql`
    select fingerprint, status, answer_sealed from idempotency_keys
    where organization_id = ${asker.organization_id} and api_key_id = ${asker.api_key_id} and key = ${value('key')}`
)

export const keepAnswer = statement<never, { key: string; status: number; answer_sealed: Buffer }>(
  'keep_answer',
  () => sql`
    update idempotency_keys set status = ${value('status')}, answer_sealed = ${value('answer_sealed')}
    where organization_id = ${asker.organization_id} and api_key_id = ${asker.api_key_id} and key = ${value('key')}`
)
