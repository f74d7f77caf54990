import { and, eq } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { type Answered, doneAsText } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import { nextVersion } from '../database/columns.ts'
import type { Tx } from '../database/database.ts'
import { wholeLocation } from '../groups/create-group.ts'
import { assertVersion } from '../http/etag.ts'
import { conflict, forbidden, notFound } from '../problems.ts'
import { findSession, type LockedSession, lockMoves, lockSession, overlappingSession } from './queries.ts'
import type { Session, SessionPatch } from './schemas.ts'
import { sessions } from './tables.ts'
import { timesOf } from './times.ts'

type Columns = PgUpdateSetSource<typeof sessions>

async function change(
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  type: `session.${string}`,
  decide: (before: LockedSession) => Columns | undefined | Promise<Columns | undefined>
): Promise<Answered<Session>> {
  const [before] = await tx.run(lockSession, { session_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  const columns = await decide(before)
  if (columns !== undefined) {
    await tx.db
      .update(sessions)
      .set({ ...columns, touched: true, ...nextVersion(sessions) })
      .where(and(eq(sessions.organization_id, tx.actor.organization_id), eq(sessions.id, session_id)))
  }
  const [session] = await tx.run(findSession, { session_id })
  // The door closed meanwhile.
  if (session === undefined) throw notFound()
  if (columns !== undefined) recordChange(tx, type, session)
  return doneAsText(session.version, session.json)
}

/**
 * Changes one session. When it is can no longer change once there is a sheet: the sheet's roster is that day's.
 *
 * @param force also onto another session of the group
 * @throws Problem 403 `not_permitted`, 409 `session_held`, `session_not_scheduled`, `session_overlaps`, 422 `incomplete_coordinates`
 */
export const changeSession = (
  tx: Tx,
  session_id: string,
  ifMatch: string | undefined,
  { location, ...changes }: SessionPatch,
  force: boolean
) =>
  change(tx, session_id, ifMatch, 'session.changed', async before => {
    // Who leads only this session would else move the end of what they see.
    if (!before.of_group) throw forbidden('not_permitted', 'A session is changed by those who facilitate its group.')
    const { starts_at, duration_minutes, ...rest } = changes
    const others = { ...rest, ...(location !== undefined && { location: wholeLocation(location, before.location) }) }
    if (starts_at === undefined && duration_minutes === undefined) return others
    if (before.outcome === 'held') throw hasSheet()
    if (before.outcome !== 'scheduled') {
      throw conflict('session_not_scheduled', 'The session is cancelled or did not happen; reinstate it first.')
    }
    if (starts_at !== undefined && tx.actor.reach !== 'organization' && Date.parse(before.starts_at) <= Date.now()) {
      throw conflict('session_begun', 'The session has begun: a coordinator moves it.')
    }
    const times = timesOf(starts_at ?? before.starts_at, duration_minutes ?? before.duration_minutes, before.time_zone)
    if (!force) await assertFree(tx, before, times)
    return { ...others, ...times }
  })

/** Moves of one group come one after the other, so that two cannot take the same hour. @throws Problem 409 `session_overlaps` */
async function assertFree(tx: Tx, { id, group_id }: LockedSession, times: { starts_at: string; ends_at: string }) {
  await tx.run(lockMoves, { group_id })
  if ((await tx.run(overlappingSession, { group_id, session_id: id, ...times })).length > 0) {
    throw conflict(
      'session_overlaps',
      'The group has another session at that time. Send it with force=true to keep both.'
    )
  }
}

/** Called off beforehand. Twice is the same as once. */
export const cancelSession = (tx: Tx, session_id: string, ifMatch: string | undefined, reason: string) =>
  change(tx, session_id, ifMatch, 'session.cancelled', before => setAside(before, 'cancelled', reason))

/** Found not to have taken place: nobody was absent. Twice is the same as once. */
export const markSessionDidNotHappen = (tx: Tx, session_id: string, ifMatch: string | undefined, reason: string) =>
  change(tx, session_id, ifMatch, 'session.did_not_happen', before => {
    if (before.outcome === 'scheduled' && Date.parse(before.starts_at) > Date.now()) {
      throw conflict('session_not_started', 'What is still to come is cancelled.')
    }
    return setAside(before, 'did_not_happen', reason)
  })

function setAside(before: LockedSession, outcome: 'cancelled' | 'did_not_happen', reason: string) {
  // What a closure called off is called off by somebody now: it does not come back with the day.
  if (before.outcome === outcome && before.closure_id === null) return undefined
  if (before.outcome === 'held') throw hasSheet()
  if (before.outcome !== 'scheduled' && before.outcome !== outcome) {
    throw conflict('session_not_scheduled', 'The session was set aside in another way; reinstate it first.')
  }
  return { outcome, reason, closure_id: null }
}

/** Takes back that it was cancelled or did not happen. One that a closure cancelled is held anyway, whatever is closed then. */
export const reinstateSession = (tx: Tx, session_id: string, ifMatch: string | undefined) =>
  change(tx, session_id, ifMatch, 'session.reinstated', before => {
    if (before.outcome === 'held') throw hasSheet()
    if (before.outcome === 'scheduled') return undefined
    return { outcome: 'scheduled', reason: null, ...(before.closure_id && { closure_id: null, holds_anyway: true }) }
  })

const hasSheet = () => conflict('session_held', 'The session was held: it has an attendance sheet.')
