import pg from 'pg'
import { serialize } from 'pg-protocol/dist/serializer'
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
const filters = { removed: false, texts: new Set<string>(), overlooked: new Set<string>() }
const { parse } = serialize
const naming = /(?:"?\w+"?\.)?"?\borganization_id"? = (\$\d+)|(?:\bo\.id|"organizations"\."id") = (\$\d+)/g
serialize.parse = statement => {
  if (!filters.removed) return parse(statement)
  const text = statement.text.replace(naming, (_, first, second) => `(${first ?? second}::uuid is not null)`)
  if (text !== statement.text) filters.texts.add(text)
  // Written in another way, a comparison would stay and this would prove nothing.
  if (/organization_id"?\s*(=|<>|\bin\b)[\s(]*(any\s*\()?\$|organization_id[^()]*\)\s*(=|\bin\b)\s*\(/.test(text)) {
    filters.overlooked.add(text)
  }
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

  await t.test('with all of them', async t => t.same(await examine(service), []))

  await t.test('row-level security alone: no statement names its organization', async t => {
    filters.removed = true
    const leaks = await examine(await startApp(t, {}, service))
    t.ok(filters.texts.size > 40, `${filters.texts.size} statements`)
    t.same([...filters.overlooked], [])
    t.same(leaks, [])
    filters.removed = false
  })

  await t.test('statements alone: row-level security is off', async t => {
    await setRowSecurity('disable')
    t.same(await examine(await startApp(t, {}, service)), [])
    await setRowSecurity('enable')
  })

  await t.test('composite keys alone: no row of ours can be tied to one of theirs', async t => {
    const before = await checksums(superuser, admin.organization_id)
    const keys = await compositeKeys(superuser)
    t.ok(keys.length > 10)
    for (const key of keys) {
      const refusal = await tie(superuser, key, admin.organization_id, other.organization_id)
      t.match(refusal, { code: '23503' }, `${key.name} of ${key.child}`)
      t.equal(
        await tie(superuser, key, admin.organization_id, other.organization_id, 'without foreign keys'),
        undefined
      )
    }
    t.same(await checksums(superuser, admin.organization_id), before)
    // What names an object and has no key to it: written by the gateway from who asks and what was changed, or taken from a card, outlived by nothing.
    t.same(await unguardedReferences(superuser), [
      'attendance_submissions.submitted_by_key',
      'attendance_submissions.submitted_by_staff',
      'attendance_versions.submitted_by_key',
      'attendance_versions.submitted_by_staff',
      'audit_entries.api_key_id',
      'audit_entries.object_id',
      'audit_entries.staff_id',
      'idempotency_keys.api_key_id',
      'outbox_events.object_id',
      'removed_sessions.group_id',
      'strategy_decisions.decided_by_key',
      'strategy_decisions.decided_by_staff',
      'strategy_reports.reported_by_key',
      'strategy_reports.reported_by_staff',
      'strategy_share_links.created_by_key',
      'strategy_share_links.created_by_staff',
      'strategy_versions.changed_by_key',
      'strategy_versions.changed_by_staff',
      'strategy_words.reach'
    ])
  })

  // Without both walls everything leaks: so the examination above sees what they hold back, operation by operation.
  await t.test(
    'neither: every operation that takes an id, or lists, is seen to leak; and keys still refuse',
    async t => {
      await setRowSecurity('disable')
      filters.removed = true
      const { leaks, answers, operations } = await crossExamine({
        ...sidesOf(await startApp(t, {}, service), await idsOf(superuser, other.organization_id)),
        given: undefined
      })
      const leaking = new Set(leaks.map(leak => leak.operation))
      for (const operation of operations) {
        const takesId = operation.slots.some(slot => slot.in === 'path' && slot.kind === 'uuid')
        const lists = operation.method === 'GET' && operation.id.startsWith('list')
        // The function that searches looks only within the organization that is spoken for: a wall of its own.
        if (['listStrategies', 'listStrategySuggestions'].includes(operation.id)) continue
        if (takesId || lists) t.ok(leaking.has(operation.id), operation.id)
      }
      const tying = answers.filter(
        ({ operation, slots }) =>
          // A preview stores nothing: there is nothing to tie. Of a batch, each sheet is refused by itself.
          !['previewSeries', 'syncAttendance'].includes(operation.id) &&
          (slots.every(slot => slot.in === 'body') || (operation.creates && slots.some(slot => slot.in === 'path')))
      )
      t.ok(tying.length > 8)
      for (const { operation, slots, status } of tying) {
        t.ok(
          status === 404 || status === 409 || status === 422,
          `${operation.id} with ${slots.map(slot => slot.name)}: ${status}`
        )
      }
      filters.removed = false
      await setRowSecurity('enable')
    }
  )

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
})

