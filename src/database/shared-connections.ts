import type pg from 'pg'
import type { Outcome } from './batch.ts'
import { refusalOf } from './refusals.ts'
import type { Prepared } from './statement.ts'

/** A connection of the pool on which reads are under way. */
interface Shared {
  client: pg.PoolClient
  underWay: number
  /** PostgreSQL's own refusal leaves a connection as it was; after anything else it is in doubt. */
  sound: boolean
}

/** More than this many reads on one connection wait for another, or are told after a while that there is none. */
const mostUnderWay = 16

/**
 * Reads that do not wait for each other's answers: several are under way on each of a few connections, in a pipeline.
 * PostgreSQL goes from one to the next without being woken, which costs less than a connection for each. Every read ends with a
 * Sync of its own, so that neither its error nor its organization reaches the next. They are answered in order: only what
 * is quick may share.
 *
 * A connection is taken from the pool for the first of them and given back after the last. While somebody waits for one,
 * none is joined, so that those in use come free.
 *
 * @param few how many connections are taken before they are shared
 */
export function shareConnections(
  pool: pg.Pool,
  send: (client: pg.ClientBase, statements: Prepared[]) => Promise<Outcome[]>,
  few: number
): (statements: Prepared[]) => Promise<Outcome[]> {
  const open = new Set<Shared>()
  const opening = new Set<Promise<Shared>>()

  function leastBusy(): Shared | undefined {
    let least: Shared | undefined
    for (const one of open) if (least === undefined || one.underWay < least.underWay) least = one
    return least
  }

  /** For the read that asks, which is counted at once: one that nobody is counted on is given back. */
  function openAnother(): Promise<Shared> {
    const another = pool.connect().then(client => {
      const one = { client, underWay: 1, sound: true }
      open.add(one)
      return one
    })
    opening.add(another)
    const opened = () => void opening.delete(another)
    another.then(opened, opened)
    return another
  }

  /** A connection on which one more read is counted. */
  async function connection(): Promise<Shared> {
    // In a burst, those that are being opened are waited for.
    while (open.size === 0 && opening.size >= few) await Promise.race(opening)
    const least = leastBusy()
    const enough = open.size + opening.size >= few
    if (least === undefined || !enough || least.underWay >= mostUnderWay || pool.waitingCount > 0) {
      return await openAnother()
    }
    least.underWay++
    return least
  }

  async function read(statements: Prepared[]): Promise<Outcome[]> {
    const one = await connection()
    try {
      return await send(one.client, statements)
    } catch (error) {
      if (refusalOf(error)?.severity !== 'ERROR') {
        one.sound = false
        open.delete(one)
      }
      throw error
    } finally {
      if (--one.underWay === 0) {
        open.delete(one)
        one.client.release(!one.sound)
      }
    }
  }

  return statements =>
    read(statements).catch(error => {
      // It relied on a statement that was still being prepared for the read before it, and that one was cut off.
      if (refusalOf(error)?.code === '26000') return read(statements)
      throw error
    })
}
