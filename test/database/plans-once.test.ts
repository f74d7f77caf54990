import t from 'tap'
import { startApp } from '../support/app.ts'
import { makeGroup, makeSession } from '../support/circle.ts'

t.test('what is quick, and the search, is planned once on a connection, however often it is asked', async t => {
  const service = await startApp(t, { POOL_SIZE: '1' })
  const admin = await service.organization()
  const group = await makeGroup(admin)
  await makeSession(admin, group)
  const from = new Date().toISOString()
  for (let n = 0; n < 12; n++) {
    t.equal((await admin.get(`/v1/groups/${group}/sessions?limit=20&from=${from}`)).statusCode, 200)
    t.equal((await admin.get('/v1/strategies?topic=panic&language=en')).statusCode, 200)
  }
  const plans = await service.app.db.reviewed<{ generic: number; custom: number }>(
    'plans_made',
    `select generic_plans::int as generic, custom_plans::int as custom from pg_prepared_statements
     where name ~ '^(list_sessions|search_strategies)_'`,
    []
  )
  t.same(plans, Array(2).fill({ generic: 12, custom: 0 }))
})
