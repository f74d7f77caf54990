import pg from 'pg'
import { badRequest, conflict, type Problem, unavailable, unprocessable } from '../problems.ts'

/** What it means when a constraint of that name refuses. */
export type Refusals = Record<string, () => Problem>

/** What PostgreSQL said, if it was PostgreSQL that refused; Drizzle wraps it. */
export function refusalOf(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error
  if (error instanceof Error && error.cause instanceof pg.DatabaseError) return error.cause
  return undefined
}

/** Deadlocks and failed serializations: the transaction may simply be tried again. */
export const retryable = (error: unknown): boolean => ['40P01', '40001'].includes(refusalOf(error)?.code ?? '')

/** Somebody else holds the row for longer than we wait. */
export const isLockTimeout = (error: unknown): boolean => refusalOf(error)?.code === '55P03'

const lostConnection = new Set(
  `ECONNREFUSED ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ENOENT ENOTFOUND EAI_AGAIN EHOSTUNREACH EHOSTDOWN ENETUNREACH
   ENETDOWN EADDRNOTAVAIL EMFILE ERR_STREAM_DESTROYED`.split(/\s+/)
)
const lostConnectionText =
  /^(Connection terminated|timeout expired|timeout exceeded|Query read timeout|Client has encountered|Cannot use a pool|Client was closed)/

/** Turns what the database refused into an answer, by the constraint's name; undefined for what is our defect. */
export function translate(refusals: Refusals): (error: unknown) => Problem | undefined {
  return error => {
    const refusal = refusalOf(error)
    if (refusal === undefined) {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error & { code?: string })
      const lost =
        lostConnection.has((cause as { code?: string }).code ?? '') || lostConnectionText.test(cause?.message ?? '')
      return lost ? unavailable('database_unavailable', 2) : undefined
    }
    const known = refusal.constraint === undefined ? undefined : refusals[refusal.constraint]
    if (known !== undefined) return known()
    const code = refusal.code ?? ''
    if (code === '23505' || code === '23P01') return conflict('already_exists', 'Another object already holds this.')
    if (code === '23503') return unprocessable('unknown_reference', '#', 'A reference does not lead to anything here.')
    if (code === '57014') return unavailable('query_timeout', 2)
    if (code === '55P03') return unavailable('busy', 1)
    // Read-only or going away, not letting us in (28, 3D: somebody is changing the password or restoring), full, or cut off for
    // being slow: the same request may succeed later.
    if (code === '25006' || /^(08|25P0[34]|28|3D|53|57P|58)/.test(code)) return unavailable('database_unavailable', 2)
    if (code.startsWith('22')) return badRequest('invalid_value', 'A value cannot be kept as it is.')
    return undefined
  }
}
