import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { inLine } from '../../src/database/in-line.ts'
import { startApp } from '../support/app.ts'
import { makeGroup, makeSession } from '../support/circle.ts'
import { closeGate } from '../support/gate.ts'

/** Something to be done that ends when told to. */
function task(name: string, log: string[]) {
  let end!: (error?: Error) => void
  const ended = new Promise<string>((resolve, reject) => {
    end = error => (error === undefined ? resolve(name) : reject(error))
  })
  return {
    end,
    work: () => {
      log.push(name)
      return ended
    }
  }
}

t.test('so many at once, and the others in the order in which they came', async t => {
  const enter = inLine(2, 10_000)
  const log: string[] = []
  const tasks = ['a', 'b', 'c', 'd', 'e'].map(name => task(name, log))
  const done = tasks.map(({ work }) => enter(work))
  await turn()
  t.same(log, ['a', 'b'])
  tasks[1]!.end()
  t.equal(await done[1], 'b')
  await turn()
  t.same(log, ['a', 'b', 'c'])
  tasks[0]!.end(new Error('no'))
  await t.rejects(done[0]!, { message: 'no' }, 'whoever fails leaves, too')
  await turn()
  t.same(log, ['a', 'b', 'c', 'd'])
  for (const { end } of tasks) end()
  t.same(await Promise.all(done.slice(1)), ['b', 'c', 'd', 'e'])
  const last = task('f', log)
  last.end()
  t.equal(await enter(last.work), 'f', 'and nobody is waited for any more')
})

t.test('who waits for too long is told to come again, and holds nobody up', async t => {
  const enter = inLine(1, 50)
  const log: string[] = []
  const [first, second, third] = ['first', 'second', 'third'].map(name => task(name, log))
  const holds = enter(first!.work)
  await t.rejects(enter(second!.work), { status: 503, code: 'busy' })
  first!.end()
  await holds
  third!.end()
  t.equal(await enter(third!.work), 'third')
  t.same(log, ['first', 'third'])
})

t.test('what is slow leaves connections to what is not', async t => {
  const service = await startApp(t, { POOL_SIZE: '4', CONNECT_TIMEOUT_MS: '600', STATEMENT_TIMEOUT_MS: '30000' })
  const admin = await service.organization()
  const session = await makeSession(admin, await makeGroup(admin))
  // Whoever searches needs this one.
  await admin.get('/v1/strategies?q=walk')
  const open = await closeGate(service.superuserUrl, 'strategy_words', 'access exclusive')
  const searches = Array.from({ length: 12 }, () => admin.get('/v1/strategies?q=walk'))
  const sheet = await admin.get(`/v1/sessions/${session}/attendance`)
  t.equal(sheet.statusCode, 200, 'reads')
  t.equal(
    (await admin.put(`/v1/sessions/${session}/attendance`, { records: [], anonymous_count: 1 })).statusCode,
    200,
    'writes'
  )
  const settled = Promise.all(searches)
  const first = await Promise.race(searches)
  t.match(first, { statusCode: 503, data: { code: 'busy' }, headers: { 'retry-after': '1' } })
  await open()
  const codes = (await settled).map(reply => reply.statusCode)
  t.ok(codes.includes(200), 'whoever held on is answered')
  t.equal((await admin.get('/v1/strategies?q=walk')).statusCode, 200)
})
