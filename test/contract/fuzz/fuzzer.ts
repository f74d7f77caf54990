import fc from 'fast-check'
import { Coverage } from './coverage.ts'
import { type Contract, contractOf, type Operation } from './document.ts'
import { type Ask, asSent, curl, type Judge, type Place, payloadOf, urlOf } from './request.ts'
import { arbitraryOf, junk, type Pick, placesOf, simple, withAt } from './values.ts'

export interface Sent {
  method: string
  url: string
  headers: Record<string, string>
  payload?: string
  /** Everyone who fails to sign in comes from somewhere else: guessing is slowed down by address. */
  from: string
}
export interface Received {
  status: number
  headers: Record<string, unknown>
  body: string
}
export interface Finding {
  check: string
  operation: string
  label: string
  detail: string
  curl: string
}

export interface Options {
  document: object
  judge: Judge
  send(request: Sent): Promise<Received>
  key: string
  /** Bodies to begin with, where the example of the document is not what succeeds. */
  bodies?: Record<string, (pick: Pick) => unknown>
  /** Parameters of paths, where what exists is not enough: a session that has begun, for its sheet. */
  paths?: Record<string, Record<string, string>>
  /** Refusals of valid requests that no schema can tell: `operation code`, for domain rules only. */
  allowed?: ReadonlySet<string>
  /** Ids that are never used: the key that asks must stay good. */
  spared?: ReadonlySet<string>
  /** Which statuses refuse what is wrong at a place. Where it is left out, any 4xx does. */
  refusals?: Record<Place, number[]>
  /** Headers for the operations that document them, where nothing else is tried. */
  headers?: Record<string, string>
  seed: number
}

/** Statuses that `default` may stand for; all others an operation must name. */
const everywhere = new Set([405])

/** Looks for differences between a service and its OpenAPI document. */
export class Fuzzer {
  readonly contract: Contract
  readonly findings: Finding[] = []
  /** What was answered: `operation status`, and how often. */
  readonly answers = new Map<string, number>()
  /** How often each check had something to look at: none that is at 0 has proven anything. */
  readonly looked = new Map<string, number>()
  #requests = 0
  readonly #options: Options
  readonly #pool = new Map<string, { value: string; beside: Record<string, string> }[]>()
  readonly #known = new Set<string>()
  #turn = 0

  constructor(options: Options) {
    this.#options = options
    this.contract = contractOf(options.document)
  }

  get requests(): number {
    return this.#requests
  }

