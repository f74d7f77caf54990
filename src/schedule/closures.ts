import { v7 as uuid } from 'uuid'
import { type Answered, created, done } from '../changes/change.ts'
import { recordChange, recordChangesNow } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { holdGroup } from '../groups/queries.ts'
import { assertVersion } from '../http/etag.ts'
import { forbidden, notFound, Problem, unprocessable } from '../problems.ts'
import type { CalendarDays, CalendarFault } from './calendar-file.ts'
import {
  findClosure,
  type ImportedClosure,
  lockClosure,
  lockImportedClosures,
  removeClosures,
  restoreSessions,
  suppressSessions
} from './closure-queries.ts'
import { lockCalendar } from './queries.ts'
import type { Closure, ClosureCreate, ClosureImport, ClosureImportResult } from './schemas.ts'
import { closures } from './tables.ts'

/** The longest closure, in days. */
const longest = 400

/**
 * Closes days: sessions on them that are to come are cancelled, and so are those that are made later, unless somebody holds
 * one anyway.
 *
 * @throws Problem 403 `not_permitted`, 422 `ends_before_start`, `too_long`, `unknown_reference`
 */
export async function closeDays(tx: Tx, given: ClosureCreate): Promise<Answered<Closure>> {
  const { starts_on, ends_on = starts_on, name } = given
  const group_id = given.group_id ?? null
  if (ends_on < starts_on)
    throw unprocessable('ends_before_start', '#/ends_on', 'A closure ends on its first day or later.')
  if (Date.parse(ends_on) - Date.parse(starts_on) >= longest * 86_400_000) {
    throw unprocessable('too_long', '#/ends_on', `A closure has at most ${longest} days; to end a series, end it.`)
  }
  if (group_id === null) assertReachesAll(tx)
  await tx.run(lockCalendar, {})
  if (group_id !== null && (await tx.run(holdGroup, { group_id })).length === 0) {
    throw unprocessable('unknown_reference', '#/group_id', 'There is no such group.')
  }
  const closure_id = uuid()
  await close(tx, [{ id: closure_id, group_id, starts_on, ends_on, name, uid: null }])
  const [closure] = await tx.run(findClosure, { closure_id })
  return created('/v1/closures', closure!)
}

interface Days {
  id: string
  group_id: string | null
  starts_on: string
  ends_on: string
  name: string
  uid: string | null
}

/** Closes days while the calendar is locked. */
async function close(tx: Tx, many: Days[]): Promise<void> {
  if (many.length === 0) return
  const { organization_id } = tx.actor
  await tx.db.insert(closures).values(many.map(days => ({ organization_id, ...days })))
  const closure_ids = many.map(({ id }) => id)
  await recordChangesNow(tx, 'session.cancelled', await tx.run(suppressSessions, { closure_ids }))
  recordChange(tx, 'closure.created', ...closure_ids.map(id => ({ id, version: 1 })))
}

/** Opens days while the calendar is locked. */
async function open(tx: Tx, many: { id: string }[]): Promise<void> {
  if (many.length === 0) return
  const closure_ids = many.map(({ id }) => id)
  const removed = await tx.run(removeClosures, { closure_ids })
  await recordChangesNow(tx, 'session.reinstated', await tx.run(restoreSessions, { closure_ids }))
  recordChange(tx, 'closure.removed', ...removed)
}

/**
 * Opens the days again: the sessions to come that this closure cancelled are as they were, unless another closes their day.
 * Twice is the same as once.
 *
 * @throws Problem 403 `not_permitted`, 404, 412, 428
 */
export async function removeClosure(
  tx: Tx,
  closure_id: string,
  ifMatch: string | undefined
): Promise<Answered<Closure>> {
  await tx.run(lockCalendar, {})
  const [before] = await tx.run(lockClosure, { closure_id })
  if (before === undefined) throw notFound()
  assertVersion(ifMatch, before.version)
  if (before.group_id === null) assertReachesAll(tx)
  if (before.removed_at === null) await open(tx, [before])
  const [closure] = await tx.run(findClosure, { closure_id })
  return done(closure!)
}

/**
 * Brings the closures in line with the events of a calendar, each day of which closes by itself. What somebody removed by hand
 * stays removed; a closure that is still to come and that its event has no more is removed, unless the event cannot be read.
 * Sent again, nothing changes.
 *
 * @throws Problem 403 `not_permitted`, 422 `unknown_reference`
 */
export async function importClosures(
  tx: Tx,
  { days, faults }: { days: CalendarDays[]; faults: CalendarFault[] },
  group_id: string | null,
  today: string
): Promise<Answered<ClosureImport>> {
  if (group_id === null) assertReachesAll(tx)
  await tx.run(lockCalendar, {})
  if (group_id !== null && (await tx.run(holdGroup, { group_id })).length === 0) {
    throw new Problem(422, 'unknown_reference', {
      detail: 'There is no such group.',
      errors: [{ in: 'query', parameter: 'group_id', code: 'unknown_reference', detail: 'There is no such group.' }]
    })
  }
  // Of an event that cannot be read, nobody knows which days it has no more.
  const unread = new Set(faults.flatMap(({ uid, code }) => (code === 'cancelled' || code === 'past' ? [] : uid)))
  const uids = [...days, ...faults].flatMap(({ uid }) => uid ?? [])
  const known = new Map<string, ImportedClosure>()
  for (const one of await tx.run(lockImportedClosures, { uids, group_id }))
    known.set(`${one.uid} ${one.starts_on}`, one)
  const results: ClosureImport['results'] = []
  const tell = (result: ClosureImportResult['result'], day: CalendarDays, closure_id: string) =>
    results.push({ ...day, result, closure_id, problem: null })
  const opened: ImportedClosure[] = []
  const closed: Days[] = []
  const seen = new Set<string>()
  for (const day of days) {
    const key = `${day.uid} ${day.starts_on}`
    if (seen.has(key)) continue
    seen.add(key)
    const before = known.get(key)
    const isSame = before && before.ends_on === day.ends_on && before.name === day.name
    if (before && (isSame || before.removed_at !== null)) {
      tell('unchanged', day, before.id)
      continue
    }
    if (before) opened.push(before)
    const id = uuid()
    closed.push({ id, group_id, ...day })
    tell(before ? 'updated' : 'created', day, id)
  }
  for (const [key, before] of known) {
    if (seen.has(key) || before.removed_at !== null || before.ends_on < today || unread.has(before.uid)) continue
    opened.push(before)
    const { uid, name, starts_on, ends_on } = before
    tell('removed', { uid, name, starts_on, ends_on }, before.id)
  }
  await open(tx, opened)
  await close(tx, closed)
  for (const { uid, name, code, detail } of faults) {
    const nothing = { starts_on: null, ends_on: null, closure_id: null }
    results.push({ uid, name, ...nothing, result: 'skipped', problem: { code, detail } })
  }
  const counts = { created: 0, updated: 0, unchanged: 0, removed: 0, skipped: 0 }
  for (const { result } of results) counts[result]++
  return { status: 207, headers: {}, body: { results, counts } }
}

function assertReachesAll({ actor }: Tx): void {
  if (actor.reach === 'organization') return
  throw forbidden('not_permitted', 'The whole organization is closed by those who reach all of it.')
}
