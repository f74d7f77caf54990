import t from 'tap'
import { type Client, startApp } from '../support/app.ts'
import { assign, makeGroup, makeMember, minutesFromNow } from '../support/circle.ts'
import { closeGate } from '../support/gate.ts'
import { until } from '../support/process.ts'

t.test('practice', async t => {
  const service = await startApp(t)
  const admin = await service.organization()
  const group = await makeGroup(admin)
  const facilitator = await service.staff(admin, 'facilitator')
  await assign(admin, group, facilitator.staff_id)
  const stranger = await service.staff(admin, 'facilitator')
  const person = await makeMember(admin, group, 'Robin')
  const card = async (title: string, more = {}): Promise<string> =>
    (await admin.post('/v1/strategies', { title, ...more })).data.id
  const walk = await card('Walk')
  const url = `/v1/people/${person}/practices`
  const log = (body: object, client = facilitator) => client.post(url, { strategy_id: walk, ...body })

  await t.test('is logged with how it was', async t => {
    const made = await log({ practiced_at: minutesFromNow(-60), rating: 4 })
    t.match(made, {
      statusCode: 201,
      headers: { location: `/v1/practices/${made.data.id}`, etag: '"1"' },
      data: { person_id: person, strategy_id: walk, strategy_title: 'Walk', rating: 4, voided_at: null }
    })
    t.same((await facilitator.get(made.headers.location as string)).data, made.data)
    await log({ practiced_at: minutesFromNow(-30), rating: 1 })
    const now = await log({})
    t.equal(now.data.rating, null)
    t.ok(Math.abs(Date.parse(now.data.practiced_at) - Date.now()) < 60_000)
    await log({ strategy_id: await card('Breathe'), practiced_at: minutesFromNow(-600) })

    const list = (await facilitator.get(`${url}?limit=2`)).data
    t.same(
      list.data.map(({ id }: { id: string }) => id),
      [now.data.id, (await facilitator.get(`${url}?strategy_id=${walk}`)).data.data[1].id],
      'the latest first'
    )
    const rest = (await facilitator.get(`${url}?limit=2&cursor=${list.page.next_cursor}`)).data
    t.equal(rest.data.length, 2)
    t.equal(rest.page.has_more, false)
    t.equal((await facilitator.get(`${url}?strategy_id=${walk}`)).data.data.length, 3)

    await facilitator.put(`/v1/people/${person}/toolbox/cards/${walk}`, {})
    t.match((await facilitator.get(`/v1/people/${person}/toolbox`)).data.data, [
      { practiced_count: 3, average_rating: 2.5, last_practiced_at: now.data.practiced_at }
    ])

    for (let twice = 0; twice < 2; twice++) {
      const voided = await facilitator.post(`/v1/practices/${now.data.id}/void`)
      t.match(voided, { statusCode: 200, data: { version: 2, voided_at: /Z$/ } })
    }
    t.equal((await facilitator.get(`${url}?strategy_id=${walk}`)).data.data.length, 2)
    t.match((await facilitator.get(`/v1/people/${person}/toolbox`)).data.data, [{ practiced_count: 2 }])
  })

  await t.test('is refused where it cannot be', async t => {
    for (const [body, pointer] of [
      [{ rating: 0 }, '#/rating'],
      [{ rating: 6 }, '#/rating'],
      [{ rating: 2.5 }, '#/rating'],
      [{ practiced_at: minutesFromNow(60) }, '#/practiced_at'],
      [{ strategy_id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60' }, '#/strategy_id'],
      [{ strategy_id: await card('Ours', { visibility: 'group', group_id: await makeGroup(admin) }) }, '#/strategy_id'],
      [{ person_id: person }, '#/person_id']
    ] as const) {
      const refused = await log(body)
      t.match(refused, { statusCode: 422, data: { errors: [{ pointer }] } }, JSON.stringify(body))
    }
    t.equal((await log({ practiced_at: minutesFromNow(2) })).statusCode, 201, 'the clock of a phone may be ahead')
    t.equal((await facilitator.get(`${url}?rating=4`)).statusCode, 400)
  })

  await t.test('of a card that is hidden in that very moment is none', async t => {
    const strategy_id = await card('Gone')
    const open = await closeGate(service.superuserUrl, 'practices')
    const logging = log({ strategy_id })
    await until(async () => {
      const rows = await service.look(
        "select 1 from pg_stat_activity where datname = current_database() and application_name = 'circlekeeper' and wait_event_type = 'Lock'"
      )
      return rows.length > 0
    })
    await admin.post(`/v1/strategies/${strategy_id}/reports`, { reason: 'harmful' })
    await open()
    t.match(await logging, { statusCode: 422, data: { code: 'unknown_reference' } })
    t.same(await service.look('select id from practices where strategy_id = $1', [strategy_id]), [])
  })

  await t.test('stays when the card is out of use, for those who read the card; nobody is reminded of it', async t => {
    const strategy_id = await card('Fold cranes')
    const { id } = (await log({ strategy_id })).data
    const reminder = await facilitator.post(`/v1/people/${person}/practice-reminders`, {
      strategy_id,
      rrule: 'FREQ=DAILY',
      time: '08:30'
    })
    t.equal(reminder.statusCode, 201, reminder.body)
    const coming = async (client: Client) => (await client.get(`/v1/people/${person}/feed`)).data.data.length
    const decide = (decision: string) =>
      admin.post(`/v1/strategies/${strategy_id}/${decision}`, { reason: 'So' }, { 'if-match': '*' })
    t.ok((await coming(facilitator)) > 5)

    await admin.post(`/v1/strategies/${strategy_id}/reports`, { reason: 'identifies_somebody' })
    for (const decision of ['hide', 'retire']) {
      t.equal((await decide(decision)).statusCode, 200)
      t.same([await coming(facilitator), await coming(admin)], [0, 0], decision)
      t.match((await admin.get(`/v1/practices/${id}`)).data, { strategy_title: 'Fold cranes' })
      // Retired as it was, the title may be what was reported.
      t.equal((await facilitator.get(`/v1/practices/${id}`)).statusCode, 404)
      t.same((await facilitator.get(`${url}?strategy_id=${strategy_id}`)).data.data, [])
    }
    t.equal((await decide('publish')).statusCode, 200)
    t.ok((await coming(facilitator)) > 5)
    t.equal((await facilitator.get(`/v1/practices/${id}`)).statusCode, 200)

    await admin.post(`/v1/strategies/${strategy_id}/reports`, { reason: 'identifies_somebody' })
    t.equal((await decide('retire')).statusCode, 200)
    t.equal((await facilitator.get(`/v1/practices/${id}`)).statusCode, 404, 'retired because of what was reported')
    await decide('publish')

    t.equal((await decide('retire')).statusCode, 200)
    t.same([await coming(facilitator), await coming(admin)], [0, 0])
    t.equal((await facilitator.get(`/v1/strategies/${strategy_id}`)).statusCode, 404)
    t.match((await facilitator.get(`${url}?strategy_id=${strategy_id}`)).data.data, [
      { id, strategy_title: 'Fold cranes' }
    ])
    const path = `/v1/practice-reminders/${reminder.data.id}`
    t.match((await facilitator.get(path)).data, { strategy_title: 'Fold cranes' })
    t.equal((await facilitator.post(`${path}/end`)).statusCode, 200)
    t.equal((await log({ strategy_id })).statusCode, 422, 'nothing new is written of it')
    const reported = (await log({}, facilitator)).data
    await admin.post(`/v1/strategies/${reported.strategy_id}/retire`, { reason: 'So' }, { 'if-match': '*' })
    t.equal((await facilitator.get(`/v1/practices/${reported.id}`)).statusCode, 200)
    await admin.post(`/v1/strategies/${reported.strategy_id}/reports`, { reason: 'identifies_somebody' })
    t.equal((await facilitator.get(`/v1/practices/${reported.id}`)).statusCode, 404, 'reported since')
    await admin.post(`/v1/strategies/${reported.strategy_id}/publish`, { reason: 'So' }, { 'if-match': '*' })
    t.equal((await facilitator.post(`/v1/practices/${id}/void`)).statusCode, 200)
    t.equal((await stranger.get(`/v1/practices/${id}`)).statusCode, 404)
  })

  await t.test('with a draft that was retired tells nobody its title', async t => {
    const made = await admin.post('/v1/strategies', { title: 'Never seen', draft: true })
    const { id } = (await admin.post(url, { strategy_id: made.data.id })).data
    await admin.post(`/v1/strategies/${made.data.id}/retire`, { reason: 'So' }, { 'if-match': '*' })
    t.equal((await admin.get(`/v1/practices/${id}`)).statusCode, 200)
    t.equal((await facilitator.get(`/v1/practices/${id}`)).statusCode, 404)
  })

  await t.test('is there for those who see the person', async t => {
    const { id } = (await log({})).data
    const observer = await service.staff(admin, 'observer')
    t.equal((await observer.get(url)).statusCode, 403)
    t.equal((await stranger.get(url)).statusCode, 404)
    t.equal((await log({}, stranger)).statusCode, 404)
    t.equal((await stranger.get(`/v1/practices/${id}`)).statusCode, 404)
    t.equal((await stranger.post(`/v1/practices/${id}/void`)).statusCode, 404)
    t.equal((await admin.get(`/v1/practices/${id}`)).data.voided_at, null)
  })
})
