import type { Ajv2020, ValidateFunction } from 'ajv/dist/2020.js'
import type { Operation, Parameter, Schema } from './document.ts'

/** A request of an operation, still in parts. */
export interface Ask {
  operation: Operation
  /** What is special about it, for whoever reads a finding. */
  label: string
  path: Record<string, string>
  query: [name: string, value: string][]
  headers: Record<string, string>
  body?: unknown
  /** Instead of the good key. */
  key?: 'none' | 'wrong'
}

export type Place = 'path' | 'query' | 'header' | 'body'

/** The path as it is sent; a text that a client would take for a step up the path is sent encoded. */
export const urlOf = ({ operation, path, query }: Ask): string => {
  const url = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encoded(path[name] ?? ''))
  return query.length === 0 ? url : `${url}?${query.map(pair => pair.map(encoded).join('=')).join('&')}`
}

/** Half of a surrogate pair is no text that a URL could carry: such a request is not made. */
const encoded = (text: string) => encodeURIComponent(text).replace(/^\.{1,2}$/, dots => dots.replaceAll('.', '%2E'))

/** What a body is once it has been written and read again. */
export function asSent(value: unknown): unknown {
  if (value === undefined) return undefined
  return JSON.parse(JSON.stringify(value), (_, one) => (typeof one === 'string' ? one.normalize('NFC') : one))
}

/** Decides with Ajv, after serialization, what of a request breaks the contract. */
export class Judge {
  readonly #ajv: Ajv2020
  readonly #known = new WeakMap<Schema, ValidateFunction>()

  constructor(ajv: Ajv2020) {
    this.#ajv = ajv
  }

  /** What is wrong with a value; undefined where nothing is. */
  fault(schema: Schema, value: unknown): string | undefined {
    let validate = this.#known.get(schema)
    if (validate === undefined) {
      validate = this.#ajv.compile(schema as object)
      this.#known.set(schema, validate)
    }
    return validate(value) ? undefined : this.#ajv.errorsText(validate.errors, { dataVar: '' })
  }

  /** Where a request breaks the contract. */
  faults({ operation, path, query, headers, body }: Ask): Set<Place> {
    const faults = new Set<Place>()
    const given = { path: Object.entries(path), query, header: Object.entries(headers) }
    for (const place of ['path', 'query', 'header'] as const) {
      const parameters = operation.parameters.filter(parameter => parameter.in === place)
      const named = (name: string) => parameters.find(parameter => sameName(place, parameter.name, name))
      for (const parameter of parameters) {
        const values = given[place].filter(([name]) => sameName(place, parameter.name, name))
        if (values.length > 1 || (values.length === 0 && parameter.required === true)) faults.add(place)
        if (values.some(([, value]) => !this.#isReading(parameter, value))) faults.add(place)
      }
      // Any header may be sent; a parameter in the query that is not documented may not.
      if (place === 'query' && query.some(([name]) => named(name) === undefined)) faults.add(place)
    }
    if (operation.body !== undefined && !isJson(operation)) {
      // Whatever is sent is text.
      if (body === undefined) faults.add('body')
    } else if (operation.body !== undefined) {
      const sent = asSent(body)
      if (sent === undefined ? operation.body.required : this.fault(operation.body.schema, sent) !== undefined) {
        faults.add('body')
      }
    } else if (body !== undefined) faults.add('body')
    return faults
  }

  /** A parameter is text: `7` is an integer where the schema says so. */
  #isReading({ schema }: Parameter, text: string): boolean {
    const readings: unknown[] = [text.normalize('NFC')]
    if (/^-?\d+(\.\d+)?$/.test(text)) readings.push(Number(text))
    if (text === 'true' || text === 'false') readings.push(text === 'true')
    return readings.some(reading => this.fault(schema, reading) === undefined)
  }
}

const sameName = (place: Place, a: string, b: string) =>
  place === 'header' ? a.toLowerCase() === b.toLowerCase() : a === b

const isJson = ({ body }: Operation) => body === undefined || body.contentType.endsWith('json')

/** The body as it is sent: where the document has another type than JSON, a text is sent as it is. */
export const payloadOf = ({ operation, body }: Ask): string =>
  typeof body === 'string' && !isJson(operation) ? body : JSON.stringify(body)

/** How to send it again, without the key: `$KEY` stands for a good one. */
export function curl(ask: Ask): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const key = ask.key === 'none' ? [] : [`Authorization: Bearer ${ask.key === 'wrong' ? 'ck_wrong' : '$KEY'}`]
  const headers = [...key, ...Object.entries(ask.headers).map(([name, value]) => `${name}: ${value}`)]
  const parts = ['curl -X', ask.operation.method, quoted(`$URL${urlOf(ask)}`)]
  for (const header of headers) parts.push('-H', header.includes('$KEY') ? `"${header}"` : quoted(header))
  if (ask.body !== undefined) {
    const text = payloadOf(ask)
    parts.push('-H', quoted(`Content-Type: ${ask.operation.body?.contentType ?? 'application/json'}`))
    parts.push('-d', quoted(text.length > 1500 ? `${text.slice(0, 1500)}… (${text.length} characters)` : text))
  }
  return parts.join(' ').replace(/'\$URL/, '"$URL"\'')
}
