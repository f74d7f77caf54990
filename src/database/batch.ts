import type { QueryResult, Submittable } from 'pg'
import Result from 'pg/lib/result'
import { prepareValue } from 'pg/lib/utils'
import type { Prepared } from './statement.ts'

/** The part of pg's Connection that speaks the extended protocol. */
interface Wire {
  stream: { cork(): void; uncork(): void }
  parsedStatements: Record<string, string | undefined>
  parse(statement: { name: string; text: string }): void
  bind(portal: { portal: string; statement: string; values: unknown[]; valueMapper: (value: unknown) => unknown }): void
  describe(what: { type: 'P'; name: string }): void
  execute(portal: { portal: string }): void
  sync(): void
}

/**
 * Several prepared statements behind one Sync: one round trip, and outside a transaction one implicit transaction, so that
 * a setting made `local` by the first holds for the others and is gone after them. An error skips the rest.
 *
 * A submittable as `client.query` takes it (pg 8): it answers the client's handleX calls until ReadyForQuery.
 */
export class Batch implements Submittable {
  callback: (error: Error | null, results: QueryResult[]) => void = () => {}
  readonly #statements: Prepared[]
  readonly #results: QueryResult[] = []
  /** Statements sent to be parsed whose ParseComplete has not come yet. */
  readonly #parsing: Prepared[] = []
  #current: InstanceType<typeof Result> | undefined
  /** Set by the client: its type parsers. */
  _result: { _types?: unknown } = {}

  constructor(statements: Prepared[]) {
    this.#statements = statements
  }

  /** On ParseComplete the client reads the name, then the text, and remembers that this connection knows them. */
  get name() {
    return this.#parsing[0]?.name
  }

  get text() {
    return this.#parsing.shift()?.text
  }

  submit(connection: unknown) {
    const wire = connection as Wire
    wire.stream.cork()
    try {
      const sent = new Set<string>()
      for (const { name, text, values } of this.#statements) {
        if (wire.parsedStatements[name] === undefined && !sent.has(name)) {
          wire.parse({ name, text })
          this.#parsing.push({ name, text, values })
          sent.add(name)
        }
        wire.bind({ portal: '', statement: name, values, valueMapper: prepareValue })
        wire.describe({ type: 'P', name: '' })
        wire.execute({ portal: '' })
      }
      wire.sync()
    } finally {
      wire.stream.uncork()
    }
    return null
  }

  #open() {
    this.#current ??= new Result(undefined, this._result._types)
    return this.#current
  }

  handleRowDescription(message: { fields: unknown[] }) {
    this.#open().addFields(message.fields)
  }

  handleDataRow(message: { fields: unknown[] }) {
    const result = this.#open()
    result.addRow(result.parseRow(message.fields))
  }

  handleCommandComplete(message: { text: string }) {
    const result = this.#open()
    result.addCommandComplete(message)
    this.#results.push(result as unknown as QueryResult)
    this.#current = undefined
  }

  handleError(error: Error) {
    this.callback(error, this.#results)
    this.callback = () => {}
  }

  handleReadyForQuery() {
    this.callback(null, this.#results)
  }

  handleEmptyQuery() {}
  handlePortalSuspended() {}
}
