import type { Database } from '../database/database.ts'
import type { Keyring } from '../database/keyring.ts'

const canary = 'circlekeeper'
const contextOf = (id: string) => `encryption_keys|${id}`

/**
 * Makes sure that whatever was sealed in this database can be opened, before anything is answered or sealed: every key
 * that was ever used here must be there and open its canary. Then the key that seals from now on is written down.
 *
 * @throws Error that names the key that is missing
 */
export async function checkKeys(db: Database, keyring: Keyring): Promise<void> {
  const recorded = await db.reviewed<{ id: string; check_sealed: Buffer }>(
    'list_encryption_keys',
    'select id, check_sealed from encryption_keys order by id',
    []
  )
  for (const { id, check_sealed } of recorded) {
    if (!keyring.has(id)) {
      throw new Error(
        `ENCRYPTION_KEYS lacks the key ${id}, which has sealed data in this database. Add it behind the first one.`
      )
    }
    if (!opens(keyring, check_sealed, id)) {
      throw new Error(
        `ENCRYPTION_KEYS has another key than the one called ${id} that has sealed data in this database.`
      )
    }
  }
  if (recorded.some(({ id }) => id === keyring.current)) return
  await db.reviewed(
    'record_encryption_key',
    'insert into encryption_keys (id, check_sealed) values ($1, $2) on conflict do nothing',
    [keyring.current, keyring.seal(canary, contextOf(keyring.current))]
  )
}

function opens(keyring: Keyring, sealed: Buffer, id: string): boolean {
  try {
    return keyring.open(sealed, contextOf(id)).toString() === canary
  } catch {
    return false
  }
}
