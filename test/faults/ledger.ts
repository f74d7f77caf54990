import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import type { Client } from '../support/app.ts'
import { makeGroup, makeMember, makeSession } from '../support/circle.ts'
import { send } from '../support/process.ts'

/** One sheet that a client put: recognizable in every row that it wrote, because `seq` stands in all of them. */
interface Command {
  key: string
  session: string
  version: number
  seq: number
  acked: boolean
}

/** An answer that was no acknowledgement, or none at all. */
export interface Failure {
  status: number | 'network'
  code: string
  retryAfter: string | undefined
  /** Milliseconds that it took. */
  took: number
}

/**
 * What clients know of what they did, to be compared with what the database knows: every acknowledged command is there, whole,
 * once, with one event and one audit row.
 */
export interface Ledger {
  /** Where the service is at the moment. */
  base: string
  commands: Command[]
  failures: Failure[]
  acked: number
  replayed: number
  /** Since when clients got no acknowledgement, and the longest such time, in milliseconds. */
  lastAck: number
  longestGap: number
}

const members = 10
const walkIns = 2

/** Starts clients that put sheets one after the other, each on sessions of their own, and repeat with the same key what was not acknowledged. */
export async function startLoad(
  t: { teardown(handler: () => unknown): void },
  admin: Client,
  base: string,
  { clients = 6, sessions = 3 } = {}
) {
  const group = await makeGroup(admin)
  const people: string[] = []
  for (let n = 0; n < members; n++) people.push(await makeMember(admin, group, `Member ${n}`))
  const own: string[][] = []
  for (let n = 0; n < clients; n++) {
    own.push([])
    for (let m = 0; m < sessions; m++) own[n]!.push(await makeSession(admin, group))
  }
  const ledger: Ledger = {
    base,
    commands: [],
    failures: [],
    acked: 0,
    replayed: 0,
    lastAck: performance.now(),
    longestGap: 0
  }
  let stopping = false
  let abandoned = false
  let seq = 0

  const put = async (command: Command, agent: http.Agent, attempt: number) => {
    const began = performance.now()
    const facts = { minutes: command.seq % 1440 }
    const reply = await send(ledger.base, 'PUT', `/v1/sessions/${command.session}/attendance`, {
      agent,
      patience: 20_000,
      headers: {
        authorization: `Bearer ${admin.key}`,
        'idempotency-key': command.key,
        'x-request-id': `${command.key}.${attempt}`,
        ...(command.version > 1 && { 'if-match': `"${command.version - 1}"` })
      },
      body: {
        records: people.map(person_id => ({ person_id, status: 'present', ...facts })),
        walk_ins: Array.from({ length: walkIns }, (_, n) => ({ display_name: `Walk-in ${n}`, ...facts })),
        anonymous_count: command.seq
      }
    }).catch((error: NodeJS.ErrnoException) => error)
    const now = performance.now()
    if (!(reply instanceof Error) && reply.status === 200) {
      command.acked = true
      ledger.acked++
      if (reply.headers['idempotency-replayed'] !== undefined) ledger.replayed++
      ledger.longestGap = Math.max(ledger.longestGap, now - ledger.lastAck)
      ledger.lastAck = now
      return
    }
    ledger.failures.push(
      reply instanceof Error
        ? { status: 'network', code: reply.code ?? reply.message, retryAfter: undefined, took: now - began }
        : {
            status: reply.status,
            code: reply.data?.code,
            retryAfter: reply.headers['retry-after'],
            took: now - began
          }
    )
    // Sent again only where the answer says that it may be: anything else is for the test to judge.
    return reply instanceof Error || reply.status === 503
  }

  const work = async (mine: string[]) => {
    const agent = new http.Agent({ keepAlive: true })
    for (let round = 0; !stopping; round++) {
      const session = mine[round % mine.length]!
      const version = Math.floor(round / mine.length) + 1
      const command: Command = { key: randomUUID(), session, version, seq: ++seq, acked: false }
      ledger.commands.push(command)
      for (let attempt = 1; !command.acked && !abandoned; attempt++) {
        const again = await put(command, agent, attempt)
        if (again === false) return agent.destroy()
        if (again) await delay(50)
      }
    }
    agent.destroy()
  }
  const working = own.map(work)
  const stop = async () => {
    stopping = true
    await Promise.all(working)
  }
  t.teardown(() => {
    abandoned = true
    return stop()
  })
  return {
    ledger,
    /** Finishes what is under way: afterwards every command was acknowledged, or refused for good. */
    stop,
    /** Resolves when so many more commands were acknowledged. */
    async acknowledges(more: number) {
      const goal = ledger.acked + more
      for (const deadline = Date.now() + 30_000; ledger.acked < goal; await delay(10))
        if (Date.now() > deadline)
          throw new Error(`${ledger.acked} acknowledged, not ${goal}: ${JSON.stringify(ledger.failures.slice(-3))}`)
    }
  }
}