  /** Something that exists, by the name of the parameter. Each in turn. */
  readonly pick: Pick = name => {
    const known = this.#pool.get(name)
    return known?.[this.#turn++ % known.length]?.value
  }

  /** Every constraint of every operation at its edges; what is right first. */
  async cover(): Promise<void> {
    const coverage = new Coverage(this.pick)
    for (const operation of this.contract.operations) {
      const right: Ask[] = []
      const wrong: Ask[] = []
      const asked = new Set<string>()
      for (const ask of coverage.of(operation, () => this.#simplest(operation))) {
        const same = JSON.stringify([ask.label, ask.query, ask.headers, ask.label.startsWith('body') || ask.body])
        if (asked.has(same)) continue
        asked.add(same)
        if (this.#options.judge.faults(ask).size === 0) right.push(ask)
        else wrong.push(ask)
      }
      const ask = this.#simplest(operation)
      if (!operation.open)
        wrong.push({ ...ask, key: 'none', label: 'no key' }, { ...ask, key: 'wrong', label: 'wrong key' })
      await inParallel(right, 2, one => this.ask(one))
      await inParallel(wrong, 4, one => this.ask(one))
    }
    for (const [path, methods] of this.contract.paths) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY']) {
        if (!this.#documented(path).has(method)) await this.#undocumented(path, method, methods)
      }
    }
  }

  /** Random requests, a dozen of an operation in each round, until the time is up: most of them valid, the others with one place spoilt. */
  async explore(seconds: number, rounds = Number.POSITIVE_INFINITY): Promise<void> {
    const until = Date.now() + seconds * 1000
    const { operations } = this.contract
    for (let round = 0; round < rounds && Date.now() < until; round++) {
      const operation = operations[round % operations.length]!
      const property = fc.asyncProperty(this.#arbitrary(operation), async ask => {
        // Each finding is shrunk once, and then known.
        const found = await this.#findingsOf(ask)
        const fresh = found.filter(finding => !this.#known.has(identityOf(finding)))
        if (fresh.length > 0) throw new Found(fresh)
      })
      const result = await fc.check(property, {
        seed: this.#options.seed + round,
        numRuns: 12,
        interruptAfterTimeLimit: Math.max(1, until - Date.now()),
        maxSkipsPerRun: 100
      })
      if (result.errorInstance instanceof Found)
        for (const finding of result.errorInstance.findings) this.#note(finding)
      else if (result.errorInstance != null) throw result.errorInstance
    }
  }

  /** Asks, and notes what is wrong with the answer. */
  async ask(ask: Ask): Promise<Received | undefined> {
    const before = this.#requests
    for (const finding of await this.#findingsOf(ask)) this.#note(finding)
    return this.#requests === before ? undefined : this.#last
  }

  /** Makes something to begin with. */
  async seed(operationId: string, body?: unknown, path: Record<string, string> = {}): Promise<Received> {
    const operation = this.contract.operations.find(({ id }) => id === operationId)!
    const ask = { ...this.#simplest(operation), label: 'seed' }
    const reply = await this.ask({ ...ask, ...(body !== undefined && { body }), path: { ...ask.path, ...path } })
    if (reply === undefined || reply.status >= 300) throw new Error(`${operationId}: ${reply?.status} ${reply?.body}`)
    return reply
  }

  #last: Received | undefined

  #simplest(operation: Operation): Ask {
    const { bodies = {}, headers: given = {} } = this.#options
    const headers: Record<string, string> = {}
    const query: Ask['query'] = []
    for (const { in: place, name, required, schema } of operation.parameters) {
      const header = given[name.toLowerCase()]
      if (place === 'header' && (required === true || header !== undefined))
        headers[name.toLowerCase()] = header ?? String(simple(schema, name, this.pick))
      if (place === 'query' && required === true) query.push([name, String(simple(schema, name, this.pick))])
    }
    const body = operation.body && (bodies[operation.id]?.(this.pick) ?? simple(operation.body.schema, '', this.pick))
    return { operation, label: '', path: this.#pathOf(operation), query, headers, ...(body !== undefined && { body }) }
  }

  /** What exists, the innermost first: what it lies in is known with it. */
  #pathOf({ id, parameters, path }: Operation): Record<string, string> {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
    const chosen: Record<string, string> = { ...this.#options.paths?.[id] }
    for (const name of names.reverse()) {
      if (chosen[name] !== undefined) continue
      const known = this.#pool.get(name)
      const entry = known?.[this.#turn++ % known.length]
      const { schema } = parameters.find(parameter => parameter.in === 'path' && parameter.name === name)!
      Object.assign(chosen, entry?.beside, { [name]: entry?.value ?? String(simple(schema, name, this.pick)) })
    }
    return chosen
  }

  #arbitrary(operation: Operation): fc.Arbitrary<Ask> {
    const some = (place: string) => operation.parameters.filter(parameter => parameter.in === place)
    const query = fc.record(
      Object.fromEntries(some('query').map(({ name, schema }) => [name, arbitraryOf(schema, name, this.pick)])),
      { requiredKeys: some('query').flatMap(({ name, required }) => (required === true ? [name] : [])) }
    )
    const header = fc.constantFrom('*', '"1"', '"2"', 'W/"1"', '"1", "2"', 'again', 'a'.repeat(100))
    const headers = fc.record(Object.fromEntries(some('header').map(({ name }) => [name.toLowerCase(), header])), {
      requiredKeys: some('header').flatMap(({ name, required }) => (required === true ? [name.toLowerCase()] : []))
    })
    const spoilt = fc.option(fc.tuple(fc.nat(), junk), { freq: 3 })
    const body =
      operation.body === undefined ? fc.constant(undefined) : arbitraryOf(operation.body.schema, '', this.pick)
    return fc.tuple(query, headers, body, spoilt).map(([query, headers, body, spoilt]): Ask => {
      const ask = this.#simplest(operation)
      // Too few parameters are given by chance to find what has several: begin with the simplest as well.
      const value = body !== undefined && spoilt === null && isEmpty(body) ? ask.body : body
      const places = placesOf(value)
      const sent =
        value === undefined || spoilt === null ? value : withAt(value, places[spoilt[0] % places.length]!, spoilt[1])
      return {
        ...ask,
        label: 'at random',
        query: [
          ...ask.query,
          ...Object.entries(query).map(([name, one]): [string, string] => [name, String(one)])
        ].filter(([name, one]) => !/\p{Surrogate}/u.test(name + one)),
        headers: headers as Record<string, string>,
        body: sent
      }
    })
  }

  async #send({ method, url, headers, payload }: Omit<Sent, 'from'>): Promise<Received> {
    const count = this.#requests++
    const from = `10.${(count >> 16) & 255}.${(count >> 8) & 255}.${count & 255}`
    return await this.#options.send({ method, url, headers, from, ...(payload !== undefined && { payload }) })
  }

  async #findingsOf(ask: Ask): Promise<Finding[]> {
    const { operation } = ask
    const headers: Record<string, string> = { ...ask.headers }
    if (ask.key === undefined) headers.authorization = `Bearer ${this.#options.key}`
    if (ask.key === 'wrong')
      headers.authorization = `Bearer ${this.#options.key.slice(0, -1)}${this.#options.key.endsWith('0') ? 1 : 0}`
    if (ask.body !== undefined) headers['content-type'] = operation.body?.contentType ?? 'application/json'
    const url = urlOf(ask)
    const reply = await this.#send({
      method: operation.method,
      url,
      headers,
      ...(ask.body !== undefined && { payload: payloadOf(ask) })
    })
    this.#last = reply
    const answer = `${operation.id} ${reply.status}`
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1)

