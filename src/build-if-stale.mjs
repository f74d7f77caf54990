/**
 * Imported before the service: builds when a source is newer than the build, so that starting is quick and never starts old code.
 * The time of dist/server.js is the mark. It is set to when the build began (an edit made during it counts), and to 1970 when the
 * compiler complained, since it writes its output all the same. Directories count too: a removed or renamed file changes theirs.
 */
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiler = join(root, 'node_modules/typescript/bin/tsc')
const built = join(root, 'dist/server.js')

const changed = path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const source = join(root, 'src')
const entries = readdirSync(source, { recursive: true }).map(path => join(source, path))
const sources = [source, ...entries, join(root, 'tsconfig.json'), join(root, 'package.json')]

if (sources.some(path => changed(path) > changed(built))) {
  const failed = existsSync(compiler) ? await build() : 0
  if (failed !== 0) process.exit(failed)
  if (!existsSync(built)) {
    console.error('There is no build (dist/server.js) and no TypeScript to make one: run `npm ci` without --omit=dev.')
    process.exit(1)
  }
}

/** The compiler's complaints go to stderr: stdout belongs to the service's log. */
async function build() {
  const { spawnSync } = await import('node:child_process') // costs a fresh start 10 ms when imported above
  const began = new Date()
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'src'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (existsSync(built)) utimesSync(built, began, status === 0 ? began : new Date(0))
  return status ?? 1
}
