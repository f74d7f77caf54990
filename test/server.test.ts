import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import { Agent, request } from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { newApiKey } from '../src/access/api-key.ts'
import { directoryOf } from '../src/database/embedded.ts'
import { cloneDatabase } from './support/database.ts'
import { root } from './support/root.ts'

const newKey = () => randomBytes(32).toString('base64')
const { PATH } = process.env
const bare = { PATH, HOME: tmpdir() }

t.setTimeout(240_000)

interface Ended {
  code: number | null
  out: string
  err: string
}

/** Runs one of our processes with these settings and no others. */
function launch(t: Test, script: string, args: string[], environment: Record<string, string>) {
  const child = spawn(process.execPath, [`dist/${script}.js`, ...args], { cwd: root, env: { ...bare, ...environment } })
  const said = { out: '', err: '' }
  child.stdout.on('data', text => (said.out += text))
  child.stderr.on('data', text => (said.err += text))
  const ended: Promise<Ended> = once(child, 'close').then(([code]) => ({ code, ...said }))
  t.teardown(() => child.kill('SIGKILL'))
  return { child, said, ended }
}

interface Running {
  child: ChildProcess
  said: { out: string; err: string }
  ended: Promise<Ended>
  base: string
}

/** The service, when it has said where it is. */
async function serve(t: Test, environment: Record<string, string>): Promise<Running> {
  const server = launch(t, 'server', [], { PORT: '0', ...environment })
  const gone = server.ended.then(({ code, err }) => {
    throw new Error(`it ended (${code}): ${err}`)
  })
  gone.catch(() => {})
  while (!server.said.err.includes('OpenAPI')) await Promise.race([delay(20), gone])
  return { ...server, base: /^API (.*)$/m.exec(server.said.err)![1]! }
}

const run = async (t: Test, script: string, args: string[], environment: Record<string, string>) =>
  await launch(t, script, args, environment).ended

const status = async (url: string, key?: string) =>
  (await fetch(url, { headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }) } })).status

async function connection(t: Test, base: string): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(base).port), '127.0.0.1').setEncoding('utf8')
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever came
const read = async (url: string, key: string): Promise<any> =>
  await (await fetch(url, { headers: { authorization: `Bearer ${key}` } })).json()

/** A database of one's own, and the settings for it. */
async function settingsOf(t: Test) {
  const database = await cloneDatabase()
  t.teardown(() => database.drop())
  return { DATABASE_URL: database.url, ENCRYPTION_KEYS: newKey(), SHUTDOWN_DELAY_MS: '100' }
}

const isJson = (line: string) => {
  try {
    return typeof JSON.parse(line) === 'object'
  } catch {
    return false
  }
}

t.test('the service says where it is, answers, and stops when told', async t => {
  const settings = await settingsOf(t)
  const { child, said, ended, base } = await serve(t, settings)
  t.match(base, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal(said.err, `API ${base}\nDocs ${base}/docs\nOpenAPI ${base}/openapi.json\n`, 'and nothing else')
  t.equal(await status(`${base}/readyz`), 200)
  t.equal(await status(`${base}/openapi.json`), 200)
  t.equal(await status(`${base}/v1/me`, newApiKey()), 401)

  // Somebody who begins a request and never ends it does not keep it from stopping.
  const stuck = await connection(t, base)
  stuck.write('POST /v1/staff HTTP/1.1\r\nHost: x\r\nContent-Le')
  const since = performance.now()
  child.kill('SIGTERM')
  const { code, out } = await ended
  t.equal(code, 0)
  t.ok(performance.now() - since < 10_000)
  const lines = out.trim().split('\n')
  t.ok(lines.length >= 4)
  t.ok(lines.every(isJson), 'stdout carries JSON only')
})

t.test('settings that cannot be are all told at once', async t => {
  const { code, out, err } = await run(t, 'server', [], {
    PORT: 'many',
    DATABASE_URL: 'postgres://one:canary@127.0.0.1:1/none',
    LOG_LEVEL: 'loud'
  })
  t.equal(code, 1)
  t.equal(out, '')
  t.same(
    err
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0])
      .sort(),
    ['ENCRYPTION_KEYS', 'LOG_LEVEL', 'PORT']
  )
  t.notMatch(err, 'canary')
})

t.test('a database that is not there, a port that is taken: a sentence, no password, exit 1', async t => {
  const absent = { DATABASE_URL: 'postgres://one:canary@127.0.0.1:1/none', ENCRYPTION_KEYS: newKey() }
  for (const [script, args] of [
    ['server', []],
    ['migrate', []],
    ['organization', ['list']]
  ] as const) {
    const { code, out, err } = await run(t, script, [...args], absent)
    t.equal(code, 1)
    t.match(err, /ECONNREFUSED/)
    t.equal(err.trim().split('\n').length, 1)
    t.notMatch(out + err, 'canary')
  }
  const { code, err } = await run(t, 'migrate', [], {})
  t.equal(code, 1)
  t.match(err, 'DATABASE_URL')

  const taken = net.createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as net.AddressInfo
  const refused = await run(t, 'server', [], { ...(await settingsOf(t)), PORT: String(port) })
  t.equal(refused.code, 1)
  t.equal(refused.err, `Something else listens on 127.0.0.1:${port} already: set PORT.\n`)
})

