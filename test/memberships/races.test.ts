import pg from 'pg'
import t from 'tap'
import { offerSeatsEverywhere } from '../../src/memberships/offer-seats.ts'
import { type Client, type Reply, startApp } from '../support/app.ts'
import { makeGroup, makePerson } from '../support/circle.ts'

/** How often each race is run. */
const rounds = Number(process.env.RACE_ROUNDS ?? 5)
t.setTimeout(120_000 + rounds * 10_000)

// What is tried here is who gets the seat, not how quickly: on a busy machine nobody gives up.
const patient = {
  POOL_SIZE: '10',
  CONNECT_TIMEOUT_MS: '30000',
  LOCK_TIMEOUT_MS: '30000',
  STATEMENT_TIMEOUT_MS: '60000'
}

const atOnce = <T>(count: number, work: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)))
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)
const rising = (a: number, b: number) => a - b

t.test('who gets the seats', async t => {
  const service = await startApp(t, patient)
  const { organization, look, superuserUrl } = service
  const admin = await organization()
  const people = await atOnce(60, n => makePerson(admin, `Person ${n}`))
  const join = (group: string, n: number) => admin.post(`/v1/groups/${group}/memberships`, { person_id: people[n] })
  const act = (client: Client, id: string, action: string) => client.post(`/v1/memberships/${id}/${action}`)
  const rowsOf = (group: string) =>
    look('select id, stage, place, left_on, over_capacity from memberships where group_id = $1 order by place, id', [
      group
    ])
  const idOf = ({ data }: Reply): string => data.id
  /** The order in which seats were offered in a group: ids of events rise as they are written down, under its lock. */
  const offersIn = async (group: string) =>
    (
      await look(
        `select m.place from outbox_events e join memberships m on m.id = e.object_id
         where e.type = 'membership.offered' and m.group_id = $1 order by e.id`,
        [group]
      )
    ).map(row => row.place)
  const deadlocks = async () =>
    (await look('select deadlocks::int from pg_stat_database where datname = current_database()'))[0].deadlocks

  /** A group of so many seats, all taken, and so many who wait, in order. */
  const full = async (capacity: number, waiters: number) => {
    const group = await makeGroup(admin, { capacity })
    const ids: string[] = []
    for (let n = 0; n < capacity + waiters; n++) ids.push(idOf(await join(group, n)))
    return { group, members: ids.slice(0, capacity), line: ids.slice(capacity) }
  }

  await t.test('50 who come at once for 3 seats', async t => {
    for (let round = 1; round <= rounds; round++) {
      const group = await makeGroup(admin, { capacity: 3 })
      const replies = await atOnce(50, n => join(group, n))
      const of = (status: string) => replies.filter(({ data }) => data.status === status)
      const found = {
        made: replies.filter(({ statusCode }) => statusCode === 201).length,
        active: of('active').length,
        extra: replies.filter(({ data }) => data.over_capacity).length,
        positions: of('waitlisted')
          .map(({ data }) => data.position)
          .sort(rising),
        places: (await rowsOf(group)).flatMap(({ place }) => place ?? [])
      }
      const wanted = { made: 50, active: 3, extra: 0, positions: upTo(47), places: upTo(47) }
      t.same(found, wanted, `round ${round}`)
    }
    t.equal(await deadlocks(), 0)
  })

  await t.test('control: whoever counts, and then inserts, without holding the group', async t => {
    const group = await makeGroup(admin, { capacity: 3 })
    let counted = 0
    let open = () => {}
    const allCounted = new Promise<void>(resolve => (open = resolve))
    await atOnce(10, async n => {
      const client = new pg.Client({ connectionString: superuserUrl })
      await client.connect()
      await client.query('begin')
      const { rows } = await client.query(
        `select count(*)::int as taken, (select capacity from groups where id = $1) as seats from memberships where group_id = $1`,
        [group]
      )
      if (++counted === 10) open()
      await allCounted
      if (rows[0].taken < rows[0].seats) {
        await client.query(
          `insert into memberships (organization_id, id, group_id, person_id, joined_on) values ($1, gen_random_uuid(), $2, $3, current_date)`,
          [admin.organization_id, group, people[n]]
        )
      }
      await client.query('commit')
      await client.end()
    })
    t.equal((await rowsOf(group)).length, 10, 'ten have one of three seats')
  })

  await t.test('8 who leave at once, with 20 who wait', async t => {
    for (let round = 1; round <= rounds; round++) {
      const { group, members, line } = await full(8, 20)
      const left = await atOnce(8, n => act(admin, members[n]!, 'leave'))
      t.ok(left.every(({ statusCode }) => statusCode === 200))
      t.same(await offersIn(group), upTo(8), `round ${round}: in order, and each once`)

      // Of those who are offered a seat half decline; all answer twice.
      const answers = await atOnce(16, n => act(admin, line[n % 8]!, n % 2 === 0 ? 'decline' : 'accept'))
      t.same(answers.map(({ statusCode }) => statusCode).sort(rising), [...Array(8).fill(200), ...Array(8).fill(409)])
      t.same(await offersIn(group), upTo(12), `round ${round}: four seats for the next four`)
      const rows = await rowsOf(group)
      const count = (stage: string) => rows.filter(row => row.stage === stage && row.left_on === null).length
      t.same([count('member'), count('offered'), count('waitlisted'), count('not_joined')], [4, 4, 8, 4])
    }
    t.equal(await deadlocks(), 0)
  })

  await t.test('all of it at once', async t => {
    const free = ({ data }: Reply) => data?.code === undefined || /^(not_|already_|offer_|member)/.test(data.code)
    for (let round = 1; round <= rounds; round++) {
      const { group, members, line } = await full(6, 16)
      await act(admin, members[0]!, 'leave')
      await act(admin, members[1]!, 'leave')
      const asked = await atOnce(4, n => admin.post(`/v1/groups/${group}/join-requests`, { person_id: people[50 + n] }))
      await look('update memberships set offer_expires_at = now() where id = $1', [line[1]])
      const works: (() => Promise<Reply | undefined>)[] = [
        ...members.slice(2, 5).map(id => () => act(admin, id, 'leave')),
        ...line.slice(0, 2).map(id => () => act(admin, id, 'accept')),
        ...line.slice(0, 3).map(id => () => act(admin, id, 'decline')),
        ...line.slice(4, 8).map(id => () => act(admin, id, 'withdraw')),
        ...asked.map(reply => () => act(admin, idOf(reply), 'approve')),
        ...upTo(12).map(n => () => join(group, 25 + n)),
        ...upTo(3).map(() => async () => {
          await offerSeatsEverywhere(service.app.db, service.app.log)
          return undefined
        })
      ]
      // Another order each round.
      const shuffled = works
        .map((work, n) => ({ work, at: (n * 7 + round * 11) % works.length }))
        .sort((a, b) => a.at - b.at)
      const replies = (await atOnce(works.length, n => shuffled[n]!.work())).flatMap(reply => reply ?? [])
      t.same(
        replies.filter(reply => !free(reply)).map(({ body }) => body),
        [],
        `round ${round}`
      )
      await offerSeatsEverywhere(service.app.db, service.app.log)

      const rows = await rowsOf(group)
      const held = rows.filter(({ stage, left_on }) => stage === 'offered' || (stage === 'member' && left_on === null))
      const waits = rows.filter(({ stage }) => stage === 'waitlisted')
      t.equal(held.length, 6, `round ${round}: every seat is held, and none twice, while ${waits.length} wait`)
      t.ok(waits.length > 0)
      t.notOk(rows.some(row => row.over_capacity))
      const offers = await offersIn(group)
      t.same(offers, [...new Set(offers)].sort(rising), 'offered in order, and each once')
      t.ok(
        waits.every(({ place }) => place > Math.max(...offers)),
        'nobody was passed by'
      )
    }
    t.equal(await deadlocks(), 0)
  })
})
