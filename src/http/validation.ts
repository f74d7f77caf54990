import { parse } from 'node:querystring'
import { Ajv, type AnySchemaObject, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler, FastifyServerOptions } from 'fastify'
import { badRequest, type Fault, notFound, type Problem, unprocessable } from '../problems.ts'
import { addFormats, formatDetail } from './formats.ts'

type SchemaController = NonNullable<FastifyServerOptions['schemaController']>
type BuildValidator = NonNullable<NonNullable<SchemaController['compilersFactory']>['buildValidator']>
type Compiler = FastifySchemaCompiler<AnySchemaObject>
type Validator = (data: unknown) => true | { error: Complaint[] }
type Complaint = Pick<
  ErrorObject,
  'keyword' | 'instancePath' | 'schemaPath' | 'params' | 'propertyName' | 'parentSchema'
>

/** Faults told of one request; whoever has more mends these first. */
const maxFaults = 100

/** Values (members, items, scalars) in a body up to which every fault is looked for; beyond, the first one ends it. */
const maxThorough = 20_000

const options: Options = {
  strict: false,
  // `strict: false` would let Infinity be a number.
  strictNumbers: true,
  removeAdditional: false,
  useDefaults: true,
  discriminator: true,
  // A fault comes with its schema, whose example says how it is written.
  verbose: true,
  // Of a format that it does not know, Ajv only warns, and then lets everything pass.
  logger: { log() {}, warn: refuseToBuild, error() {} }
}

function refuseToBuild(warning: unknown): never {
  throw new Error(String(warning))
}

/**
 * Compiles the schemas of routes; give it to Fastify as `schemaController.compilersFactory.buildValidator`, and
 * `[addFormats, { timeZone }]` as one of `ajv.plugins`.
 *
 * Bodies are taken as they are: nothing is coerced, nothing unknown is dropped. Queries, headers and path parameters are
 * text, so what a schema calls a number or a boolean is read as one; a parameter given twice is refused. Header schemas
 * name their headers in lower case.
 */
// The cast: Fastify's type asks for Ajv's own compiler, its code calls it as a `FastifySchemaCompiler`.
export const buildValidator = build as unknown as BuildValidator

function build(externalSchemas: Record<string, AnySchemaObject>, fastifyOptions: { plugins?: unknown[] }): Compiler {
  // Fastify asks again for every route. The shared schemas of an app have names of their own, whatever the scope.
  const pool = pools.get(fastifyOptions) ?? new Map<string, Compiler>()
  pools.set(fastifyOptions, pool)
  const key = Object.keys(externalSchemas).join('\n')
  const known = pool.get(key)
  if (known !== undefined) return known

  const instance = (settings: Options): Ajv => {
    const ajv = newAjv(settings)
    for (const plugin of fastifyOptions.plugins ?? []) {
      const [plug, with_] = (Array.isArray(plugin) ? plugin : [plugin]) as [
        (ajv: Ajv, options?: unknown) => unknown,
        unknown
      ]
      plug(ajv, with_)
    }
    for (const schema of Object.values(externalSchemas)) ajv.addSchema(schema)
    return ajv
  }
  const bodies = instance({ allErrors: false })
  const texts = instance({ allErrors: true, coerceTypes: true, meta: false, validateSchema: false })
  let thorough: Ajv | undefined

  const compiler: Compiler = ({ schema, httpPart }) => {
    if (httpPart !== 'body') return textValidator(compile(texts, schema), httpPart)
    return bodyValidator(compile(bodies, schema), () => {
      thorough ??= instance({ allErrors: true, meta: false, validateSchema: false })
      return compile(thorough, schema)
    })
  }
  pool.set(key, compiler)
  return compiler
}

const pools = new WeakMap<object, Map<string, Compiler>>()

function newAjv(settings: Options): Ajv {
  const ajv = addFormats(new Ajv({ ...options, ...settings }))
  // Ajv compares each item with each other; a body may hold a hundred thousand.
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', validate: uniqueItems })
  return ajv
}

/**
 * Judges one row of a list whose rows are taken or left each by itself: what a body would be refused for, with pointers from
 * the row on. Nothing is filled in: of a row, what is not said may mean more than a default.
 */
