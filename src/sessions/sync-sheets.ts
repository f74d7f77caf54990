import type { Answered } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { notFound, Problem, unavailable, unprocessable } from '../problems.ts'
import { type Content, isPuttable, isSameSheet, rowsOf, type SheetRow, sheetOf, withoutComputed } from './attendance.ts'
import { whenItOccurred } from './device-clock.ts'
import type { JudgedBatch } from './judge-batch.ts'
import { mergeSheets } from './merge.ts'
import { assertMayChange, assertOpen, type Corrector } from './put-sheet.ts'
import {
  findSubmissions,
  findVersions,
  keepSubmissions,
  lastWithdrawals,
  type Submission,
  stillWithinReach
} from './sync-queries.ts'
import type { AttendanceSync, AttendanceSynced, AttendanceSyncResult, SheetConflict } from './sync-schemas.ts'
import type { submissionOutcomes } from './vocabulary.ts'
import {
  assertStanding,
  contentOf,
  type Held,
  holdSheets,
  type SheetWrite,
  standingContent,
  writeSheets
} from './write-sheets.ts'

type Synced = AttendanceSync['sheets'][number]
interface Asked {
  index: number
  sheet: Synced
}

/** Who sends them: whether they correct what is locked, and read what others wrote. */
export interface Asker extends Corrector {
  mayRead: boolean
}

const nothing: Content = { rows: [], anonymous_count: 0 }

/** So many of one session: each waits for the one before, and whoever else writes there waits for all of them. */
const mostOfOneSession = 20

/** @throws Problem 422 `too_many_sheets` */
function assertNotCrowded(asked: Asked[]): void {
  const counts = new Map<string, number>()
  for (const { index, sheet } of asked) {
    const id = sheet.session_id.toLowerCase()
    const count = (counts.get(id) ?? 0) + 1
    counts.set(id, count)
    if (count > mostOfOneSession) {
      throw unprocessable(
        'too_many_sheets',
        `#/sheets/${index}/session_id`,
        `One batch has ${mostOfOneSession} sheets of one session at the most.`
      )
    }
  }
}

/**
 * Takes sheets that were filled in on a device, each by itself: one that is refused leaves the others alone. A sheet that was
 * answered once is answered again and has no second effect. What fits what stands is merged; what does not is kept beside it, and
 * nothing is lost. All that was answered is committed together.
 */
export async function syncSheets(
  tx: Tx,
  { device_time, asked, results: refused }: JudgedBatch,
  asker: Asker,
  now = new Date()
): Promise<Answered<AttendanceSynced>> {
  assertNotCrowded(asked)
  const results = [...refused]
  let rest: Asked[] = asked
  while (rest.length > 0) {
    // Of one session, one after the other; of all sessions, at once.
    const taken = new Set<string>()
    const later: Asked[] = []
    const turn = rest.filter(asked => {
      const keys = [asked.sheet.id.toLowerCase(), asked.sheet.session_id.toLowerCase()]
      const free = keys.every(key => !taken.has(key))
      if (!free) later.push(asked)
      for (const key of keys) taken.add(key)
      return free
    })
    results.push(...(await syncSome(tx, turn, device_time, asker, now)))
    rest = later
  }
  return { status: 207, headers: {}, body: { results: results.sort((a, b) => a.index - b.index) } }
}

