import pg from 'pg'
import t from 'tap'
import { assertCatalog, auditCatalog, catalogAudit, type Finding } from '../../src/database/catalog-audit.ts'
import { openDatabase } from '../../src/database/database.ts'
import { cloneDatabase } from '../support/database.ts'

const database = await cloneDatabase()
const superuser = new pg.Client({ connectionString: database.superuserUrl })
await superuser.connect()
t.teardown(async () => {
  await superuser.end()
  await database.drop()
})
const { rows: version } = await superuser.query("select current_setting('server_version_num')::int as number")
const owner = new URL(database.url).username

/** What the service sees after a mistake was made; the mistake is taken back. */
async function findingsAfter(mistake: string, role = 'circlekeeper_app'): Promise<Finding[]> {
  await superuser.query('begin')
  try {
    await superuser.query(mistake)
    if (role !== '') await superuser.query(`set local role ${role}`)
    return (await superuser.query<Finding>(catalogAudit)).rows
  } finally {
    await superuser.query('rollback')
  }
}

const policy = (using: string, check = using, table = 'people') =>
  `drop policy tenant on ${table}; create policy tenant on ${table} to circlekeeper_app using (${using}) with check (${check})`
const wall = '(organization_id = (select current_organization()))'
/** A tenant table as it must be, but for what a mistake leaves out. */
const table = (columns: string, afterwards = '') =>
  `create table cards (organization_id uuid not null references organizations, id uuid not null, ${columns}, primary key (organization_id, id));
   alter table cards owner to ${owner};
   alter table cards enable row level security; alter table cards force row level security;
   create policy tenant on cards to circlekeeper_app using ${wall} with check ${wall}; ${afterwards}`