/** Makes a sheet take a moment in the middle of its transaction, so that a kill meets it there. */
export const slowDown = `
  create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.02); return new; end $$;
  create trigger dawdle before insert on attendance_versions for each row execute function dawdle()`

type Violation =
  | 'lost_acked'
  | 'partial'
  | 'twice'
  | 'unknown'
  | 'event_missing'
  | 'event_twice'
  | 'audit_missing'
  | 'audit_twice'
  | 'key_missing'

/** Compares the ledger with the database (asked past all walls) and names what is wrong; nothing, when all is well. */
export async function violations(client: pg.Client, { commands }: Ledger): Promise<Violation[]> {
  const rowsOf = async (text: string) => (await client.query(text)).rows
  const stored = await rowsOf(`
    select session_id, version, anonymous_count as seq, jsonb_array_length(rows) as rows,
      (select array_agg(distinct (r ->> 'minutes')::int) from jsonb_array_elements(rows) r) as minutes
    from attendance_versions order by session_id, version`)
  const sheets = await rowsOf(`
    select s.id, s.sheet_version, s.anonymous_count as seq, s.outcome, s.present_count + s.walk_in_count as counted,
      (select count(*)::int from attendance a where a.session_id = s.id) as rows,
      (select array_agg(distinct a.minutes) from attendance a where a.session_id = s.id) as minutes
    from sessions s`)
  const counted = async (text: string) =>
    new Map((await rowsOf(text)).map(({ name, count }) => [name as string, Number(count)]))
  const events = await counted(`
    select object_id || '/' || object_version as name, count(*) from outbox_events where type = 'session.sheet_put' group by 1`)
  const audits = await counted(`
    select split_part(request_id, '.', 1) as name, count(*) from audit_entries where operation = 'session.sheet_put' group by 1`)
  const keys = await counted('select key as name, count(*) from idempotency_keys where status = 200 group by 1')

  const found = new Set<Violation>()
  const rows = members + walkIns
  const isWhole = (row: { rows: number; minutes: number[]; seq: number }) =>
    row.rows === rows && row.minutes.length === 1 && row.minutes[0] === row.seq % 1440
  const bySeq = new Map(commands.map(command => [command.seq, command]))
  const applied = new Map<number, number>()
  for (const row of stored) {
    if (!isWhole(row)) found.add('partial')
    const command = bySeq.get(row.seq)
    if (command?.session !== row.session_id || command?.version !== row.version) found.add('unknown')
    applied.set(row.seq, (applied.get(row.seq) ?? 0) + 1)
  }
  for (const sheet of sheets) {
    const versions = stored.filter(row => row.session_id === sheet.id)
    if (sheet.sheet_version !== versions.length) found.add('partial')
    if (versions.length === 0 ? sheet.rows > 0 || sheet.outcome === 'held' : !isWhole(sheet) || sheet.counted !== rows)
      found.add('partial')
    if (versions.length > 0 && sheet.seq !== versions.at(-1).seq) found.add('partial')
  }
  for (const command of commands) {
    const times = applied.get(command.seq) ?? 0
    if (times > 1) found.add('twice')
    if (times === 0 && command.acked) found.add('lost_acked')
    const expect = (map: Map<string, number>, name: string, missing: Violation, twice?: Violation) => {
      const count = map.get(name) ?? 0
      if (count < times) found.add(missing)
      if (count > times) found.add(twice ?? 'unknown')
    }
    // The session was made as version 1; every sheet makes the next.
    expect(events, `${command.session}/${command.version + 1}`, 'event_missing', 'event_twice')
    expect(audits, command.key, 'audit_missing', 'audit_twice')
    expect(keys, command.key, 'key_missing')
  }
  return [...found].sort()
}
