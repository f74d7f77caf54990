import pg, { type Submittable } from 'pg'
import { prepareValue } from 'pg/lib/utils'
import { serialize } from 'pg-protocol/dist/serializer'
import { instantFromText } from './columns.ts'
import type { Prepared } from './statement.ts'

/** What a batch needs of pg's Connection. */
interface Wire {
  stream: { write(bytes: Buffer): void }
  /** Statements that the connection knows, or will before it reads what is sent next. */
  parsedStatements: Record<string, string | undefined>
}

const describePortal = serialize.describe({ type: 'P' })
const executePortal = serialize.execute({})
const sync = serialize.sync()

export interface Outcome {
  rows: unknown[]
  /** The tag: `COMMIT`, `SELECT 1`. */
  command: string
}

/** The columns of what a statement answers, by name and parser. */
type Columns = { name: string; parse: (text: string) => unknown }[]

/** Statements whose columns are known already need not be described again. Their names are of this process alone. */
const known = new Map<string, Columns>()

/** Timestamps and dates stay text, counts become numbers; all else as pg reads it. */
const parserOf = (type: number): ((text: string) => unknown) =>
  type === 1184 ? instantFromText : type === 1082 ? text => text : type === 20 ? Number : pg.types.getTypeParser(type)

/**
 * Several prepared statements behind one Sync: one round trip, and outside a transaction one implicit transaction, so that
 * a setting made `local` by the first holds for the others and is gone after them. An error skips the rest.
 *
 * A submittable as `client.query` takes it (pg 8): it answers the client's handleX calls until ReadyForQuery.
 */
export class Batch implements Submittable {
  callback: (error: Error | null, outcomes: Outcome[]) => void = () => {}
  readonly #statements: Prepared[]
  readonly #outcomes: Outcome[] = []
  /** Statements sent to be parsed whose ParseComplete has not come yet. */
  readonly #parsing: Prepared[] = []
  #rows: unknown[] = []

  constructor(statements: Prepared[]) {
    this.#statements = statements
  }

  /** On ParseComplete the client reads the name, then the text, and remembers what `submit` did. */
  get name() {
    return this.#parsing[0]?.name
  }

  get text() {
    return this.#parsing.shift()?.text
  }

  /** Parse (once for each connection), bind, describe (once for each process) and execute for each; one Sync; one write. */
  submit(connection: unknown) {
    const wire = connection as Wire
    const messages: Buffer[] = []
    for (const statement of this.#statements) {
      const { name, text, values } = statement
      if (wire.parsedStatements[name] === undefined) {
        messages.push(serialize.parse(statement))
        this.#parsing.push(statement)
        wire.parsedStatements[name] = text
      }
      messages.push(serialize.bind({ statement: name, values, valueMapper: prepareValue }))
      if (!known.has(name)) messages.push(describePortal)
      messages.push(executePortal)
    }
    messages.push(sync)
    wire.stream.write(Buffer.concat(messages))
    return null
  }

  /** The statement whose answer is coming in. */
  get #current() {
    return this.#statements[this.#outcomes.length]!
  }

  handleRowDescription({ fields }: { fields: { name: string; dataTypeID: number }[] }) {
    known.set(
      this.#current.name,
      fields.map(({ name, dataTypeID }) => ({ name, parse: parserOf(dataTypeID) }))
    )
  }

  handleDataRow({ fields }: { fields: (string | null)[] }) {
    const columns = known.get(this.#current.name)!
    const row: Record<string, unknown> = {}
    for (let index = 0; index < columns.length; index++) {
      const { name, parse } = columns[index]!
      const text = fields[index]!
      row[name] = text === null ? null : parse(text)
    }
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { text: string }) {
    if (!known.has(this.#current.name)) known.set(this.#current.name, [])
    this.#outcomes.push({ rows: this.#rows, command: text })
    this.#rows = []
  }

  handleError(error: Error, connection: unknown) {
    // What was not parsed before the error never will be.
    for (const { name } of this.#parsing) delete (connection as Wire).parsedStatements[name]
    this.callback(error, this.#outcomes)
    this.callback = () => {}
  }

  handleReadyForQuery() {
    this.callback(null, this.#outcomes)
  }

  handleEmptyQuery() {}
  handlePortalSuspended() {}
}

// pg lets only queries of its own class into a pipeline. Nothing else is taken from it.
Object.setPrototypeOf(Batch.prototype, pg.Query.prototype)