export function rowJudge(schema: AnySchemaObject): (row: unknown) => Fault[] {
  const compiled = (allErrors: boolean) =>
    newAjv({ allErrors, useDefaults: false, meta: false, validateSchema: false }).compile(schema)
  let validate: Validator | undefined
  return row => {
    validate ??= bodyValidator(compiled(false), () => compiled(true))
    // Null stands for a body that is not there, and a row is there.
    const verdict = validate(row === null ? undefined : row)
    return verdict === true ? [] : bodyFaults(verdict.error)
  }
}

/** Ajv compiles no two schemas of one id; the second is the first. */
function compile(ajv: Ajv, schema: AnySchemaObject): ValidateFunction {
  return (schema.$id !== undefined && ajv.getSchema(schema.$id)) || ajv.compile(schema)
}

/**
 * Stops at the first fault, and only then looks for all of them. That way a valid body costs one pass, and an enormous
 * wrong one (half a million wrong items in an array of at most fifty) cannot fill the memory with its faults.
 */
function bodyValidator(quick: ValidateFunction, compileThorough: () => ValidateFunction): Validator {
  let thorough: ValidateFunction | undefined
  return (body: unknown) => {
    if (quick(body)) return true
    // Fastify says null for a body that is not there.
    if (body === null) return refusal([{ keyword: 'body', instancePath: '', schemaPath: '', params: {} }])
    if (isLarge(body)) return refusal(quick.errors!)
    thorough ??= compileThorough()
    thorough(body)
    return refusal(thorough.errors ?? quick.errors!)
  }
}

function isLarge(body: unknown): boolean {
  let left = maxThorough
  const count = (value: unknown): boolean => {
    if (--left < 0) return true
    return typeof value === 'object' && value !== null && Object.values(value).some(count)
  }
  return count(body)
}

/** Our characters for "this was not UTF-8" (`parseQuery`) and what no parameter has to do with. */
const unreadable = /[\p{Cc}\p{Surrogate}\ufffd]/u
const decimal = /^-?\d+(?:\.\d+)?$/

function textValidator(validate: ValidateFunction, httpPart?: string): Validator {
  if (httpPart === 'headers') return (values: unknown) => validate(values) || refusal(validate.errors!)
  return (values: unknown) => {
    const texts = (values ?? {}) as Record<string, unknown>
    const complaints: Complaint[] = []
    const complain = (name: string, keyword: string) =>
      complaints.push({ keyword, instancePath: `/${escapeToken(name)}`, schemaPath: '', params: {} })
    const given = { ...texts }
    for (const [name, text] of Object.entries(given)) {
      if (Array.isArray(text)) complain(name, 'repeated')
      else if (unreadable.test(name + text)) complain(name, 'characters')
      else if (typeof text === 'string') texts[name] = text.normalize('NFC')
    }
    if (complaints.length > 0) return refusal(complaints)
    if (!validate(texts)) return refusal(validate.errors!)
    // JavaScript, and so Ajv, reads "0x10", "1e1" and " 16" as numbers.
    for (const [name, text] of Object.entries(given)) {
      if (typeof texts[name] === 'number' && !decimal.test(String(text))) complain(name, 'decimal')
    }
    return complaints.length === 0 || refusal(complaints)
  }
}

function refusal(errors: Complaint[]): { error: Complaint[] } {
  // Fastify joins all of them into a message that nobody reads.
  return { error: errors.length > maxFaults * 10 ? errors.slice(0, maxFaults * 10) : errors }
}

/**
 * Parses a query; give it to Fastify as `routerOptions.querystringParser`. Bytes that are not UTF-8 become U+FFFD, which
 * validation refuses (Fastify's own parser keeps the undecoded text). Never throws: nothing would catch it.
 */
export function parseQuery(query: string): Record<string, unknown> {
  return parse(query, '&', '=', { maxKeys: 0 })
}

