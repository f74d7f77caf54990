import pg from 'pg'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { Keyring } from '../../src/database/keyring.ts'
import { startApp } from '../support/app.ts'
import { makeGroup, makeMember, makeSession, minutesFromNow } from '../support/circle.ts'
import { cloneDatabase } from '../support/database.ts'
import { newKey, send, startServer, until } from '../support/process.ts'
import { slowDown } from './ledger.ts'

t.setTimeout(180_000)

interface Result {
  id: string
  outcome: string | null
  version: number | null
  conflict?: object
}

/** What two answers about one sheet have in common. */
const told = ({ id, outcome, version, conflict }: Result) =>
  JSON.stringify({ id, outcome, version, conflict: conflict !== undefined })

t.test(
  'kill -9 of the service in the middle of batches: what was acknowledged is there, and answered again alike',
  async t => {
    const database = await cloneDatabase()
    t.teardown(database.drop)
    const key = newKey()
    const admin = await (await startApp(t, {}, { ...database, keyring: new Keyring([key]) })).organization()
    const group = await makeGroup(admin)
    const people: string[] = []
    for (let n = 0; n < 4; n++) people.push(await makeMember(admin, group, `Member ${n}`))
    const sessions: string[] = []
    for (let n = 0; n < 12; n++) sessions.push(await makeSession(admin, group, 120 + n * 1440))
    const look = new pg.Client({ connectionString: database.superuserUrl })
    look.on('error', () => {})
    await look.connect()
    t.teardown(() => look.end())
    // Commits take their time, so that a kill meets them.
    await look.query(slowDown)

    // Four devices that were at the same sessions: two that agree, one that saw other people, one that sees it otherwise.
    const marks = (n: number, session: string) => ({
      id: uuid(),
      session_id: session,
      base_version: 0,
      records:
        n === 2
          ? [{ person_id: people[3], status: 'present' }]
          : [0, 1].map(m => ({ person_id: people[m], status: n === 3 && m === 1 ? 'absent' : 'present' })),
      anonymous_count: 1
    })
    const devices = [0, 1, 2, 3].map(n => sessions.map(session => marks(n, session)))
    const environment = { url: database.url, key, POOL_SIZE: '6' }
    let server = await startServer(t, environment)

    const acked = new Map<string, string>()
    let broken = 0
    let stopped = false
    const batches = (sheets: (typeof devices)[number], size: number) =>
      Array.from({ length: Math.ceil(sheets.length / size) }, (_, n) => sheets.slice(n * size, (n + 1) * size))
    /** Sends until it is answered, as a device does. */
    const deliver = async (sheets: (typeof devices)[number]) => {
      for (;;) {
        const reply = await send(server.base, 'POST', '/v1/attendance/sync', {
          headers: { authorization: `Bearer ${admin.key}` },
          body: { device_time: minutesFromNow(0), sheets },
          patience: 20_000
        }).catch((error: Error) => error)
        if (!(reply instanceof Error) && reply.status === 207) {
          for (const result of reply.data.results as Result[]) {
            t.ok(result.outcome !== null, JSON.stringify(result))
            t.equal(acked.get(result.id) ?? told(result), told(result), 'answered as the first time')
            acked.set(result.id, told(result))
          }
          return
        }
        if (!(reply instanceof Error)) t.equal(reply.status, 503, reply.text)
        broken++
        await new Promise(resolve => setTimeout(resolve, 30))
      }
    }
    const load = Promise.all(
      devices.map(async (sheets, n) => {
        while (!stopped) for (const some of batches(sheets, n + 2)) await deliver(some)
      })
    )
    for (let kills = 0; kills < 3; kills++) {
      const before = acked.size
      await until(() => acked.size > Math.min(before, 4 * sessions.length - 1))
      const { child, ended } = server
      child.kill('SIGKILL')
      t.equal(await ended, 'SIGKILL')
      server = await startServer(t, environment)
    }
    await until(() => acked.size === 4 * sessions.length)
    stopped = true
    await load
    t.ok(broken > 0, `${broken} requests were cut off`)

    const { rows: kept } = await look.query('select id, outcome, version from attendance_submissions order by id')
    t.same(
      kept.map(row => row.id),
      devices
        .flat()
        .map(sheet => sheet.id)
        .sort(),
      'each sheet is there, once'
    )
    for (const row of kept) t.match(acked.get(row.id), `"outcome":"${row.outcome}","version":${row.version}`)
    const { rows: stands } = await look.query(`
    select s.id, s.sheet_version, s.anonymous_count,
      (select array_agg(a.person_id || ' ' || a.status order by a.person_id) from attendance a
        where a.session_id = s.id and a.status <> 'not_recorded') as rows,
      (select count(*)::int from attendance_versions v where v.session_id = s.id) as versions,
      (select count(*)::int from attendance_submissions b where b.session_id = s.id and b.outcome in ('stored', 'merged')) as writes,
      (select count(*)::int from attendance_submissions b where b.session_id = s.id and b.outcome = 'conflict') as conflicts
    from sessions s`)
    for (const sheet of stands) {
      t.equal(sheet.anonymous_count, 1)
      t.equal(sheet.versions, sheet.sheet_version, 'a version for each that was written')
      t.equal(sheet.writes, sheet.sheet_version, 'written once each')
      const [one, other, third] = [0, 1, 3].map(n => people[n]!)
      const absent = sheet.rows.includes(`${other} absent`)
      t.same(
        sheet.rows,
        [`${one} present`, `${other} ${absent ? 'absent' : 'present'}`, `${third} present`].sort(),
        'what the devices agree on, whoever came first'
      )
      t.equal(sheet.conflicts, absent ? 2 : 1, 'and whoever came second and saw it otherwise is kept beside')
    }
  }
)