/** A mistake that somebody could make in a migration or by hand, and everything that the audit must say of it. */
const mistakes: [rule: string, object: string, mistake: string][] = [
  [
    'context_preset',
    '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60',
    "select set_config('app.organization_id', '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60', true)"
  ],
  ['role_too_strong', 'circlekeeper_app: bypassrls', 'alter role circlekeeper_app bypassrls'],
  ['role_too_strong', 'circlekeeper_app: createrole, createdb', 'alter role circlekeeper_app createrole createdb'],
  ['role_too_strong', 'circlekeeper_app: login', 'alter role circlekeeper_app login'],
  ['role_too_strong', 'circlekeeper_functions: bypassrls', 'alter role circlekeeper_functions bypassrls'],
  ['role_is_member', 'circlekeeper_app of circlekeeper_functions', 'grant circlekeeper_functions to circlekeeper_app'],
  ['role_is_member', 'circlekeeper_app of pg_read_all_data', 'grant pg_read_all_data to circlekeeper_app'],
  [
    'role_is_member',
    'circlekeeper_functions of pg_write_all_data',
    'grant pg_write_all_data to circlekeeper_functions'
  ],
  ['role_owns', 'circlekeeper_app: table people', 'alter table people owner to circlekeeper_app'],
  [
    'role_owns',
    'circlekeeper_app: function local_date(text,timestamp with time zone)',
    'alter function local_date owner to circlekeeper_app'
  ],
  ['role_owns', 'circlekeeper_functions: table people', 'alter table people owner to circlekeeper_functions'],

  ['table_without_organization', 'cards', 'create table cards (id uuid primary key, note text)'],
  [
    'table_without_organization',
    'elsewhere.cards',
    'create schema elsewhere; create table elsewhere.cards (id uuid primary key)'
  ],
  [
    'organization_optional',
    'people',
    'alter table people drop constraint people_pkey cascade; alter table people alter organization_id drop not null'
  ],
  ['rls_off', 'people', 'alter table people disable row level security'],
  ['rls_off', 'organizations', 'alter table organizations disable row level security'],
  ['rls_not_forced', 'people', 'alter table people no force row level security'],
  ['policy_missing', 'people', 'drop policy tenant on people'],
  ['policy_missing', 'organizations', 'drop policy tenant on organizations'],
  ['policy_changed', 'people.tenant', policy('true')],
  ['policy_changed', 'people.tenant', policy(wall, 'true')],
  ['policy_changed', 'people.tenant', policy(`${wall} or true`)],
  // As good, but asked once for every row.
  ['policy_changed', 'people.tenant', policy('organization_id = current_organization()')],
  ['policy_changed', 'people.tenant', policy("organization_id = current_setting('app.organization_id')::uuid")],
  ['policy_changed', 'organizations.tenant', policy('true', 'true', 'organizations')],
  [
    'policy_changed',
    'people.tenant',
    `drop policy tenant on people; create policy tenant on people using ${wall} with check ${wall}`
  ],
  [
    'policy_changed',
    'people.tenant',
    `drop policy tenant on people; create policy tenant on people for select to circlekeeper_app using ${wall}`
  ],
  ['policy_not_reviewed', 'people.everybody', 'create policy everybody on people to circlekeeper_app using (true)'],
  [
    'policy_not_reviewed',
    'people.reviewed_functions',
    'create policy reviewed_functions on people for select to circlekeeper_functions using (true)'
  ],
  ['policy_not_reviewed', 'staff.reviewed_functions', 'alter policy reviewed_functions on staff to circlekeeper_app'],
  [
    'policy_not_reviewed',
    'staff.reviewed_purge',
    'create policy reviewed_purge on staff for delete to circlekeeper_functions using (true)'
  ],
  [
    'context_function_changed',
    'current_organization()',
    "create or replace function current_organization() returns uuid language sql stable as $$ select '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60'::uuid $$"
  ],

  ['view_without_security_invoker', 'everyone', 'create view everyone as select * from people'],
  [
    'view_without_security_invoker',
    'everyone',
    'create view everyone with (security_barrier, security_invoker = false) as select * from people'
  ],
  ['materialized_view', 'everyone', 'create materialized view everyone as select * from people'],

  ['definer_not_reviewed', 'count_people(text, integer)', definer('count_people(text, integer)')],
  ['definer_not_reviewed', 'find_api_key(bytea, integer)', definer('find_api_key(bytea, integer)')],
  ['definer_without_search_path', 'list_organizations()', 'alter function list_organizations() reset search_path'],
  [
    'definer_without_search_path',
    'list_organizations()',
    'alter function list_organizations() set search_path = public, pg_temp'
  ],
  [
    'definer_executable_by_others',
    'find_api_key(bytea) by public',
    'grant execute on function find_api_key(bytea) to public'
  ],
  [
    'definer_executable_by_others',
    `find_api_key(bytea) by ${owner}`,
    `grant execute on function find_api_key(bytea) to ${owner}`
  ],

  [
    'foreign_key_without_organization',
    'cards.cards_person',
    table(
      'person_id uuid',
      'alter table people add unique (organization_id, id, version); alter table cards add other uuid; alter table cards add version int; alter table cards add constraint cards_person foreign key (other, person_id) references people (organization_id, id)'
    )
  ],
  [
    'foreign_key_without_organization',
    'cards.cards_other',
    table('other uuid', 'alter table cards add constraint cards_other foreign key (other) references organizations')
  ],
  [
    'foreign_key_not_enforced',
    'cards.cards_person',
    table(
      'person_id uuid',
      'alter table cards add constraint cards_person foreign key (organization_id, person_id) references people not valid'
    )
  ],
  ['unique_without_organization', 'staff.staff_email_once', 'create unique index staff_email_once on staff (email)'],
  [
    'unique_without_organization',
    'staff.staff_email_once',
    'create unique index staff_email_once on staff (lower(email)) include (organization_id)'
  ],
  [
    'unique_without_organization',
    'organizations.organizations_slug',
    'create unique index organizations_slug on organizations (slug)'
  ],
  [
    'unique_without_organization',
    'staff.staff_once',
    'alter table staff add constraint staff_once exclude (display_name with =)'
  ],
  [
    'index_not_leading_with_organization',
    'sessions.sessions_by_start',
    'create index sessions_by_start on sessions (starts_at, organization_id)'
  ],
  [
    'index_not_leading_with_organization',
    'sessions.sessions_by_start',
    'create index sessions_by_start on sessions (starts_at)'
  ],
  [
    'index_not_leading_with_organization',
    'people.people_name',
    'create index people_name on people (lower(display_name), organization_id)'
  ],
  [
    'column_not_leakproof_in_index',
    'groups.groups_by_topic (topics)',
    'create index groups_by_topic on groups (organization_id, topics)'
  ],
  [
    'column_not_leakproof_in_index',
    'groups.groups_by_location (location)',
    'create index groups_by_location on groups (organization_id, location)'
  ],
  [
    'column_not_leakproof_in_index',
    'cards.cards_by_mood (mood)',
    `create type mood as enum ('low', 'high'); ${table('mood mood', 'create index cards_by_mood on cards (organization_id, mood)')}`
  ],
  [
    'column_not_leakproof_in_index',
    'cards.cards_by_weight (weight)',
    table('weight numeric', 'create index cards_by_weight on cards (organization_id, weight)')
  ],

  ['privilege_too_wide', 'TRUNCATE on people to circlekeeper_app', 'grant truncate on people to circlekeeper_app'],
  ['privilege_too_wide', 'TRIGGER on people to circlekeeper_app', 'grant trigger on people to circlekeeper_app'],
  [
    'privilege_too_wide',
    'REFERENCES on people to circlekeeper_app',
    'grant references (id) on people to circlekeeper_app'
  ],
  [
    'privilege_too_wide',
    'TRUNCATE on staff to circlekeeper_functions',
    'grant truncate on staff to circlekeeper_functions'
  ],
  ['privilege_too_wide', 'SELECT on people to public', 'grant select on people to public'],
  ...['attendance_versions', 'audit_entries', 'outbox_events'].flatMap((name): [string, string, string][] => [
    ['append_only_can_change', `UPDATE on ${name} to circlekeeper_app`, `grant update on ${name} to circlekeeper_app`],
    ['append_only_can_change', `DELETE on ${name} to circlekeeper_app`, `grant delete on ${name} to circlekeeper_app`]
  ]),
  [
    'append_only_can_change',
    'UPDATE on attendance_versions to circlekeeper_app',
    'grant update (rows) on attendance_versions to circlekeeper_app'
  ],
  ['schema_open_for_creation', 'public to public', 'grant create on schema public to public'],
  ['schema_open_for_creation', 'public to circlekeeper_app', 'grant create on schema public to circlekeeper_app'],
  [
    'schema_open_for_creation',
    'elsewhere to circlekeeper_functions',
    'create schema elsewhere; grant create on schema elsewhere to circlekeeper_functions'
  ]
]

