import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { inThe, nobodys, type Operation, operationsOf, own, requestsOf, type Slot } from './operations.ts'
import type { Kit } from './two-organizations.ts'

/** Somebody's way past a wall. */
export interface Leak {
  operation: string
  /** Which slots held what belongs to others. */
  with: string
  why: string
}

/** What became of a request with what belongs to others. */
export interface Answer {
  operation: Operation
  slots: Slot[]
  status: number
}

export interface Sides {
  app: FastifyInstance
  /** Who asks. */
  key: string
  own: Kit
  foreign: Kit
  /** Identifiers that people and systems give, by slot name: new ones of the other side, used once. */
  given?: () => Promise<Record<string, string>>
  /** What must never be in an answer. */
  secret: { canaries: RegExp; ids: Set<string> }
  /** What the other side has, to see that it stays the same. */
  state: () => Promise<Record<string, string>>
}

const uuids = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const instants = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g

/**
 * Asks every operation of the published document with what belongs to others, in each place where an identifier goes, one by
 * one and all together: the answer must be the same, word for word, as with what belongs to nobody; nothing of the others
 * may be in it, and nothing may have changed for them.
 */
export async function crossExamine({
  app,
  key,
  ...sides
}: Sides): Promise<{ leaks: Leak[]; answers: Answer[]; operations: Operation[] }> {
  const leaks: Leak[] = []
  const answers: Answer[] = []
  const operations = await operationsOf(app)
  const mine = own(sides.own)
  const theirs = inThe(sides.foreign)
  const ask = (request: InjectOptions) =>
    app.inject({ ...request, headers: { ...request.headers, authorization: `Bearer ${key}` } })
  let before = await sides.state()

  for (const operation of operations) {
    const note = (slots: Slot[], why: string) =>
      leaks.push({
        operation: operation.id,
        with: slots.map(slot => [slot.in, ...(slot.in === 'body' ? slot.pointer : [slot.name])].join('/')).join(' '),
        why
      })
    const look = (reply: LightMyRequestResponse, slots: Slot[], sent: string[]) => {
      const text = sent.reduce((text, value) => text.replaceAll(value, '<sent>'), seen(reply))
      const told = text.match(sides.secret.canaries)?.[0] ?? text.match(uuids)?.find(id => sides.secret.ids.has(id))
      if (told !== undefined) note(slots, `tells ${told}`)
      if (reply.statusCode >= 500) note(slots, `fails with ${reply.statusCode}`)
      return text
    }

    const objects = operation.slots.filter(slot => slot.kind === 'uuid')
    const names = operation.slots.filter(slot => slot.kind === 'given')
    const variations = [...objects.map(slot => [slot]), ...(objects.length > 1 ? [objects] : [])]
    for (const slots of variations) {
      // An optional parameter is only sent where it is the one in question.
      const rest = (slot: Slot) => (slot.in === 'query' ? undefined : mine(slot, operation))
      const nobody = new Map(slots.map(slot => [slot, nobodys(slot, operation)!]))
      const somebody = new Map(slots.map(slot => [slot, theirs(slot, operation)]))
      const without = requestsOf(operation, slot => nobody.get(slot) ?? rest(slot))
      const withTheirs = requestsOf(operation, slot => somebody.get(slot) ?? rest(slot))
      for (const [index, request] of withTheirs.entries()) {
        const expected = look(await ask(without[index]!), slots, [...nobody.values()])
        const reply = await ask(request)
        answers.push({ operation, slots, status: reply.statusCode })
        const answer = look(reply, slots, [...somebody.values()])
        if (answer !== expected) note(slots, difference(answer, expected))
        if (slots.some(slot => slot.in === 'path') && ![403, 404].includes(reply.statusCode)) {
          note(slots, `answers ${reply.statusCode}`)
        }
      }
    }
    if (names.length > 0 && sides.given !== undefined) {
      const given = await sides.given()
      before = await sides.state()
      const nobody = new Map(names.map(slot => [slot.name, nobodys(slot, operation)!]))
      const without = requestsOf(operation, slot => nobody.get(slot.name) ?? mine(slot, operation))
      const withTheirs = requestsOf(operation, slot =>
        slot.kind === 'given' ? given[slot.name] : mine(slot, operation)
      )
      for (const [index, request] of withTheirs.entries()) {
        const expected = alike(look(await ask(without[index]!), names, [...nobody.values()]))
        const answer = alike(look(await ask(request), names, Object.values(given)))
        if (answer !== expected) note(names, difference(answer, expected))
      }
    } else if (objects.length === 0 || objects.every(slot => slot.in === 'query')) {
      for (const request of requestsOf(operation, slot => (slot.in === 'query' ? undefined : mine(slot, operation)))) {
        const reply = await ask(request)
        look(reply, [], [])
        // Nothing stands in the way of what is one's own.
        if (operation.method === 'GET' && ![200, 403].includes(reply.statusCode))
          note([], `answers ${reply.statusCode}`)
      }
    }

    const after = await sides.state()
    for (const table of Object.keys(after)) if (after[table] !== before[table]) note(objects, `changes ${table}`)
    before = after
  }
  return { leaks, answers, operations }
}

/** Status, headers that speak of a thing, and body; but for what differs from request to request. */
const seen = (reply: LightMyRequestResponse) =>
  `${reply.statusCode} ${reply.headers.etag ?? ''} ${reply.headers.location ?? ''} ${reply.headers.link ?? ''} ${reply.body}`.replaceAll(
    String(reply.headers['x-request-id']),
    '<request>'
  )

/** The same for two new things: their ids, times and versions apart, and what an earlier request of the examination imported. */
const alike = (text: string) =>
  text
    .replace(uuids, '<id>')
    .replace(instants, '<instant>')
    .replace(/"\d+" |"version":\d+/g, '<version>')
    .replace(/"left":\[[^\]]*\]/, '<left>')

/** Where two answers part. */
function difference(answer: string, expected: string): string {
  let at = 0
  while (answer[at] === expected[at]) at++
  const from = Math.max(0, at - 40)
  return `answers ${answer.slice(from, at + 80)} instead of ${expected.slice(from, at + 80)}`
}
