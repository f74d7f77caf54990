import t from 'tap'
import { sealCursor } from '../../src/http/page.ts'
import { cursorOf, type DeviceCursor, textOf } from '../../src/sync/cursor.ts'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, makePerson, makeSession, minutesFromNow } from '../support/circle.ts'
import { until } from '../support/process.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'

interface Device {
  groups: Map<string, Record<string, unknown>>
  memberships: Map<string, Record<string, unknown>>
  sessions: Map<string, Record<string, unknown>>
  sheets: Map<string, Record<string, unknown>>
  rsvps: Map<string, Record<string, unknown>[]>
  cursor: string | undefined
}
type Row = Record<string, unknown> & { id: string }

const newDevice = (): Device => ({
  groups: new Map(),
  memberships: new Map(),
  sessions: new Map(),
  sheets: new Map(),
  rsvps: new Map(),
  cursor: undefined
})

/** What a device does with an answer, as the manual says. */
function apply(device: Device, { data }: Reply) {
  const forget = (id: string) => {
    for (const kind of ['groups', 'memberships', 'sessions', 'sheets'] as const) device[kind].delete(id)
    for (const kind of ['memberships', 'sessions'] as const) {
      for (const [key, row] of device[kind]) if (row.group_id === id) forget(key)
    }
  }
  for (const id of data.removed as string[]) forget(id)
  for (const kind of ['groups', 'memberships', 'sessions'] as const) {
    for (const row of data[kind] as Row[]) device[kind].set(row.id, row)
  }
  for (const { id } of data.sessions as Row[]) {
    device.sheets.delete(id)
    device.rsvps.set(
      id,
      data.rsvps.filter((rsvp: { session_id: string }) => rsvp.session_id === id)
    )
  }
  for (const sheet of data.sheets) device.sheets.set(sheet.session_id, sheet)
  device.cursor = data.cursor
}

const url = ({ cursor }: Device, limit?: number) =>
  `/v1/sync?${new URLSearchParams({ ...(cursor !== undefined && { cursor }), ...(limit !== undefined && { limit: String(limit) }) })}`

/** Asks until there is no more; answers how many objects came. */
async function askAll(client: Client, device: Device, limit?: number): Promise<number> {
  let objects = 0
  for (;;) {
    const reply = await client.get(url(device, limit))
    if (reply.statusCode !== 200) throw new Error(reply.body)
    const { groups, memberships, sessions, removed, has_more } = reply.data
    objects += groups.length + memberships.length + sessions.length + removed.length
    apply(device, reply)
    if (!has_more) return objects
  }
}

const names = (device: Device) => [...device.memberships.values()].map(row => row.display_name).sort()

