import t from 'tap'
import { startApp } from '../support/app.ts'

t.test('the organization', async t => {
  const { organization, staff, look } = await startApp(t)
  const admin = await organization('Río & Côté')
  const stored = () => look('select * from organizations order by id')

  await t.test('is read and changed', async t => {
    const read = await admin.get('/v1/organization')
    t.equal(read.statusCode, 200, read.body)
    t.equal(read.headers.etag, '"1"')
    t.match(read.data, {
      id: admin.organization_id,
      name: 'Río & Côté',
      slug: 'rio-cote',
      time_zone: 'UTC',
      language: 'en',
      settings: { default_duration_minutes: 90 },
      version: 1
    })
    t.notMatch(read.body, /index_key/)

    const changed = await admin.patch('/v1/organization', {
      name: 'Riverside',
      slug: 'riverside',
      time_zone: 'America/New_York',
      language: 'es',
      settings: { default_duration_minutes: 60 }
    })
    t.equal(changed.headers.etag, '"2"')
    t.match(changed.data, {
      name: 'Riverside',
      slug: 'riverside',
      time_zone: 'America/New_York',
      language: 'es',
      settings: { default_duration_minutes: 60 },
      version: 2
    })
    const merged = await admin.patch('/v1/organization', { settings: {} }, { 'if-match': '"2"' })
    t.match(merged.data, { name: 'Riverside', settings: { default_duration_minutes: 60 }, version: 3 })
    const stale = await admin.patch('/v1/organization', { name: 'Too late' }, { 'if-match': '"2"' })
    t.equal(stale.statusCode, 412)
    t.equal(stale.headers.etag, '"3"')
    t.same((await admin.get('/v1/organization')).data, merged.data)
    t.same(
      (
        await look('select operation from audit_entries where object_id = $1 order by at, id', [admin.organization_id])
      ).map(row => row.operation),
      ['organization.created', 'organization.changed', 'organization.changed']
    )
  })

  await t.test('refuses what it may not be, and stays as it is', async t => {
    const before = await stored()
    for (const [body, pointer] of [
      [{}, '#'],
      [{ name: '' }, '#/name'],
      [{ name: null }, '#/name'],
      [{ slug: 'Not A Slug' }, '#/slug'],
      [{ time_zone: 'Mars/Olympus' }, '#/time_zone'],
      [{ time_zone: 'EST' }, '#/time_zone'],
      [{ language: 'english' }, '#/language'],
      [{ settings: { default_duration_minutes: 0 } }, '#/settings/default_duration_minutes'],
      [{ settings: { default_duration_minutes: null } }, '#/settings/default_duration_minutes'],
      [{ settings: { theme: 'dark' } }, '#/settings/theme'],
      [{ id: '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60' }, '#/id'],
      [{ version: 9 }, '#/version']
    ] as const) {
      const reply = await admin.patch('/v1/organization', body)
      t.equal(reply.statusCode, 422, reply.body)
      t.equal(reply.data.errors[0].pointer, pointer)
    }
    for (const role of ['coordinator', 'facilitator', 'observer'] as const) {
      const one = await staff(admin, role)
      t.equal((await one.get('/v1/organization')).statusCode, 403)
      t.equal((await one.patch('/v1/organization', { name: 'Mine' })).statusCode, 403)
    }
    t.same(await stored(), before)
  })

  await t.test('is the one that the key names, and there is no other', async t => {
    const other = await organization('Elsewhere')
    const before = (await admin.get('/v1/organization')).data
    await other.patch('/v1/organization', { name: 'Elsewhere, too', slug: 'riverside' })
    t.same((await admin.get('/v1/organization')).data, before)
    t.match((await other.get('/v1/organization')).data, {
      id: other.organization_id,
      name: 'Elsewhere, too',
      slug: 'riverside'
    })
    t.equal((await admin.get(`/v1/organization/${other.organization_id}`)).statusCode, 404)
  })
})
