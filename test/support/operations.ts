import { randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { v7 as uuid } from 'uuid'
import { minutesFromNow } from './circle.ts'
import type { Kit } from './two-organizations.ts'

interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  properties?: Record<string, Schema>
  items?: Schema
  examples?: unknown[]
}
interface Parameter {
  in: 'path' | 'query' | 'header'
  name: string
  required?: boolean
  schema: Schema
}
type Document = {
  paths: Record<string, Record<string, unknown>>
  components: Record<string, Record<string, unknown>>
}

/** An operation as the published document describes it. */
export interface Operation {
  id: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  parameters: Parameter[]
  body?: Schema
  contentType?: string
  scope?: string
  /** Who may: undefined for everybody. */
  roles?: string[]
  /** Makes something new (201). */
  creates: boolean
  /** Every place that takes an identifier: of an object (`uuid`), or one that people and systems give (`given`). */
  slots: Slot[]
}

export interface Slot {
  in: 'path' | 'query' | 'body'
  name: string
  /** Where in the body. */
  pointer: (string | number)[]
  kind: 'uuid' | 'given'
}

/** What goes into each slot; undefined leaves an optional one out. */
export type Choice = (slot: Slot, operation: Operation) => string | undefined

/**
 * Where in a kit an identifier lies, by the parameter's name; beside an operation's name where another object is meant,
 * so that a request with one's own ids succeeds. A new parameter must be added here: `find` throws for one that is not.
 */
const inKit: Record<string, keyof Kit> = {
  group_id: 'group_id',
  session_id: 'session_id',
  series_id: 'series_id',
  closure_id: 'closure_id',
  person_id: 'person_id',
  membership_id: 'membership_id',
  absence_id: 'absence_id',
  staff_id: 'staff_id',
  facilitator_id: 'facilitator_id',
  session_facilitator_id: 'session_facilitator_id',
  replaces_staff_id: 'staff_id',
  note_id: 'note_id',
  api_key_id: 'api_key_id',
  strategy_id: 'strategy_id',
  share_link_id: 'share_link_id',
  practice_id: 'practice_id',
  practice_reminder_id: 'practice_reminder_id',
  after: 'kept_id',
  secret: 'contributor_secret',
  'createMembership.person_id': 'guest_id',
  'createJoinRequest.person_id': 'guest_id',
  'approveMembership.membership_id': 'requested_membership_id',
  'refuseMembership.membership_id': 'requested_membership_id',
  'withdrawMembership.membership_id': 'requested_membership_id',
  'acceptMembership.membership_id': 'offered_membership_id',
  'declineMembership.membership_id': 'offered_membership_id',
  'resumeMembership.membership_id': 'paused_membership_id',
  'listMembershipAbsences.membership_id': 'paused_membership_id',
  'getMembershipAbsence.membership_id': 'paused_membership_id',
  'withdrawMembershipAbsence.membership_id': 'paused_membership_id',
  'assignFacilitator.staff_id': 'colleague_id',
  'putAttendanceSheet.walk_ins.person_id': 'guest_id',
  'syncAttendance.sheets.session_id': 'open_session_id',
  'syncAttendance.sheets.walk_ins.person_id': 'guest_id',
  'identifyAttendanceHead.person_id': 'newcomer_id',
  resolves: 'submission_id',
  'putRsvp.session_id': 'coming_session_id',
  'nameSessionFacilitator.session_id': 'coming_session_id',
  'nameSessionFacilitator.staff_id': 'colleague_id',
  'getSessionFacilitator.session_id': 'substituted_session_id',
  'withdrawSessionFacilitator.session_id': 'substituted_session_id',
  'updateSession.session_id': 'open_session_id',
  'cancelSession.session_id': 'open_session_id',
  'markSessionDidNotHappen.session_id': 'open_session_id',
  'reinstateSession.session_id': 'open_session_id'
}