t.test('a device', async t => {
  const service = await startApp(t)
  const { organization, staff, look } = service
  const admin = await organization()
  const group = await makeGroup(admin, { name: 'Evening Circle' })
  const [ana] = [await makeMember(admin, group, 'Ana'), await makeMember(admin, group, 'Ben')]
  const past = await makeSession(admin, group)
  const flo = await staff(admin, 'facilitator', 'Flo')
  const assigned = await assign(admin, group, flo.staff_id)
  await makeMember(admin, await makeGroup(admin, { name: 'Other Circle' }), 'Otto')
  const device = newDevice()
  const superuser = await lookingPastWalls(t, service)
  /** Once whatever was under way on this server, in other tests too, is over: else some things come twice. */
  const sync = async (client: Client, device: Device, limit?: number) => {
    const { rows } = await superuser.query('select pg_current_xact_id()::text as mine')
    await until(
      async () =>
        (
          await superuser.query('select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 as over', [
            rows[0].mine
          ])
        ).rows[0].over
    )
    return await askAll(client, device, limit)
  }

  await t.test('gets all that is of use, as the other operations answer it', async t => {
    await admin.put(`/v1/sessions/${past}/attendance`, { records: [{ person_id: ana, status: 'present' }] })
    const [old] = [await makeSession(admin, group, 100 * 1440)]
    await sync(flo, device)
    t.same([...device.groups.values()], [(await flo.get(`/v1/groups/${group}`)).data])
    t.same(
      [...device.memberships.values()].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1)),
      (await flo.get(`/v1/groups/${group}/memberships`)).data.data
    )
    t.same([...device.sessions.values()], [(await flo.get(`/v1/sessions/${past}`)).data])
    t.same([...device.sheets.values()], [(await flo.get(`/v1/sessions/${past}/attendance`)).data])
    t.notOk(device.sessions.has(old), 'what is long past is left out')
  })

  await t.test('gets what changed, and nothing else', async t => {
    t.equal(await sync(flo, device), 0)
    const coming = await makeSession(admin, group, -3000)
    await makeMember(admin, group, 'Cleo')
    await admin.put(`/v1/sessions/${coming}/rsvps/${ana}`, { answer: 'maybe' })
    t.equal(await sync(flo, device), 2)
    t.same(names(device), ['Ana', 'Ben', 'Cleo'])
    t.match(device.rsvps.get(coming), [{ person_id: ana, answer: 'maybe' }])
    await admin.put(
      `/v1/sessions/${past}/attendance`,
      { records: [{ person_id: ana, status: 'absent' }] },
      { 'if-match': '"1"' }
    )
    await admin.patch(`/v1/people/${ana}`, { display_name: 'Anna' }, { 'if-match': '*' })
    await admin.patch(`/v1/groups/${group}`, { name: 'Night Circle' }, { 'if-match': '*' })
    t.equal(await sync(flo, device), 3)
    t.match(device.sheets.get(past), { version: 2, counts: { absent: 1 } })
    t.same(names(device), ['Anna', 'Ben', 'Cleo'])
    t.match(device.groups.get(group), { name: 'Night Circle' })
    await admin.post(`/v1/sessions/${past}/attendance/withdraw`, { reason: 'Wrong evening' }, { 'if-match': '"2"' })
    t.equal(await sync(flo, device), 1)
    t.match(device.sessions.get(past), { outcome: 'scheduled' })
    t.match(device.sheets.get(past), { state: 'open', version: 3 }, 'with the version to begin from')
    const ended = [...device.memberships.values()].find(row => row.display_name === 'Ben')!
    await admin.post(`/v1/memberships/${ended.id}/leave`, { left_on: '2026-01-05' })
    await admin.post(
      `/v1/memberships/${[...device.memberships.values()].find(row => row.display_name === 'Anna')!.id}/pause`
    )
    t.equal(await sync(flo, device), 2)
    t.match(device.memberships.get(String(ended.id)), { status: 'left' }, 'who left is told')
  })

  await t.test('is told of sessions that are gone', async t => {
    const series = await admin.post(`/v1/groups/${group}/series`, {
      starts_on: minutesFromNow(2 * 1440).slice(0, 10),
      start_time: '19:00',
      rrule: 'FREQ=WEEKLY;COUNT=3'
    })
    await sync(flo, device)
    const before = device.sessions.size
    await admin.post(
      `/v1/series/${series.data.id}/end`,
      { ends_on: minutesFromNow(3 * 1440).slice(0, 10) },
      { 'if-match': '*' }
    )
    await sync(flo, device)
    t.equal(device.sessions.size, before - 2)
    t.same(
      [...device.sessions.keys()].sort(),
      (await flo.get(`/v1/groups/${group}/sessions?limit=100&from=${minutesFromNow(-2880).slice(0, 10)}`)).data.data
        .map((row: Row) => row.id)
        .sort()
    )
  })

  await t.test('comes to the same in small pages, and goes on where it was broken off', async t => {
    const small = newDevice()
    t.ok((await sync(flo, small, 1)) >= 5)
    const { cursor: _, ...whole } = newDevice()
    const fresh = newDevice()
    await sync(flo, fresh)
    for (const kind of Object.keys(whole) as (keyof typeof whole)[]) {
      t.same(Object.fromEntries(small[kind]), Object.fromEntries(fresh[kind]), kind)
    }
    const broken = newDevice()
    const first = await flo.get(url(broken, 2))
    t.equal(first.data.has_more, true)
    apply(broken, first)
    const lost = await flo.get(url(broken, 2))
    t.same(
      (await flo.get(url(broken, 2))).data.memberships,
      lost.data.memberships,
      'an answer that is lost comes again'
    )
    await makeMember(admin, group, 'Dora')
    await sync(flo, broken, 2)
    t.same(names(broken).includes('Dora'), true, 'what is written meanwhile comes too')
    t.ok((await sync(flo, broken)) <= 1, 'what was written while it asked may come twice')
    t.equal(await sync(flo, broken), 0)
  })

  await t.test('gets a group that it is let into, whole, and forgets one that it is not', async t => {
    const second = await makeGroup(admin, { name: 'Second Circle' })
    await makeMember(admin, second, 'Eve')
    await makeSession(admin, second)
    await sync(flo, device)
    t.notOk(device.groups.has(second))
    const { data } = await admin.post(`/v1/groups/${second}/facilitators`, {
      staff_id: flo.staff_id,
      role: 'facilitator',
      starts_at: minutesFromNow(-1)
    })
    t.equal(await sync(flo, device), 3, 'nothing of it changed, and all of it is new')
    t.ok(device.groups.has(second))
    await admin.post(`/v1/groups/${second}/facilitators/${data.id}/end`, {})
    const reply = await flo.get(url(device))
    t.same(reply.data.removed, [second])
    apply(device, reply)
    t.notOk(names(device).includes('Eve'))
    t.equal(await sync(flo, device), 0)
  })

  await t.test('of whom only stands in gets that session, with whom to expect', async t => {
    const session = await makeSession(admin, group, -2000)
    const sub = await staff(admin, 'facilitator', 'Sue')
    const named = await admin.post(`/v1/sessions/${session}/facilitators`, {
      staff_id: sub.staff_id,
      replaces_staff_id: flo.staff_id
    })
    t.equal(named.statusCode, 201, named.body)
    const hers = newDevice()
    await sync(sub, hers)
    t.same([hers.groups.size, hers.memberships.size], [0, 0])
    t.same([...hers.sessions.keys()], [session])
    t.match(hers.sheets.get(session), { state: 'open', roster: [{ display_name: 'Anna' }, {}, {}] })
    await makeMember(admin, group, 'Fay')
    await sync(sub, hers)
    t.equal((hers.sheets.get(session) as { roster: unknown[] }).roster.length, 4, 'who joins is on it')
    await admin.post(`/v1/sessions/${session}/facilitators/${named.data.id}/withdraw`, undefined, { 'if-match': '*' })
    await sync(sub, hers)
    t.same([hers.sessions.size, hers.sheets.size], [0, 0])
  })

  await t.test('misses nothing that was still under way when it looked', async t => {
    await sync(flo, device)
    const slow = await lookingPastWalls(t, service)
    await slow.query('begin')
    await slow.query(`update sessions set topic = 'Slow' where id = $1`, [past])
    await makeMember(admin, group, 'Gil')
    await askAll(flo, device)
    t.ok(names(device).includes('Gil'), 'what began later and is over')
    t.not(device.sessions.get(past)!.topic, 'Slow')
    await slow.query('commit')
    await sync(flo, device)
    t.equal(device.sessions.get(past)!.topic, 'Slow', 'what began sooner and ended later')
  })

  await t.test('loses nothing of a group that it loses and is let into again while it asks', async t => {
    const own = await makeGroup(admin, { name: 'Lost Circle' })
    for (const name of ['Kim', 'Lou', 'Max']) await makeMember(admin, own, name)
    const ida = await staff(admin, 'facilitator', 'Ida')
    const let_in = () =>
      admin.post(`/v1/groups/${own}/facilitators`, {
        staff_id: ida.staff_id,
        role: 'facilitator',
        starts_at: minutesFromNow(0)
      })
    const first = await let_in()
    const hers = newDevice()
    apply(hers, await ida.get(url(hers, 2)))
    t.equal(hers.groups.size, 1)
    await admin.post(`/v1/groups/${own}/facilitators/${first.data.id}/end`, {})
    await askAll(ida, hers, 2)
    t.same([hers.groups.size, hers.memberships.size], [0, 0], 'told as removed')
    await let_in()
    await sync(ida, hers, 2)
    t.same(names(hers), ['Kim', 'Lou', 'Max'])
  })

  await t.test('is told when a group meets in another way', async t => {
    const own = await makeGroup(admin, { name: 'Moving Circle' })
    const session = await makeSession(admin, own, -3000)
    const jo = await staff(admin, 'facilitator', 'Jo')
    await assign(admin, own, jo.staff_id)
    const hers = newDevice()
    await sync(jo, hers)
    await admin.patch(`/v1/groups/${own}`, { mode: 'in_person', location: { city: 'Oakland' } }, { 'if-match': '*' })
    await sync(jo, hers)
    t.match(hers.sessions.get(session), { mode: 'in_person' })
  })

  await t.test('is told a new name wherever the old one stands', async t => {
    const own = await makeGroup(admin, { name: 'Named Circle' })
    const sessions = [await makeSession(admin, own, 600), await makeSession(admin, own, 300)]
    const [guest, other] = [await makePerson(admin, 'Gust'), await makePerson(admin, 'Olli')]
    for (const id of sessions) {
      const walk_ins = [{ person_id: guest }, { person_id: other }]
      t.equal((await admin.put(`/v1/sessions/${id}/attendance`, { records: [], walk_ins })).statusCode, 200)
    }
    const ned = await staff(admin, 'facilitator', 'Ned')
    await assign(admin, own, ned.staff_id)
    const hers = newDevice()
    await sync(ned, hers)
    const rename = (id: string, display_name: string) =>
      admin.patch(`/v1/people/${id}`, { display_name }, { 'if-match': '*' })
    for (let round = 0; round < 10; round++) {
      const both = await Promise.all([rename(guest, `Gus ${round}`), rename(other, `Oli ${round}`)])
      t.same(
        both.map(reply => reply.statusCode),
        [200, 200],
        'neither waits for the other for ever'
      )
    }
    await sync(ned, hers)
    for (const id of sessions) {
      t.match(hers.sheets.get(id), { walk_ins: [{ display_name: 'Gus 9' }, { display_name: 'Oli 9' }] })
    }
    t.equal(await sync(ned, hers), 0)
  })

  await t.test('of another server, or of one that was put back, begins anew', async t => {
    t.same(cursorOf(textOf({ cluster: '1', known: [past, group], since: '7' })), {
      cluster: '1',
      known: [past, group],
      since: '7'
    } satisfies DeviceCursor)
    const kay = await staff(admin, 'facilitator', 'Kay')
    await assign(admin, group, kay.staff_id)
    const hers = newDevice()
    t.equal((await kay.get(url(hers))).data.reset, false)
    await sync(kay, hers)
    const here = cursorOf(Buffer.from(hers.cursor!.split('.')[0]!, 'base64url').toString())
    const [{ cluster }] = await look(
      `select s.system_identifier || '.' || c.timeline_id || '.' || d.oid as cluster
       from pg_control_system() s, pg_control_checkpoint() c, pg_database d where datname = current_database()`
    )
    t.equal(here.cluster, cluster)
    const { data: me } = await kay.get('/v1/me')
    const list = `${me.organization.id} /v1/sync ${kay.staff_id} assigned groups:read,memberships:read,sessions:read`
    const ask = (cursor: DeviceCursor) => {
      const sealed = sealCursor(textOf({ ...here, ...cursor }), list, service.app.keyring)
      return kay.get(`/v1/sync?limit=2&cursor=${sealed}`)
    }
    t.match((await ask(here)).data, { reset: false, groups: [], has_more: false })
    const later = String(BigInt(here.since) + 1_000_000n)
    const after: [string, string, string] = [here.since, 'session', past]
    for (const [what, cursor] of Object.entries({
      'another server': { ...here, cluster: cluster.replace(/^\d+/, '1') },
      'another database': { ...here, cluster: cluster.replace(/\d+$/, '1') },
      'a copy that was put back': { ...here, since: later },
      'one, meanwhile': { ...here, under_way: { ids: here.known, next: later, after } }
    })) {
      const { data } = await ask(cursor)
      t.match(data, { reset: true, has_more: true }, what)
      t.match((await kay.get(`/v1/sync?limit=2&cursor=${data.cursor}`)).data, { reset: false }, 'said once')
    }
  })

  await t.test('whose key sees less gets less, and a cursor is good for nobody else', async t => {
    const key = await admin.post('/v1/api-keys', {
      name: 'sheets',
      staff_id: flo.staff_id,
      scopes: ['attendance:read']
    })
    const narrow = service.client(key.data.secret, admin.organization_id)
    const reply = await narrow.get('/v1/sync')
    t.match(reply.data, { groups: [], memberships: [], sessions: [] })
    t.equal((await narrow.get(url(device))).statusCode, 400, 'what was left out would never come')
    for (const client of [await staff(admin, 'facilitator', 'Hal'), await organization('Far'), admin]) {
      t.match(await client.get(url(device)), { statusCode: 400, data: { code: 'invalid_cursor' } })
    }
    const stranger = await staff(admin, 'facilitator', 'Ida')
    t.match((await stranger.get('/v1/sync')).data, {
      groups: [],
      memberships: [],
      sessions: [],
      sheets: [],
      removed: []
    })
    t.equal((await (await staff(admin, 'observer')).get('/v1/sync')).statusCode, 403)
    t.equal((await flo.get('/v1/sync?cursor=x')).statusCode, 400)
    t.equal((await flo.get('/v1/sync?limit=1001')).statusCode, 400)
    const all = newDevice()
    await sync(admin, all)
    t.equal(all.groups.size, 6, 'who reaches all gets all')
  })

  await t.test('of a server that was restored from another reads what that wrote once', async t => {
    const own = await makeGroup(admin, { name: 'Restored Circle' })
    const session = await makeSession(admin, own)
    const restored = async (table: string, id: string) => {
      await superuser.query(`alter table ${table} disable trigger stamp_change`)
      await superuser.query(`update ${table} set changed_by = '9000000000000000000' where id = $1`, [id])
      await superuser.query(`alter table ${table} enable trigger stamp_change`)
    }
    await restored('groups', own)
    await restored('sessions', session)
    const kim = await staff(admin, 'facilitator', 'Kim')
    await assign(admin, own, kim.staff_id)
    const hers = newDevice()
    await sync(kim, hers)
    t.same([[...hers.groups.keys()], [...hers.sessions.keys()]], [[own], [session]])
    t.equal(await sync(kim, hers), 0)
    await admin.patch(`/v1/groups/${own}`, { name: 'Found Circle' }, { 'if-match': '*' })
    t.equal(await sync(kim, hers), 1)
    t.match(hers.groups.get(own), { name: 'Found Circle' })
  })

  await t.test('that facilitates nothing any more keeps nothing', async t => {
    await admin.post(`/v1/groups/${group}/facilitators/${assigned}/end`, {})
    await sync(flo, device)
    t.same([device.groups.size, device.memberships.size, device.sessions.size, device.sheets.size], [0, 0, 0, 0])
  })
})
