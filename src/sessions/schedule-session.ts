import { v7 as uuid } from 'uuid'
import { type Answered, doneAsText } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { wholeLocation } from '../groups/create-group.ts'
import { lockGroup } from '../groups/queries.ts'
import { conflict, notFound } from '../problems.ts'
import { usualDuration } from '../schedule/queries.ts'
import { findSession } from './queries.ts'
import type { Session, SessionCreate } from './schemas.ts'
import { sessions } from './tables.ts'
import { timesOf } from './times.ts'

/** Schedules one session outside any series; also one that was held long ago and is only found on paper now. */
export async function scheduleSession(tx: Tx, group_id: string, given: SessionCreate): Promise<Answered<Session>> {
  const [group] = await tx.run(lockGroup, { group_id })
  if (group === undefined) throw notFound()
  if (group.archived_at !== null) throw conflict('group_archived', 'The group is archived; restore it first.')
  const id = uuid()
  const time_zone = given.time_zone ?? group.time_zone
  const duration_minutes = given.duration_minutes ?? (await tx.run(usualDuration, {}))[0]!.minutes
  await tx.db.insert(sessions).values({
    organization_id: tx.actor.organization_id,
    id,
    group_id,
    topic: given.topic,
    mode: given.mode,
    location: wholeLocation(given.location),
    online_url: given.online_url,
    touched: true,
    time_zone,
    ...timesOf(given.starts_at, duration_minutes, time_zone)
  })
  const [session] = await tx.run(findSession, { session_id: id })
  recordChange(tx, 'session.scheduled', session!)
  const { body, headers } = doneAsText<Session>(session!.version, session!.json)
  return { status: 201, headers: { ...headers, location: `/v1/sessions/${id}` }, body }
}
