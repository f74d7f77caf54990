import type { FastifyBaseLogger } from 'fastify'
import { v7 as uuid } from 'uuid'
import { recordChange } from '../changes/record.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database, Tx } from '../database/database.ts'
import { lockGroup } from '../groups/queries.ts'
import { described } from '../http/errors.ts'
import { endOffers, offerFreeSeats } from './line-queries.ts'

/** So many groups are asked for at once. */
const most = 500

/**
 * Ends the offers of a group whose time is over, and offers each free seat to the first in line; none in a group that is archived
 * or closed. Under the group's lock, by whoever is about to take a seat and by whoever has left one. Answers how many it offered.
 */
export async function offerSeats(tx: Tx, group_id: string): Promise<number> {
  const ended = await tx.run(endOffers, { group_id })
  const offered = await tx.run(offerFreeSeats, { group_id })
  recordChange(tx, 'membership.expired', ...ended)
  recordChange(tx, 'membership.offered', ...offered.sort((a, b) => a.place - b.place))
  return offered.length
}

/**
 * Offers the seats that became free by themselves, for all organizations: an offer ended, somebody's last day came, a capacity was
 * raised. Answers in how many groups. Several replicas may do this at once: whoever is second finds no seat.
 */
export async function offerSeatsEverywhere(db: Database, log: Pick<FastifyBaseLogger, 'error'>): Promise<number> {
  let served = 0
  for (;;) {
    const rows = await db.reviewed<{ organization_id: string; group_id: string }>(
      'groups_with_seats',
      'select * from groups_with_seats($1)',
      [most]
    )
    let progress = 0
    for (const { organization_id, group_id } of rows) {
      try {
        const offered = await db.write(serviceActor(organization_id, uuid()), async tx => {
          await tx.run(lockGroup, { group_id })
          return await offerSeats(tx, group_id)
        })
        if (offered > 0) progress++
      } catch (error) {
        // One group in which it fails does not keep the others from it.
        log.error({ err: described(error), group_id }, 'seats could not be offered')
      }
    }
    served += progress
    if (rows.length < most || progress === 0) return served
  }
}
