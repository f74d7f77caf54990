import Fastify from 'fastify'
import t from 'tap'
import { FirstUse } from '../../src/http/first-use.ts'

function counted() {
  const compiled: string[] = []
  const build = (greeting: string) => (name: string) => {
    if (name === 'nobody') throw new Error('cannot be compiled')
    compiled.push(name)
    return (value: unknown) => `${greeting} ${name} ${value}`
  }
  return { compiled, build }
}

t.test('what is compiled is compiled when it is first called, once', async t => {
  const { compiled, build } = counted()
  const compile = new FirstUse().defer(build)('to')
  const [ana, ben] = [compile('Ana'), compile('Ben')]
  t.same(compiled, [])
  t.equal(ben(1), 'to Ben 1')
  t.equal(ben(2), 'to Ben 2')
  t.same(compiled, ['Ben'])
  t.equal(ana(3), 'to Ana 3')
})

t.test('the rest is compiled with a pause after each, and what was called meanwhile not again', async t => {
  const { compiled, build } = counted()
  const firstUse = new FirstUse()
  const compile = firstUse.defer(build)('to')
  const [, ben] = ['Ana', 'Ben', 'Cy'].map(name => compile(name))
  const rest = firstUse.rest()
  t.same(compiled, ['Ana'])
  ben!(1)
  await rest
  t.same(compiled, ['Ana', 'Ben', 'Cy'])
})

t.test('what cannot be compiled is thrown, whenever it is asked for', async t => {
  const { build } = counted()
  const firstUse = new FirstUse()
  const nobody = firstUse.defer(build)('to')('nobody')
  await t.rejects(firstUse.rest(), { message: 'cannot be compiled' })
  t.throws(() => nobody(1), { message: 'cannot be compiled' })
})

t.test('after the end nothing more is compiled by itself', async t => {
  const { compiled, build } = counted()
  const firstUse = new FirstUse()
  const compile = firstUse.defer(build)('to')
  for (const name of ['Ana', 'Ben', 'Cy']) compile(name)
  const rest = firstUse.rest()
  firstUse.end()
  await rest
  t.same(compiled, ['Ana'])
})

t.test('of a Fastify app, all schemas of its routes', async t => {
  const firstUse = new FirstUse()
  const compiled: string[] = []
  const build = () => (route: { url: string }) => {
    compiled.push(route.url)
    return (value: unknown) => value
  }
  const app = Fastify({
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: { buildValidator: firstUse.defer(build) as never } }
  })
  t.teardown(() => app.close())
  for (const url of ['/a', '/b']) {
    app.get(url, { schema: { querystring: { type: 'object' } } }, async () => 'here')
  }
  await app.ready()
  t.same(compiled, [])
  t.equal((await app.inject('/b')).body, 'here')
  t.same(compiled, ['/b'])
  await firstUse.rest()
  t.same(compiled.sort(), ['/a', '/b'])
})
