import { type Invalid, rowJudge, validationProblem } from '../http/validation.ts'
import { unprocessable } from '../problems.ts'
import { type AttendanceSync, type AttendanceSyncResult, SyncEnvelope, SyncedSheet } from './sync-schemas.ts'
import { problemResult } from './sync-sheets.ts'

const judgeEnvelope = rowJudge(SyncEnvelope)
const judgeSheet = rowJudge(SyncedSheet)

/** A batch whose sheets were looked at; those that are none have their result by that. */
export interface JudgedBatch {
  device_time: string
  asked: { index: number; sheet: AttendanceSync['sheets'][number] }[]
  results: AttendanceSyncResult[]
}

/**
 * Leaves the sheets alone of which one is refused: a name that somebody pasted must not keep a telephone from sending the others.
 *
 * @param error what validation said of the whole batch
 * @throws Problem 422 where it is no batch, or a sheet has no id that its result could be told by
 */
export function judgeBatch(body: AttendanceSync, error: Invalid | undefined): JudgedBatch {
  if (error !== undefined && (error.validationContext !== 'body' || judgeEnvelope(body).length > 0)) {
    throw validationProblem(error)
  }
  const { device_time, sheets } = body
  const asked = sheets.map((sheet, index) => ({ index, sheet }))
  if (error === undefined) return { device_time, asked, results: [] }
  const results: AttendanceSyncResult[] = []
  const sound = asked.flatMap(({ index, sheet }) => {
    const faults = judgeSheet(sheet)
    if (faults.length === 0)
      return { index, sheet: { ...sheet, walk_ins: sheet.walk_ins ?? [], anonymous_count: sheet.anonymous_count ?? 0 } }
    results.push(problemResult(index, sheet.id.toLowerCase(), unprocessable(faults)))
    return []
  })
  // Something else was wrong.
  if (results.length === 0) throw validationProblem(error)
  return { device_time, asked: sound, results }
}