/** `uniqueItems` in linear time. Objects count as equal when they have the same members in the same order. */
function uniqueItems(wanted: boolean, items: unknown[]): boolean {
  if (!wanted) return true
  const scalars = new Set<unknown>()
  const written = new Set<unknown>()
  for (const item of items) {
    const isScalar = typeof item !== 'object' || item === null
    const [seen, key] = isScalar ? [scalars, item] : [written, JSON.stringify(item)]
    if (seen.has(key)) return false
    seen.add(key)
  }
  return true
}

/** What Fastify says of a request that a schema refuses. */
export type Invalid = { validation?: unknown; validationContext?: string }

/**
 * The refusal of what a schema refuses. A body is 422 `validation_failed` with a pointer for each fault (at most 100); a
 * query 400 `invalid_query`, a header 400 `invalid_header`, each with the parameter's name; a path 404, like any path
 * that leads nowhere. Tells what must be, never what was.
 */
export function validationProblem(error: Invalid): Problem {
  const complaints = (error.validation ?? []) as Complaint[]
  switch (error.validationContext) {
    case 'params':
      return notFound()
    case 'querystring':
      return badRequest(
        'invalid_query',
        'Some of the query is not as it must be.',
        parameterFaults(complaints, 'query')
      )
    case 'headers':
      return badRequest('invalid_header', 'Some header is not as it must be.', parameterFaults(complaints, 'header'))
    default:
      return unprocessable(bodyFaults(complaints))
  }
}

function bodyFaults(complaints: Complaint[]): Fault[] {
  return distinct(complaints, (path, code, detail) => ({ pointer: pointer(path), in: 'body', code, detail }))
}

function parameterFaults(complaints: Complaint[], place: 'query' | 'header'): Fault[] {
  return distinct(complaints, ([name = ''], code, detail) => {
    // No name of ours is longer.
    const fault = { in: place, parameter: name.slice(0, 100) }
    if (code === 'unknown_field') return { ...fault, code: 'unknown_parameter', detail: 'is not a parameter here' }
    return { ...fault, code, detail }
  })
}

function distinct(complaints: Complaint[], fault: (path: string[], code: string, detail: string) => Fault): Fault[] {
  const faults = new Map<string, Fault>()
  for (const complaint of essential(complaints)) {
    if (faults.size === maxFaults) break
    const { code, detail } = said(complaint)
    const one = fault(pathOf(complaint), code, detail)
    faults.set(`${one.code} ${one.pointer ?? one.parameter}`, one)
  }
  return [...faults.values()]
}

/**
 * Leaves one complaint for each fault. Where none of several forms fits, Ajv complains of every form and then of the
 * choice: of "text or null", what is wrong with the text is what matters; of several constants, which ones they are.
 */
function essential(complaints: Complaint[]): Complaint[] {
  const kept: Complaint[] = []
  for (const complaint of complaints) {
    // `then`, `else` and `propertyNames` are told of twice, once by what is inside them.
    if (complaint.keyword === 'if' || complaint.propertyName !== undefined) continue
    const isChoice =
      complaint.keyword === 'anyOf' || (complaint.keyword === 'oneOf' && !complaint.params.passingSchemas)
    if (!isChoice) {
      kept.push(complaint)
      continue
    }
    // The complaints of the forms stand right before the one of the choice.
    let start = kept.length
    while (start > 0 && isWithin(kept[start - 1]!, complaint)) start--
    kept.push(...closest(kept.splice(start), complaint))
  }
  return kept
}

function isWithin(complaint: Complaint, choice: Complaint): boolean {
  return `${complaint.instancePath}/`.startsWith(`${choice.instancePath}/`)
}

function closest(forms: Complaint[], choice: Complaint): Complaint[] {
  const isWhole = ({ instancePath, keyword }: Complaint) =>
    instancePath === choice.instancePath && (keyword === 'type' || keyword === 'const' || keyword === 'enum')
  const within = forms.filter(form => !isWhole(form))
  if (within.length > 0) return within
  const types = forms.flatMap(({ params }): string[] => params.type ?? [])
  const constants = forms.flatMap(({ params }): unknown[] => params.allowedValues ?? params.allowedValue ?? [])
  if (constants.length > 0) {
    const allowedValues = types.includes('null') ? [...constants, null] : constants
    return [{ ...choice, keyword: 'enum', params: { allowedValues } }]
  }
  return types.length > 0 ? [{ ...choice, keyword: 'type', params: { type: types } }] : [choice]
}

