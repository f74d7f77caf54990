/** A schema of OpenAPI 3.1, without references. */
export interface Schema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  minProperties?: number
  items?: Schema
  minItems?: number
  maxItems?: number
  uniqueItems?: boolean
  minLength?: number
  maxLength?: number
  pattern?: string
  format?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  anyOf?: Schema[]
  oneOf?: Schema[]
  examples?: unknown[]
  title?: string
  description?: string
  default?: unknown
}
export interface Parameter {
  in: 'path' | 'query' | 'header'
  name: string
  required?: boolean
  schema: Schema
}
export interface Response {
  headers?: Record<string, { required?: boolean; schema: Schema }>
  content?: Record<string, { schema: Schema }>
}
export interface Operation {
  id: string
  method: string
  /** With `{names}`. */
  path: string
  parameters: Parameter[]
  body?: { required: boolean; contentType: string; schema: Schema }
  responses: Record<string, Response>
  /** For everybody: no key is asked for. */
  open: boolean
}
export interface Contract {
  operations: Operation[]
  /** The methods of each path. */
  paths: Map<string, string[]>
  /**
   * Which parameter the ids of a collection fill: `groups` is `group_id`, as `/groups/{group_id}` says. Under its whole path as
   * well, with `*` for ids: two collections may end alike.
   */
  collections: Map<string, string>
}

type Json = Record<string, unknown>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Reads an OpenAPI 3.1 document, references resolved. */
export function contractOf(document: object): Contract {
  const { paths, security = [] } = resolved(document, document, []) as {
    paths: Record<string, Record<string, Json>>
    security?: unknown[]
  }
  const contract: Contract = { operations: [], paths: new Map(), collections: new Map() }
  for (const [path, methods] of Object.entries(paths)) {
    contract.paths.set(
      path,
      Object.keys(methods).map(method => method.toUpperCase())
    )
    const [, above, collection, parameter] = /^(.*)\/([^/{}]+)\/\{(\w+)\}$/.exec(path) ?? []
    if (collection !== undefined) {
      contract.collections.set(collection, parameter!)
      contract.collections.set(`${above!.replace(/\{\w+\}/g, '*')}/${collection}`, parameter!)
    }
    for (const [method, described] of Object.entries(methods)) {
      const it = described as {
        operationId: string
        security?: unknown[]
        parameters?: Parameter[]
        requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
        responses: Operation['responses']
      }
      const [contentType, body] = Object.entries(it.requestBody?.content ?? {})[0] ?? []
      contract.operations.push({
        id: it.operationId,
        method: method.toUpperCase(),
        path,
        parameters: it.parameters ?? [],
        ...(contentType !== undefined && {
          body: { required: it.requestBody?.required === true, contentType, schema: body!.schema }
        }),
        responses: it.responses,
        open: (it.security ?? security).length === 0
      })
    }
  }
  return contract
}

function resolved(node: unknown, root: object, within: string[]): unknown {
  if (Array.isArray(node)) return node.map(item => resolved(item, root, within))
  if (!isObject(node)) return node
  if (typeof node.$ref === 'string') {
    const { $ref } = node
    if (within.includes($ref)) throw new Error(`${$ref} refers to itself`)
    const target = $ref
      .split('/')
      .slice(1)
      .reduce<unknown>((place, key) => (place as Json)[key.replaceAll('~1', '/').replaceAll('~0', '~')], root)
    return resolved(target, root, [...within, $ref])
  }
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, resolved(value, root, within)]))
}
