import { v7 as uuid } from 'uuid'
import type { Tx } from '../database/database.ts'
import { recordChanges, recordReadings } from './queries.ts'

interface Changed {
  id: string
  version: number
}

/**
 * Writes down that something happened, with the commit: who did what to which object in which request (the audit), and
 * what the world may be told (the outbox).
 *
 * @param type the object and the past tense of what was done to it, e.g. `group.created`
 */
export function recordChange(tx: Tx, type: `${string}.${string}`, ...objects: Changed[]) {
  if (objects.length > 0) tx.beforeCommit(rowsOf(tx, type, objects))
}

/** The same at once, for an operation that changes thousands: the commit would have to wait for all their rows. */
export async function recordChangesNow(tx: Tx, type: `${string}.${string}`, objects: Changed[]): Promise<void> {
  if (objects.length > 0) await tx.runAll([rowsOf(tx, type, objects)])
}

/** Writes down, with the commit, that somebody read these objects: in the audit alone, the world is not told. */
export function recordReading(tx: Tx, type: `${string}.read`, ids: string[]): void {
  if (ids.length === 0) return
  tx.beforeCommit(
    recordReadings.for(tx.actor, {
      ids: ids.map(() => uuid()),
      type,
      object_type: type.slice(0, type.indexOf('.')),
      object_ids: ids,
      request_id: tx.actor.request_id
    })
  )
}

const rowsOf = (tx: Tx, type: string, objects: Changed[]) =>
  recordChanges.for(tx.actor, {
    ids: objects.map(() => uuid()),
    event_ids: objects.map(() => uuid()),
    type,
    object_type: type.slice(0, type.indexOf('.')),
    object_ids: objects.map(object => object.id),
    object_versions: objects.map(object => object.version),
    request_id: tx.actor.request_id
  })
