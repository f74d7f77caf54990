import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import { Problem, unavailable } from '../problems.ts'
import type { Actor } from './actor.ts'
import { Batch, type Outcome } from './batch.ts'
import { inLine } from './in-line.ts'
import { refusalOf, retryable } from './refusals.ts'
import { shareConnections } from './shared-connections.ts'
import type { Prepared, Statement } from './statement.ts'

export interface DatabaseSettings {
  url: string
  poolSize: number
  /** Milliseconds: to get a connection, to run a statement, to wait for a lock. */
  connectTimeout: number
  statementTimeout: number
  lockTimeout: number
  log: Pick<FastifyBaseLogger, 'error' | 'warn'>
}

/** A transaction: Drizzle for writes, `run` for prepared statements; everything inside speaks for the same actor. */
export interface Tx {
  readonly actor: Actor
  readonly db: NodePgDatabase
  /** Runs one statement. */
  run<Row, Values>(statement: Statement<Row, Values>, values: Values): Promise<Row[]>
  /** Runs several in one round trip, in order; answers the rows of each. */
  runAll(statements: Prepared[]): Promise<unknown[][]>
  /** Sent together with the commit, before it. */
  beforeCommit(statement: Prepared): void
}

/** The one way to the database. */
export interface Database {
  /** One statement in one round trip, with the actor's organization set for it. */
  read<Row, Values>(actor: Actor, statement: Statement<Row, Values>, values: Values): Promise<Row[]>
  /** A transaction, repeated up to three times when PostgreSQL asks for it (deadlock). Resolves only if the commit committed. */
  write<T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T>
  /** One of the reviewed functions, which need no organization. */
  reviewed<Row>(name: string, text: string, values: unknown[]): Promise<Row[]>
  /** Throws unless the database answers on a connection of its own, within a second, and has the newest migration. */
  ready(migration: number): Promise<void>
  close(): Promise<void>
}

const begin: Prepared = { name: 'begin', text: 'begin', values: [] }
const commit: Prepared = { name: 'commit', text: 'commit', values: [] }

const speakFor = (actor: Actor): Prepared => ({
  name: 'speak_for',
  text: "select set_config('app.organization_id', $1, true)",
  values: [actor.organization_id]
})

/**
 * The same, for what is planned once: PostgreSQL else plans a page of a list anew each time, because it takes the limit that it
 * does not know for a tenth of the table, and what takes an array, because it takes it for ten; that takes as long as the page itself,
 * or as writing half a sheet.
 */
const speakPlanningOnceFor = (actor: Actor): Prepared => ({
  name: 'speak_planning_once_for',
  text: "select set_config('app.organization_id', $1, true), set_config('plan_cache_mode', 'force_generic_plan', true)",
  values: [actor.organization_id]
})