async function syncSome(
  tx: Tx,
  asked: Asked[],
  device_time: string,
  asker: Asker,
  now: Date
): Promise<AttendanceSyncResult[]> {
  const holds = await holdSheets(
    tx,
    asked.map(({ sheet }) => ({ session_id: sheet.session_id, sheet }))
  )
  // Only now: whoever sent the same beside us has held the sessions before us, and committed.
  const session_ids = asked.map(({ sheet }) => sheet.session_id)
  const reach = stillWithinReach.for(tx.actor, { session_ids })
  const [found, versions, withdrawals, reached] = (await tx.runAll([
    findSubmissions.for(tx.actor, {
      ids: asked.flatMap(({ sheet }) => [sheet.id, sheet.follows].filter(id => id != null))
    }),
    findVersions.for(tx.actor, { session_ids, versions: asked.map(({ sheet }) => sheet.base_version) }),
    lastWithdrawals.for(tx.actor, { session_ids }),
    reach
  ])) as [
    Submission[],
    { session_id: string; version: number; rows: SheetRow[]; anonymous_count: number }[],
    { session_id: string; version: number }[],
    { id: string }[]
  ]
  const within = new Set(reached.map(({ id }) => id))
  const known = new Map(found.map(submission => [submission.id, submission]))
  const bases = new Map(versions.map(one => [`${one.session_id}/${one.version}`, one]))
  const withdrawn = new Map(withdrawals.map(({ session_id, version }) => [session_id, version]))
  /** What the device had before it as it was filled in, and since which version. */
  const beginningOf = ({ session, cameBefore }: Held, { base_version, follows }: Synced): Beginning => {
    const followed = follows == null ? undefined : known.get(follows.toLowerCase())
    // One that was not kept, or that stands beside the sheet and not in it, is no beginning.
    if (followed === undefined || followed.session_id !== session.id || followed.outcome === 'conflict') {
      const base = bases.get(`${session.id}/${base_version}`) ?? nothing
      return { base, version: base_version, follows: null, stands: base_version === session.sheet_version }
    }
    const { id, version, outcome } = followed
    const base = { ...followed, rows: withoutComputed(followed.rows, cameBefore) }
    return { base, version, follows: id, stands: outcome !== 'merged' && version === session.sheet_version }
  }

  const writes: SheetWrite[] = []
  const kept: Record<string, unknown>[] = []
  const conflicts: Held[] = []
  const results = asked.map(({ index, sheet }): AttendanceSyncResult => {
    const id = sheet.id.toLowerCase()
    try {
      const held = holds.get(sheet.session_id.toLowerCase())
      if (held === undefined || !within.has(held.session.id)) throw notFound()
      const before = known.get(id)
      if (before !== undefined) return resultOf(index, again(before, sheet, held), asker)

      const { session } = held
      const beginning = beginningOf(held, sheet)
      const { base, follows } = beginning
      const isWithdrawn = beginning.version > 0 && beginning.version < (withdrawn.get(session.id) ?? 0)
      const verdict = judge(held, sheet, beginning, isWithdrawn, asker)
      const clock = whenItOccurred(sheet.occurred_at, now, device_time)
      const reason = sheet.reason ?? null
      const { outcome } = verdict
      const version = session.sheet_version + (verdict.content === undefined ? 0 : 1)
      if (verdict.content !== undefined) writes.push({ held, ...verdict.content, reason, ...clock })
      if (outcome === 'conflict') conflicts.push(held)
      const yours = { rows: rowsOf(sheet), anonymous_count: sheet.anonymous_count }
      const { session_id, base_version } = sheet
      // Kept as it is answered now: a replay says the same to the millisecond.
      const submitted_at = now.toISOString()
      kept.push({ id, session_id, base_version, follows, outcome, version, ...clock, submitted_at, reason, ...yours })
      return resultOf(
        index,
        {
          id,
          session_id: session.id,
          outcome,
          version,
          clock_off: clock.clock_off,
          submitted_at,
          submitted_by_key: tx.actor.api_key_id!,
          submitted_by_staff: tx.actor.staff_id,
          base,
          met: standingContent(held),
          ...yours
        },
        asker
      )
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      return problemResult(index, id, error)
    }
  })

  const keep = kept.length > 0 ? [keepSubmissions.for(tx.actor, { submissions: JSON.stringify(kept) })] : []
  const last = writes.length > 0 ? await writeSheets(tx, writes, [...keep, reach]) : await tx.runAll([...keep, reach])
  // The door of one of them closed meanwhile: sent again, each is told by itself.
  if (last.at(-1)!.length < reached.length) throw unavailable('busy', 1)
  recordChange(
    tx,
    'session.sheet_conflict',
    ...conflicts.map(({ session }) => ({ id: session.id, version: session.version }))
  )
  return results
}

/** What a sheet was filled in from. */
interface Beginning {
  base: Content
  version: number
  /** The sheet of the same device that this is. */
  follows: string | null
  /** Whether that is what stands now. */
  stands: boolean
}

