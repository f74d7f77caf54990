import t from 'tap'
import { startApp } from '../support/app.ts'

t.test('groups', async t => {
  const { organization } = await startApp(t)
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
})
