import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { pino } from 'pino'
import { createOrganization } from '../../src/access/create-organization.ts'
import { openDatabase } from '../../src/database/database.ts'
import { startEmbedded } from '../../src/database/embedded.ts'
import { Keyring } from '../../src/database/keyring.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'

/** A database with one organization, and the service on it once that is filled. */
interface Bench {
  superuser: pg.Client
  organization_id: string
  api_key: string
  /** Answers where it listens, and its process. */
  startService(): Promise<{ base: string; pid: number }>
}

/** Gives a bench what it measures on, and takes all of it away afterwards. */
export async function withBench(measure: (bench: Bench) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'circlekeeper-bench-'))
  const server = await startEmbedded({ dataDir, settings: { shared_buffers: '256MB' } })
  const superuser = new pg.Client({
    connectionString: Object.assign(new URL(server.superuserUrl), { pathname: new URL(server.url).pathname }).href
  })
  let kill = () => {}
  try {
    await migrateDatabase(server.url)
    const secret = randomBytes(32)
    const db = openDatabase({
      url: server.url,
      poolSize: 2,
      connectTimeout: 5000,
      statementTimeout: 60_000,
      lockTimeout: 5000,
      log: pino({ level: 'silent' })
    })
    const { id, api_key } = await createOrganization(db, new Keyring([secret]), { name: 'Bench' })
    await db.close()
    await superuser.connect()
    const startService = async () => {
      const service = spawn(process.execPath, [fileURLToPath(new URL('../../dist/server.js', import.meta.url))], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...process.env,
          PORT: '0',
          DATABASE_URL: server.url,
          ENCRYPTION_KEYS: secret.toString('base64'),
          RATE_LIMIT_PER_MINUTE: '1000000'
        }
      })
      kill = () => void service.kill('SIGKILL')
      const base = await new Promise<string>((resolve, reject) => {
        let said = ''
        service.stderr.on('data', chunk => {
          said += chunk
          const found = /^API (.*)$/m.exec(said)?.[1]
          if (found !== undefined) resolve(found)
        })
        service.on('exit', () => reject(new Error(said)))
      })
      return { base, pid: service.pid! }
    }
    await measure({ superuser, organization_id: id, api_key, startService })
  } finally {
    kill()
    await superuser.end()
    await server.stop()
    for (const directory of [dataDir, server.directory]) await rm(directory, { recursive: true, force: true })
  }
}
