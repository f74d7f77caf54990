import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'

interface MasterKey {
  id: string
  secret: Buffer
}

/** What it takes to seal and to open, and to tell the operator when something does not open. */
export interface Vault {
  keyring: Keyring
  log: { error(ids: Record<string, string>, message: string): void }
}

/** The vault of a request. */
export const vaultOf = ({ server, log }: { server: { keyring: Keyring }; log: Vault['log'] }): Vault => ({
  keyring: server.keyring,
  log
})

const version = 1

/**
 * The master keys. The first seals, all of them open (so that a new one can be put in front of an old one).
 * Sealed bytes: version (1), key id (4), nonce (12), tag (16), AES-256-GCM ciphertext. The context (organization, table,
 * row, column) is authenticated, so that what is sealed for one place opens in no other.
 */
export class Keyring {
  readonly #keys: MasterKey[]

  /** @param secrets 32 bytes each */
  constructor(secrets: Buffer[]) {
    this.#keys = secrets.map(secret => ({
      id: createHash('sha256').update('circlekeeper key id').update(secret).digest('hex').slice(0, 8),
      secret
    }))
  }

  /** Fingerprint of the key that seals, 8 hex digits. */
  get current(): string {
    return this.#keys[0]!.id
  }

  has(id: string): boolean {
    return this.#keys.some(key => key.id === id)
  }

  seal(plain: Buffer | string, context: string): Buffer {
    const { id, secret } = this.#keys[0]!
    return Buffer.concat([Buffer.from([version]), Buffer.from(id, 'hex'), encrypt(secret, plain, context)])
  }

  /** @throws Error where the key is missing, the context differs or the bytes were changed. */
  open(sealed: Buffer, context: string): Buffer {
    const id = sealed.subarray(1, 5).toString('hex')
    const key = this.#keys.find(key => key.id === id)
    if (sealed[0] !== version || key === undefined) throw new Error(`No encryption key ${id}`)
    return decrypt(key.secret, sealed.subarray(5), context)
  }

  /** Fingerprint of the key that sealed it. */
  sealedBy(sealed: Buffer): string {
    return sealed.subarray(1, 5).toString('hex')
  }

  /** HMAC-SHA-256 under a key derived for this purpose, with the first master key. */
  sign(purpose: string, text: string): Buffer {
    return hmac(derive(this.#keys[0]!.secret, purpose), text)
  }

  /** Whether any of the master keys made this signature (cut to its own length). */
  verify(purpose: string, text: string, signature: Buffer): boolean {
    return this.#keys.some(({ secret }) =>
      equal(hmac(derive(secret, purpose), text).subarray(0, signature.length), signature)
    )
  }
}

const derived = new WeakMap<Buffer, Map<string, Buffer>>()

function derive(secret: Buffer, purpose: string): Buffer {
  const known = derived.get(secret) ?? new Map<string, Buffer>()
  derived.set(secret, known)
  let key = known.get(purpose)
  if (key === undefined) {
    key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32))
    known.set(purpose, key)
  }
  return key
}

export const newSecret = (): Buffer => randomBytes(32)

export const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const equal = (a: Buffer, b: Buffer): boolean => {
  let difference = a.length ^ b.length
  for (let index = 0; index < a.length; index++) difference |= a[index]! ^ (b[index] ?? 0)
  return difference === 0
}

/** Nonce (12), tag (16), ciphertext. */
export function encrypt(key: Buffer, plain: Buffer | string, context: string): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const text = Buffer.concat([cipher.update(plain as string), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), text])
}

/** @throws Error where the key or the context differs, or the bytes were changed. */
export function decrypt(key: Buffer, sealed: Buffer, context: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
    .setAAD(Buffer.from(context))
    .setAuthTag(sealed.subarray(12, 28))
  return Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()])
}
