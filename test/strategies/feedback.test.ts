import fc from 'fast-check'
import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember } from '../support/circle.ts'
import { allAtOnce } from '../support/gate.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'

t.test('did it help?', async t => {
  const service = await startApp(t, { POOL_SIZE: '8' })
  const admin = await service.organization()
  const [group, other] = [await makeGroup(admin), await makeGroup(admin)]
  const facilitator = await service.staff(admin, 'facilitator')
  await assign(admin, group, facilitator.staff_id)
  const person = await makeMember(admin, group, 'Robin')
  const stranger = await makeMember(admin, other, 'Ana')
  const { id } = (await admin.post('/v1/strategies', { title: 'Walk', topics: ['worry'] })).data
  const url = `/v1/strategies/${id}`
  const say = (outcome: string, who = person, client: Client = facilitator) =>
    client.put(`${url}/feedback/${who}`, { outcome, topic: 'worry' })
  const counts = async () => {
    const { helped_count, tried_count } = (await admin.get(url)).data
    return [helped_count, tried_count]
  }

  await t.test('one answer a person, which may change and be withdrawn', async t => {
    t.match(await say('tried'), {
      statusCode: 200,
      data: { outcome: 'tried', topic: 'worry', helped_count: 0, tried_count: 1 }
    })
    t.match(await say('helped'), { statusCode: 200, data: { outcome: 'helped', helped_count: 1, tried_count: 1 } })
    await say('did_not_help', stranger, admin)
    t.same(await counts(), [1, 2])
    t.match((await facilitator.get(`${url}/feedback/${person}`)).data, {
      outcome: 'helped',
      helped_count: 1,
      tried_count: 2
    })
    for (let twice = 0; twice < 2; twice++) {
      const taken = await facilitator.post(`${url}/feedback/${person}/withdraw`)
      t.match(taken, { statusCode: 200, data: { outcome: null, updated_at: null, helped_count: 0, tried_count: 1 } })
    }
    t.equal((await admin.get(url)).data.version, 1, 'the card itself has not changed')
  })

  await t.test('of those whom one sees', async t => {
    t.equal((await say('helped', stranger)).statusCode, 404)
    t.equal((await facilitator.get(`${url}/feedback/${stranger}`)).statusCode, 404)
    t.equal((await say('maybe')).statusCode, 422)
    const observer = await service.staff(admin, 'observer')
    t.equal((await observer.get(`${url}/feedback/${person}`)).statusCode, 403)
    t.same(await counts(), [0, 1])
  })

  await t.test('everybody at once is counted once each', async t => {
    const people = await Promise.all(Array.from({ length: 6 }, (_, n) => makeMember(admin, group, `Member ${n}`)))
    // They come to the card's counts together, with answers that the others do not see yet.
    await allAtOnce(service.superuserUrl, 'strategies', 6, n =>
      say(n === 0 ? 'did_not_help' : 'helped', people[n], admin)
    )
    t.same(await counts(), [5, 7])
    await allAtOnce(service.superuserUrl, 'strategies', 6, n => say('tried', people[n], admin))
    t.same(await counts(), [0, 7])
  })
})

/** The lower bound of Wilson's interval by its definition: the smaller p at which h of n lies z standard deviations away. */
function wilson(helped: number, tried: number): number {
  if (tried === 0) return 0
  const z = 1.9599639845400545
  const share = helped / tried
  const misses = (p: number) => (share - p) ** 2 - (z ** 2 * p * (1 - p)) / tried
  // Between 0 and the share it falls from not negative to not positive.
  let [low, high] = [0, share]
  for (let n = 0; n < 60; n++) {
    const middle = (low + high) / 2
    if (misses(middle) > 0) low = middle
    else high = middle
  }
  return low
}

t.test('ranking', async t => {
  const service = await startApp(t)
  const superuser = await lookingPastWalls(t, service)
  const of = async (pairs: [number, number][]): Promise<number[]> =>
    (
      await superuser.query(
        'select strategy_helpfulness(h, n) as score from unnest($1::int[], $2::int[]) with ordinality as x (h, n, place) order by place',
        [pairs.map(pair => pair[0]), pairs.map(pair => pair[1])]
      )
    ).rows.map(row => row.score)

  await t.test('is the lower bound of Wilson’s interval', async () => {
    const pair = fc
      .tuple(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: 100_000 }))
      .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 200 }), async pairs => {
        const scores = await of(pairs)
        return pairs.every(([helped, tried], n) => Math.abs(scores[n]! - 1_000_000 * wilson(helped, tried)) <= 1)
      }),
      { numRuns: 50 }
    )
  })

  await t.test('rises with who was helped, falls with who was not, and trusts the many', async t => {
    const pair = fc.tuple(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 500 }))
    await fc.assert(
      fc.asyncProperty(pair, async ([helped, not]) => {
        const tried = helped + not
        const [score, helpsOneMore, failsOneMore, doubled] = await of([
          [helped, tried],
          [helped + 1, tried + 1],
          [helped, tried + 1],
          [2 * helped, 2 * tried]
        ])
        return (
          helpsOneMore! >= score! && failsOneMore! <= score! && doubled! >= score! && score! >= 0 && score! <= 1_000_000
        )
      }),
      { numRuns: 100 }
    )
    const [two, ninety, none] = await of([
      [2, 2],
      [90, 100],
      [0, 0]
    ])
    t.ok(ninety! > two!, '2 of 2 do not beat 90 of 100')
    t.equal(none, 0)
  })
})
