import diagnostics from 'node:diagnostics_channel'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance, RouteOptions } from 'fastify'
import t from 'tap'
import { publishedFiles } from '../../openapi/write.ts'
import { isTimeZone } from '../../src/clock/time-zones.ts'
import type { Document, Operation, Schema } from '../../src/http/document.ts'
import { addFormats } from '../../src/http/formats.ts'
import { startApp } from '../support/app.ts'
import { assign, makeGroup, makePerson, makeSession } from '../support/circle.ts'
import { root } from '../support/root.ts'

const names = ['openapi.json', 'openapi-3.0.json']

/** Every route of every app made from here on; a plugin could not see those that are registered before it. */
const routes: RouteOptions[] = []
diagnostics.subscribe('fastify.initialization', message => {
  const { fastify } = message as { fastify: FastifyInstance }
  fastify.addHook('onRoute', route => void routes.push(route))
})

interface Listed {
  path: string
  method: string
  operation: Operation
}
const operationsOf = (document: Document): Listed[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
  )

t.test('the published contract', async t => {
  const files = await publishedFiles()
  const document = JSON.parse(files['openapi.json']!) as Document
  const operations = operationsOf(document)
  routes.length = 0
  const service = await startApp(t)
  const { app } = service

  for (const name of names) {
    await t.test(`${name} is what the code says`, async t => {
      const committed = await readFile(join(root, 'openapi', name), 'utf8')
      t.ok(committed === files[name], `openapi/${name} is out of date: npm run openapi`)
      const served = await app.inject(`/${name}`)
      t.match(served.headers['content-type'], /^application\/json/)
      t.same(served.json(), JSON.parse(files[name]!), 'and is served')
    })
  }

  await t.test('every example is one', async t => {
    const faults = faultsOfExamples(document)
    t.ok(faults.looked > 100, `${faults.looked} examples`)
    t.same(faults.found, [])

    const wrong = structuredClone(document)
    wrong.components.schemas.GroupCreate!.examples = [{ name: 'Nameless', mode: 'on_the_moon' }]
    t.match(faultsOfExamples(wrong).found, [/GroupCreate.*\/mode/], 'this test would see a wrong one')
  })

  await t.test('every route is in it, and nothing else', t => {
    const isOwn = ({ url }: RouteOptions) => !/^\/(docs|openapi(-3\.0)?\.json|problems)(\/|$)/.test(url)
    const registered = routes
      .filter(isOwn)
      .flatMap(({ method, url }) => [method].flat().map(one => `${one} ${url.replace(/:(\w+)/g, '{$1}')}`))
      // HEAD comes with each GET; OPTIONS is answered for every path.
      .filter(route => !/^(HEAD|OPTIONS) /.test(route))
    const listed = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    t.ok(registered.length > 20)
    t.same(listed.sort(), registered.sort())
    t.end()
  })

  await t.test('generators find what they need', t => {
    const ids = operations.map(({ operation }) => operation.operationId)
    t.equal(new Set(ids).size, ids.length, 'operationIds are unique')
    t.same(
      ids.filter(id => !/^[a-z]+([A-Z][a-z]+)+$/.test(id)),
      [],
      'and camelCase'
    )
    const described = document.tags.map(({ name }) => name)
    const used = operations.flatMap(({ operation }) => operation.tags ?? [])
    t.same([...new Set(used)].filter(tag => !described.includes(tag)).sort(), [])
    for (const { path, operation } of operations) {
      const signedIn = path.startsWith('/v1/')
      t.same(operation.security, signedIn ? [{ bearerAuth: [] }] : [], operation.operationId)
      if (!signedIn) continue
      t.ok(operation.responses[401], `${operation.operationId} says 401`)
      if (operation.operationId === 'getMe') continue
      t.match(operation['x-required-scope'], /^[a-z_]+:(read|write|moderate)$/, operation.operationId)
      t.ok(operation['x-roles']!.length > 0, operation.operationId)
    }
    t.end()
  })

  await t.test('a stranger gets 401 from all of it', async t => {
    for (const { path, method, operation } of operations) {
      if (!path.startsWith('/v1/')) continue
      const reply = await app.inject({
        method: method.toUpperCase() as 'GET',
        url: path.replace(/\{\w+\}/g, '0199f1a2-7c3e-7d4a-9b5f-3a1c2d4e5f60'),
        // Not even JSON: nothing is read of a stranger's request.
        ...(operation.requestBody && { headers: { 'content-type': 'application/json' }, payload: '{' })
      })
      // Whoever guesses keys is slowed down after a while.
      if (reply.statusCode !== 429) t.equal(reply.statusCode, 401, `${method} ${path}`)
      t.match(reply.headers['content-type'], /^application\/problem\+json/)
    }
  })

  await t.test('a missing If-Match is 428 where the document requires it, and nowhere else', async t => {
    const admin = await service.organization()
    const ids = await oneOfEach(admin)
    for (const { path, method, operation } of operations) {
      const refs = (operation.parameters ?? []).map(parameter => ('$ref' in parameter ? parameter.$ref : ''))
      const required = refs.some(ref => ref.endsWith('/IfMatch'))
      if (!required && !refs.some(ref => ref.endsWith('/IfMatchIfKnown'))) continue
      const { $ref = '' } = Object.values(operation.requestBody?.content ?? {})[0]?.schema ?? {}
      const body = document.components.schemas[String($ref).split('/').at(-1)!]?.examples as object[] | undefined
      const reply = await admin.request({
        method: method.toUpperCase() as 'POST',
        url: path.replace(/\{(\w+)\}/g, (_, name) => ids[name]!),
        ...(body && { payload: body[0]! })
      })
      t.equal(reply.statusCode === 428, required, `${operation.operationId}: ${reply.statusCode} ${reply.body}`)
      t.equal(operation.responses[428] !== undefined, required || operation.operationId === 'putAttendanceSheet')
    }
  })
})

