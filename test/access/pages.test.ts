import t from 'tap'
import { startApp } from '../support/app.ts'
import { makeGroup } from '../support/circle.ts'

t.test('a cursor', async t => {
  const { organization, staff } = await startApp(t)
  const admin = await organization()

  await t.test('is good for the same filters, in whatever order they are spelled', async t => {
    for (const name of ['Ana', 'Ben']) await staff(admin, 'observer', name)
    const first = await admin.get('/v1/staff?role=observer&active=true&limit=1')
    const cursor = first.data.page.next_cursor
    t.match((await admin.get(`/v1/staff?active=true&cursor=${cursor}&limit=1&role=observer`)).data, {
      data: [{ display_name: 'Ben' }]
    })
    const other = await admin.get(`/v1/staff?active=false&role=observer&cursor=${cursor}`)
    t.match(other.data, { status: 400, code: 'invalid_cursor' })
  })

  await t.test('may hold the longest name', async t => {
    const names = ['각'.repeat(199), '각'.repeat(200)]
    for (const name of names) await makeGroup(admin, { name })
    const found: string[] = []
    for (let url: string | null = '/v1/groups?limit=1'; url !== null; ) {
      const page = await admin.get(url)
      t.equal(page.statusCode, 200, page.body)
      if (page.data.page.has_more) t.ok(page.data.page.next_cursor.length > 1000)
      found.push(...page.data.data.map((one: { name: string }) => one.name))
      url = page.data.page.next_cursor && `/v1/groups?limit=1&cursor=${page.data.page.next_cursor}`
    }
    t.same(found, names)
  })
})
