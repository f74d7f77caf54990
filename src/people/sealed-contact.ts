import { decrypt, encrypt, hmac, type Keyring, newSecret } from '../database/keyring.ts'
import { conflict, type Problem } from '../problems.ts'
import { type Contact, normalEmail, normalPhone } from './contact.ts'

/** What it takes to seal contact details, and to tell the operator when some do not open. */
export interface Vault {
  keyring: Keyring
  log: { error(ids: Record<string, string>, message: string): void }
}

/** The columns that hold contact details; all null: there are none, and no key is left that could open old copies. */
export interface SealedContact {
  contact_sealed: Buffer | null
  contact_key_sealed: Buffer | null
}

interface Whose {
  organization_id: string
  person_id: string
}

const keyContext = ({ organization_id, person_id }: Whose) => `${organization_id}|people|${person_id}|contact_key`
const contactContext = ({ organization_id, person_id }: Whose) => `${organization_id}|people|${person_id}|contact`

/**
 * Seals contact details with the person's own key, which keeps its place beside them, sealed with the first master key.
 * Who never had one gets a new key.
 *
 * @throws Problem 409 `integrity_error` where the key there is does not open
 */
export function sealContact(vault: Vault, whose: Whose, contact: Contact | null, before?: SealedContact) {
  if (contact === null) return { contact_sealed: null, contact_key_sealed: null }
  const key = before?.contact_key_sealed ? openKey(vault, whose, before.contact_key_sealed) : newSecret()
  return {
    contact_sealed: encrypt(key, JSON.stringify(contact), contactContext(whose)),
    contact_key_sealed: vault.keyring.seal(key, keyContext(whose))
  }
}

/** @throws Problem 409 `integrity_error` where it was changed, or belongs to somebody else */
export function openContact(vault: Vault, whose: Whose, sealed: SealedContact): Contact | null {
  const { contact_sealed, contact_key_sealed } = sealed
  if (contact_sealed === null && contact_key_sealed === null) return null
  if (contact_sealed === null || contact_key_sealed === null) throw doesNotOpen(vault, whose)
  const key = openKey(vault, whose, contact_key_sealed)
  try {
    return JSON.parse(decrypt(key, contact_sealed, contactContext(whose)).toString())
  } catch {
    throw doesNotOpen(vault, whose)
  }
}

function openKey(vault: Vault, whose: Whose, sealed: Buffer): Buffer {
  try {
    return vault.keyring.open(sealed, keyContext(whose))
  } catch {
    throw doesNotOpen(vault, whose)
  }
}

function doesNotOpen({ log }: Vault, { person_id }: Whose): Problem {
  log.error({ person_id }, 'contact details do not open')
  return integrityError()
}

const integrityError = () =>
  conflict('integrity_error', 'What is kept here does not open with the keys of this service. It has been noted.')

/** Organizations whose index key is kept open. */
const mostOpened = 1000
const opened = new WeakMap<Keyring, Map<string, Buffer>>()

/**
 * The key of an organization's blind indexes, opened once and then remembered: it never changes.
 *
 * @throws Problem 409 `integrity_error`
 */
export async function indexKeyOf(
  { keyring, log }: Vault,
  organization_id: string,
  find: () => Promise<{ index_key_sealed: Buffer }[]>
): Promise<Buffer> {
  const known = opened.get(keyring) ?? new Map<string, Buffer>()
  opened.set(keyring, known)
  let key = known.get(organization_id)
  if (key === undefined) {
    const [row] = await find()
    try {
      key = keyring.open(row!.index_key_sealed, `${organization_id}|organizations|index_key`)
    } catch {
      log.error({ organization_id }, 'the index key does not open')
      throw integrityError()
    }
    if (known.size >= mostOpened) known.clear()
    known.set(organization_id, key)
  }
  return key
}

/** Blind indexes: equal values have equal ones, and nobody without the key can tell or guess which. */
export const emailIndex = (indexKey: Buffer, email: string): Buffer => hmac(indexKey, `email:${normalEmail(email)}`)
export const phoneIndex = (indexKey: Buffer, phone: string): Buffer => hmac(indexKey, `phone:${normalPhone(phone)}`)
