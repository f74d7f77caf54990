import { serialize } from 'pg-protocol'
import t from 'tap'
import { type Client, startApp, type TestApp } from '../support/app.ts'
import { crossExamine, type Leak, type Sides } from '../support/matrix.ts'
import {
  canariesOf,
  canary,
  checksums,
  idsOf,
  lookingPastWalls,
  makeKit,
  tenantTables
} from '../support/two-organizations.ts'

/**
 * Takes the organization out of every statement, on its way to PostgreSQL and whoever wrote it: each condition that
 * compares it with the actor's is replaced by one that is always true and still takes the parameter. Statements are
 * prepared once on each connection, so this is set before a service opens its first.
 */
const filters = { removed: false, count: 0 }
const { parse } = serialize
const naming = /(?:"?\w+"?\.)?"?\borganization_id"? = (\$\d+)|(?:\bo\.id|"organizations"\."id") = (\$\d+)/g
serialize.parse = statement => {
  if (!filters.removed) return parse(statement)
  const text = statement.text.replace(naming, (_, first, second) => {
    filters.count++
    return `(${first ?? second}::uuid is not null)`
  })
  return parse({ ...statement, text })
}

t.test('nothing of another organization exists, whichever wall is left', async t => {
  const service = await startApp(t)
  const superuser = await lookingPastWalls(t, service)
  // The other organization comes first: where a wall is missing, its rows are found before one's own.
  const other = await service.organization(canary('beta0', 'organization'))
  const admin = await service.organization(canary('alpha0', 'organization'))
  const kits = [await makeKit(service, other, 'beta1'), await makeKit(service, admin, 'alpha1')] as const
  const setRowSecurity = async (state: 'enable' | 'disable') => {
    for (const { name } of await tenantTables(superuser))
      await superuser.query(`alter table ${name} ${state} row level security`)
  }
  t.teardown(() => {
    filters.removed = false
  })

  await t.test('with all of them', async t => hides(t, await examine(service)))

  await t.test('row-level security alone: no statement names its organization', async t => {
    filters.removed = true
    const sabotaged = await startApp(t, {}, service)
    const before = filters.count
    const leaks = await examine(sabotaged)
    t.ok(filters.count - before > 100, `${filters.count - before} conditions were removed`)
    hides(t, leaks)
    filters.removed = false
  })

  await t.test('statements alone: row-level security is off', async t => {
    await setRowSecurity('disable')
    hides(t, await examine(await startApp(t, {}, service)))
    await setRowSecurity('enable')
  })

  // Without both walls everything leaks: so this examination sees what the walls hold back, operation by operation.
  await t.test('neither: every operation that takes an id, or lists, is seen to leak', async t => {
    await setRowSecurity('disable')
    filters.removed = true
    const sabotaged = await startApp(t, {}, service)
    const mine = await checksums(superuser, admin.organization_id)
    const { leaks, asked } = await crossExamine(sidesOf(sabotaged))
    const leaking = new Set(leaks.map(leak => leak.operation))
    for (const operation of asked) {
      const takesId = operation.slots.some(slot => slot.in === 'path' && slot.kind === 'uuid')
      const lists = operation.method === 'GET' && operation.id.startsWith('list')
      if (takesId || lists) t.ok(leaking.has(operation.id), operation.id)
    }
    t.not(mine, undefined)
    filters.removed = false
    await setRowSecurity('enable')
  })

  function sidesOf({ app }: Pick<TestApp, 'app'>, ids = new Set<string>()): Sides {
    return {
      app,
      key: admin.key,
      own: kits[1],
      foreign: kits[0],
      given: () => givenNames(other),
      secret: { canaries: canariesOf('beta'), ids },
      state: () => checksums(superuser, other.organization_id)
    }
  }

  async function examine(sabotaged: Pick<TestApp, 'app' | 'client'>): Promise<Leak[]> {
    const asAdmin = sabotaged.client(admin.key, admin.organization_id)
    const asOther = sabotaged.client(other.key, other.organization_id)
    const { leaks } = await crossExamine(sidesOf(sabotaged, await idsOf(superuser, other.organization_id)))

    // The walls hide, they do not forbid: who owns it still finds it.
    if ((await asOther.get(`/v1/groups/${kits[0].group_id}`)).statusCode !== 200) throw new Error('not even its owner')

    // A key of the other organization's requests is free here, and tells nothing.
    const key = canary('beta1', 'retry')
    await asOther.post('/v1/people', { display_name: 'Ana' }, { 'idempotency-key': key })
    const mine = await asAdmin.post('/v1/people', { display_name: 'Ben' }, { 'idempotency-key': key })
    if (mine.statusCode !== 201 || mine.headers['idempotency-replayed'] !== undefined) {
      leaks.push({ operation: 'createPerson', with: 'Idempotency-Key', why: mine.body })
    }
    // A cursor is good for the organization that it was given to.
    for (const list of [
      '/v1/sessions?limit=1',
      `/v1/groups/${kits[0].group_id}/sessions?limit=1`,
      '/v1/people?limit=1'
    ]) {
      const { next_cursor } = (await asOther.get(list)).data.page
      const reply = await asAdmin.get(`${list}&cursor=${next_cursor}`)
      if (![400, 404].includes(reply.statusCode)) leaks.push({ operation: list, with: 'cursor', why: reply.body })
    }
    return leaks
  }

  const hides = (t: { same(found: unknown, wanted: unknown): unknown }, leaks: Leak[]) => t.same(leaks, [])
})

/** New names and numbers that the other organization uses: free for everybody else. */
async function givenNames(other: Client): Promise<Record<string, string>> {
  const say = (field: string) => canary('beta2', field).toLowerCase()
  const names = {
    slug: say('slug'),
    system: say('system'),
    value: say('value'),
    email: `${say('mail')}@other.example`,
    phone: `+1415${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
  }
  const { slug, system, value, email, phone } = names
  for (const reply of [
    await other.post('/v1/groups', { name: say('group'), slug, mode: 'online' }),
    await other.post('/v1/staff', { display_name: say('staff'), email, role: 'observer' }),
    await other.post('/v1/people', {
      display_name: say('person'),
      contact: { email, phone },
      external_ids: [{ system, value }]
    })
  ]) {
    if (reply.statusCode !== 201) throw new Error(reply.body)
  }
  return names
}
