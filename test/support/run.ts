/**
 * Runs the tests on a PostgreSQL of their own: an embedded server for this run, or the one that TEST_DATABASE_URL names
 * (a superuser's URL; nothing of it is touched but databases and roles that begin with test_). Makes one migrated
 * template, which each test file clones. Arguments are test files (all, when none is named) and what tap understands.
 *
 * Sources and tests are compiled before, once, and run in `.tap/tree`: a loader would cost each file seconds.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbedded } from '../../src/database/embedded.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'
import { root } from './root.ts'

const compiled = compileAll(process.argv.slice(2))

const dataDir = await mkdtemp(join(tmpdir(), 'circlekeeper-test-'))
// These databases are thrown away: nothing needs to reach the disk.
const server =
  process.env.TEST_DATABASE_URL === undefined
    ? await startEmbedded({
        dataDir,
        settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_connections: '200' }
      })
    : undefined
const superuserUrl = process.env.TEST_DATABASE_URL ?? server!.superuserUrl

const suffix = randomBytes(4).toString('hex')
const owner = `test_owner_${suffix}`
const template = `test_template_${suffix}`
const password = randomBytes(16).toString('hex')
const ownerUrl = new URL(superuserUrl)
ownerUrl.username = owner
ownerUrl.password = password
ownerUrl.pathname = `/${template}`

const superuser = new pg.Client({ connectionString: superuserUrl })
await superuser.connect()
await superuser.query(`create role ${owner} login createrole nosuperuser nobypassrls password '${password}'`)
// On a cluster where an earlier run made the roles, their new owner must be let in.
for (const role of ['circlekeeper_app', 'circlekeeper_functions']) {
  await superuser.query(
    `do $$ begin create role ${role} nologin noinherit; exception when duplicate_object then null; end $$`
  )
  await superuser.query(`grant ${role} to ${owner} with admin option`)
}
await superuser.query(`create database ${template} owner ${owner}`)
await migrateDatabase(ownerUrl.href)

const { rows } = await superuser.query('show server_version')
console.error(`Testing on PostgreSQL ${rows[0].server_version}`)

const tap = join(root, 'node_modules/tap/dist/esm/run.mjs')
// As it comes, tap loads TypeScript into each file; it builds itself without (package.json), but for this run would do so too late.
const asBuilt = readFileSync(join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js'), 'utf8')
if (asBuilt.includes('@tapjs/typescript'))
  spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })

const results = join(root, '.tap/test-results')
await rm(results, { recursive: true, force: true })
const code = await new Promise<number>(resolve => {
  spawn(process.execPath, [tap, ...compiled], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      TEST_SUPERUSER_URL: superuserUrl,
      TEST_OWNER_URL: ownerUrl.href,
      TEST_TEMPLATE: template
    }
  }).on('exit', code => resolve(code ?? 1))
})

for (const { datname } of (
  await superuser.query(`select datname from pg_database where datname ~ '^test_clone_${suffix}_'`)
).rows) {
  if (server !== undefined) break
  await superuser.query(`drop database if exists ${datname} with (force)`)
}
await superuser.query(`drop database if exists ${template} with (force)`)
await superuser.query(`drop owned by ${owner}; drop role ${owner}`).catch(() => {})
await superuser.end()
await server?.stop()
for (const directory of [dataDir, server?.directory ?? dataDir]) await rm(directory, { recursive: true, force: true })
if (code !== 0) failuresAgain()
process.exitCode = code

/** Builds and compiles everything; answers the arguments, test files by where they are compiled. Types are for `npm run check`. */
function compileAll(args: string[]): string[] {
  const tree = '.tap/tree'
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  // What is started as a process of its own is the build.
  for (const program of [['src/build.mjs'], [compiler, '-p', 'test', '--noCheck']]) {
    const { status } = spawnSync(process.execPath, program, { cwd: root, stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
  }
  // What the migrations' files are found by, from the compiled sources.
  if (!existsSync(join(root, tree, 'migrations')))
    symlinkSync(join(root, 'migrations'), join(root, tree, 'migrations'), 'junction')
  const isTest = (arg: string) => arg.endsWith('.test.ts')
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter(isTest)
  const named = args.some(isTest) ? args : [...args, ...files.sort().map(file => join('test', file))]
  return named.map(arg => (isTest(arg) ? join(tree, `${arg.slice(0, -3)}.js`) : arg))
}

/** What failed, once more and last: thousands of lines may lie between it and the end. */
function failuresAgain() {
  if (!existsSync(results)) return
  for (const file of readdirSync(results, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!file.endsWith('.test.js.tap')) continue
    const lines = readFileSync(join(results, file), 'utf8').split('\n')
    for (const [index, line] of lines.entries()) {
      if (!/^\s*not ok /.test(line) || / # (todo|skip)/i.test(line)) continue
      const end = lines.findIndex((other, at) => at > index && /^\s*\.\.\.$/.test(other))
      console.error(`\n${file}\n${lines.slice(index, Math.min(end + 1, index + 40)).join('\n')}`)
    }
  }
}
