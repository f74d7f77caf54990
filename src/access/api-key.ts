import { createHash, randomBytes } from 'node:crypto'

/** `ck_live_` and 190 to 762 bits, base 62. */
export const apiKeyPattern = '^ck_live_[A-Za-z0-9]{32,128}$'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A new secret: a prefix that tells what it opens, and 43 random characters, 256 bits. */
export function newSecretText(prefix: string): string {
  let text = ''
  while (text.length < 43) {
    // 248 is the largest multiple of 62 in a byte: beyond it some letters would be likelier than others.
    for (const byte of randomBytes(64)) if (byte < 248 && text.length < 43) text += alphabet[byte % 62]
  }
  return prefix + text
}

export const newApiKey = (): string => newSecretText('ck_live_')

/** What is kept of a key. */
export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
