import { is, Placeholder, type SQL, sql } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { Actor, Reach } from './actor.ts'

/** What a statement is built for: whose reach, and which of its optional values were given. */
export interface Shape {
  reach: Reach
  has(value: string): boolean
}

/** What travels to PostgreSQL: a name under which a connection prepares the text once, and the values. */
export interface Prepared {
  name: string
  text: string
  values: unknown[]
  /** May share a connection with others that are under way (`shared-connections.ts`). */
  quick?: boolean
  /** One plan is the best whatever the values are. */
  plannedOnce?: boolean
}

type Kind = Pick<Required<Prepared>, 'quick' | 'plannedOnce'>

interface Compiled extends Kind {
  name: string
  text: string
  /** What each parameter is called. */
  params: string[]
}

/** A statement, compiled once for each shape and prepared once on each connection. */
export interface Statement<Row, Values> {
  /** Filled with the values, the actor's organization and staff member among them. */
  for(actor: Actor, values: Values): Prepared
  /** Never set: carries the type of a row. */
  readonly row?: Row
}

const dialect = new PgDialect()
const declared = new Set<string>()

/** The organization, member of staff and key of whoever asks: every statement names at least the first. */
export const asker = {
  organization_id: sql.placeholder('organization_id') as Placeholder,
  staff_id: sql.placeholder('staff_id') as Placeholder,
  api_key_id: sql.placeholder('api_key_id') as Placeholder
}

/** A value given when the statement runs. */
export const value = (name: string): Placeholder => sql.placeholder(name)

/**
 * Declares a statement. `build` is called once for each shape (reach and set of given values); what it makes must name
 * the actor's organization, or it is refused here and now.
 */
export function statement<Row, Values extends object = Record<never, never>>(
  name: string,
  build: (shape: Shape) => SQL,
  kindOf: (shape: Shape) => Kind = () => ({ quick: false, plannedOnce: false })
): Statement<Row, Values> {
  // Connections keep a prepared text by its name: a second one of that name would be answered by the first.
  if (declared.has(name)) throw new Error(`There are two statements named ${name}`)
  declared.add(name)
  const shapes = new Map<string, Compiled>()

  return {
    for(who, values) {
      const given: string[] = []
      for (const key in values) if (values[key] !== undefined) given.push(key)
      const key = `${who.reach},${given.join()}`
      let compiled = shapes.get(key)
      if (compiled === undefined) {
        const shape = { reach: who.reach, has: (value: string) => given.includes(value) }
        compiled = compile(`${name}_${shapes.size + 1}`, build(shape), kindOf(shape))
        shapes.set(key, compiled)
      }
      const { organization_id, staff_id, api_key_id } = who
      const all: Record<string, unknown> = { organization_id, staff_id, api_key_id, ...values }
      return {
        name: compiled.name,
        text: compiled.text,
        values: compiled.params.map(param => {
          if (!(param in all)) throw new Error(`The statement ${name} was given no ${param}`)
          return all[param]
        }),
        quick: compiled.quick,
        plannedOnce: compiled.plannedOnce
      }
    }
  }
}

function compile(name: string, statement: SQL, kind: Kind): Compiled {
  const { sql: text, params } = dialect.sqlToQuery(statement)
  const names = params.map(param => {
    if (!is(param, Placeholder)) throw new Error(`The statement ${name} has a value that is not named`)
    return param.name
  })
  if (!names.includes(asker.organization_id.name)) {
    throw new Error(`The statement ${name} does not name its organization`)
  }
  return { name, text, params: names, ...kind }
}

/**
 * The same for what finds its rows by keys, or one page of them along an index, in a millisecond or two however many there
 * are: reads of that kind share connections, where a slow one would hold up the others. They are planned once.
 */
export const quickStatement = <Row, Values extends object = Record<never, never>>(
  name: string,
  build: (shape: Shape) => SQL,
  isQuick: (shape: Shape) => boolean = () => true
): Statement<Row, Values> => statement(name, build, shape => ({ quick: isQuick(shape), plannedOnce: isQuick(shape) }))

/** The same for what may take longer, and is planned once: the plans of what it calls are too, which takes long each time. */
export const statementPlannedOnce = <Row, Values extends object = Record<never, never>>(
  name: string,
  build: (shape: Shape) => SQL
): Statement<Row, Values> => statement(name, build, () => ({ quick: false, plannedOnce: true }))
