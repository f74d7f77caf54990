import { preconditionFailed, preconditionRequired } from '../problems.ts'

/** A strong ETag from a row's version (RFC 9110 §8.8.3). */
export const etagOf = (version: number): string => `"${version}"`

/**
 * Refuses a change of anything but the version that was read: 412 unless `ifMatch` is that version's strong tag or `*`.
 * Without the header 428, unless `optional`.
 */
export function assertVersion(
  ifMatch: string | undefined,
  version: number,
  optional: 'optional' | 'required' = 'required'
) {
  if (ifMatch === undefined) {
    if (optional === 'required') throw preconditionRequired()
  } else if (ifMatch !== '*' && ifMatch !== etagOf(version)) {
    throw preconditionFailed(etagOf(version))
  }
}
