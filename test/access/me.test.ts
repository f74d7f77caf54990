import t from 'tap'
import { scopes } from '../../src/access/roles.ts'
import { startApp } from '../support/app.ts'
import { assign, makeGroup, minutesFromNow } from '../support/circle.ts'

t.test('me', async t => {
  const { organization, staff, client } = await startApp(t)
  const admin = await organization('Riverside')

  await t.test('tells whom an administrator’s key speaks for', async t => {
    const me = await admin.get('/v1/me')
    t.equal(me.statusCode, 200, me.body)
    t.match(me.data, {
      organization: {
        id: admin.organization_id,
        name: 'Riverside',
        slug: 'riverside',
        time_zone: 'UTC',
        language: 'en'
      },
      key: { id: String, name: 'Administrator', expires_at: null },
      staff: { id: String, display_name: 'Administrator', role: 'admin' },
      role: 'admin'
    })
    t.same(me.data.scopes, scopes)
    t.same(me.data.key.scopes, scopes)
    t.same(me.data.groups, [])
  })

  await t.test('lists the groups that are facilitated now, and no others', async t => {
    const sam = await staff(admin, 'facilitator', 'Sam')
    const [now, second, over, later] = [
      await makeGroup(admin, { name: 'Tuesday' }),
      await makeGroup(admin, { name: 'Étude' }),
      await makeGroup(admin, { name: 'Over' }),
      await makeGroup(admin, { name: 'Later' })
    ]
    await assign(admin, now, sam.staff_id)
    await assign(admin, second, sam.staff_id)
    await admin.post(`/v1/groups/${over}/facilitators`, {
      staff_id: sam.staff_id,
      role: 'facilitator',
      starts_at: minutesFromNow(-60),
      ends_at: minutesFromNow(-1)
    })
    await admin.post(`/v1/groups/${later}/facilitators`, {
      staff_id: sam.staff_id,
      role: 'co_facilitator',
      starts_at: minutesFromNow(60)
    })
    const me = await sam.get('/v1/me')
    t.match(me.data, { role: 'facilitator', staff: { id: sam.staff_id, display_name: 'Sam', role: 'facilitator' } })
    t.same(me.data.groups, [
      { group_id: second, name: 'Étude', role: 'facilitator' },
      { group_id: now, name: 'Tuesday', role: 'facilitator' }
    ])
    t.notOk(me.data.scopes.includes('groups:write'), 'a role narrows')
  })

  await t.test('any key may ask, also one of the organization that may do little', async t => {
    const made = await admin.post('/v1/api-keys', {
      name: 'Calendar',
      scopes: ['sessions:read'],
      expires_at: '2199-01-01T00:00:00Z'
    })
    const me = await client(made.data.secret, admin.organization_id).get('/v1/me')
    t.match(me.data, {
      key: { id: made.data.id, name: 'Calendar', scopes: ['sessions:read'], expires_at: '2199-01-01T00:00:00.000Z' },
      staff: null,
      role: 'admin',
      groups: []
    })
    t.same(me.data.scopes, ['sessions:read'])
    t.notMatch(me.body, made.data.secret)
  })
})