function definer(signature: string): string {
  return `create function ${signature} returns bigint language sql security definer set search_path = pg_catalog, public
    as 'select count(*) from public.people'; alter function ${signature} owner to circlekeeper_functions;
    revoke execute on function ${signature} from public`
}

t.test('finds nothing in a database as the migrations make it, as the service sees it, and quickly', async t => {
  const db = openDatabase({
    url: database.url,
    poolSize: 1,
    connectTimeout: 5000,
    statementTimeout: 5000,
    lockTimeout: 2000,
    log: { warn() {}, error() {} }
  })
  t.teardown(() => db.close())
  t.same(await auditCatalog(db), [])
  await assertCatalog(db)
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const before = performance.now()
    await auditCatalog(db)
    times.push(performance.now() - before)
  }
  t.ok(Math.min(...times) < 300, `${Math.min(...times)} ms`)
})

t.test('finds each mistake, and nothing beside it', async t => {
  for (const [rule, object, mistake] of mistakes) t.same(await findingsAfter(mistake), [{ rule, object }], mistake)
})

t.test('finds mistakes that break several rules at once', async t => {
  t.ok(
    (await findingsAfter('alter role circlekeeper_functions rename to circlekeeper_other')).some(
      finding => finding.rule === 'role_missing' && finding.object === 'circlekeeper_functions'
    )
  )
  t.match(await findingsAfter('alter role circlekeeper_app superuser'), [
    { rule: 'database_open_for_creation' },
    { rule: 'role_too_strong', object: 'circlekeeper_app: superuser' }
  ])
  t.match(
    new Set(
      (
        await findingsAfter(
          'create table people_copy as select * from people; grant select on people_copy to circlekeeper_app'
        )
      ).map(finding => `${finding.rule} ${finding.object}`)
    ),
    new Set([
      'organization_optional people_copy',
      'rls_off people_copy',
      'rls_not_forced people_copy',
      'policy_missing people_copy'
    ])
  )
  t.same(await findingsAfter('alter function find_api_key(bytea) owner to current_user'), [
    {
      rule: 'definer_executable_by_others',
      object: `find_api_key(bytea) by ${new URL(database.superuserUrl).username}`
    },
    { rule: 'definer_with_other_owner', object: 'find_api_key(bytea)' }
  ])
  t.same(await findingsAfter(`grant create on database ${new URL(database.url).pathname.slice(1)} to public`), [
    { rule: 'database_open_for_creation', object: new URL(database.url).pathname.slice(1) }
  ])
  t.same(
    (await findingsAfter('alter table attendance disable trigger all')).map(finding => finding.object),
    ['attendance.attendance_person', 'attendance.attendance_session']
  )
  t.match(
    await findingsAfter('select', ''),
    [{ rule: 'session_role' }],
    'a session that was not made the role that owns nothing'
  )
})

t.test('takes what is right', async t => {
  for (const right of [
    table(
      'person_id uuid, weight numeric',
      'alter table cards add constraint cards_person foreign key (organization_id, person_id) references people'
    ),
    'create view mine with (security_invoker = true) as select * from people',
    'set local search_path = pg_catalog',
    // Its views are open to everybody and its own affair.
    `do $$ begin if exists (select from pg_available_extensions where name = 'pg_stat_statements') then
      create extension pg_stat_statements; end if; end $$`
  ]) {
    t.same(await findingsAfter(right), [], right)
  }
})

t.test(
  'a foreign key that is declared and not enforced',
  { skip: version[0].number < 180000 && 'from PostgreSQL 18 on' },
  async t => {
    const mistake = table(
      'person_id uuid',
      'alter table cards add constraint cards_person foreign key (organization_id, person_id) references people not enforced'
    )
    t.same(await findingsAfter(mistake), [{ rule: 'foreign_key_not_enforced', object: 'cards.cards_person' }])
  }
)

t.test('refuses to serve, and names every finding', async t => {
  const reviewed = async <Row>() =>
    [
      { rule: 'rls_off', object: 'people' },
      { rule: 'materialized_view', object: 'everyone' }
    ] as Row[]
  await t.rejects(assertCatalog({ reviewed }), { message: /rls_off: people; materialized_view: everyone/ })
})
