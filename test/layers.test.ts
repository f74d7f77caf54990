import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { root } from './support/root.ts'

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(
  file => file.endsWith('.ts') && !file.endsWith('.d.ts')
)

/**
 * Rooms in the order in which they hang: each may look towards those before it. `changes` keeps what every room records:
 * its one table hangs from organizations, all else in it knows no room.
 */
const rooms = [
  'changes',
  'organizations',
  'access',
  'people',
  'groups',
  'facilitators',
  'memberships',
  'schedule',
  'sessions',
  'notes',
  'sync',
  'handover',
  'imports',
  'strategies',
  'toolbox'
]
const floor = ['http', 'database', 'clock']
const processes = ['server.ts', 'migrate.ts', 'organization.ts', 'wall-clock.ts']
/** Starts a process of its own, and hands it the few variables that it needs. */
const startsProcesses = ['database/embedded.ts']

interface Import {
  from: string
  /** A path inside src, or a package. */
  to: string
  typeOnly: boolean
}
const imports: Import[] = files.flatMap(from =>
  [...readFileSync(join(src, from), 'utf8').matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from '([^']+)'/gm)].map(
    ([, type, to]) => ({
      from,
      to: to!.startsWith('.') ? normalize(join(dirname(from), to!)) : to!,
      typeOnly: type !== undefined
    })
  )
)
const roomOf = (file: string) => (file.includes('/') ? file.split('/')[0]! : '')
const named = (file: string) => file.split('/').at(-1)!

t.test('knowledge goes in one direction', async t => {
  const found = (wrong: (edge: Import) => boolean) => imports.filter(wrong).map(({ from, to }) => `${from} → ${to}`)

  t.same(
    files.filter(file => {
      const uses = (name: string) =>
        imports.some(
          ({ from, to, typeOnly }) => from === file && !typeOnly && (to === name || to.startsWith(`${name}/`))
        )
      return uses('fastify') && uses('drizzle-orm')
    }),
    [],
    'a file knows HTTP or it knows SQL'
  )
  t.same(
    found(({ from, to, typeOnly }) => floor.includes(roomOf(from)) && rooms.includes(roomOf(to)) && !typeOnly),
    [],
    'the floor knows no room'
  )
  t.same(
    found(
      ({ from, to, typeOnly }) =>
        rooms.includes(roomOf(from)) &&
        rooms.includes(roomOf(to)) &&
        !typeOnly &&
        rooms.indexOf(roomOf(to)) > rooms.indexOf(roomOf(from)) &&
        from !== 'changes/tables.ts'
    ),
    [],
    'a room does not know what hangs from it'
  )
  t.same(
    found(({ from, to }) => named(to).endsWith('routes.ts') && from !== 'app.ts' && roomOf(from) !== roomOf(to)),
    [],
    'nobody but the app knows a room’s routes'
  )
  t.same(
    found(
      ({ from, to }) =>
        (named(from) === 'schemas.ts' && named(to) === 'tables.ts') ||
        (named(from) === 'tables.ts' && named(to) === 'schemas.ts')
    ),
    [],
    'the contract and the tables do not know one another'
  )
  t.same(
    found(({ from, to }) => to === 'app.ts' && !processes.includes(from)),
    [],
    'only processes build the app'
  )
  t.same(
    found(({ from, to }) => from === 'problems.ts' && !to.startsWith('node:')),
    [],
    'problems.ts knows nobody'
  )
  t.same(
    files.filter(
      file =>
        ![...processes, ...startsProcesses].includes(file) && /process\.env/.test(readFileSync(join(src, file), 'utf8'))
    ),
    [],
    'the environment is read by the processes'
  )
})