/** Where the fault is: a missing or unknown member is itself the place, not the object that lacks or has it. */
function pathOf({ instancePath, params }: Complaint): string[] {
  const path = instancePath.split('/').slice(1).map(unescapeToken)
  const member: unknown = params.missingProperty ?? params.additionalProperty ?? params.propertyName ?? params.tag
  return typeof member === 'string' ? [...path, member] : path
}

/** RFC 6901 §6. A name longer than any of ours is left out with all below it, so that it is not sent back. */
function pointer(path: string[]): string {
  const long = path.findIndex(name => name.length > 100)
  const told = long === -1 ? path : path.slice(0, long)
  return `#${told.map(name => `/${encodeURIComponent(escapeToken(name))}`).join('')}`
}

function escapeToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function unescapeToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** What must be, in words. Only ever made of the schema, never of the value. */
function said({ keyword, params, parentSchema }: Complaint): { code: string; detail: string } {
  switch (keyword) {
    case 'body':
      return { code: 'required', detail: 'a JSON body is required' }
    case 'required':
    case 'dependencies':
    case 'dependentRequired':
      return { code: 'required', detail: 'is required' }
    case 'additionalProperties':
    case 'propertyNames':
      return { code: 'unknown_field', detail: 'is not a field here' }
    case 'type':
      return { code: 'type', detail: `must be ${[params.type].flat().map(typeName).join(' or ')}` }
    case 'enum':
    case 'const':
      return { code: 'enum', detail: `must be ${oneOf(params.allowedValues ?? [params.allowedValue])}` }
    case 'discriminator':
      return { code: 'enum', detail: 'must be one of the kinds that there are' }
    case 'format':
      return { code: 'format', detail: formatDetail(params.format) }
    case 'pattern':
      return {
        code: 'pattern',
        detail: `must be written ${parentSchema?.examples ? `like ${parentSchema.examples[0]}` : 'in the right form'}`
      }
    case 'minimum':
      return { code: 'minimum', detail: `must be at least ${params.limit}` }
    case 'maximum':
      return { code: 'maximum', detail: `must be at most ${params.limit}` }
    case 'exclusiveMinimum':
      return { code: 'minimum', detail: `must be more than ${params.limit}` }
    case 'exclusiveMaximum':
      return { code: 'maximum', detail: `must be less than ${params.limit}` }
    case 'multipleOf':
      return { code: 'multiple_of', detail: `must be a multiple of ${params.multipleOf}` }
    case 'minLength':
      return { code: 'min_length', detail: `must have at least ${counted(params.limit, 'character')}` }
    case 'maxLength':
      return { code: 'max_length', detail: `must have at most ${counted(params.limit, 'character')}` }
    case 'minItems':
      return { code: 'min_items', detail: `must have at least ${counted(params.limit, 'item')}` }
    case 'maxItems':
      return { code: 'max_items', detail: `must have at most ${counted(params.limit, 'item')}` }
    case 'minProperties':
      return { code: 'min_properties', detail: `must have at least ${counted(params.limit, 'field')}` }
    case 'maxProperties':
      return { code: 'max_properties', detail: `must have at most ${counted(params.limit, 'field')}` }
    case 'uniqueItems':
      return { code: 'unique_items', detail: 'must not have the same item twice' }
    case 'repeated':
      return { code: 'repeated', detail: 'must be given only once' }
    case 'characters':
      return { code: 'characters', detail: 'must be UTF-8 without control characters' }
    case 'decimal':
      return { code: 'type', detail: 'must be a number in decimal digits' }
    default:
      return { code: 'invalid', detail: 'must have one of the forms that are allowed here' }
  }
}

const typeNames: Record<string, string> = {
  array: 'an array',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'a text'
}

function typeName(type: string): string {
  return typeNames[type] ?? type
}

function oneOf(values: unknown[]): string {
  const shown = values.slice(0, 30).map(value => JSON.stringify(value))
  return values.length === 1 ? shown[0]! : `one of ${shown.join(', ')}${values.length > shown.length ? ' …' : ''}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