t.test('what is under way is finished', async t => {
  const settings = { ...(await settingsOf(t)), SHUTDOWN_DELAY_MS: '600', BOOTSTRAP_ORGANIZATION: 'Riverside' }
  const { child, said, ended, base } = await serve(t, settings)
  const key = /^Administrator key (ck_live_\w+)$/m.exec(said.err)![1]!
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const ask = (path: string) =>
    new Promise<{ status?: number; connection?: string }>((resolve, reject) => {
      request(`${base}${path}`, { agent, headers: { authorization: `Bearer ${key}` } }, reply => {
        reply.resume().on('end', () => resolve({ status: reply.statusCode, connection: reply.headers.connection }))
      })
        .on('error', reject)
        .end()
    })
  t.match(await ask('/v1/me'), { status: 200, connection: 'keep-alive' })

  // A request whose body is still on its way when the process is told to stop.
  const slow = request(`${base}/v1/staff`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  })
  const answer = once(slow, 'response')
  slow.write('{"display_name":')
  const late = await connection(t, base)
  await delay(100)

  child.kill('SIGTERM')
  await delay(100)
  t.match(await ask('/readyz'), { status: 503, connection: 'close' }, 'not ready')
  t.match(await ask('/v1/me'), { status: 200, connection: 'close' }, 'and still answering')
  await delay(700)
  late.write(`GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\n\r\n`)
  t.match((await once(late, 'data'))[0], /^HTTP\/1.1 200 /, 'a connection that was let in is answered')
  slow.end('"Sam","role":"observer"}')
  const [reply] = await answer
  t.equal(reply.statusCode, 201, 'also when nobody new is let in')
  t.equal((await ended).code, 0)
})

t.test('a second signal ends it at once', async t => {
  const settings = { ...(await settingsOf(t)), SHUTDOWN_DELAY_MS: '60000' }
  const { child, ended } = await serve(t, settings)
  child.kill('SIGINT')
  await delay(50)
  child.kill('SIGINT')
  await delay(400)
  t.equal(child.exitCode, null, 'the same signal passed on by npm is no second one')
  child.kill('SIGTERM')
  t.equal((await ended).code, 1)
})

t.test('the first organization is made once, and only where that is asked for', async t => {
  const settings = await settingsOf(t)
  const list = async () => JSON.parse((await run(t, 'organization', ['list'], settings)).out)
  const plain = await serve(t, settings)
  t.notMatch(plain.said.err, 'Administrator')
  plain.child.kill('SIGTERM')
  await plain.ended
  t.same(await list(), [])

  const asked = { ...settings, BOOTSTRAP_ORGANIZATION: 'Riverside' }
  const replicas = await Promise.all([serve(t, asked), serve(t, asked)])
  const keys = replicas.flatMap(({ said }) => said.err.match(/^Administrator key .*$/gm) ?? [])
  t.equal(keys.length, 1, 'of two that start together, one')
  t.match(await list(), [{ name: 'Riverside', slug: 'riverside' }])
  const key = keys[0]!.split(' ').at(-1)!
  for (const { base } of replicas) t.equal(await status(`${base}/v1/me`, key), 200)
  for (const { child, ended, said } of replicas) {
    child.kill('SIGTERM')
    t.equal((await ended).code, 0)
    t.notMatch(said.out, key)
  }
  const again = await serve(t, { ...asked, BOOTSTRAP_ORGANIZATION: 'Another' })
  t.notMatch(again.said.err, 'Administrator')
  t.equal((await list()).length, 1)
})

t.test('a given administrator key is used and not shown', async t => {
  const given = newApiKey()
  const settings = {
    ...(await settingsOf(t)),
    BOOTSTRAP_ORGANIZATION: 'Riverside',
    BOOTSTRAP_API_KEY: given
  }
  const { said, base } = await serve(t, settings)
  t.match(said.err, 'Administrator key as given by BOOTSTRAP_API_KEY\n')
  t.notMatch(said.err + said.out, given)
  t.equal(await status(`${base}/v1/me`, given), 200)
})

t.test('wrong encryption keys refuse to start', async t => {
  const settings = await settingsOf(t)
  const first = await serve(t, settings)
  first.child.kill('SIGTERM')
  await first.ended

  const other = newKey()
  const wrong = await run(t, 'server', [], { ...settings, ENCRYPTION_KEYS: other })
  t.equal(wrong.code, 1)
  t.match(wrong.err, /^ENCRYPTION_KEYS lacks the key [0-9a-f]{8}/)
  t.notMatch(wrong.err, settings.ENCRYPTION_KEYS)
  t.notMatch(wrong.err, other)
  t.equal((await run(t, 'organization', ['create', '--name', 'A'], { ...settings, ENCRYPTION_KEYS: other })).code, 1)

  const both = { ...settings, ENCRYPTION_KEYS: `${other},${settings.ENCRYPTION_KEYS}` }
  const rotated = await serve(t, both)
  rotated.child.kill('SIGTERM')
  await rotated.ended
  t.match((await run(t, 'server', [], settings)).err, /lacks the key/, 'the new one is written down as well')
})

