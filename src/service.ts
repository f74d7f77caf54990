import type { FastifyBaseLogger } from 'fastify'
import type { Settings } from './config.ts'
import { assertCatalog } from './database/catalog-audit.ts'
import { type Database, openDatabase } from './database/database.ts'
import { connectionOfRunning, directoryOf, startEmbedded } from './database/embedded.ts'
import { readKeysIfThere, readOrMakeKeys } from './database/encryption-keys.ts'
import { Keyring } from './database/keyring.ts'
import { migrateDatabase, newestMigration } from './database/migrate.ts'
import { refusalOf } from './database/refusals.ts'
import { checkKeys } from './organizations/check-keys.ts'

/** What every process works with. */
export interface Service {
  db: Database
  keyring: Keyring
  /** Brings the database up to date, and makes sure of its walls and that the encryption keys are those of its data. */
  prepare(): Promise<void>
  /** Lets go of the database, and stops the embedded server if it was started here. */
  close(): Promise<void>
}

/**
 * Opens the database that the settings name, or the embedded one. Nobody is served, and nothing written, before `prepare`.
 *
 * @param beside also works on the embedded server of a service that runs already, instead of refusing
 * @throws Error with a sentence for whoever started the process (`reasonOf`)
 */
export async function openService(
  settings: Settings,
  log: FastifyBaseLogger,
  { beside = false } = {}
): Promise<Service> {
  const running = settings.DATABASE_URL ?? ((beside && (await connectionOfRunning(settings.DATA_DIR))) || undefined)
  const embedded = running === undefined ? await startEmbedded({ dataDir: settings.DATA_DIR }) : undefined
  const url = running ?? embedded!.url
  try {
    const keyring = new Keyring(encryptionKeys(settings).map(key => Buffer.from(key, 'base64')))
    const db = openDatabase({
      url,
      poolSize: settings.POOL_SIZE,
      connectTimeout: settings.CONNECT_TIMEOUT_MS,
      statementTimeout: settings.STATEMENT_TIMEOUT_MS,
      lockTimeout: settings.LOCK_TIMEOUT_MS,
      log
    })
    return {
      db,
      keyring,
      async prepare() {
        // Looking comes first: a user who may not migrate can still start on a database that is up to date.
        await db.ready(await newestMigration()).catch(() => migrateDatabase(url))
        await assertCatalog(db)
        await checkKeys(db, keyring)
      },
      async close() {
        await db.close()
        await embedded?.stop()
      }
    }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

/** Those of the settings go in front of those kept beside embedded data. */
function encryptionKeys({ DATABASE_URL, DATA_DIR, ENCRYPTION_KEYS }: Settings): string[] {
  if (DATABASE_URL !== undefined) return ENCRYPTION_KEYS
  const directory = directoryOf(DATA_DIR)
  return ENCRYPTION_KEYS.length > 0 ? [...ENCRYPTION_KEYS, ...readKeysIfThere(directory)] : readOrMakeKeys(directory)
}

/** Why a process could not do its work, as a sentence for stderr. Never a connection string: it holds a password. */
export function reasonOf(error: unknown): string {
  const refusal = refusalOf(error)
  if (refusal !== undefined) return `PostgreSQL refuses: ${refusal.message}`
  if (!(error instanceof Error)) return String(error)
  const [first] = error instanceof AggregateError ? error.errors : []
  const innermost = first ?? (error.cause instanceof Error ? error.cause : error)
  const { code, address, port, message } = innermost as NodeJS.ErrnoException & { address?: string; port?: number }
  if (code === 'EADDRINUSE') return `Something else listens on ${address}:${port} already: set PORT.`
  return message
}
