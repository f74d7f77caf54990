import type { Operation, Parameter, Schema } from './document.ts'
import type { Ask } from './request.ts'
import { distinct, edges, type Pick, simple, typesOf, withAt } from './values.ts'

/**
 * The requests that every fuzzer should begin with: each constraint of an operation at its edges and broken, one by one.
 * What a text can do wrong is tried once for each distinct schema, the rest for each place where it is used.
 */
export class Coverage {
  readonly #seen = new Set<string>()
  readonly #pick: Pick

  constructor(pick: Pick) {
    this.#pick = pick
  }

  *of(operation: Operation, base: () => Ask): Generator<Ask> {
    yield { ...base(), label: 'as documented' }
    for (const parameter of operation.parameters) yield* this.#ofParameter(operation, parameter, base)
    for (const name of ['unknown_parameter', '__proto__', '__proto__[x]', 'constructor[prototype][x]', 'limit[]', '']) {
      const ask = base()
      yield { ...ask, query: [...ask.query, [name, '1']], label: `query ${name}` }
    }
    if (operation.body === undefined) {
      if (operation.method !== 'GET')
        yield { ...base(), body: { unknown_field: 1 }, label: 'a body that is not documented' }
      return
    }
    yield { ...base(), body: undefined, label: 'no body' }
    for (const body of [null, true, 7, 'a', [], {}]) yield { ...base(), body, label: `body ${JSON.stringify(body)}` }
    yield* this.#within(operation.body.schema, [], base, operation.id)
  }

  *#ofParameter(operation: Operation, parameter: Parameter, base: () => Ask): Generator<Ask> {
    const { in: place, name, schema } = parameter
    const values = this.#values(schema, place, name)
    for (const value of distinct(values.filter(value => value !== null && typeof value !== 'object').map(String))) {
      const ask = base()
      const label = `${place} ${name} ${JSON.stringify(value.slice(0, 40))}`
      // What cannot be written in a URL or header, no client sends.
      if (/\p{Surrogate}/u.test(value)) continue
      if (place === 'path' && value !== '') yield { ...ask, path: { ...ask.path, [name]: value }, label }
      if (place === 'query') yield { ...ask, query: [...without(ask.query, name), [name, value]], label }
      if (place === 'header' && /^[!-~]+( [!-~]+)*$/.test(value)) {
        yield { ...ask, headers: { ...ask.headers, [name.toLowerCase()]: value }, label }
      }
    }
    const ask = base()
    if (place === 'query') {
      const value = String(simple(schema, name, this.#pick))
      yield { ...ask, query: [...without(ask.query, name), [name, value], [name, value]], label: `query ${name} twice` }
      if (parameter.required === true) yield { ...ask, query: without(ask.query, name), label: `query ${name} missing` }
    }
    if (place === 'header' && parameter.required === true) {
      const { [name.toLowerCase()]: _, ...headers } = ask.headers
      yield { ...ask, headers, label: `header ${operation.id} ${name} missing` }
    }
  }

  *#within(schema: Schema, at: (string | number)[], base: () => Ask, name: string): Generator<Ask> {
    const change = (place: (string | number)[], value: unknown, label: string): Ask => {
      const ask = base()
      return { ...ask, body: withAt(ask.body, place, value), label: `body /${place.join('/')} ${label}` }
    }
    if (at.length > 0) {
      for (const value of this.#values(schema, 'body', name)) {
        yield change(at, value, JSON.stringify(value).slice(0, 40))
      }
    }
    const types = typesOf(schema)
    if (types.includes('object')) {
      if (schema.additionalProperties === false) {
        for (const key of ['unknown_field', 'id', 'organization_id', 'toString'])
          yield change([...at, key], 1, 'unknown')
      }
      for (const key of schema.required ?? []) yield change([...at, key], undefined, 'missing')
      for (const [key, member] of Object.entries(schema.properties ?? {})) {
        yield* this.#within(member, [...at, key], () => this.#filled(base(), [...at, key], member, key), key)
      }
    }
    if (types.includes('array')) {
      const item = (index: number) => numbered(simple(schema.items ?? {}, name, this.#pick), index)
      const items = (count: number) => Array.from({ length: count }, (_, index) => item(index))
      for (const bound of [schema.minItems, schema.maxItems]) {
        if (bound === undefined || bound > 1000) continue
        for (const count of [bound - 1, bound, bound + 1])
          if (count >= 0) yield change(at, items(count), `${count} items`)
      }
      if (schema.uniqueItems === true) yield change(at, [item(0), item(0)], 'the same twice')
      if (schema.items !== undefined && typesOf(schema.items).length > 0) {
        yield* this.#within(
          schema.items,
          [...at, 0],
          () => this.#filled(base(), at, { ...schema, minItems: 1 }, name),
          name
        )
      }
    }
  }

  /** The base with something at that place, so that what is within it can be changed. */
  #filled(ask: Ask, at: (string | number)[], schema: Schema, name: string): Ask {
    const there = at.reduce<unknown>(
      (place, key) => (place as Record<string | number, unknown> | undefined)?.[key],
      ask.body
    )
    const isThere = there != null && (!Array.isArray(there) || there.length > 0)
    return isThere ? ask : { ...ask, body: withAt(ask.body, at, simple(withoutNull(schema), name, this.#pick)) }
  }

  #values(schema: Schema, place: string, name: string): unknown[] {
    const { description: _, examples: __, title: ___, default: ____, ...constraints } = schema
    const known = `${place} ${JSON.stringify(constraints)}`
    const brief = this.#seen.has(known)
    this.#seen.add(known)
    return edges(schema, name, this.#pick, brief)
  }
}

const without = (query: Ask['query'], name: string) => query.filter(([given]) => given !== name)

const withoutNull = (schema: Schema): Schema => ({ ...schema, type: typesOf(schema).filter(type => type !== 'null') })

/** Items that must differ. */
function numbered(item: unknown, index: number): unknown {
  if (typeof item === 'string') return index === 0 || /^[0-9a-f-]{36}$/.test(item) ? item : `${item}${index}`
  return item
}