t.test('the commands make, list and rescue organizations', async t => {
  const settings = await settingsOf(t)
  const { base } = await serve(t, settings)
  const command = async (...args: string[]) => {
    const { code, out, err } = await run(t, 'organization', args, settings)
    t.equal(code, 0, err)
    t.equal(err, '')
    return JSON.parse(out)
  }
  const made = await command('create', '--name', 'Riverside')
  t.match(made, { id: String, api_key: /^ck_live_/ })
  t.equal(await status(`${base}/v1/me`, made.api_key), 200)
  t.match(await command('list'), [{ id: made.id, name: 'Riverside', slug: 'riverside', created_at: /Z$/ }])

  const another = await command('new-key', '--id', made.id)
  t.equal(another.id, made.id)
  t.equal(await status(`${base}/v1/staff`, another.api_key), 200)
  t.equal(await status(`${base}/v1/me`, made.api_key), 200, 'the first one stays')

  const me = await read(`${base}/v1/me`, another.api_key)
  await fetch(`${base}/v1/staff/${me.staff.id}/deactivate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${another.api_key}` }
  })
  const rescued = await command('new-key', '--id', made.id)
  const after = await read(`${base}/v1/me`, rescued.api_key)
  t.match(after, { role: 'admin', staff: { display_name: 'Administrator' } })
  t.not(after.staff.id, me.staff.id, 'nobody was left, so somebody new')

  for (const args of [[], ['create', '--name', 'A\nB'], ['create', '--title', 'A'], ['new-key', '--id', '1']]) {
    const { code, out, err } = await run(t, 'organization', args, settings)
    t.equal(code, 2, args.join(' '))
    t.equal(out, '')
    t.match(err, /^Usage:/)
  }
  const unknown = await run(t, 'organization', ['new-key', '--id', '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60'], settings)
  t.equal(unknown.code, 1)
  t.equal(unknown.err, 'There is no organization with this id.\n')
})

t.test('the migration says what it did', async t => {
  const { DATABASE_URL } = await settingsOf(t)
  const { code, out, err } = await run(t, 'migrate', [], { DATABASE_URL })
  t.equal(code, 0)
  t.equal(out, '')
  t.equal(err, 'The database was up to date.\n')
})

t.test('without a database, an embedded one is started, keeps its data, and is not shared', async t => {
  const DATA_DIR = fs.mkdtempSync(join(tmpdir(), 'circlekeeper-'))
  t.teardown(() => {
    for (const path of [directoryOf(DATA_DIR), DATA_DIR])
      fs.rmSync(path, { recursive: true, force: true, maxRetries: 5 })
  })
  const settings = { DATA_DIR, SHUTDOWN_DELAY_MS: '0' }
  const first = await serve(t, settings)
  const key = /^Administrator key (ck_live_\w+)$/m.exec(first.said.err)![1]!
  t.equal(await status(`${first.base}/v1/me`, key), 200)
  const keys = join(directoryOf(DATA_DIR), 'encryption-keys')
  t.equal(fs.statSync(keys).mode & 0o777, 0o600)

  const second = await run(t, 'server', [], { ...settings, PORT: '0' })
  t.equal(second.code, 1)
  t.match(second.err, /^Another Circlekeeper already runs on .*\n$/)
  t.match(
    JSON.parse((await run(t, 'organization', ['list'], settings)).out),
    [{ name: 'My organization' }],
    'beside it'
  )
  first.child.kill('SIGTERM')
  t.equal((await first.ended).code, 0)

  const made = JSON.parse((await run(t, 'organization', ['create', '--name', 'Alone'], settings)).out)
  const warm = await serve(t, settings)
  t.notMatch(warm.said.err, 'Administrator', 'on the very first start only')
  t.equal(await status(`${warm.base}/v1/me`, key), 200)
  t.equal(await status(`${warm.base}/v1/me`, made.api_key), 200)
  warm.child.kill('SIGTERM')
  t.equal((await warm.ended).code, 0)

  const kept = fs.readFileSync(keys)
  fs.rmSync(keys)
  t.match((await run(t, 'server', [], settings)).err, /^ENCRYPTION_KEYS lacks the key/, 'lost keys are not made up for')
  fs.writeFileSync(keys, kept)
  const front = await serve(t, { ...settings, ENCRYPTION_KEYS: newKey() })
  t.equal(await status(`${front.base}/v1/me`, key), 200, 'keys of the settings go in front')
  front.child.kill('SIGTERM')
  await front.ended
})
