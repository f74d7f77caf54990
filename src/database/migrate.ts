import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { packageRoot } from '../package-root.ts'

const allMigrations = join(packageRoot, 'migrations')

/** An arbitrary number that only migrations lock: replicas that start together migrate once, one after the other. */
const migrationLock = 7_237_014

/**
 * Brings a database up to date, in one transaction: all of the pending migrations or none.
 * The user needs CREATEROLE and the ownership of the database, no more (PostgreSQL 15 to 18).
 * Answers how many it applied.
 */
export async function migrateDatabase(url: string, migrationsFolder = allMigrations): Promise<number> {
  const client = new pg.Client({ connectionString: url, application_name: 'circlekeeper migrate' })
  // Without a listener, a connection that breaks would end the process before the query can say so.
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    await client.query("set client_min_messages = 'warning'; set lock_timeout = '10s'")
    const before = await countApplied(client)
    await migrate(drizzle({ client }), {
      migrationsFolder,
      migrationsSchema: 'public',
      migrationsTable: 'schema_migrations'
    })
    return (await countApplied(client)) - before
  } finally {
    await client.end()
  }
}

async function countApplied(client: pg.Client): Promise<number> {
  const { rows } = await client.query("select to_regclass('public.schema_migrations') is not null as there")
  if (!rows[0].there) return 0
  return Number((await client.query('select count(*) from public.schema_migrations')).rows[0].count)
}

/** When the newest migration of this code was made, as `schema_migrations.created_at` records it (milliseconds). */
export async function newestMigration(): Promise<number> {
  const journal: { entries: { when: number }[] } = JSON.parse(
    await readFile(join(allMigrations, 'meta/_journal.json'), 'utf8')
  )
  return journal.entries.at(-1)!.when
}
