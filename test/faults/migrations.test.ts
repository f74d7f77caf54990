import { randomBytes } from 'node:crypto'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import t, { type Test } from 'tap'
import { migrateDatabase } from '../../src/database/migrate.ts'
import { onlyOnLinux, run, startPostgres, until } from '../support/process.ts'
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

const [organization, group, staff] = ['1', '2', '3'].map(digit => `${digit.repeat(8)}-0000-4000-8000-000000000000`)

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
const words = [
  { word: 'anchor', reach: organization, is_private: false },
  { word: 'basket', reach: group, is_private: false },
  { word: 'candle', reach: staff, is_private: true }
]

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
    ['empty', ''],
    ['with cards', cards]
  ] as const) {
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
        if (journal.entries[idx].tag === '0003_toolbox') await connected(superuserUrl, client => client.query(data))
      }
      const { rows } = await connected(superuserUrl, client =>
        client.query('select word, reach, is_private from strategy_words order by word')
      )
      t.same(rows, data === '' ? [] : words)
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
