import { randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import t, { type Test } from 'tap'
import { newAdministratorKey } from '../../src/access/new-administrator-key.ts'
import { Keyring } from '../../src/database/keyring.ts'
import { migrateDatabase } from '../../src/database/migrate.ts'
import { startApp } from '../support/app.ts'
import { newKey, onlyOnLinux, run, startPostgres, until } from '../support/process.ts'
import { root } from '../support/root.ts'

t.setTimeout(180_000)

const migrationsFolder = join(root, 'migrations')
const { TEST_OWNER_URL = '', TEST_SUPERUSER_URL = '' } = process.env

interface Cluster {
  /** Of a user with LOGIN and CREATEROLE and no more. */
  ownerUrl: string
  superuserUrl: string
}

const connected = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** An empty database of that user, who did not make the cluster's roles unless nobody has yet. */
async function emptyDatabase(t: Test, { ownerUrl, superuserUrl }: Cluster) {
  const [owner, superuser] = [new URL(ownerUrl), new URL(superuserUrl)]
  const name = `test_${randomBytes(8).toString('hex')}`
  await connected(superuserUrl, client => client.query(`create database ${name} owner ${owner.username}`))
  t.teardown(() => connected(superuserUrl, client => client.query(`drop database if exists ${name} with (force)`)))
  owner.pathname = superuser.pathname = `/${name}`
  return { url: owner.href, superuserUrl: superuser.href }
}

/** What a migration leaves: how many were applied, and the tables, policies and functions that are there. */
const state = (url: string) =>
  connected(url, async client => ({
    applied: (await client.query('select count(*)::int as count from schema_migrations')).rows[0].count,
    tables: (await client.query("select count(*)::int as count from pg_tables where schemaname = 'public'")).rows[0]
      .count,
    policies: (await client.query('select count(*)::int as count from pg_policies')).rows[0].count
  }))

const [organization, group, staff, ana, ben, byStaff, byKey, other, corrector] = [
  '1',
  '2',
  '3',
  '4',
  '5',
  '6',
  '7',
  '8',
  '9'
].map(digit => `${digit.repeat(8)}-0000-4000-8000-000000000000`)

/** Cards as they were before their words knew whom they reach. */
const cards = `
  insert into organizations (id, name, slug, time_zone, language, settings, index_key_sealed)
  values ('${organization}', 'Old', 'old', 'UTC', 'en', '{}', '\\x00');
  insert into groups (organization_id, id, name, slug, topics, access, format, mode, languages, accessibility, audience, status,
    visibility, time_zone, search_text, name_key)
  values ('${organization}', '${group}', 'G', 'g', '{}', 'open', 'ongoing', 'online', '{}', '{}', '{}', 'active', 'listed', 'UTC', 'g', 'g');
  insert into staff (organization_id, id, display_name, role) values ('${organization}', '${staff}', 'S', 'facilitator');
  insert into strategies (organization_id, id, title, steps, where_usable, topics, language, links, contributor_kind, contributor_nickname,
    visibility, status, flags, group_id, created_by_staff_id)
  select '${organization}', gen_random_uuid(), title, '{}', '{}', '{}', 'en', '[]', 'nickname', 'N', visibility, status, '{}',
    case visibility when 'group' then '${group}'::uuid end, '${staff}'
  from (values ('Anchor', 'organization', 'published'), ('Basket', 'group', 'published'), ('Candle', 'private', 'published'),
    ('Dragon', 'group', 'draft')) c (title, visibility, status);
  insert into strategy_words values ('${organization}', 'anchor')`
/** Sheets as they were while each row had room for a note: one that a member of staff had put, one that a key had. */
const sheets = `
  insert into staff (organization_id, id, display_name, role) values ('${organization}', '${corrector}', 'T', 'facilitator');
  insert into people (organization_id, id, display_name, name_key)
  values ('${organization}', '${ana}', 'Ana', 'ana'), ('${organization}', '${ben}', 'Ben', 'ben');
  insert into group_facilitators (organization_id, id, group_id, staff_id, role, starts_at)
  values ('${organization}', gen_random_uuid(), '${group}', '${staff}', 'facilitator', '2026-01-01');
  insert into api_keys (organization_id, id, name, secret_hash, scopes)
  values ('${organization}', '${byKey}', 'Clinic', sha256('key'), '{attendance:write}');
  insert into sessions (organization_id, id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone, outcome,
    sheet_version, submitted_at, submitted_by_key, submitted_by_staff, locks_at)
  select '${organization}', id::uuid, '${group}', '2026-11-02 19:00Z', '2026-11-02 20:00Z', 60, '2026-11-02', '19:00', 'UTC', 'held', 1,
    '2026-11-02 20:05:00.123Z', '${byKey}', by::uuid, '2026-11-09 20:05Z'
  from (values ('${byStaff}', '${staff}'), ('${byKey}', null)) s (id, by);
  update sessions set sheet_version = 4, submitted_by_staff = '${corrector}', submitted_at = '2026-11-03 08:00Z' where id = '${byStaff}';
  insert into attendance_versions (organization_id, session_id, version, submitted_at, submitted_by_staff, anonymous_count, rows)
  select '${organization}', '${byStaff}', version, at::timestamptz, by::uuid, version,
    jsonb_build_array(jsonb_build_object('person_id', '${ana}', 'note', note))
  from (values (1, '2026-11-02 20:00Z', '${corrector}', 'Rang: the bus.'), (2, '2026-11-02 20:01Z', '${corrector}', 'Rang.'),
    (3, '2026-11-02 20:05:00.123Z', '${staff}', 'Rang: the bus.'), (4, '2026-11-03 08:00Z', '${corrector}', 'Rang: the bus.')
  ) v (version, at, by, note);
  insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, display_name, status, expected,
    note)
  select s.organization_id, gen_random_uuid(), s.id, s.group_id, s.starts_at, r.position, r.kind, r.person_id::uuid, r.display_name, r.status,
    r.expected, r.note
  from sessions s, (values (0, 'roster', '${ana}', null, 'excused', 'yes', 'Rang: the bus.'), (0, 'walk_in', '${ben}', null, 'present', null, null),
    (1, 'walk_in', null, 'Li', 'present', null, 'A name only.')) r (position, kind, person_id, display_name, status, expected, note);
  insert into organizations (id, name, slug, time_zone, language, settings, index_key_sealed)
  values ('${other}', 'Other', 'other', 'UTC', 'en', '{}', '\\x00');
  insert into groups (organization_id, id, name, slug, topics, access, format, mode, languages, accessibility, audience, status,
    visibility, time_zone, search_text, name_key)
  select '${other}', id, name, slug, topics, access, format, mode, languages, accessibility, audience, status, visibility, time_zone,
    search_text, name_key from groups;
  insert into people (organization_id, id, display_name, name_key) values ('${other}', '${ana}', 'Another Ana', 'another ana');
  insert into sessions (organization_id, id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone, outcome,
    sheet_version, submitted_at, locks_at)
  select '${other}', id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone, outcome, sheet_version,
    submitted_at, locks_at from sessions where id = '${byKey}';
  insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, status, note)
  select '${other}', gen_random_uuid(), id, group_id, starts_at, 0, 'walk_in', '${ana}', 'present', 'Of another organization.'
  from sessions where organization_id = '${other}'`
const words = [
  { word: 'anchor', reach: organization, is_private: false },
  { word: 'basket', reach: group, is_private: false },
  { word: 'candle', reach: staff, is_private: true }
]

/** What was on the sheets, as it is read now; and that it is sealed once it is written again. */
async function readNotes(t: Test, { url, superuserUrl }: { url: string; superuserUrl: string }) {
  const service = await startApp(t, {}, { url, superuserUrl, keyring: new Keyring([newKey()]) })
  const admin = service.client(await newAdministratorKey(service.app.db, organization!), organization!)
  const made = await admin.post('/v1/api-keys', { name: 'S', staff_id: staff })
  const facilitator = service.client(made.data.secret, organization!)
  const at = '2026-11-02T20:05:00.123Z'
  const about = {
    person_id: ana,
    display_name: 'Ana',
    text: 'Rang: the bus.',
    version: 1,
    created_at: at,
    updated_at: at
  }
  const notesOf = async (session_id: string) => {
    const reply = await facilitator.get(`/v1/sessions/${session_id}/attendance/notes`)
    t.same((await admin.get(`/v1/sessions/${session_id}/attendance/notes`)).data, reply.data)
    return reply.data.data
  }
  const [theirs, ...more] = await notesOf(byStaff!)
  t.same(theirs, { id: theirs.id, session_id: byStaff, ...about, written_by: { staff_id: staff, display_name: 'S' } })
  const [keys, ...others] = await notesOf(byKey!)
  t.same(keys, { id: keys.id, session_id: byKey, ...about })
  t.same([...more, ...others], [], 'nor was anything noted about anybody else on record')
  for (const { id } of [theirs, keys])
    t.match(
      id,
      new RegExp(
        `^${(+new Date(at))
          .toString(16)
          .padStart(12, '0')
          .replace(/(.{8})/, '$1-')}-7`
      )
    )
  t.same(await service.look('select text_plain from attendance_notes where organization_id = $1', [other]), [
    { text_plain: 'Of another organization.' }
  ])
  t.notMatch((await admin.get(`/v1/sessions/${byStaff}/attendance`)).body, /note|Rang/)

  const put = (session_id: string) =>
    facilitator.put(`/v1/sessions/${session_id}/attendance/notes/${ana}`, { text: 'Rang: the bus.' })
  t.same((await put(byStaff!)).data, theirs, 'their own, as it was')
  t.same(await service.look('select text_plain from attendance_notes where id = $1', [theirs.id]), [
    { text_plain: null }
  ])
  t.not((await put(byKey!)).data.id, keys.id)
  t.equal((await notesOf(byKey!)).length, 2)

  // An instance of the release before goes on for a while.
  const written = (session: string, person: string, note: string) =>
    service.look('update attendance set note = $3 where session_id = $1 and person_id = $2', [session, person, note])
  const plain = async (session: string) =>
    (
      await service.look(
        'select note from attendance where organization_id = $1 and session_id = $2 and note is not null and person_id is not null',
        [organization, session]
      )
    ).map(row => row.note)
  await written(byStaff!, ben!, 'Written meanwhile.')
  const meanwhile = (await notesOf(byStaff!)).at(-1)
  t.match(meanwhile, { person_id: ben, text: 'Written meanwhile.', written_by: { display_name: 'T' }, version: 1 })
  await written(byStaff!, ben!, 'Written again.')
  t.match((await notesOf(byStaff!)).at(-1), { id: meanwhile.id, text: 'Written again.', version: 2 })
  t.same(await plain(byStaff!), ['Written again.'], 'what was written anew by this release is not there any more')
  await facilitator.delete(`/v1/sessions/${byKey}/attendance/notes/${ana}`)
  t.equal((await notesOf(byKey!)).length, 1, 'a facilitator removes their own')
  t.equal((await admin.delete(`/v1/sessions/${byKey}/attendance/notes/${ana}`)).statusCode, 204)
  t.same(await notesOf(byKey!), [], 'and a coordinator what is nobody’s')
  t.same(await plain(byKey!), [])
}

async function tryAll(t: Test, cluster: Cluster) {
  await t.test('the user has CREATEROLE and no more', async t => {
    const [role] = await connected(
      cluster.ownerUrl,
      async client =>
        (
          await client.query(
            'select rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication from pg_roles where rolname = current_user'
          )
        ).rows
    )
    t.same(role, {
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: true,
      rolbypassrls: false,
      rolreplication: false
    })
  })

  await t.test('three that start together', async t => {
    const { url } = await emptyDatabase(t, cluster)
    const programs = await Promise.all([1, 2, 3].map(() => run(t, 'migrate', { DATABASE_URL: url })))
    t.same(
      await Promise.all(programs.map(({ ended }) => ended)),
      [0, 0, 0],
      programs.map(({ said }) => said.err).join('')
    )
    const told = programs.map(({ said }) => said.err.trim()).sort()
    t.match(
      told,
      [
        /^The database is up to date: \d+ migrations? applied\.$/,
        'The database was up to date.',
        'The database was up to date.'
      ],
      'one does it'
    )
    const after = await state(url)
    t.ok(after.applied >= 2 && after.tables > 10 && after.policies > 10)

    t.equal(await migrateDatabase(url), 0, 'again: nothing to do')
    t.same(await state(url), after)
  })

  for (const [what, data] of [
    ['empty', {}],
    ['with cards, and notes on sheets', { '0003_toolbox': cards, '0008_roster': sheets }]
  ] as [string, Record<string, string>][]) {
    await t.test(`one after the other, as releases come: ${what}`, async t => {
      const { url, superuserUrl } = await emptyDatabase(t, cluster)
      const journal = JSON.parse(readFileSync(join(migrationsFolder, 'meta/_journal.json'), 'utf8'))
      for (const { idx } of journal.entries) {
        const folder = t.testdir({
          meta: { '_journal.json': JSON.stringify({ ...journal, entries: journal.entries.slice(0, idx + 1) }) }
        })
        for (const { tag } of journal.entries.slice(0, idx + 1)) {
          copyFileSync(join(migrationsFolder, `${tag}.sql`), join(folder, `${tag}.sql`))
        }
        t.equal(await migrateDatabase(url, folder), 1, journal.entries[idx].tag)
        const rows = data[journal.entries[idx].tag]
        if (rows !== undefined) await connected(superuserUrl, client => client.query(rows))
      }
      const { rows } = await connected(superuserUrl, client =>
        client.query('select word, reach, is_private from strategy_words order by word')
      )
      const isEmpty = Object.keys(data).length === 0
      t.same(rows, isEmpty ? [] : words)
      if (!isEmpty) await t.test('notes on sheets are a store of their own', t => readNotes(t, { url, superuserUrl }))
    })
  }

  await t.test('kill -9 in the middle', async t => {
    const { url, superuserUrl } = await emptyDatabase(t, cluster)
    // Every command takes a while, so that there is a middle.
    await connected(superuserUrl, client =>
      client.query(`create function dawdle() returns event_trigger language plpgsql as $$ begin perform pg_sleep(0.05); end $$;
        create event trigger dawdle on ddl_command_end execute function dawdle()`)
    )
    const { child, ended } = await run(t, 'migrate', { DATABASE_URL: url })
    await connected(superuserUrl, async client => {
      const busy = async () =>
        (
          await client.query(
            `select 1 from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper migrate' and wait_event = 'PgSleep'`
          )
        ).rowCount
      await until(busy)
      await delay(300)
      // Between two commands it does not dawdle: the next moment that it does is still the middle.
      await until(busy)
      child.kill('SIGKILL')
      t.equal(await ended, 'SIGKILL')
      t.same(
        (await client.query("select to_regclass('groups') as there")).rows,
        [{ there: null }],
        'nothing of it is to be seen'
      )
      await client.query('drop event trigger dawdle')
    })
    t.ok((await migrateDatabase(url)) >= 2, 'the next one does all of it')
    t.equal(await migrateDatabase(url), 0)
  })

  await t.test('control: without the lock, some of those that start together crash', async t => {
    for (let round = 1; ; round++) {
      const { url } = await emptyDatabase(t, cluster)
      const outcomes = await Promise.allSettled(
        [1, 2, 3].map(() =>
          connected(url, client =>
            migrate(drizzle({ client }), {
              migrationsFolder,
              migrationsSchema: 'public',
              migrationsTable: 'schema_migrations'
            })
          )
        )
      )
      const crashed = outcomes.filter(({ status }) => status === 'rejected').length
      if (crashed > 0) return t.pass(`${crashed} of 3, in round ${round}`)
      if (round === 4) return t.fail('four rounds without a crash')
    }
  })
}

t.test('on the cluster of the tests', t => tryAll(t, { ownerUrl: TEST_OWNER_URL, superuserUrl: TEST_SUPERUSER_URL }))

t.test('on an embedded server that nobody has used before', onlyOnLinux, async t => {
  const postgres = await startPostgres(t)
  await tryAll(t, { ownerUrl: postgres.url, superuserUrl: postgres.superuserUrl })
})
