import { randomBytes } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { canary, lookingPastWalls, makeKit, tenantTables } from '../support/two-organizations.ts'

/**
 * The wall of row-level security, table by table and statement by statement, without the service in front of it. The same
 * check must notice every way in which the wall of a table can come down.
 */
t.test('row-level security', async t => {
  const service = await startApp(t)
  const superuser = await lookingPastWalls(t, service)
  const admin = await service.organization(canary('alpha0', 'organization'))
  const other = await service.organization(canary('beta0', 'organization'))
  await makeKit(service, admin, 'alpha1')
  await makeKit(service, other, 'beta1')
  const [ours, theirs] = [admin.organization_id, other.organization_id]
  const tables = await tenantTables(superuser)

  /** Does something, and takes it back; an error of PostgreSQL is an answer. */
  async function attempt<T>(work: () => Promise<T>): Promise<T | string> {
    await superuser.query('savepoint attempt')
    try {
      return await work()
    } catch (error) {
      if (error instanceof pg.DatabaseError) return error.code!
      throw error
    } finally {
      await superuser.query('rollback to attempt')
    }
  }
  const become = (role: string) => superuser.query(`set local role ${role}`)
  const speakFor = (organization_id: string) =>
    superuser.query("select set_config('app.organization_id', $1, true)", [organization_id])

  /** What is wrong with the wall of one table; empty where it stands. Inside a transaction that is taken back. */
  async function faultsOf({ name, column }: { name: string; column: string }): Promise<string[]> {
    const faults: string[] = []
    const expect = (what: string, found: unknown, wanted: unknown) => {
      if (found !== wanted) faults.push(`${what}: ${found} instead of ${wanted}`)
    }
    const count = async (where = 'true') =>
      Number((await superuser.query(`select count(*) from ${name} where ${where}`)).rows[0].count)
    const [mine, all] = [await count(`${column} = '${ours}'`), await count()]
    if (mine === 0 || mine === all) throw new Error(`Both organizations need a row in ${name}: see makeKit`)
    const { rows: grants } = await superuser.query(
      "select p, has_table_privilege('circlekeeper_app', $1, p) as may from unnest(array['UPDATE', 'DELETE']) p",
      [name]
    )
    const may = Object.fromEntries(grants.map(({ p, may }) => [p, may as boolean]))
    // A row of theirs, as it could be sent; generated columns are not sent.
    const { rows: columns } = await superuser.query(
      `select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      [name]
    )
    const list = columns.map(({ attname }) => attname).join()
    const { rows: sample } = await superuser.query(
      `select to_jsonb(x) as row from ${name} x where $1 = ${column} limit 1`,
      [theirs]
    )
    const insert = (row: unknown) =>
      attempt(async () => {
        await superuser.query(
          `insert into ${name} (${list}) select ${list} from jsonb_populate_record(null::${name}, $1)`,
          [row]
        )
        return 'inserted'
      })

    await become('circlekeeper_app')
    expect('seen without a context', await count(), 0)
    expect('insert without a context', await insert(sample[0].row), '42501')
    await speakFor(ours)
    expect('seen', await count(), mine)
    expect('seen of others', await count(`${column} <> '${ours}'`), 0)
    expect('insert for others', await insert(sample[0].row), '42501')
    // Foreign keys would refuse to let go of rows that others refer to: here they are not the question.
    await superuser.query('reset role')
    await superuser.query('set local session_replication_role = replica')
    await become('circlekeeper_app')
    const touched = (text: string) => attempt(async () => (await superuser.query(text)).rowCount)
    expect(
      'update of everything',
      await touched(`update ${name} set ${column} = ${column}`),
      may.UPDATE ? mine : '42501'
    )
    expect('handing over to others', await touched(`update ${name} set ${column} = '${theirs}'`), '42501')
    expect('delete of everything', await touched(`delete from ${name}`), may.DELETE ? mine : '42501')
    expect('truncate', await touched(`truncate ${name}`), '42501')
    // Whoever owns a table passes through its policies, unless they are forced.
    await superuser.query('reset role')
    const owner = `test_owner_${randomBytes(8).toString('hex')}`
    await superuser.query(`create role ${owner}; alter table ${name} owner to ${owner}`)
    await become(owner)
    expect('seen by an owner', await count(), 0)
    return faults
  }

  async function inTransaction<T>(work: () => Promise<T>): Promise<T> {
    await superuser.query('begin')
    try {
      return await work()
    } finally {
      await superuser.query('rollback')
    }
  }

  await t.test('stands before every table that has rows of organizations', async t => {
    t.ok(tables.length >= 15)
    for (const table of tables) t.same(await inTransaction(() => faultsOf(table)), [], table.name)
  })

  await t.test('is missed, whatever falls', async t => {
    for (const table of tables) {
      const { name, column } = table
      const wall = `${column} = (select current_organization())`
      const replaced = (policy: string) =>
        `drop policy tenant on ${name}; create policy tenant on ${name} to circlekeeper_app ${policy}`
      for (const mutation of [
        `drop policy tenant on ${name}`,
        `alter table ${name} disable row level security`,
        `alter table ${name} no force row level security`,
        replaced('using (true) with check (true)'),
        replaced(`using (true) with check (${wall})`),
        replaced(`using (${wall}) with check (true)`),
        replaced(`using (${wall} or current_organization() is null) with check (${wall})`),
        replaced(`using (${wall}) with check (${wall} or current_organization() is null)`),
        `create policy more on ${name} to circlekeeper_app using (true)`,
        `create policy more on ${name} for select to public using (true)`,
        `alter table ${name} owner to circlekeeper_app; alter table ${name} no force row level security`
      ]) {
        const faults = await inTransaction(async () => {
          await superuser.query(mutation)
          return await faultsOf(table)
        })
        t.not(faults.length, 0, mutation)
      }
    }
  })
})
