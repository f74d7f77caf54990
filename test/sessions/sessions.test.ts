import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import { type Client, startApp } from '../support/app.ts'
import { assign, daysFromNow, makeGroup, makeMember, makeSession, minutesFromNow } from '../support/circle.ts'

t.test('sessions', async t => {
  const { organization, staff, look } = await startApp(t)
  const admin = await organization()
  const group = await makeGroup(admin, { time_zone: 'America/Los_Angeles' })

  await t.test('are scheduled one by one, also in the past', async t => {
    const made = await admin.post(`/v1/groups/${group}/sessions`, {
      starts_at: '2026-06-03T02:30:00Z',
      topic: 'Summer'
    })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/sessions/${made.data.id}`)
    t.equal(made.headers.etag, '"1"')
    t.match(made.data, {
      group_id: group,
      series_id: null,
      starts_at: '2026-06-03T02:30:00.000Z',
      ends_at: '2026-06-03T04:00:00.000Z',
      duration_minutes: 90,
      local_date: '2026-06-02',
      local_time: '19:30',
      time_zone: 'America/Los_Angeles',
      topic: 'Summer',
      mode: 'online',
      outcome: 'scheduled',
      reason: null,
      submitted_at: null,
      version: 1
    })
    t.same((await admin.get(`/v1/sessions/${made.data.id}`)).data, made.data)
  })

  await t.test('are on the day of the start that is kept', async t => {
    const utc = await makeGroup(admin, { name: 'Midnight Circle' })
    const made = await admin.post(`/v1/groups/${utc}/sessions`, { starts_at: '2026-06-03T23:59:59.9999Z' })
    t.equal(made.data.starts_at.slice(0, 10), made.data.local_date)
    t.equal(Date.parse(made.data.ends_at) - Date.parse(made.data.starts_at), 90 * 60_000)
  })

  await t.test('are changed while nothing was recorded', async t => {
    const session = await makeSession(admin, group)
    const url = `/v1/sessions/${session}`
    t.equal((await admin.patch(url, { topic: 'Rest' })).statusCode, 428)
    const moved = await admin.patch(
      url,
      { starts_at: '2026-11-04T04:00:00+01:00', duration_minutes: 60, topic: 'Rest' },
      { 'if-match': '"1"' }
    )
    t.match(moved.data, {
      starts_at: '2026-11-04T03:00:00.000Z',
      ends_at: '2026-11-04T04:00:00.000Z',
      local_date: '2026-11-03',
      local_time: '19:00',
      topic: 'Rest',
      version: 2
    })
    t.match(await admin.patch(url, {}, { 'if-match': '"2"' }), { statusCode: 422 })
    await admin.put(`${url}/attendance`, { records: [] })
    t.match(await admin.patch(url, { starts_at: minutesFromNow(0) }, { 'if-match': '"3"' }), {
      statusCode: 409,
      data: { code: 'session_held' }
    })
    t.match((await admin.patch(url, { topic: null }, { 'if-match': '"3"' })).data, { topic: null, version: 4 })
    t.equal((await admin.patch(url, { topic: 'Late' }, { 'if-match': '"3"' })).statusCode, 412)
  })

  await t.test('are cancelled, found not to have happened, and reinstated; twice is the same as once', async t => {
    const session = await makeSession(admin, group)
    const url = `/v1/sessions/${session}`
    t.match(await admin.post(`${url}/cancel`, {}, { 'if-match': '"1"' }), {
      statusCode: 422,
      data: { errors: [{ pointer: '#/reason' }] }
    })
    t.equal((await admin.post(`${url}/did_not_happen`, { reason: 'Snow' })).statusCode, 428)
    const coming = await admin.post(
      `/v1/sessions/${await makeSession(admin, group, -30)}/did_not_happen`,
      { reason: 'Snow' },
      { 'if-match': '*' }
    )
    t.match(coming.json(), { status: 409, code: 'session_not_started' }, 'what is to come is cancelled')
    const first = await admin.post(`${url}/did_not_happen`, { reason: 'Snow' }, { 'if-match': '"1"' })
    t.match(first.data, { outcome: 'did_not_happen', reason: 'Snow', version: 2 })
    t.same((await admin.post(`${url}/did_not_happen`, { reason: 'Ice' }, { 'if-match': '"2"' })).data, first.data)
    t.match(await admin.post(`${url}/cancel`, { reason: 'Ice' }, { 'if-match': '"2"' }), {
      statusCode: 409,
      data: { code: 'session_not_scheduled' }
    })
    t.match(await admin.put(`${url}/attendance`, { records: [] }), {
      statusCode: 409,
      data: { code: 'session_did_not_happen' }
    })
    t.match((await admin.post(`${url}/reinstate`, undefined, { 'if-match': '"2"' })).data, {
      outcome: 'scheduled',
      reason: null,
      version: 3
    })
    t.match((await admin.post(`${url}/reinstate`, undefined, { 'if-match': '"3"' })).data, { version: 3 })
    t.same(
      (await look('select operation from audit_entries where object_id = $1 order by at, id', [session])).map(
        row => row.operation
      ),
      ['session.scheduled', 'session.did_not_happen', 'session.reinstated'],
      'what changed nothing leaves no trace'
    )
  })

  await t.test('are listed by date, outcome, and whether they were logged', async t => {
    const own = await makeGroup(admin, { name: 'Listed Circle' })
    const past = [
      await makeSession(admin, own, 3 * 1440),
      await makeSession(admin, own, 2 * 1440),
      await makeSession(admin, own, 1440)
    ]
    const coming = await makeSession(admin, own, -1440)
    const running = await makeSession(admin, own, 10)
    await admin.put(`/v1/sessions/${past[1]}/attendance`, { records: [] })
    await admin.post(`/v1/sessions/${past[2]}/cancel`, { reason: 'Holiday' }, { 'if-match': '"1"' })
    const ids = async (query: string, client: Client = admin): Promise<string[]> =>
      (await client.get(`/v1/sessions?group_id=${own}&${query}`)).data.data.map((session: { id: string }) => session.id)
    t.same(await ids(''), [...past, running, coming])
    t.same(await ids('unlogged=true'), [past[0]])
    t.same(await ids('unlogged=false'), [past[1], past[2], running, coming])
    // Of whoever facilitated at that time: since yesterday somebody else does.
    const [before, since] = [await staff(admin, 'facilitator'), await staff(admin, 'facilitator')]
    await look(
      `insert into group_facilitators (organization_id, id, group_id, staff_id, role, starts_at, ends_at) values
         ($1, gen_random_uuid(), $2, $3, 'facilitator', now() - interval '1 year', now() - interval '36 hours'),
         ($1, gen_random_uuid(), $2, $4, 'facilitator', now() - interval '36 hours', null)`,
      [admin.organization_id, own, before.staff_id, since.staff_id]
    )
    t.same(await ids(`unlogged=true&staff_id=${before.staff_id}`), [past[0]])
    t.same(await ids(`unlogged=true&staff_id=${since.staff_id}`), [])
    t.same(await ids(`staff_id=${since.staff_id}`), [past[2], running, coming])
    t.same(await ids('outcome=held'), [past[1]])
    t.same(await ids(`from=${encodeURIComponent(minutesFromNow(0))}`), [coming])
    t.same(await ids(`from=${daysFromNow(-2)}&to=${daysFromNow(-1)}`), [past[1]])
    for (const query of [
      'from=yesterday',
      'unlogged=maybe',
      'outcome=lost',
      'limit=101',
      'sort=topic',
      'limit=1&limit=2',
      'group_id=1'
    ]) {
      t.equal((await admin.get(`/v1/sessions?${query}`)).statusCode, 400, query)
    }
    const pages: string[] = []
    let next: string | null = `/v1/groups/${own}/sessions?limit=2`
    while (next !== null) {
      const page: {
        data: { data: { id: string }[]; page: { next_cursor: string | null } }
        headers: Record<string, unknown>
      } = await admin.get(next)
      pages.push(...page.data.data.map(session => session.id))
      next = page.data.page.next_cursor && /<([^>]+)>; rel="next"/.exec(String(page.headers.link))![1]!
    }
    t.same(pages, [...past, running, coming], 'following the Link header')
  })

  await t.test('the texts that PostgreSQL writes keep the published contract, and say nothing else', async t => {
    const member = await makeMember(admin, group, 'Contract')
    const session = await makeSession(admin, group)
    const document = (await admin.get('/openapi.json')).data
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema({ ...document, $id: 'document' })
    const check = (name: string, body: unknown) => {
      const validate = ajv.compile({ $ref: `document#/components/schemas/${name}` })
      t.ok(validate(body), `${name}: ${JSON.stringify(validate.errors)}`)
    }
    const keys = (name: string) => Object.keys(document.components.schemas[name].properties).sort()
    for (const body of [
      null,
      {
        records: [{ person_id: member, status: 'present', mode: 'video', minutes: 9 }],
        walk_ins: [{ display_name: 'A' }],
        anonymous_count: 1
      }
    ]) {
      if (body !== null) await admin.put(`/v1/sessions/${session}/attendance`, body)
      const sheet = (await admin.get(`/v1/sessions/${session}/attendance`)).data
      check('Sheet', sheet)
      t.same(Object.keys(sheet).sort(), keys('Sheet'))
      for (const row of sheet.roster) t.same(Object.keys(row).sort(), keys('SheetRow'))
      for (const row of sheet.walk_ins) t.same(Object.keys(row).sort(), keys('SheetWalkIn'))
      const page = (await admin.get(`/v1/groups/${group}/sessions`)).data
      check('SessionPage', page)
      t.same(Object.keys(page.data[0]).sort(), keys('Session'))
      t.same(
        page.data.find((one: { id: string }) => one.id === session),
        (await admin.get(`/v1/sessions/${session}`)).data
      )
      t.same(page.data.find((one: { id: string }) => one.id === session).counts, sheet.counts)
    }
  })

  await t.test('are hidden from other organizations and groups', async t => {
    const session = await makeSession(admin, group)
    const mine = await staff(admin, 'facilitator', 'Mina')
    await assign(admin, group, mine.staff_id)
    t.equal(
      (await mine.post(`/v1/sessions/${session}/cancel`, { reason: 'Ill' }, { 'if-match': '"1"' })).statusCode,
      200
    )
    const strip = (reply: { statusCode: number; body: string }) => [
      reply.statusCode,
      reply.body.replace(/"request_id":"[^"]+"/, '')
    ]
    for (const stranger of [await organization('Elsewhere'), await staff(admin, 'facilitator', 'Otto')]) {
      for (const [path, body] of [
        ['', undefined],
        ['/cancel', { reason: 'x' }],
        ['/cancel', { bad: 1 }],
        ['/did_not_happen', { reason: 'x' }],
        ['/reinstate', undefined]
      ] as const) {
        const ask = (id: string) =>
          path === ''
            ? stranger.get(`/v1/sessions/${id}`)
            : stranger.post(`/v1/sessions/${id}${path}`, body, { 'if-match': '*' })
        t.same(strip(await ask(session)), strip(await ask(uuid())), path)
        t.equal((await ask(session)).statusCode, 404)
      }
      t.equal((await stranger.patch(`/v1/sessions/${session}`, { topic: 'Mine' }, { 'if-match': '*' })).statusCode, 404)
      t.equal((await stranger.get(`/v1/groups/${group}/sessions`)).statusCode, 404)
      t.equal((await stranger.post(`/v1/groups/${group}/sessions`, { starts_at: minutesFromNow(9) })).statusCode, 404)
      t.same((await stranger.get(`/v1/sessions?group_id=${group}`)).data.data, [])
    }
    const observer = await staff(admin, 'observer')
    t.equal((await observer.get(`/v1/sessions/${session}`)).statusCode, 200)
    t.equal((await observer.post(`/v1/sessions/${session}/reinstate`, undefined, { 'if-match': '*' })).statusCode, 403)
  })
})
