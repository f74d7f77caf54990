import fc from 'fast-check'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { makeGroup, makePerson, makeSession } from '../support/circle.ts'

/** How somebody stands to the group. */
type Standing = 'none' | 'requested' | 'waitlisted' | 'offered' | 'active'

/** The group as a plain list would have it: who stands how, and the line. */
interface Model {
  capacity: number
  standing: Standing[]
  line: number[]
  /** Who left today, which is their last day and counts. */
  left: number
  /** What each session's sheet says, and who was on the roster when the first was put. */
  sheets: ({ roster: number[]; size: number; present: number[]; heads: number; version: number } | null)[]
}

interface Real {
  admin: Client
  group: string
  people: string[]
  memberships: (string | undefined)[]
  sessions: string[]
}

const taken = ({ standing }: Model) => standing.filter(one => one === 'active' || one === 'offered').length
/** Free seats go to who waits, in line. */
function offer(model: Model) {
  while (model.line.length > 0 && taken(model) < model.capacity) model.standing[model.line.shift()!] = 'offered'
}

type Command = fc.AsyncCommand<Model, Real>
const who = fc.nat(5)
const command = (
  name: string,
  check: (model: Model) => boolean,
  run: (model: Model, real: Real) => Promise<void>
): Command => ({ check: model => check({ ...model }), run, toString: () => name })

const reply = (response: { statusCode: number; body: string }, expected: number, what: string) => {
  if (response.statusCode !== expected) throw new Error(`${what}: ${response.statusCode} ${response.body}`)
}

const act = (real: Real, n: number, action: string, body?: unknown) =>
  real.admin.post(`/v1/memberships/${real.memberships[n]}/${action}`, body)

const commands = [
  fc.tuple(who, fc.boolean()).map(([n, force]) =>
    command(
      `join(${n}, ${force})`,
      () => true,
      async (model, real) => {
        const response = await real.admin.post(`/v1/groups/${real.group}/memberships${force ? '?force=true' : ''}`, {
          person_id: real.people[n]
        })
        // Whoever comes finds the seats given to those before them.
        if (model.standing[n] !== 'none') return reply(response, 409, 'who is there already')
        offer(model)
        reply(response, 201, 'join')
        real.memberships[n] = response.data.id
        const free = taken(model) < model.capacity && model.line.length === 0
        if (free || force) model.standing[n] = 'active'
        else {
          model.standing[n] = 'waitlisted'
          model.line.push(n)
        }
        if (response.data.status !== model.standing[n])
          throw new Error(`${response.data.status}, not ${model.standing[n]}`)
      }
    )
  ),
  who.map(n =>
    command(
      `request(${n})`,
      () => true,
      async (model, real) => {
        const response = await real.admin.post(`/v1/groups/${real.group}/join-requests`, { person_id: real.people[n] })
        if (model.standing[n] !== 'none') return reply(response, 409, 'who is there already')
        offer(model)
        reply(response, 201, 'request')
        real.memberships[n] = response.data.id
        model.standing[n] = 'requested'
      }
    )
  ),
  who.map(n =>
    command(
      `approve(${n})`,
      model => model.standing[n] !== 'none',
      async (model, real) => {
        const response = await act(real, n, 'approve', {})
        if (model.standing[n] !== 'requested') return reply(response, 409, 'nobody asked')
        offer(model)
        reply(response, 200, 'approve')
        if (taken(model) < model.capacity && model.line.length === 0) model.standing[n] = 'active'
        else {
          model.standing[n] = 'waitlisted'
          model.line.push(n)
        }
      }
    )
  ),
  ...(['accept', 'decline', 'refuse', 'withdraw', 'leave'] as const).map(action =>
    who.map(n =>
      command(
        `${action}(${n})`,
        model => model.standing[n] !== 'none',
        async (model, real) => {
          const allowed: Record<typeof action, Standing[]> = {
            accept: ['offered'],
            decline: ['offered'],
            refuse: ['requested'],
            withdraw: ['requested', 'waitlisted', 'offered'],
            leave: ['active']
          }
          // Today is a day to come back on: the last day is one long past.
          const response = await act(
            real,
            n,
            action,
            action === 'accept' ? {} : action === 'leave' ? { left_on: undefined } : undefined
          )
          if (!allowed[action].includes(model.standing[n]!))
            return reply(response, 409, `${action} of ${model.standing[n]}`)
          reply(response, 200, action)
          model.standing[n] = action === 'accept' ? 'active' : 'none'
          model.line = model.line.filter(other => other !== n)
          if (action === 'accept') return
          offer(model)
          // Who left today comes back tomorrow at the earliest: for the model they are somebody new.
          if (action === 'leave') model.left++
          if (action === 'leave') real.people[n] = await makePerson(real.admin, 'Somebody new')
        }
      )
    )
  ),
  fc.integer({ min: 1, max: 4 }).map(capacity =>
    command(
      `capacity(${capacity})`,
      () => true,
      async (model, real) => {
        const response = await real.admin.patch(`/v1/groups/${real.group}`, { capacity }, { 'if-match': '*' })
        reply(response, 200, 'capacity')
        model.capacity = capacity
      }
    )
  ),
  fc.tuple(fc.nat(1), fc.array(who, { maxLength: 4 }), fc.nat(2)).map(([which, some, heads]) =>
    command(
      `sheet(${which}, ${some}, ${heads})`,
      () => true,
      async (model, real) => {
        const before = model.sheets[which]
        const roster = before?.roster ?? model.standing.flatMap((one, n) => (one === 'active' ? [n] : []))
        // Of the sheet that stands, people may have become somebody new since.
        const present = [...new Set(some)].filter(n => roster.includes(n) && before == null)
        const url = `/v1/sessions/${real.sessions[which]}/attendance`
        const body = {
          records: present.map(n => ({ person_id: real.people[n], status: 'present' })),
          anonymous_count: heads
        }
        const response = await real.admin.put(url, body, { 'if-match': before == null ? '*' : `"${before.version}"` })
        reply(response, 200, 'sheet')
        const same = before != null && before.present.length === present.length && before.heads === heads
        model.sheets[which] = {
          roster: before?.roster ?? [...roster],
          size: before?.size ?? roster.length + model.left,
          present,
          heads,
          version: before == null ? response.data.version : before.version + (same ? 0 : 1)
        }
        if (response.data.version !== model.sheets[which]!.version) throw new Error('another version')
      }
    )
  ),
  fc.nat(1).map(which =>
    command(
      `withdraw sheet(${which})`,
      model => model.sheets[which] != null,
      async (model, real) => {
        const response = await real.admin.post(
          `/v1/sessions/${real.sessions[which]}/attendance/withdraw`,
          { reason: 'Wrong evening' },
          { 'if-match': `"${model.sheets[which]!.version}"` }
        )
        reply(response, 200, 'withdraw')
        model.sheets[which] = null
      }
    )
  )
]