/** One of everything that has a version, by the names of the parameters. */
async function oneOfEach(admin: Awaited<ReturnType<Awaited<ReturnType<typeof startApp>>['organization']>>) {
  const make = async (url: string, body: object) => {
    const made = await admin.post(url, body)
    if (made.statusCode !== 201) throw new Error(made.body)
    return made.data.id as string
  }
  const group_id = await makeGroup(admin)
  const person_id = await makePerson(admin, 'Ana')
  const staff_id = await make('/v1/staff', { display_name: 'Sam', role: 'facilitator' })
  const session_id = await makeSession(admin, group_id)
  const membership_id = await make(`/v1/groups/${group_id}/memberships`, { person_id })
  const ids: Record<string, string> = {
    group_id,
    session_id,
    person_id,
    staff_id,
    membership_id,
    absence_id: await make(`/v1/memberships/${membership_id}/absences`, { from: '2026-01-01' }),
    series_id: await make(`/v1/groups/${group_id}/series`, {
      starts_on: new Date().toISOString().slice(0, 10),
      start_time: '19:00',
      rrule: 'FREQ=WEEKLY'
    }),
    closure_id: await make('/v1/closures', { starts_on: '2026-01-01', name: 'New Year' }),
    session_facilitator_id: await make(`/v1/sessions/${session_id}/facilitators`, { staff_id }),
    note_id: await make(`/v1/sessions/${session_id}/notes`, { text: 'Quiet at first.' }),
    facilitator_id: await assign(admin, group_id, staff_id),
    strategy_id: await make('/v1/strategies', { title: 'Walk' }),
    api_key_id: await make('/v1/api-keys', { name: 'Front desk', scopes: ['groups:read'] }),
    system: 'clinic-ehr',
    value: 'A-1'
  }
  return ids
}

/** Checks each example of a schema or parameter against it. */
function faultsOfExamples(document: Document): { looked: number; found: string[] } {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats(ajv as never, { timeZone: isTimeZone })
  ajv.addFormat('uri-reference', text => URL.canParse(text, 'https://circlekeeper.example'))
  ajv.addSchema({ $id: 'document', ...document })
  const found: string[] = []
  let looked = 0
  const visit = (node: unknown, path: string[]) => {
    if (typeof node !== 'object' || node === null) return
    const { examples, example, schema } = node as Schema
    const isSchema = Array.isArray(examples)
    for (const value of isSchema ? examples : example === undefined ? [] : [example]) {
      looked++
      const place = [...path, ...(isSchema ? [] : schema === undefined ? [] : ['schema'])]
      const pointer = place.map(key => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')
      const validate = ajv.compile({ $ref: `document#/${pointer}` })
      if (!validate(value)) found.push(`${place.join('/')}: ${ajv.errorsText(validate.errors)}`)
    }
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'examples' && key !== 'example') visit(value, [...path, key])
    }
  }
  visit(document, [])
  return { looked, found }
}
