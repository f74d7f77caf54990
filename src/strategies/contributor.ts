import { createHash, hkdfSync } from 'node:crypto'
import { newSecretText } from '../access/api-key.ts'
import { decrypt, encrypt } from '../database/keyring.ts'

/**
 * An anonymous contributor is told to nobody: who it is lies sealed with a secret that is given out once, for the
 * contributor, and is kept nowhere. Neither an administrator nor whoever has the database and the master keys can open it.
 */
interface Whose {
  organization_id: string
  strategy_id: string
}

const contextOf = ({ organization_id, strategy_id }: Whose) =>
  `${organization_id}|strategies|${strategy_id}|contributor`

const keyOf = (secret: string, whose: Whose): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', contextOf(whose), 32))

/** What is kept to recognize the secret by: it tells nothing of 256 random bits. */
export const secretHashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()

/** Seals who it is (null: not even that is written down) and makes the secret that opens it. */
export function sealContributor(whose: Whose, person_id: string | null) {
  const secret = newSecretText('ck_contributor_')
  return {
    secret,
    contributor_secret_hash: secretHashOf(secret),
    contributor_sealed: person_id === null ? null : encrypt(keyOf(secret, whose), person_id, contextOf(whose))
  }
}

/** Who it is, with the right secret. @throws Error where the secret is another's, or the bytes were changed */
export const openContributor = (whose: Whose, secret: string, sealed: Buffer): string =>
  decrypt(keyOf(secret, whose), sealed, contextOf(whose)).toString()
