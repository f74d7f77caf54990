import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { buildApp } from '../src/app.ts'
import { readSettings } from '../src/config.ts'
import { openDatabase } from '../src/database/database.ts'
import { Keyring, newSecret } from '../src/database/keyring.ts'
import { documents } from '../src/http/openapi.ts'

/** The published contract, file by file, as the code says it. No database is asked: a pool connects on its first query. */
export async function publishedFiles(): Promise<Record<string, string>> {
  const settings = readSettings({ LOG_LEVEL: 'silent' })
  const logger = pino({ level: 'silent' })
  const db = openDatabase({
    url: 'postgres://nobody@localhost/nowhere',
    poolSize: settings.POOL_SIZE,
    connectTimeout: settings.CONNECT_TIMEOUT_MS,
    statementTimeout: settings.STATEMENT_TIMEOUT_MS,
    lockTimeout: settings.LOCK_TIMEOUT_MS,
    log: logger
  })
  const app = await buildApp({ settings, db, keyring: new Keyring([newSecret()]), logger })
  try {
    await app.ready()
    const { v31, v30 } = documents(app)
    return { 'openapi.json': written(v31), 'openapi-3.0.json': written(v30) }
  } finally {
    await app.close()
    await db.close()
  }
}

const written = (document: object) => `${JSON.stringify(document, null, 2)}\n`

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, text] of Object.entries(await publishedFiles())) {
    await writeFile(new URL(name, import.meta.url), text)
  }
}