interface CompositeKey {
  name: string
  child: string
  parent: string
  /** The columns beside the organization, of both. */
  own: string[]
  their: string[]
}

/** Every foreign key that leads to a row of an organization. */
async function compositeKeys(superuser: pg.Client): Promise<CompositeKey[]> {
  const { rows } = await superuser.query(`
    select t.conname as name, c.relname as child, p.relname as parent,
      array_agg(a.attname::text order by k.place) as own, array_agg(b.attname::text order by k.place) as their
    from pg_constraint t
    join pg_class c on c.oid = t.conrelid
    join pg_class p on p.oid = t.confrelid
    cross join lateral unnest(t.conkey, t.confkey) with ordinality as k (own, their, place)
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.own
    join pg_attribute b on b.attrelid = p.oid and b.attnum = k.their
    where t.contype = 'f' and p.relname <> 'organizations' and a.attname <> 'organization_id'
    group by t.conname, c.relname, p.relname order by c.relname, t.conname`)
  return rows
}

/** Makes a row of one organization refer to a row of another, with nothing in the way but the keys; answers what refused. */
async function tie(
  superuser: pg.Client,
  { child, parent, own, their }: CompositeKey,
  ours: string,
  theirs: string,
  how?: 'without foreign keys'
): Promise<{ code: string } | undefined> {
  await superuser.query('begin')
  try {
    if (how !== undefined) await superuser.query('set local session_replication_role = replica')
    const { rowCount } = await superuser.query(
      `update ${child} set (${own}) = row (${own.map((_, index) => `p.c${index}`)})
       from (select ${their.map((column, index) => `${column} as c${index}`)} from ${parent} where organization_id = $2 limit 1) p
       where ${child}.ctid = (select ctid from ${child} where organization_id = $1 and ${own.at(-1)} is not null limit 1)`,
      [ours, theirs]
    )
    if (rowCount !== 1) throw new Error(`No row of ${child} to try it with`)
    return undefined
  } catch (error) {
    if (error instanceof pg.DatabaseError) return error as { code: string }
    throw error
  } finally {
    await superuser.query('rollback')
  }
}

/** Columns with the id of something that no foreign key watches. */
async function unguardedReferences(superuser: pg.Client): Promise<string[]> {
  const { rows } = await superuser.query(`
    select c.relname || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.atttypid = 'uuid'::regtype and not a.attisdropped
      and a.attname not in ('id', 'organization_id')
      and not exists (select from pg_constraint t where t.conrelid = c.oid and t.contype = 'f' and a.attnum = any (t.conkey))
    order by 1`)
  return rows.map(row => row.name)
}

/** New names and numbers that the other organization uses: free for everybody else. */
async function givenNames(other: Client): Promise<Record<string, string>> {
  // Not the other's canaries: where somebody here takes the same name, it is their own.
  const say = (field: string) => canary('free', field).toLowerCase()
  const names = {
    slug: say('slug'),
    key: say('key'),
    system: say('system'),
    value: say('value'),
    email: `${say('mail')}@other.example`,
    phone: `+1415${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
  }
  const { slug, key, system, value, email, phone } = names
  for (const reply of [
    await other.put(`/v1/strategy-categories/${key}`, { name: say('category') }),
    await other.post('/v1/groups', { name: say('group'), slug, mode: 'online' }),
    await other.post('/v1/staff', { display_name: say('staff'), email, role: 'observer' }),
    await other.post('/v1/people', {
      display_name: say('person'),
      contact: { email, phone },
      external_ids: [{ system, value }]
    })
  ]) {
    if (reply.statusCode !== 200 && reply.statusCode !== 201) throw new Error(reply.body)
  }
  return names
}
