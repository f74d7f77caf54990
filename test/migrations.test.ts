import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import t from 'tap'
import * as access from '../src/access/tables.ts'
import * as changes from '../src/changes/tables.ts'
import * as facilitators from '../src/facilitators/tables.ts'
import * as groups from '../src/groups/tables.ts'
import * as memberships from '../src/memberships/tables.ts'
import * as notes from '../src/notes/tables.ts'
import * as organizations from '../src/organizations/tables.ts'
import * as people from '../src/people/tables.ts'
import * as schedule from '../src/schedule/tables.ts'
import * as sessions from '../src/sessions/tables.ts'
import * as strategies from '../src/strategies/tables.ts'
import * as toolbox from '../src/toolbox/tables.ts'
import { root } from './support/root.ts'

t.test('the tables in the code are those of the migrations', async t => {
  const journal = JSON.parse(readFileSync(join(root, 'migrations/meta/_journal.json'), 'utf8'))
  const newest = String(journal.entries.at(-1).idx).padStart(4, '0')
  const snapshot = JSON.parse(readFileSync(join(root, `migrations/meta/${newest}_snapshot.json`), 'utf8'))
  const tables = {
    ...access,
    ...changes,
    ...facilitators,
    ...groups,
    ...memberships,
    ...notes,
    ...organizations,
    ...people,
    ...schedule,
    ...sessions,
    ...strategies,
    ...toolbox
  }
  t.same(
    await generateMigration(snapshot, generateDrizzleJson(tables)),
    [],
    'npx drizzle-kit generate would make a migration'
  )
})
