import type { Interval } from './queries.ts'

/** Half-open; a day is one where the session is, anything longer an instant. */
export const intervalOf = ({ from, to }: { from?: string; to?: string }): Interval => ({
  ...(from !== undefined && (from.length === 10 ? { from_day: from } : { from_instant: from })),
  ...(to !== undefined && (to.length === 10 ? { to_day: to } : { to_instant: to }))
})
