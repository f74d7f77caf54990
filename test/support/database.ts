import { randomBytes } from 'node:crypto'
import pg from 'pg'

export interface TestDatabase {
  /** The owner's URL, as the service uses it: no superuser. */
  url: string
  /** For looking at everything, past all walls. */
  superuserUrl: string
  drop(): Promise<void>
}

const { TEST_OWNER_URL, TEST_SUPERUSER_URL, TEST_TEMPLATE } = process.env

const named = (url: string, database: string) => {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

/** A database of one's own, cloned from the migrated template that the run made. */
export async function cloneDatabase(template = TEST_TEMPLATE): Promise<TestDatabase> {
  if (TEST_OWNER_URL === undefined || TEST_SUPERUSER_URL === undefined || template === undefined) {
    throw new Error('Run the tests with npm test: it starts the database that they clone.')
  }
  // By the run that made it: another run on the same server leaves it alone.
  const name = `${TEST_TEMPLATE!.replace('template', 'clone')}_${randomBytes(8).toString('hex')}`
  const run = async (text: string) => {
    const client = new pg.Client({ connectionString: TEST_SUPERUSER_URL })
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  const owner = new URL(TEST_OWNER_URL).username
  await run(`create database ${name} template ${template} owner ${owner}`)
  return {
    url: named(TEST_OWNER_URL, name),
    superuserUrl: named(TEST_SUPERUSER_URL, name),
    drop: () => run(`drop database if exists ${name} with (force)`)
  }
}
