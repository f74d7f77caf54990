import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newApiKey } from '../src/access/api-key.ts'
import { defaults, Settings } from '../src/config.ts'
import { cloneDatabase } from './support/database.ts'
import { root } from './support/root.ts'

const readme = readFileSync(join(root, 'README.md'), 'utf8')

t.test('the README lists every setting, with its default', async t => {
  const rows = [...readme.matchAll(/^\| *`([A-Z_]+)` *\| *(?:`([^`]*)`)? *\|/gm)].map(([, name, value]) => [
    name,
    value ?? ''
  ])
  t.same(
    rows.sort(),
    Object.keys(Settings.properties)
      .map(name => [name, defaults[name] ?? ''])
      .sort()
  )
})

t.test('the short tour of the README does what it says', async t => {
  const database = await cloneDatabase()
  const key = newApiKey()
  const server = spawn(process.execPath, ['dist/server.js'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
      BOOTSTRAP_ORGANIZATION: 'Tour',
      BOOTSTRAP_API_KEY: key
    },
    stdio: ['ignore', 'ignore', 'pipe']
  })
  t.teardown(async () => {
    server.kill('SIGKILL')
    await database.drop()
  })
  let said = ''
  for await (const text of server.stderr) {
    said += text
    if (said.includes('OpenAPI')) break
  }
  const base = /^API (.*)$/m.exec(said)![1]!

  const tour = /### A short tour[\s\S]*?```sh\n([\s\S]*?)```/.exec(readme)![1]!
  const script = tour.replace('ck_live_…', key).replaceAll('http://127.0.0.1:3000', base)
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: root,
    env: { PATH: process.env.PATH }
  })
  let out = ''
  let err = ''
  shell.stdout.on('data', text => (out += text))
  shell.stderr.on('data', text => (err += text))
  const [code] = await once(shell, 'close')
  t.equal(code, 0, err)

  // The answers follow one another without a break between them.
  const answers = out.split(/(?<=\})(?=\{)/).map(text => JSON.parse(text))
  t.match(answers, [
    { display_name: 'Robin', left_on: null },
    { rrule: 'FREQ=WEEKLY', start_time: '19:00' },
    { version: 0, roster: [{ display_name: 'Robin', status: 'not_recorded' }] },
    {
      version: 1,
      roster: [{ display_name: 'Robin', status: 'present', first_time: true }],
      walk_ins: [{ person_id: null, display_name: 'Ana' }],
      anonymous_count: 3
    },
    { results: [{ status: 200, outcome: 'stored', version: 2 }] },
    { groups: [{}], memberships: [{ display_name: 'Robin' }], sheets: [{ version: 2 }], removed: [], has_more: false },
    { data: [{ display_name: 'Robin' }, { display_name: 'Ana', walk_in: true }] },
    { added: 40, already_there: 0 },
    { outcome: 'helped', helped_count: 1, tried_count: 1 },
    {
      corrected_q: 'lanterns',
      data: [{ title: 'Counting lanterns', helped_count: 1, highlights: [{ field: 'title' }] }]
    },
    { counts: { created: 0, updated: 0, unchanged: 41, skipped: 0 } },
    { data: [{ strategy: { title: 'Counting lanterns' } }] },
    { rrule: 'FREQ=DAILY', time: '20:30' },
    { rating: 4 },
    { data: { length: 7 } }
  ])
  const promised = /`"counts":(\{[^`]*\})`/.exec(readme)![1]!
  t.same(answers[3].counts, JSON.parse(promised))
})
