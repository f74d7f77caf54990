import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import t from 'tap'
import { serviceActor } from '../../src/database/actor.ts'
import { type Client, startApp } from '../support/app.ts'
import { canariesOf, canary, idsOf, type Kit, lookingPastWalls, makeKit } from '../support/two-organizations.ts'

const requests = 2500
const atOnce = 12

/** A generator with a seed: what failed once can be tried again. */
function generator(seed: number) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * Two organizations on one connection, one request after the other, with refusals, clients that hang up, statements that
 * time out and connections that are cut in the middle: if a context ever stayed behind, the next request would show it.
 */
t.test('two organizations share one connection and nothing else', async t => {
  const seed = Number(process.env.TEST_SEED ?? randomBytes(4).readUInt32LE())
  t.comment(`TEST_SEED=${seed}`)
  const random = generator(seed)
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!

  const service = await startApp(t, { POOL_SIZE: '1', STATEMENT_TIMEOUT_MS: '150', LOCK_TIMEOUT_MS: '1000' })
  const superuser = await lookingPastWalls(t, service)
  const sides = await Promise.all(
    ['alpha', 'beta'].map(async label => {
      const admin = await service.organization(canary(`${label}0`, 'organization'))
      return {
        label,
        admin,
        kit: await makeKit(service, admin, `${label}1`),
        keys: new Map<string, 'unknown' | 'done'>()
      }
    })
  )
  type Side = (typeof sides)[number]
  const otherThan = (side: Side) => sides[1 - sides.indexOf(side)]!
  const ids = new Map<Side, Set<string>>()
  for (const side of sides) ids.set(side, await idsOf(superuser, side.admin.organization_id))
  const base = await service.app.listen({ port: 0, host: '127.0.0.1' })

  const statuses = new Map<number | 'hung up', number>()
  const told: string[] = []
  /** Notes what came, and whether anything of the other organization is in it. */
  function look(side: Side, what: string, sent: string, status: number, text: string) {
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    const other = otherThan(side)
    const received = text.replaceAll(sent || '\0', '')
    const found =
      received.match(canariesOf(other.label))?.[0] ??
      received.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)?.find(id => ids.get(other)!.has(id))
    if (found !== undefined) told.push(`${side.label}: ${what} tells ${found}`)
    if (status >= 500 && status !== 503) told.push(`${side.label}: ${what} answers ${status} ${text}`)
  }

  async function ask(
    side: Side,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH',
    url: string,
    body?: object,
    headers = {},
    sent = ''
  ) {
    const reply = await service.app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${side.admin.key}`, ...headers },
      ...(body !== undefined && { payload: body })
    })
    look(side, `${method} ${url}`, sent, reply.statusCode, JSON.stringify(reply.headers) + reply.body)
    return reply
  }

  const reads = ({ group_id, session_id, person_id }: Kit) => [
    '/v1/me',
    '/v1/groups',
    `/v1/groups/${group_id}`,
    `/v1/groups/${group_id}/memberships`,
    '/v1/sessions?limit=5',
    `/v1/sessions/${session_id}/attendance`,
    `/v1/sessions/${session_id}/attendance/history`,
    '/v1/attendance',
    '/v1/people?limit=5',
    `/v1/people/${person_id}`
  ]

  /** The same key again is the same person: whatever became of the first request. */
  const create = async (side: Side, key: string) => {
    const reply = await ask(side, 'POST', '/v1/people', personOf(side, key), { 'idempotency-key': key })
    if (reply.statusCode === 201) side.keys.set(key, 'done')
    return reply.statusCode
  }
  const personOf = (side: Side, key: string) => ({ display_name: `CNRY-${side.label}-made ${key}` })
  const newKey = (side: Side) => {
    const key = `${side.label}-${randomUUID()}`
    side.keys.set(key, 'unknown')
    return key
  }

  async function hangUp(side: Side) {
    const controller = new AbortController()
    const key = newKey(side)
    const writes = random() < 0.5
    const asked = fetch(`${base}${writes ? '/v1/people' : pick(reads(side.kit))}`, {
      method: writes ? 'POST' : 'GET',
      headers: {
        authorization: `Bearer ${side.admin.key}`,
        ...(writes && { 'content-type': 'application/json', 'idempotency-key': key })
      },
      ...(writes && { body: JSON.stringify(personOf(side, key)) }),
      signal: controller.signal
    })
    setTimeout(() => controller.abort(), random() * 8)
    try {
      const reply = await asked
      look(side, 'hung up', '', reply.status, await reply.text())
    } catch {
      statuses.set('hung up', (statuses.get('hung up') ?? 0) + 1)
    }
  }

  async function refused(side: Side) {
    const { kit } = side
    const theirs = otherThan(side).kit
    await pick([
      () => ask(side, 'GET', `/v1/groups/${randomUUID()}`),
      () => ask(side, 'GET', `/v1/sessions/${theirs.session_id}/attendance`),
      () => ask(side, 'PATCH', `/v1/people/${theirs.person_id}`, { display_name: 'Mine now' }, { 'if-match': '*' }),
      () => ask(side, 'POST', '/v1/groups', { name: 'Twice', mode: 'online', slug: kit.slug }),
      () => ask(side, 'POST', `/v1/groups/${kit.group_id}/memberships`, { person_id: theirs.person_id }),
      () => ask(side, 'PATCH', `/v1/groups/${kit.group_id}`, { capacity: 9 }, { 'if-match': '"999"' }),
      () =>
        ask(
          side,
          'PUT',
          `/v1/sessions/${kit.session_id}/attendance`,
          { records: [{ person_id: theirs.person_id, status: 'present' }] },
          { 'if-match': '*' }
        ),
      () => ask(side, 'POST', '/v1/people', { display_name: '' })
    ])()
  }

  /** A defect of our own in the middle of a transaction: what it wrote must not ride on the next one's commit. */
  async function breakDown(side: Side) {
    const actor = serviceActor(side.admin.organization_id, randomUUID())
    await service.app.db
      .write(actor, async tx => {
        await tx.db.execute(sql`insert into people (organization_id, id, display_name, name_key)
          values (${actor.organization_id}, ${randomUUID()}, ${`CNRY-${side.label}-broken`}, 'broken')`)
        throw new Error('a defect')
      })
      .catch(() => {})
  }

  let left = requests
  async function client() {
    while (left-- > 0) {
      const side = pick(sides)
      const dice = random()
      if (dice < 0.5) {
        const url = pick(reads(side.kit))
        const { statusCode } = await ask(side, 'GET', url)
        // One's own is there, or nothing can be said at the moment; without its context it would seem not to exist.
        if (statusCode !== 200 && statusCode !== 503) told.push(`${side.label}: ${url} answers ${statusCode}`)
      } else if (dice < 0.7) await create(side, newKey(side))
      else if (dice < 0.88) await refused(side)
      else if (dice < 0.9) await breakDown(side)
      else await hangUp(side)
    }
  }

  const done = new AbortController()
  const cut = { connections: 0, locks: 0 }
  async function trouble() {
    for (let next = left - 30; !done.signal.aborted; next = left - 40 - random() * 80) {
      while (left > next && !done.signal.aborted) await delay(5)
      if (random() < 0.6) {
        const { rowCount } = await superuser.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'circlekeeper' and datname = current_database()"
        )
        cut.connections += rowCount ?? 0
      } else {
        // Longer than a statement may take: whoever comes now times out.
        await superuser.query(
          `begin; lock table ${pick(['people', 'sessions', 'audit_entries'])} in access exclusive mode`
        )
        await delay(180)
        await superuser.query('rollback')
        cut.locks++
      }
    }
  }
  const troubled = trouble()
  await Promise.all(Array.from({ length: atOnce }, client))
  done.abort()
  await troubled

  t.same(told, [])
  t.ok(
    cut.connections > 3 && cut.locks > 1,
    `${cut.connections} connections were cut, ${cut.locks} times statements timed out`
  )
  t.comment([...statuses].map(([status, count]) => `${status}: ${count}`).join(', '))
  for (const status of [200, 201, 404, 409, 412, 422, 503, 'hung up'] as const)
    t.ok((statuses.get(status) ?? 0) > 0, `${status} was among them`)
  t.ok((statuses.get(200) ?? 0) > requests / 4, 'most of what should be answered was')

  await t.test('afterwards the connection works, and every change happened once', async t => {
    for (const side of sides) {
      // The last cut may only be noticed by whoever comes next.
      for (let attempt = 0; attempt < 3; attempt++) await ask(side, 'GET', '/v1/me')
      t.equal((await ask(side, 'GET', `/v1/groups/${side.kit.group_id}`)).statusCode, 200)
      for (const [key, state] of side.keys) {
        // What nobody was told about is asked again, as a client would.
        for (let attempt = 0; state === 'unknown' && side.keys.get(key) === 'unknown' && attempt < 50; attempt++) {
          if ((await create(side, key)) !== 201) await delay(20)
        }
      }
      t.ok([...side.keys.values()].every(state => state === 'done'))
      const { rows } = await superuser.query(
        'select organization_id, count(*)::int as made from people where display_name like $1 group by 1',
        [`CNRY-${side.label}-made %`]
      )
      t.same(rows, [{ organization_id: side.admin.organization_id, made: side.keys.size }])
      t.same(await everybody(side.admin, side.label), { made: side.keys.size, others: 0 })
    }
    t.same((await superuser.query("select from people where name_key = 'broken'")).rows, [])
    const { rows } = await superuser.query(
      "select state, xact_start from pg_stat_activity where application_name = 'circlekeeper' and datname = current_database()"
    )
    t.same(rows, [{ state: 'idle', xact_start: null }])
    t.same(told, [])
  })
})

/** Whom the list of people shows, all pages of it. */
async function everybody(admin: Client, label: string) {
  const found = { made: 0, others: 0 }
  for (let url: string | null = '/v1/people?limit=100'; url !== null; ) {
    const { data, page }: { data: { display_name: string }[]; page: { next_cursor: string | null } } = (
      await admin.get(url)
    ).data
    for (const { display_name } of data) {
      if (display_name.startsWith(`CNRY-${label}-made `)) found.made++
      else if (!display_name.startsWith(`CNRY-${label}1`)) found.others++
    }
    url = page.next_cursor && `/v1/people?limit=100&cursor=${page.next_cursor}`
  }
  return found
}
