import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'

/**
 * The encryption keys that an embedded service keeps beside its data: base64, one a line, in a file that only its own user
 * can read. They live and are lost with the data, and belong in every backup of it.
 *
 * Without the file, one key is made first: on the disk before anything is sealed with it, and whole or not at all,
 * however many processes do this at once.
 *
 * @throws Error where the file holds something else
 */
export function readOrMakeKeys(directory: string): string[] {
  const file = join(directory, 'encryption-keys')
  if (!fs.existsSync(file)) makeKeyFile(file)
  return readKeys(file)
}

/** The same, but none where there is no file. */
export function readKeysIfThere(directory: string): string[] {
  const file = join(directory, 'encryption-keys')
  return fs.existsSync(file) ? readKeys(file) : []
}

function readKeys(file: string): string[] {
  const keys = fs.readFileSync(file, 'utf8').split(/\s+/).filter(Boolean)
  if (keys.length === 0 || !keys.every(key => /^[A-Za-z0-9+/]{43}=$/.test(key))) {
    throw new Error(`${file} must hold encryption keys, 32 bytes each in base64, one a line.`)
  }
  return keys
}

function makeKeyFile(file: string) {
  const draft = `${file}~${randomBytes(8).toString('hex')}`
  fs.writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true })
  try {
    // Unlike a rename, a link leaves the file of whoever was quicker alone.
    fs.linkSync(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    fs.rmSync(draft)
  }
  syncDirectory(join(file, '..'))
}

/** A file is there after a power cut when its directory says so. Windows cannot open directories, and need not. */
function syncDirectory(directory: string) {
  if (process.platform === 'win32') return
  const handle = fs.openSync(directory, 'r')
  fs.fsyncSync(handle)
  fs.closeSync(handle)
}
