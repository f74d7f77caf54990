/**
 * Prints the speed of the service beside the bare limit (limit.ts), as ratios of medians over interleaved rounds, with
 * everything on: keys, the three walls, validation, audit, outbox, idempotency, logs.
 *
 *   npm run bench -- --rows 100000 --rounds 3 --seconds 5
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { startEmbedded } from '../../src/database/embedded.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'
import type { Work } from './load.ts'
import { seed } from './seed.ts'

const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    strategies: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '16' },
    only: { type: 'string' }
  }
})
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))

interface Measured {
  /** Requests per second. */
  rate: number
  /** CPU time per request in milliseconds: of the process that answers, of PostgreSQL, of both. */
  node: number
  database: number
  cpu: number
  p50: number
  p99: number
}

/** CPU time of a process and of every process with such a command, in milliseconds; 0 where /proc is missing. */
function cpu(pid: number, postgres: boolean): number {
  const ticks = (path: string) => {
    try {
      const fields = readFileSync(path, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      // utime and stime; and of those that ended, as their parent keeps them.
      return Number(fields[11]) + Number(fields[12]) + (postgres ? Number(fields[13]) + Number(fields[14]) : 0)
    } catch {
      return 0
    }
  }
  const own = ticks(`/proc/${pid}/stat`)
  if (!postgres) return own * 10
  let all = own
  try {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue
      try {
        const parent = readFileSync(`/proc/${entry}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[1]
        if (Number(parent) === pid) all += ticks(`/proc/${entry}/stat`)
      } catch {}
    }
  } catch {}
  return all * 10
}

/** The parent of a backend. */
async function postmasterOf(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('select pg_backend_pid() as pid')
  try {
    return Number(
      readFileSync(`/proc/${rows[0].pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1]
    )
  } catch {
    return 0
  } finally {
    await client.end()
  }
}

const median = (numbers: number[]) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!

const dataDir = await mkdtemp(join(tmpdir(), 'circlekeeper-bench-'))
const server = await startEmbedded({ dataDir, settings: { max_connections: '60', shared_buffers: '1GB' } })
const children: ChildProcess[] = []
try {
  await migrateDatabase(server.url)
  const superuser = Object.assign(new URL(server.superuserUrl), { pathname: new URL(server.url).pathname }).href
  const seeded = await seed({ owner: server.url, superuser }, Number(options.rows), Number(options.strategies))
  const postmaster = await postmasterOf(server.superuserUrl)

  const limit = fork(file('limit.ts'), {
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      BENCH_SUPERUSER_URL: superuser,
      BENCH_ORGANIZATION: seeded.organization_id,
      BENCH_API_KEY_ID: seeded.api_key_id,
      BENCH_STAFF_ID: seeded.staff_id
    }
  })
  children.push(limit)
  const limitPort = await new Promise<number>(resolve =>
    limit.once('message', message => resolve((message as { port: number }).port))
  )

  const service = spawn(process.execPath, [file('../../dist/server.js')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      ...process.env,
      PORT: '0',
      DATABASE_URL: server.url,
      ENCRYPTION_KEYS: seeded.encryptionKey,
      RATE_LIMIT_PER_MINUTE: '1000000'
    }
  })
  children.push(service)
  const servicePort = await new Promise<number>((resolve, reject) => {
    let said = ''
    service.stderr!.on('data', chunk => {
      said += chunk
      const port = /API http:\/\/[^:]+:(\d+)/.exec(said)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
    service.on('exit', () => reject(new Error(said)))
  })

  const load = fork(file('load.ts'), { execArgv: ['--import', 'tsx'] })
  children.push(load)
  load.send({ seeded })
  const drive = (work: Work) =>
    new Promise<{ perSecond: number; p50: number; p99: number }>((resolve, reject) => {
      load.once('message', message => {
        const result = message as { error?: string; perSecond: number; p50: number; p99: number }
        if (result.error === undefined) resolve(result)
        else reject(new Error(result.error))
      })
      load.send({ work })
    })

  const sides = [
    { name: 'limit', port: limitPort, pid: limit.pid! },
    { name: 'service', port: servicePort, pid: service.pid! }
  ] as const
  const connections = Number(options.connections)
  console.log(
    `${options.rows} attendance rows, ${options.strategies} strategies, ${connections} connections, ${options.rounds} rounds of ${options.seconds} s each, Node ${process.version}`
  )
  console.log(
    'workload  limit/s  service/s  ratio   limit cpu ms  service cpu ms  cpu ratio   p50 ms   p99 ms   (cpu: node + database, per request)'
  )
  for (const workload of ['W1', 'W2', 'W3', 'W4'] as const) {
    if (options.only !== undefined && options.only !== workload) continue
    for (const side of sides) await drive({ workload, port: side.port, seconds: 1, connections })
    const measured: Record<'limit' | 'service', Measured[]> = { limit: [], service: [] }
    for (let round = 0; round < Number(options.rounds); round++) {
      for (const side of round % 2 === 0 ? sides : [...sides].reverse()) {
        const before = [cpu(side.pid, false), cpu(postmaster, true)] as const
        const { perSecond, p50, p99 } = await drive({
          workload,
          port: side.port,
          seconds: Number(options.seconds),
          connections
        })
        const each = (now: number, then: number) => (now - then) / (perSecond * Number(options.seconds))
        const node = each(cpu(side.pid, false), before[0])
        const database = each(cpu(postmaster, true), before[1])
        measured[side.name].push({ rate: perSecond, node, database, cpu: node + database, p50, p99 })
      }
    }
    const of = (side: 'limit' | 'service', what: keyof Measured) => median(measured[side].map(result => result[what]))
    const cells = [
      of('limit', 'rate').toFixed(0).padStart(7),
      of('service', 'rate').toFixed(0).padStart(9),
      (of('service', 'rate') / of('limit', 'rate')).toFixed(2).padStart(5),
      `${of('limit', 'node').toFixed(2)} + ${of('limit', 'database').toFixed(2)}`.padStart(13),
      `${of('service', 'node').toFixed(2)} + ${of('service', 'database').toFixed(2)}`.padStart(14),
      (of('service', 'cpu') / of('limit', 'cpu')).toFixed(2).padStart(9),
      of('service', 'p50').toFixed(1).padStart(7),
      of('service', 'p99').toFixed(1).padStart(7)
    ]
    console.log(`${workload.padEnd(8)}  ${cells.join('  ')}`)
  }
  const memory = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1]
  if (memory !== undefined)
    console.log(`resident memory of the service at most: ${Math.round(Number(memory) / 1024)} MiB`)
} finally {
  for (const child of children) child.kill('SIGKILL')
  await server.stop()
  for (const directory of [dataDir, server.directory]) await rm(directory, { recursive: true, force: true })
}
