import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

let directory = dirname(fileURLToPath(import.meta.url))
while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)

/** The checkout. Tests run compiled, in `.tap/tree`: what is not code is found from here. */
export const root = directory