    const found: Finding[] = []
    const find = (check: string, detail: string) =>
      found.push({ check, operation: operation.id, label: ask.label, detail, curl: curl(ask) })
    this.#checkAnswer(operation, reply, find)
    await this.#checkDecision(ask, reply, find)
    if (reply.status < 300) {
      this.#harvest(reply, url)
      const location = reply.headers.location
      // Once more for each of the first: the hundredth group is where the tenth is.
      const times = this.answers.get(answer)!
      if (reply.status === 201 && typeof location === 'string' && times <= 10)
        await this.#checkAvailable(location, find)
    }
    return found
  }

  /** Whether what was answered is what the document says of this status. */
  #checkAnswer(operation: Operation, reply: Received, find: (check: string, detail: string) => void) {
    const { status, headers, body } = reply
    if (status >= 500 && (status !== 503 || headers['retry-after'] === undefined)) {
      return find('server_error', `${status} ${body}`)
    }
    const named = operation.responses[status] ?? operation.responses[`${Math.floor(status / 100)}XX`]
    const response = named ?? (everywhere.has(status) ? operation.responses.default : undefined)
    this.#look('status')
    if (response === undefined) return find('undocumented_status', `${status} ${body.slice(0, 300)}`)

    for (const [name, header] of Object.entries(response.headers ?? {})) {
      const value = headers[name.toLowerCase()]
      const required = header.required === true || (status === 201 && name.toLowerCase() === 'location')
      if (required) this.#look('header')
      if (value === undefined ? required : this.#misread(header.schema, String(value)))
        find('header', `${name}: ${value}`)
    }
    const contents = Object.entries(response.content ?? {})
    const type = String(headers['content-type'] ?? '')
      .split(';')[0]!
      .trim()
    if (contents.length === 0) {
      if (body !== '') find('content_type', `a body that is not documented: ${type}`)
      return
    }
    this.#look('content_type')
    const content = contents.find(([documented]) => documented === type)?.[1]
    if (content === undefined) return find('content_type', `${type || 'none'} of ${status}`)
    this.#look('body')
    let value: unknown = body
    try {
      if (type.endsWith('json')) value = JSON.parse(body)
    } catch {
      return find('body', `${status}: not JSON`)
    }
    const fault = this.#options.judge.fault(content.schema, value)
    if (fault !== undefined) find('body', `${status}: ${fault}`)
    if (status >= 400 && (value as { status?: unknown })?.status !== status)
      find('body', `${status}: says another status`)
  }

  #misread(schema: object, value: string): boolean {
    const { judge } = this.#options
    return judge.fault(schema, value) !== undefined && judge.fault(schema, Number(value)) !== undefined
  }

  /** Whether it was right to accept or to refuse. */
  async #checkDecision(ask: Ask, { status, body }: Received, find: (check: string, detail: string) => void) {
    const { judge, refusals } = this.#options
    if (ask.key !== undefined) {
      this.#look('auth')
      if (status !== 401) find('auth', `${status} with ${ask.key === 'none' ? 'no' : 'a wrong'} key`)
      return
    }
    const faults = judge.faults(ask)
    if (faults.size > 0) {
      this.#look('negative')
      const expected = refusals && [...faults].flatMap(place => refusals[place])
      if (expected !== undefined && faults.has('body') && isUnreadable(ask.body)) expected.push(400)
      const right = expected === undefined ? status >= 400 && status < 500 : expected.includes(status)
      if (right || status >= 500) return
      // One of several things that are taken each by itself is told in its own result.
      if (status === 207 && faults.size === 1 && faults.has('body') && tellsProblems(body)) return
      // A rule that no schema tells may be looked at first; and what is not there any more is told before what is wrong.
      if (status === 422 && codesOf(body).every(code => this.#isAllowed(ask.operation, code))) return
      if (status === 404 && (await this.#isGone(ask))) return
      find('negative', `${status}, though the ${[...faults].join(' and ')} breaks the contract`)
      return
    }
    this.#look('positive')
    if (status !== 400 && status !== 422 && status !== 428) return
    // No schema says so, and api.md does: such a body cannot be read.
    if (status === 400 && isUnreadable(ask.body)) return
    for (const code of codesOf(body)) {
      if (this.#isAllowed(ask.operation, code)) continue
      find('positive', `${status} ${code}, though it keeps the contract: ${body.slice(0, 400)}`)
    }
  }

  #isAllowed({ id }: Operation, code: string): boolean {
    const { allowed } = this.#options
    return allowed?.has(`${id} ${code}`) === true || allowed?.has(`* ${code}`) === true
  }

  /** Whether what the path leads to is no longer there; it is not used any more then. */
  async #isGone({ operation, path }: Ask): Promise<boolean> {
    const authorization = `Bearer ${this.#options.key}`
    for (const [collection, name] of this.contract.collections) {
      const reader = this.contract.operations.find(
        one => one.method === 'GET' && one.path.endsWith(`/${collection}/{${name}}`)
      )
      if (reader === undefined || !operation.path.includes(`{${name}}`)) continue
      const url = urlOf({ operation: reader, label: '', path, query: [], headers: {} })
      if ((await this.#send({ method: 'GET', url, headers: { authorization } })).status !== 404) continue
      const known = this.#pool.get(name) ?? []
      this.#pool.set(
        name,
        known.filter(({ value }) => value !== path[name])
      )
      return true
    }
    return false
  }

  async #checkAvailable(location: string, find: (check: string, detail: string) => void) {
    this.#look('available')
    const authorization = `Bearer ${this.#options.key}`
    const reply = await this.#send({ method: 'GET', url: location, headers: { authorization } })
    if (reply.status !== 200) find('available', `GET ${location} is ${reply.status} right after 201`)
  }

  /** The methods of a path, those of a template that it fits into included: `/people/search` is a `/people/{person_id}`. */
  #documented(path: string): Set<string> {
    const fits = (template: string) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path)
    return new Set([...this.contract.paths].flatMap(([template, methods]) => (fits(template) ? methods : [])))
  }

  async #undocumented(path: string, method: string, methods: string[]) {
    const authorization = `Bearer ${this.#options.key}`
    const operation = this.contract.operations.find(one => one.path === path)!
    const ask: Ask = {
      operation: { ...operation, method },
      label: 'method',
      path: this.#pathOf(operation),
      query: [],
      headers: {}
    }
    const reply = await this.#send({ method, url: urlOf(ask), headers: { authorization } })
    const allow = String(reply.headers.allow ?? '').split(/, */)
    this.#look('method')
    if (reply.status === 405 && methods.every(one => allow.includes(one))) return
    this.#note({
      check: 'method',
      operation: `${method} ${path}`,
      label: 'method',
      detail: `${reply.status} with Allow: ${allow.join(', ')}`,
      curl: curl(ask)
    })
  }

  #look(check: string) {
    this.looked.set(check, (this.looked.get(check) ?? 0) + 1)
  }

  #note(finding: Finding) {
    if (this.#known.has(identityOf(finding))) return
    this.#known.add(identityOf(finding))
    this.findings.push(finding)
  }

  /** Keeps the ids of an answer, by the name of the parameter that they fill. */
  #harvest({ headers, body }: Received, url: string) {
    let value: unknown
    try {
      value = JSON.parse(body)
    } catch {
      return
    }
    const keep = (name: string, id: unknown, beside: Record<string, string> = {}) => {
      if (typeof id !== 'string' || this.#options.spared?.has(id) === true) return
      const known = this.#pool.get(name) ?? []
      this.#pool.set(name, known)
      // The first ones are the ones that fit together; later ones take turns.
      if (known.some(entry => entry.value === id)) return
      known[known.length < 40 ? known.length : 20 + (this.#turn % 20)] = { value: id, beside }
    }
    const place = typeof headers.location === 'string' ? headers.location.replace(/\/[^/]*$/, '') : url.split('?')[0]!
    const own =
      this.contract.collections.get(place.replace(/\/[0-9a-f-]{36}(?=\/)/g, '/*')) ??
      this.contract.collections.get(place.split('/').at(-1)!)
    const parameters = new Set(this.contract.operations.flatMap(one => one.parameters.map(({ name }) => name)))
    const visit = (node: unknown) => {
      if (Array.isArray(node)) for (const item of node) visit(item)
      else if (typeof node === 'object' && node !== null) {
        const members = Object.entries(node)
        const beside = Object.fromEntries(
          members.filter(([name, one]) => parameters.has(name) && typeof one === 'string')
        ) as Record<string, string>
        for (const [name, one] of members) {
          if (name === 'id' && own !== undefined) keep(own, one, beside)
          else if (parameters.has(name) && /_id$|^(system|value)$/.test(name)) keep(name, one, beside)
          else visit(one)
        }
      }
    }
    visit(value)
  }
}

class Found extends Error {
  readonly findings: Finding[]
  constructor(findings: Finding[]) {
    super(findings.map(finding => finding.detail).join('\n'))
    this.findings = findings
  }
}

/** The same defect, whatever the request was. */
const identityOf = ({ check, operation, detail }: Finding) =>
  `${check} ${operation} ${detail.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d\S*/g, '').slice(0, 60)}`

const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0

function codesOf(body: string): string[] {
  try {
    const { code, errors } = JSON.parse(body) as { code: string; errors?: { code: string }[] }
    return errors === undefined ? [code] : [...new Set(errors.map(error => error.code))]
  } catch {
    return ['none']
  }
}

/** Whether something of several was refused. */
function tellsProblems(body: string): boolean {
  const { results } = JSON.parse(body) as { results: { problem: unknown }[] }
  return results.some(({ problem }) => problem !== null)
}

/** What RFC 7493 (I-JSON) has no place for, and keys that reach a prototype. */
function isUnreadable(body: unknown): boolean {
  if (typeof body === 'string') return /[\0\p{Surrogate}]/u.test(body)
  if (typeof body !== 'object' || body === null) return false
  return Object.entries(asSent(body) as object).some(
    ([key, value]) => /^(__proto__|constructor|prototype)$/.test(key) || isUnreadable(key) || isUnreadable(value)
  )
}

async function inParallel<T>(items: T[], width: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await work(item)
    })
  )
}
