import { type Answered, done } from '../changes/change.ts'
import { recordChange } from '../changes/record.ts'
import type { Tx } from '../database/database.ts'
import { conflict, notFound } from '../problems.ts'
import { findRsvp, lockForRsvp, putRsvp as put } from './rsvp-queries.ts'
import type { Rsvp, RsvpPut } from './rsvp-schemas.ts'

/**
 * Says whether a member means to come. Once the session has begun, what was expected is what was expected.
 *
 * @throws Problem 404 for whom the actor does not see, or who is nobody; 409 `not_a_member`, `session_begun`, `session_not_scheduled`
 */
export async function putRsvp(
  tx: Tx,
  session_id: string,
  person_id: string,
  { answer }: RsvpPut
): Promise<Answered<Rsvp>> {
  const [session] = await tx.run(lockForRsvp, { session_id, person_id })
  if (session === undefined) throw notFound()
  if (session.outcome !== 'scheduled') throw conflict('session_not_scheduled', 'The session is not to take place.')
  if (session.begun) throw conflict('session_begun', 'The session has begun: who comes is seen there.')
  if (!session.is_member) throw conflict('not_a_member', 'They do not belong to the group on that day.')
  const [before] = await tx.run(findRsvp, { session_id, person_id })
  await tx.run(put, { session_id, person_id, answer })
  const [rsvp] = await tx.run(findRsvp, { session_id, person_id })
  // The door closed meanwhile.
  if (rsvp === undefined) throw notFound()
  if (rsvp.version !== before?.version)
    recordChange(tx, 'session.rsvp_put', { id: session_id, version: session.version })
  return done(rsvp)
}
