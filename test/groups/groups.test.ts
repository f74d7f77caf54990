import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { findGroup, holdGroup } from '../../src/groups/queries.ts'
import { startApp } from '../support/app.ts'
import { allAtOnce } from '../support/gate.ts'

t.test('groups', async t => {
  const { organization, superuserUrl } = await startApp(t, { POOL_SIZE: '20' })
  const admin = await organization()

  await t.test('are created, read, changed, archived and restored', async t => {
    const made = await admin.post('/v1/groups', {
      name: 'Café Grief Circle',
      mode: 'in_person',
      topics: ['grief'],
      location: { city: 'Oakland', latitude: 37.8, longitude: -122.27 },
      time_zone: 'America/Los_Angeles'
    })
    t.equal(made.statusCode, 201, made.body)
    t.equal(made.headers.location, `/v1/groups/${made.data.id}`)
    t.equal(made.headers.etag, '"1"')
    t.match(made.data, {
      slug: 'cafe-grief-circle',
      next_session_at: null,
      member_count: 0,
      location: { city: 'Oakland', address: null }
    })

    const url = made.headers.location as string
    t.same((await admin.get(url)).data, made.data)
    t.equal((await admin.patch(url, { capacity: 12 })).statusCode, 428)
    t.equal((await admin.patch(url, { capacity: 12 }, { 'if-match': '"7"' })).statusCode, 412)
    const changed = await admin.patch(url, { capacity: 12, location: { notes: 'Ring twice' } }, { 'if-match': '"1"' })
    t.match(changed.data, { capacity: 12, version: 2, location: { city: 'Oakland', notes: 'Ring twice' } })

    for (const [location, pointer] of [
      [{ latitude: null }, '#/location/latitude'],
      [{ longitude: null }, '#/location/longitude']
    ] as const) {
      const half = await admin.patch(url, { location }, { 'if-match': '"2"' })
      t.match(half, { statusCode: 422, data: { errors: [{ pointer, code: 'incomplete_coordinates' }] } })
    }
    const archived = await admin.post(`${url}/archive`, undefined, { 'if-match': '"2"' })
    t.match(archived.data, { version: 3, archived_at: String })
    t.same((await admin.get('/v1/groups')).data.data, [])
    t.equal((await admin.get('/v1/groups?archived=only')).data.data.length, 1)
    t.match((await admin.post(`${url}/restore`, undefined, { 'if-match': '"3"' })).data, {
      version: 4,
      archived_at: null
    })
    t.equal((await admin.get('/v1/groups?q=cafe%20OAKLAND')).data.data.length, 1)
    t.equal((await admin.get('/v1/groups?q=%25')).data.data.length, 0)
    t.equal((await admin.get('/v1/groups?lat=37.8&lng=-122.3&km=5')).data.data.length, 1)
    t.equal((await admin.get('/v1/groups?lat=37.8&lng=-122.3&km=1')).data.data.length, 0)
  })

  await t.test('get slugs of their own from one name, however many are created at once', async t => {
    const ask = (body: object) => admin.post('/v1/groups', { name: 'At once', mode: 'online', ...body })
    const made = await allAtOnce(superuserUrl, 'groups', 4, () => ask({}))
    t.same(
      made.map(reply => reply.statusCode),
      [201, 201, 201, 201]
    )
    t.same(made.map(reply => reply.data.slug).sort(), ['at-once', 'at-once-2', 'at-once-3', 'at-once-4'])
    const given = await allAtOnce(superuserUrl, 'groups', 4, () => ask({ slug: 'given' }))
    t.same(given.map(reply => reply.statusCode).sort(), [201, 409, 409, 409])
    for (const reply of given.filter(reply => reply.statusCode === 409)) t.equal(reply.data.code, 'slug_taken')
  })

  await t.test('are counted and held without asking or locking more than needed', async t => {
    const made = await admin.post('/v1/groups', { name: 'Counted', mode: 'online', time_zone: 'Europe/Berlin' })
    const group_id = made.data.id as string
    const actor = {
      organization_id: admin.organization_id,
      staff_id: randomUUID(),
      api_key_id: randomUUID(),
      reach: 'organization' as const,
      request_id: randomUUID()
    }
    for (const display_name of ['A', 'B', 'C', 'D']) {
      const person = await admin.post('/v1/people', { display_name })
      const joined = await admin.post(`/v1/groups/${group_id}/memberships`, {
        person_id: person.data.id,
        joined_on: '2026-01-05'
      })
      t.equal(joined.statusCode, 201, joined.body)
      if (display_name === 'D') await admin.post(`/v1/memberships/${joined.data.id}/leave`, { left_on: '2026-01-06' })
    }
    t.equal((await admin.get(`/v1/groups/${group_id}`)).data.member_count, 3)

    const client = new pg.Client({ connectionString: superuserUrl })
    await client.connect()
    try {
      await client.query(`set track_functions = 'pl'`)
      await client.query('begin')
      await client.query(findGroup.for(actor, { group_id }))
      const { rows } = await client.query(
        `select calls::int from pg_stat_xact_user_functions where funcname = 'local_date'`
      )
      t.same(rows, [{ calls: 1 }], 'the day is computed once for a group')
      await client.query('commit')

      await client.query('begin')
      await client.query('select from groups where id = $1 for key share', [group_id])
      const changed = await admin.patch(`/v1/groups/${group_id}`, { capacity: 9 }, { 'if-match': '"1"' })
      t.equal(changed.statusCode, 200, 'whoever only refers to the group keeps nobody from changing it')
      await client.query('commit')

      await client.query('begin')
      t.match((await client.query(holdGroup.for(actor, { group_id }))).rows, [
        { time_zone: 'Europe/Berlin', status: 'active', archived_at: null }
      ])
      let isArchived = false
      const archiving = admin.post(`/v1/groups/${group_id}/archive`, undefined, { 'if-match': '"2"' }).then(reply => {
        isArchived = true
        return reply
      })
      await new Promise(resolve => setTimeout(resolve, 300))
      t.equal(isArchived, false, 'a held group is not archived meanwhile')
      await client.query('commit')
      t.equal((await archiving).statusCode, 200)
    } finally {
      await client.end()
    }
  })
})
