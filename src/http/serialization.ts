import fastJson from 'fast-json-stringify'
import type { FastifyServerOptions } from 'fastify'

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>
type BuildSerializer = NonNullable<NonNullable<SchemaController['compilersFactory']>['buildSerializer']>
type Schemas = Record<string, object>

/**
 * Compiles how answers are written; give it to Fastify as `schemaController.compilersFactory.buildSerializer`. Fastify's own
 * hands every shared schema to the compiler, which checks each of them anew for each answer of each route: a third of a start.
 * Where a schema has a choice, it looks with Ajv which form fits, and would print what formats of ours it does not know.
 */
// The cast: Fastify's type leaves the arguments out.
export const buildSerializer = build as unknown as BuildSerializer

function build(shared: Schemas, options: fastJson.Options) {
  return ({ schema }: { schema: fastJson.Schema }) =>
    fastJson(schema, {
      ...options,
      ajv: { logger: false },
      schema: named(schema, shared) as Record<string, fastJson.Schema>
    })
}

/** The shared schemas that it names, and those that they name. */
function named(schema: object, shared: Schemas, found: Schemas = {}): Schemas {
  for (const [, name] of JSON.stringify(schema).matchAll(/"\$ref":"([^"#]+)/g)) {
    const one = shared[name!]
    if (one === undefined || name! in found) continue
    found[name!] = one
    named(one, shared, found)
  }
  return found
}
