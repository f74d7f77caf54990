/**
 * Imported before the service: builds when a source is newer than the build, so that starting is quick and never starts old code.
 * The time of dist/server.js is the mark. Directories count too: a removed or renamed file changes theirs.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const built = join(root, 'dist/server.js')

const changed = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const source = join(root, 'src')
const entries = readdirSync(source, { recursive: true }).map(path => join(source, path))
const sources = [source, ...entries, join(root, 'tsconfig.json'), join(root, 'package.json')]

if (sources.some(path => changed(path) > changed(built))) {
  if (existsSync(join(root, 'node_modules/esbuild'))) await import('./build.mjs')
  else if (!existsSync(built)) {
    console.error('There is no build (dist/server.js) and no esbuild to make one: run `npm ci` without --omit=dev.')
    process.exit(1)
  }
}
