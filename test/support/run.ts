/**
 * Runs the tests on a PostgreSQL of their own: an embedded server for this run, or the one that TEST_DATABASE_URL names
 * (a superuser's URL; nothing of it is touched but databases and roles that begin with test_). Makes one migrated
 * template, which each test file clones. Arguments go to tap.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startEmbedded } from '../../src/database/embedded.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'

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

const tap = fileURLToPath(new URL('../../node_modules/.bin/tap', import.meta.url))
const code = await new Promise<number>(resolve => {
  spawn(tap, process.argv.slice(2), {
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
process.exitCode = code
