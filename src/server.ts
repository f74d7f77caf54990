/**
 * The process that listens. Settings come from the environment; facts for people go to stderr, one a line; stdout is the
 * log, JSON and nothing else. SIGTERM or SIGINT: says that it is not ready, finishes what is under way, exits 0. A second
 * one: exits at once.
 */
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { pino } from 'pino'
import { bootstrapOrganization } from './access/bootstrap.ts'
import { readSettings, type Settings } from './config.ts'
import { directoryOf } from './database/embedded.ts'
import { described } from './http/errors.ts'
import { startJobs } from './jobs.ts'
import { openService, reasonOf } from './service.ts'

/** Milliseconds for what is under way when we close; then connections are cut. */
const patience = 6000
/** Milliseconds after which the process goes whatever hangs. */
const lastCall = 9000
/** Milliseconds in which a signal again is the same one: `npm start` passes on what the terminal tells both. */
const echo = 250

// What lives is some 25 MB; left alone, V8 lets four times that pile up before it looks, and takes 210 MiB instead of 155 under
// load, for no speed that can be seen.
setFlagsFromString('--heap-growing-percent=70')

const tell = (fact: string) => process.stderr.write(`${fact}\n`)

const settings = settingsOrExit()
// Lines go out in blocks, and at least twice a second: a write for each would cost as much as the answer.
const stdout = pino.destination({ dest: 1, sync: false, minLength: 4096 })
setInterval(() => stdout.flush(), 500).unref()
const logger = pino({ level: settings.LOG_LEVEL }, stdout)

/** What stopping must undo, the last first. */
const closers: (() => Promise<unknown>)[] = []
let stoppingSince: number | undefined

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (stoppingSince === undefined) void stop(0)
    else if (performance.now() - stoppingSince > echo) process.exit(1)
  })
}
process.on('uncaughtException', error => {
  logger.fatal({ err: described(error) }, 'an error that nobody caught')
  void stop(1)
})

const started = start()
started.catch(error => {
  tell(reasonOf(error))
  void stop(1)
})

async function start() {
  // The rest of the code is loaded while PostgreSQL starts, and the app is put together while PostgreSQL looks at itself.
  const loading = import('./app.ts')
  const { db, keyring, prepare, close } = await openService(settings, logger)
  closers.push(close)
  const building = loading.then(async ({ buildApp }) => {
    const app = await buildApp({ settings, db, keyring, logger })
    await app.ready()
    return app
  })
  const [app] = await Promise.all([building, prepare().then(bootstrap)])

  // Stopped behind the app: draining does not wait for a job.
  closers.push(startJobs(db, settings, logger))
  closers.push(async () => {
    app.draining = true
    if (app.server.listening) await delay(settings.SHUTDOWN_DELAY_MS)
    const cut = setTimeout(() => app.server.closeAllConnections(), patience)
    await app.close()
    clearTimeout(cut)
  })

  await app.listen({ host: settings.HOST, port: settings.PORT })
  const base = settings.PUBLIC_URL ?? reachable(app.server.address() as AddressInfo)
  tell(`API ${base}`)
  tell(`Docs ${base}/docs`)
  tell(`OpenAPI ${base}/openapi.json`)
  if (settings.DATABASE_URL === undefined) tell(`Data ${directoryOf(settings.DATA_DIR)}`)

  /** A database of our own gets an organization; one that was given only if that was asked for. */
  async function bootstrap() {
    const { DATABASE_URL, BOOTSTRAP_ORGANIZATION: name, BOOTSTRAP_API_KEY: api_key } = settings
    if (DATABASE_URL !== undefined && name === undefined) return
    const key = await bootstrapOrganization(db, keyring, { name: name ?? 'My organization', api_key })
    // Told at once: if listening fails, nobody could read it again.
    if (key !== undefined) tell(`Administrator key ${key === api_key ? 'as given by BOOTSTRAP_API_KEY' : key}`)
  }
}

async function stop(code: number) {
  if (stoppingSince !== undefined) process.exit(1)
  stoppingSince = performance.now()
  setTimeout(() => process.exit(1), settings.SHUTDOWN_DELAY_MS + lastCall).unref()
  await started.catch(() => {})
  for (const close of closers.reverse()) {
    await close().catch(error => logger.error({ err: described(error) }, 'something did not close'))
  }
  process.exit(code)
}

/** Where people on this machine reach it: an address that stands for all of them is none to go to. */
function reachable({ address, port }: AddressInfo): string {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.env)
  } catch (error) {
    tell((error as Error).message)
    process.exit(1)
  }
}