export function openDatabase(settings: DatabaseSettings): Database {
  const connection: pg.ClientConfig & { pipeline: boolean } = {
    connectionString: settings.url,
    application_name: 'circlekeeper',
    // The role that owns nothing: set at the start of the connection, so that nothing resets it.
    options: '-c role=circlekeeper_app -c timezone=UTC -c datestyle=ISO',
    statement_timeout: settings.statementTimeout,
    lock_timeout: settings.lockTimeout,
    idle_in_transaction_session_timeout: 10_000,
    // Only the client notices a server that is frozen.
    query_timeout: settings.statementTimeout + 1000,
    connectionTimeoutMillis: settings.connectTimeout,
    keepAlive: true,
    pipeline: true
  }
  const pool = new pg.Pool({ ...connection, max: settings.poolSize, idleTimeoutMillis: 60_000 })
  const lost = (error: Error & { code?: string }) =>
    settings.log.warn({ err: { name: error.name, code: error.code } }, 'A database connection was lost')
  pool.on('error', lost)
  // A connection that dies between two queries of a transaction has no other listener, and would end the process.
  pool.on('connect', client => void client.on('error', () => {}))

  const send = (client: pg.ClientBase, statements: Prepared[]): Promise<Outcome[]> =>
    new Promise((resolve, reject) => {
      const batch = new Batch(statements)
      batch.callback = (error, outcomes) => (error === null ? resolve(outcomes) : reject(error))
      client.query(batch)
    })

  /**
   * A connection of its own for one round trip outside a transaction. PostgreSQL's own refusal leaves it as it was; after anything
   * else it is in doubt, thrown away and not used again.
   */
  async function roundTrip(statements: Prepared[]): Promise<Outcome[]> {
    const client = await pool.connect()
    try {
      const outcomes = await send(client, statements)
      client.release()
      return outcomes
    } catch (error) {
      client.release(refusalOf(error)?.severity !== 'ERROR')
      throw error
    }
  }

  const few = Math.ceil(settings.poolSize / 4)
  const sharedRoundTrip = shareConnections(pool, send, few)
  /** What may be slow leaves most connections to the others; and PostgreSQL has not more of it to do at once than it is quick at. */
  const afterOthers = inLine(few, settings.connectTimeout)

  /** A connection for one transaction: rolled back when the work refuses, thrown away when in doubt. */
  async function transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    try {
      const result = await work(client)
      client.release()
      return result
    } catch (error) {
      const known = error instanceof Problem || refusalOf(error)?.severity === 'ERROR'
      const sound =
        known &&
        (await client.query('rollback').then(
          () => true,
          () => false
        ))
      client.release(!sound)
      throw error
    }
  }

  return {
    async read<Row, Values>(actor: Actor, statement: Statement<Row, Values>, values: Values) {
      const prepared = statement.for(actor, values)
      const statements = [(prepared.plannedOnce ? speakPlanningOnceFor : speakFor)(actor), prepared]
      const outcomes = await (prepared.quick ? sharedRoundTrip(statements) : afterOthers(() => roundTrip(statements)))
      return outcomes[1]!.rows as Row[]
    },

    async write<T>(actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> {
      for (let attempt = 1; ; attempt++) {
        try {
          return await transaction(async client => {
            const last: Prepared[] = []
            await send(client, [begin, speakPlanningOnceFor(actor)])
            const runAll = async (statements: Prepared[]) =>
              (await send(client, statements)).map(result => result.rows as unknown[])
            const result = await work({
              actor,
              db: drizzle({ client }),
              run: async <Row, Values>(statement: Statement<Row, Values>, values: Values) =>
                (await runAll([statement.for(actor, values)]))[0] as Row[],
              runAll,
              beforeCommit: statement => last.push(statement)
            })
            const results = await send(client, [...last, commit])
            // The commit of a failed transaction succeeds, with the tag of a rollback.
            if (results.at(-1)!.command !== 'COMMIT') throw new Error('The transaction was rolled back')
            return result
          })
        } catch (error) {
          if (!retryable(error)) throw error
          if (attempt === 3) throw unavailable('busy', 1)
          await new Promise(resolve => setTimeout(resolve, 10 * attempt * Math.random()))
        }
      }
    },

    async reviewed<Row>(name: string, text: string, values: unknown[]) {
      const [outcome] = await roundTrip([{ name, text, values }])
      return outcome!.rows as Row[]
    },

    async ready(migration) {
      const client = new pg.Client({ ...connection, connectionTimeoutMillis: 1000, query_timeout: 1000 })
      client.on('error', () => {})
      try {
        await client.connect()
        const { rows } = await client.query('select max(created_at)::bigint as newest from schema_migrations')
        if (Number(rows[0].newest) < migration) throw unavailable('database_not_migrated', 5)
      } catch (error) {
        // Nobody ever migrated it: the table is not there.
        throw refusalOf(error)?.code === '42P01' ? unavailable('database_not_migrated', 5) : error
      } finally {
        client.end().catch(() => {})
      }
    },

    close: () => pool.end()
  }
}