/** The service and the model say the same of everybody, and of every sheet. */
const compare = command(
  'compare',
  () => true,
  async (model, real) => {
    const { data } = await real.admin.get(`/v1/groups/${real.group}/memberships?limit=100`)
    const pending = new Set(['requested', 'waitlisted', 'offered', 'active'])
    const live = data.data.filter((row: { status: string }) => pending.has(row.status))
    const said = real.people.map(
      person =>
        live.find(
          (row: { person_id: string; left_on: string | null }) => row.person_id === person && row.left_on === null
        )?.status ?? 'none'
    )
    if (JSON.stringify(said) !== JSON.stringify(model.standing)) {
      throw new Error(`they stand ${said}, and should ${model.standing}`)
    }
    const waiting = (await real.admin.get(`/v1/groups/${real.group}/memberships?status=waitlisted`)).data.data
    const line = waiting.map((row: { person_id: string }) => real.people.indexOf(row.person_id))
    if (JSON.stringify(line) !== JSON.stringify(model.line))
      throw new Error(`they wait ${line}, and should ${model.line}`)
    if (waiting.some((row: { position: number }, index: number) => row.position !== index + 1))
      throw new Error('positions')
    for (const [which, sheet] of model.sheets.entries()) {
      const { counts, state } = (await real.admin.get(`/v1/sessions/${real.sessions[which]}/attendance`)).data
      const expected =
        sheet === null
          ? null
          : [sheet.present.length, sheet.size - sheet.present.length, sheet.heads, sheet.present.length + sheet.heads]
      const found = state === 'open' ? null : [counts.present, counts.not_recorded, counts.anonymous, counts.total]
      if (JSON.stringify(found) !== JSON.stringify(expected))
        throw new Error(`a sheet counts ${found}, and should ${expected}`)
    }
  }
)

t.test('membership, line and sheets are what a plain list says, whatever happens in whatever order', async t => {
  const { organization } = await startApp(t)
  const admin = await organization()
  const runs = Number(process.env.MODEL_RUNS ?? 25)
  await fc.assert(
    fc.asyncProperty(fc.commands([...commands, fc.constant(compare)], { maxCommands: 40, size: 'max' }), async some => {
      const group = await makeGroup(admin, { capacity: 2 })
      const people: string[] = []
      for (let n = 0; n < 6; n++) people.push(await makePerson(admin, `Person ${n}`))
      const sessions = [await makeSession(admin, group, 1), await makeSession(admin, group, 2)]
      const model: Model = { capacity: 2, standing: people.map(() => 'none'), line: [], left: 0, sheets: [null, null] }
      const real: Real = { admin, group, people, memberships: [], sessions }
      await fc.asyncModelRun(() => ({ model, real }), [...some, compare])
    }),
    { numRuns: runs }
  )
  t.pass(`${runs} sequences`)
})