/** Identifiers that people and systems give: unique within an organization at the most, and no oracle across. */
const random: Record<string, () => string> = {
  slug: () => `slug-${randomBytes(6).toString('hex')}`,
  key: () => `key-${randomBytes(6).toString('hex')}`,
  system: () => `system-${randomBytes(6).toString('hex')}`,
  value: () => `value-${randomBytes(6).toString('hex')}`,
  email: () => `${randomBytes(6).toString('hex')}@random.example`,
  phone: () => `+1628${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
}

/** Times in examples stay where they were written; requests are sent whenever the tests run. */
const times: Record<string, () => string> = {
  joined_on: () => minutesFromNow(0).slice(0, 10),
  left_on: () => minutesFromNow(0).slice(0, 10),
  starts_on: () => minutesFromNow(0).slice(0, 10),
  // A day of the kit's series, and one after its second.
  from: () => minutesFromNow(16 * 24 * 60).slice(0, 10),
  until: () => minutesFromNow(17 * 24 * 60).slice(0, 10),
  on: () => minutesFromNow(20 * 24 * 60).slice(0, 10),
  ends_on: () => minutesFromNow(20 * 24 * 60).slice(0, 10),
  practiced_at: () => minutesFromNow(-30),
  starts_at: () => minutesFromNow(-30),
  device_time: () => minutesFromNow(0),
  occurred_at: () => minutesFromNow(-1),
  ends_at: () => minutesFromNow(60 * 24),
  expires_at: () => minutesFromNow(60 * 24)
}

/** Query parameters that an operation cannot do without, or that let a list show all it has. */
const query: Record<string, string> = {
  time_zone: 'UTC',
  limit: '100',
  archived: 'include',
  'listStrategySuggestions.topic': 'grief'
}

/** Bodies that one example does not stand for. */
const bodies: Record<string, (example: Record<string, unknown>) => unknown[]> = {
  searchPeople: () => [
    { name: 'cnry' },
    { email: 'x@example.org' },
    { phone: '+14155550100' },
    { external_id: { system: 'x', value: 'x' } }
  ],
  createPerson: example => [example, { display_name: 'Ana' }]
}

const key = (slot: Slot) => slot.pointer.filter(part => typeof part === 'string').join('.') || slot.name

/** The identifier of that kind in a kit. */
export function inThe(kit: Kit): (slot: Slot, operation: Operation) => string {
  return (slot, operation) => {
    const field =
      inKit[`${operation.id}.${key(slot)}`] ??
      inKit[`${operation.id}.${slot.name}`] ??
      inKit[key(slot)] ??
      inKit[slot.name]
    if (field === undefined)
      throw new Error(`What is ${key(slot)} of ${operation.id}? Add it to test/support/operations.ts`)
    return kit[field] as string
  }
}

/** One that nobody has. */
export const nobodys: Choice = slot => {
  if (slot.name === 'secret') return `ck_contributor_${randomBytes(22).toString('hex').slice(0, 43)}`
  return slot.kind === 'uuid' ? uuid() : random[slot.name]!()
}

/** One's own, where it leads to an object; a new one, where it must be free. */
export const own =
  (kit: Kit): Choice =>
  (slot, operation) =>
    slot.kind === 'uuid' ? inThe(kit)(slot, operation) : nobodys(slot, operation)

/** Every operation under /v1 of the published document. */
export async function operationsOf(app: FastifyInstance): Promise<Operation[]> {
  const document = (await app.inject('/openapi.json')).json() as Document
  const resolve = <T>(thing: T): T => {
    const { $ref } = thing as { $ref?: string }
    if ($ref === undefined) return thing
    const [, , kind, name] = $ref.split('/')
    return document.components[kind!]![name!] as T
  }
  const resolveAll = (schema: Schema): Schema => {
    const { properties, items, ...rest } = resolve(schema)
    return {
      ...rest,
      ...(properties && {
        properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, resolveAll(value)]))
      }),
      ...(items && { items: resolveAll(items) })
    }
  }

  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, described]) => {
      if (!path.startsWith('/v1')) return []
      const it = described as {
        operationId: string
        parameters?: Parameter[]
        requestBody?: { content: Record<string, { schema: Schema }> }
        responses: Record<string, unknown>
        'x-required-scope'?: string
        'x-roles'?: string[]
      }
      const operation: Operation = {
        id: it.operationId,
        method: method.toUpperCase() as Operation['method'],
        path,
        parameters: (it.parameters ?? []).map(parameter => resolve(parameter)),
        scope: it['x-required-scope'],
        roles: it['x-roles'],
        creates: '201' in it.responses,
        slots: []
      }
      if (it.requestBody !== undefined) {
        const { content } = resolve(it.requestBody)
        const [[contentType, { schema }]] = Object.entries(content) as [[string, { schema: Schema }]]
        operation.contentType = contentType
        operation.body = resolveAll(schema)
      }
      operation.slots = slotsOf(operation)
      return [operation]
    })
  )
}

function slotsOf(operation: Operation): Slot[] {
  const slots: Slot[] = []
  for (const { in: where, name, schema } of operation.parameters) {
    if (where === 'header') continue
    const kind = schema.format === 'uuid' ? 'uuid' : where === 'path' || name in random ? 'given' : undefined
    if (kind === 'given' && !(name in random)) {
      throw new Error(`What is ${name} in the path of ${operation.id}? Add it to test/support/operations.ts`)
    }
    if (kind !== undefined) slots.push({ in: where, name, pointer: [], kind })
  }
  const found = new Map<string, Slot>()
  for (const example of examplesOf(operation)) {
    for (const slot of slotsIn(operation.body!, example)) found.set(slot.pointer.join('/'), slot)
  }
  return [...slots, ...found.values()]
}

/**
 * Every place of a body that takes an identifier. Ids of objects are told by the schema: a field of the body itself is used
 * even where the example leaves it out; deeper inside, the example must show it.
 */
function slotsIn(schema: Schema, example: unknown, pointer: Slot['pointer'] = []): Slot[] {
  if (Array.isArray(example)) {
    return example.flatMap((item, index) => slotsIn(schema.items ?? {}, item, [...pointer, index]))
  }
  const given = (example ?? {}) as Record<string, unknown>
  return [...new Set([...Object.keys(schema.properties ?? {}), ...Object.keys(given)])].flatMap((name): Slot[] => {
    const property = schema.properties?.[name] ?? {}
    const here = [...pointer, name]
    const top = pointer.length === 0
    // A secret opens one object, as an id names it.
    if (property.format === 'uuid' || name === 'secret') {
      return name in given || top ? [{ in: 'body', name, pointer: here, kind: 'uuid' }] : []
    }
    if (name in random && (typeof given[name] === 'string' || (top && name === 'slug'))) {
      return [{ in: 'body', name, pointer: here, kind: 'given' }]
    }
    return given[name] !== null && typeof given[name] === 'object' ? slotsIn(property, given[name], here) : []
  })
}

/** The example bodies, with times that hold now; of a list of objects with ids only one each is kept: the same twice is refused. */
function examplesOf(operation: Operation): unknown[] {
  if (operation.body === undefined) return []
  const [example] = operation.body.examples ?? []
  if (example === undefined) throw new Error(`The body of ${operation.id} has no example`)
  return (bodies[operation.id]?.(example as Record<string, unknown>) ?? [example]).map(one =>
    withTimes(operation.body!, structuredClone(one))
  )
}

function withTimes(schema: Schema, example: unknown): unknown {
  if (Array.isArray(example) && schema.items !== undefined) {
    const ids = Object.entries(schema.items.properties ?? {}).flatMap(([name, { format }]) =>
      format === 'uuid' ? [name] : []
    )
    const once = example.filter(
      (item, index) =>
        !ids.some(id => item[id] !== undefined && example.findIndex(other => other[id] !== undefined) < index)
    )
    return once.map(item => withTimes(schema.items!, item))
  }
  if (example === null || typeof example !== 'object') return example
  return Object.fromEntries(
    Object.entries(example).map(([name, value]) => {
      const property = schema.properties?.[name]
      if (property === undefined || value === null) return [name, value]
      if (property.format === 'date' || property.format === 'date-time') {
        const time = times[name]
        if (time === undefined) throw new Error(`When is ${name}? Add it to test/support/operations.ts`)
        return [name, time()]
      }
      return [name, withTimes(property, value)]
    })
  )
}

/** Requests of an operation, one for each of its bodies, with what was chosen for each slot. */
export function requestsOf(operation: Operation, choose: Choice): InjectOptions[] {
  const chosen = new Map(operation.slots.map(slot => [slot, choose(slot, operation)]))
  const at = (where: Slot['in'], name: string) =>
    [...chosen].find(([slot]) => slot.in === where && slot.name === name)?.[1]

  const url = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(at('path', name)!))
  const search = new URLSearchParams()
  for (const { in: where, name, required } of operation.parameters) {
    if (where !== 'query') continue
    const value = at('query', name) ?? query[`${operation.id}.${name}`] ?? query[name]
    if (value !== undefined) search.set(name, value)
    else if (required === true)
      throw new Error(`What is ${name} of ${operation.id}? Add it to test/support/operations.ts`)
  }
  const takes = (header: string) => operation.parameters.some(({ name }) => name.toLowerCase() === header)
  const headers: Record<string, string> = {
    // Whatever version there is: so nothing but the walls refuses a change of what belongs to others.
    ...(operation.contentType !== undefined && { 'content-type': operation.contentType }),
    ...(takes('if-match') && operation.id !== 'putPersonByExternalId' && { 'if-match': '*' })
  }
  const examples = examplesOf(operation)
  const base = { method: operation.method, url: search.size > 0 ? `${url}?${search}` : url, headers }
  if (examples.length === 0) return [base]
  return examples.map(example => {
    for (const [slot, value] of chosen) if (slot.in === 'body' && value !== undefined) put(example, slot, value)
    return { ...base, payload: example as object }
  })
}

/** Puts a value where the example has one, or where an optional field of the body itself could name something. */
function put(body: unknown, { pointer, kind, name }: Slot, value: string) {
  let place = body as Record<string | number, unknown> | undefined
  for (const part of pointer.slice(0, -1)) place = place?.[part] as typeof place
  const optional = pointer.length === 1 && (kind === 'uuid' || name === 'slug')
  if (place != null && (optional || place[pointer.at(-1)!] !== undefined)) place[pointer.at(-1)!] = value
}