/** What becomes of a sheet; its content where something is written. @throws Problem where it cannot be kept at all */
function judge(
  held: Held,
  sheet: Synced,
  { base, stands }: Beginning,
  isWithdrawn: boolean,
  corrector: Corrector
): { outcome: (typeof submissionOutcomes)[number]; content?: Content } {
  const { session } = held
  assertOpen(session)
  if (sheet.base_version > session.sheet_version) {
    throw unprocessable('no_such_version', '#/base_version', 'The sheet has no such version yet: read it again.')
  }
  assertStanding(held, sheet, base)
  const content = contentOf(held, sheet)
  const standing = standingContent(held)
  if (session.stands && isSameSheet(content, standing)) return { outcome: 'unchanged' }
  if (session.locked && !corrector.mayCorrect) return { outcome: 'conflict' }
  assertMayChange(session, corrector, sheet.reason ?? null)
  if (stands || session.sheet_version === 0) return { outcome: 'stored', content }
  // Withdrawn since: who sends it may not know that it was the wrong session, whatever was put there meanwhile.
  if (!session.stands || isWithdrawn) return { outcome: 'conflict' }
  const merged = mergeSheets(base, standing, content)
  // Together they may be more than a sheet holds.
  if (merged.differences.length > 0 || !isPuttable(merged.content)) return { outcome: 'conflict' }
  if (isSameSheet(merged.content, standing)) return { outcome: 'unchanged' }
  return { outcome: 'merged', content: merged.content }
}

/** @throws Problem 422 `id_reused` */
function again(before: Submission, sheet: Synced, { cameBefore }: Held): Submission {
  const said = { rows: rowsOf(sheet), anonymous_count: sheet.anonymous_count }
  const same =
    before.session_id === sheet.session_id.toLowerCase() &&
    before.base_version === sheet.base_version &&
    isSameSheet(before, said)
  if (!same) throw unprocessable('id_reused', '#/id', 'Another sheet was sent with this id.')
  return { ...before, base: before.base && { ...before.base, rows: withoutComputed(before.base.rows, cameBefore) } }
}

type Answerable = Omit<Submission, 'base_version' | 'follows' | 'occurred_at'>

const resultOf = (index: number, submission: Answerable, { mayRead }: Asker): AttendanceSyncResult => ({
  index,
  id: submission.id,
  status: submission.outcome === 'conflict' ? 409 : 200,
  outcome: submission.outcome,
  version: submission.version,
  clock_off: submission.clock_off,
  problem: null,
  // A key that only writes is not told what others wrote.
  ...(submission.outcome === 'conflict' && mayRead && { conflict: conflictOf(submission) })
})

/** The result of a sheet that was not kept. */
export function problemResult(
  index: number,
  id: string,
  { status, code, message, errors }: Problem
): AttendanceSyncResult {
  const within = (pointer = '#') => `#/sheets/${index}${pointer.slice(1)}`
  return {
    index,
    id,
    status,
    outcome: null,
    version: null,
    clock_off: false,
    problem: {
      code,
      detail: message,
      errors: (errors ?? []).map(({ pointer, code, detail }) => ({ pointer: within(pointer), code, detail }))
    }
  }
}

const sideOf = (row: SheetRow | null) => {
  if (row === null) return null
  const { kind, status, mode, arrived_late, left_early, minutes, first_time } = row
  return { kind, status, mode, arrived_late, left_early, minutes, first_time }
}

/** Both sheets, and where they differ. */
export function conflictOf(submission: Answerable): SheetConflict {
  const stored = submission.met ?? nothing
  const { differences } = mergeSheets(submission.base ?? nothing, stored, submission)
  return {
    id: submission.id,
    session_id: submission.session_id,
    submitted_at: submission.submitted_at,
    submitted_by: { staff_id: submission.submitted_by_staff, api_key_id: submission.submitted_by_key },
    stored_version: submission.version,
    stored: sheetOf(stored),
    yours: sheetOf(submission),
    differences: differences.map(({ person_id, stored, yours }) => ({
      person_id,
      stored: sideOf(stored),
      yours: sideOf(yours)
    }))
  }
}
