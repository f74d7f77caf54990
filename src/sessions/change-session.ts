import { and, eq } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { type Answered, doneAsText } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, notFound } from '../problems.ts'
import { findSession, type LockedSession, lockSession } from './queries.ts'
import type { Session, SessionPatch } from './schemas.ts'
import { sessions } from './tables.ts'
import { timesOf } from './times.ts'

async function change(
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  type: `session.${string}`,
  decide: (before: LockedSession) => PgUpdateSetSource<typeof sessions> | undefined
): Promise<Answered<Session>> {
  const [before] = await tx.run(lockSession, { session_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  const columns = decide(before)
  if (columns !== undefined) {
    await tx.db
      .update(sessions)
      .set({ ...columns, ...nextVersion(sessions) })
      .where(and(eq(sessions.organization_id, tx.actor.organization_id), eq(sessions.id, session_id)))
  }
  const [session] = await tx.run(findSession, { session_id })
  if (columns !== undefined) recordChange(tx, type, session!)
  return doneAsText(session!.version, session!.json)
}

/** Changes one session. When it is can no longer change once there is a sheet: the sheet's roster is that day's. */
export const changeSession = (tx: Tx, session_id: string, ifMatch: string | undefined, changes: SessionPatch) =>
  change(tx, session_id, ifMatch, 'session.changed', before => {
    const { starts_at, duration_minutes, ...others } = changes
    if (starts_at === undefined && duration_minutes === undefined) return others
    if (before.outcome === 'held') throw hasSheet()
    if (before.outcome !== 'scheduled') {
      throw conflict('session_not_scheduled', 'The session is cancelled or did not happen; reinstate it first.')
    }
    return {
      ...others,
      ...timesOf(starts_at ?? before.starts_at, duration_minutes ?? before.duration_minutes, before.time_zone)
    }
  })

/** Called off beforehand. Twice is the same as once. */
export const cancelSession = (tx: Tx, session_id: string, ifMatch: string | undefined, reason: string) =>
  change(tx, session_id, ifMatch, 'session.cancelled', before => setAside(before, 'cancelled', reason))

/** Found not to have taken place: nobody was absent. Twice is the same as once. */
export const markSessionDidNotHappen = (tx: Tx, session_id: string, ifMatch: string | undefined, reason: string) =>
  change(tx, session_id, ifMatch, 'session.did_not_happen', before => setAside(before, 'did_not_happen', reason))

function setAside(before: LockedSession, outcome: 'cancelled' | 'did_not_happen', reason: string) {
  if (before.outcome === outcome) return undefined
  if (before.outcome === 'held') throw hasSheet()
  if (before.outcome !== 'scheduled') {
    throw conflict('session_not_scheduled', 'The session was set aside in another way; reinstate it first.')
  }
  return { outcome, reason }
}

/** Takes back that it was cancelled or did not happen. */
export const reinstateSession = (tx: Tx, session_id: string, ifMatch: string | undefined) =>
  change(tx, session_id, ifMatch, 'session.reinstated', before => {
    if (before.outcome === 'held') throw hasSheet()
    return before.outcome === 'scheduled' ? undefined : { outcome: 'scheduled', reason: null }
  })

const hasSheet = () => conflict('session_held', 'The session was held: it has an attendance sheet.')
