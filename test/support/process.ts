import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { directoryOf, type EmbeddedServer, startEmbedded } from '../../src/database/embedded.ts'
import { root } from './root.ts'

interface Teardown {
  teardown(handler: () => unknown): void
}

type Truthy<T> = Exclude<T, false | null | undefined | 0 | ''>

/** For what nobody announces: the state of another process. */
export async function until<T>(what: () => T | Promise<T>, seconds = 20): Promise<Truthy<T>> {
  for (const deadline = Date.now() + seconds * 1000; ; await delay(20)) {
    const answer = await what()
    if (answer) return answer as Truthy<T>
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`)
  }
}

// Our own processes

export interface Program {
  child: ChildProcess
  said: { out: string; err: string }
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | string>
}

/** Runs one of our processes with these settings and no others. */
export async function run(
  t: Teardown,
  script: 'server' | 'migrate',
  environment: Record<string, string>
): Promise<Program> {
  const { PATH } = process.env
  const child = spawn(process.execPath, [join(root, `dist/${script}.js`)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: root,
    env: { PATH, HOME: tmpdir(), ...environment }
  })
  const said = { out: '', err: '' }
  child.stdout!.on('data', text => (said.out += text))
  child.stderr!.on('data', text => (said.err += text))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  return { child, said, ended }
}

export interface RunningServer extends Program {
  base: string
}

/** The service on a database, when it listens and is ready. */
export async function startServer(
  t: Teardown,
  { url, key, ...environment }: { url: string; key: Buffer } & Record<string, string | Buffer>
): Promise<RunningServer> {
  const server = await run(t, 'server', {
    PORT: '0',
    DATABASE_URL: url,
    ENCRYPTION_KEYS: key.toString('base64'),
    RATE_LIMIT_PER_MINUTE: '0',
    ...(environment as Record<string, string>)
  })
  const base = new Promise<string>(resolve => {
    server.child.stderr!.on('data', () => {
      const told = /^API (.*)\n/m.exec(server.said.err)?.[1]
      if (told !== undefined) resolve(told)
    })
  })
  const gone = server.ended.then((code): never => {
    throw new Error(`The server ended (${code}): ${server.said.err}${server.said.out.slice(-2000)}`)
  })
  gone.catch(() => {})
  const running = { ...server, base: await Promise.race([base, gone]) }
  await until(async () => (await send(running.base, 'GET', '/readyz')).status === 200)
  return running
}

// HTTP, as a client that is not ours speaks it

export interface HttpReply {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
  /** The JSON body, not typed: tests say what they expect. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever came
  data: any
}

/** One request over a real socket. Rejects when the connection breaks, or after `patience` milliseconds: nothing may hang. */
export function send(
  base: string,
  method: string,
  path: string,
  {
    headers = {},
    body,
    agent,
    patience = 60_000
  }: { headers?: Record<string, string>; body?: unknown; agent?: http.Agent; patience?: number } = {}
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const payload = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const request = http.request(`${base}${path}`, {
      method,
      // A connection of its own unless told: one that was kept from before may be closing.
      agent: agent ?? false,
      headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...headers }
    })
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${patience} ms`)), patience)
    request.on('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    request.on('response', reply => {
      let text = ''
      reply.setEncoding('utf8')
      reply.on('data', part => (text += part))
      reply.on('error', reject)
      reply.on('end', () => {
        clearTimeout(timer)
        let data: unknown
        try {
          data = JSON.parse(text)
        } catch {}
        resolve({ status: reply.statusCode!, headers: reply.headers, text, data })
      })
    })
    request.end(payload)
  })
}

// A PostgreSQL to kill and to freeze

export interface PrivatePostgres extends EmbeddedServer {
  /** Sends a signal to every process of it; answers how many. */
  signal(signal: NodeJS.Signals): number
  /** Where the cluster is. */
  data: string
}

/** An embedded server of one's own: it starts again by itself when it was killed. */
export async function startPostgres(t: Teardown, settings: Record<string, string> = {}): Promise<PrivatePostgres> {
  const dataDir = fs.mkdtempSync(join(tmpdir(), 'circlekeeper-fault-'))
  const home = directoryOf(dataDir)
  const data = join(home, 'postgresql/data')
  const signal = (signal: NodeJS.Signals) => {
    const pids = processesIn(data)
    for (const pid of pids) {
      try {
        process.kill(pid, signal)
      } catch {}
    }
    return pids.length
  }
  let server: EmbeddedServer | undefined
  t.teardown(async () => {
    signal('SIGCONT')
    await server?.stop()
    for (const path of [home, dataDir]) fs.rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  })
  server = await startEmbedded({ dataDir, settings })
  return { ...server, data, signal }
}

/** The postmaster and its children work in the directory of the data. Linux tells; elsewhere these tests are skipped. */
function processesIn(directory: string): number[] {
  const there = fs.realpathSync(directory)
  return fs
    .readdirSync('/proc')
    .filter(name => {
      try {
        return /^\d+$/.test(name) && fs.readlinkSync(`/proc/${name}/cwd`) === there
      } catch {
        return false
      }
    })
    .map(Number)
}

/** Tests that need signals and /proc. */
export const onlyOnLinux = { skip: process.platform !== 'linux' && 'needs /proc' }

/** A key for the encryption of a test's data, known to the processes on it. */
export const newKey = () => randomBytes(32)
