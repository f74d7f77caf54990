import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import openapiTS, { astToString } from 'openapi-typescript'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { daysFromNow } from '../support/circle.ts'
import { root } from '../support/root.ts'

const run = promisify(execFile)
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

const compilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: 'es2022',
  lib: ['es2022', 'dom'],
  types: [],
  module: 'nodenext',
  rootDir: '.',
  outDir: 'out'
}

/** What somebody writes who has the document and openapi-fetch: a meeting, from the group to who came. */
const program = `
import createClient from 'openapi-fetch'
import type { components, paths } from './api.js'

const found = <T>({ data, error }: { data?: T; error?: components['schemas']['Problem'] }): T => {
  if (data === undefined) throw new Error(error?.code + ': ' + error?.detail)
  return data
}

export async function tour(baseUrl: string, key: string, firstDay: string, now: string) {
  const api = createClient<paths>({ baseUrl, headers: { authorization: 'Bearer ' + key } })

  const group = found(
    await api.POST('/v1/groups', {
      params: { header: { 'Idempotency-Key': 'tour-1' } },
      body: { name: 'Tuesday Night Circle', mode: 'online', time_zone: 'UTC' }
    })
  )
  const in_group = { path: { group_id: group.id } }
  const person = found(await api.POST('/v1/people', { body: { display_name: 'Ana' } }))
  const membership = found(
    await api.POST('/v1/groups/{group_id}/memberships', {
      params: in_group,
      body: { person_id: person.id, joined_on: firstDay }
    })
  )
  const series = found(
    await api.POST('/v1/groups/{group_id}/series', {
      params: in_group,
      body: { starts_on: firstDay, start_time: '00:00', duration_minutes: 60, rrule: 'FREQ=WEEKLY' }
    })
  )
  const sessions = found(
    await api.GET('/v1/groups/{group_id}/sessions', {
      params: { ...in_group, query: { from: firstDay, to: now, outcome: 'scheduled', unlogged: true, limit: 10 } }
    })
  )
  const session = sessions.data[0]
  if (session === undefined) throw new Error('no session')
  const at_session = { session_id: session.id }

  const sheet = await api.GET('/v1/sessions/{session_id}/attendance', { params: { path: at_session } })
  if (found(sheet).roster[0]?.person_id !== person.id) throw new Error('not on the roster')
  const first = await api.PUT('/v1/sessions/{session_id}/attendance', {
    params: { path: at_session },
    body: { records: [{ person_id: person.id, status: 'present', mode: 'video' }], walk_ins: [{ display_name: 'Bo' }] }
  })
  const etag = first.response.headers.get('etag')
  if (etag === null) throw new Error('no ETag')
  const corrected = found(
    await api.PUT('/v1/sessions/{session_id}/attendance', {
      params: { path: at_session, header: { 'If-Match': etag } },
      body: { records: [{ person_id: person.id, status: 'present' }], anonymous_count: 3 }
    })
  )
  const attendance = found(await api.GET('/v1/attendance', { params: { query: { person_id: person.id, status: 'present' } } }))

  const paused = found(
    await api.PATCH('/v1/groups/{group_id}', {
      params: { ...in_group, header: { 'If-Match': '"' + group.version + '"' } },
      body: { status: 'paused', status_reason: null, location: { city: 'Oakland' } }
    })
  )
  const nothing = await api.GET('/v1/groups/{group_id}', { params: { path: { group_id: person.id } } })

  const status: 'forming' | 'active' | 'paused' | 'closed' = paused.status
  const next: string | null = attendance.page.next_cursor
  const city: string | null | undefined = paused.location?.city
  return {
    status,
    next,
    city,
    left_on: membership.left_on,
    until: series.sessions_until,
    counts: corrected.counts,
    came: attendance.data.map(row => row.display_name),
    refusal: nothing.error?.code
  }
}

// What a compiler must refuse, or the types say less than the document.
export async function mistakes(baseUrl: string, id: string) {
  const api = createClient<paths>({ baseUrl })
  // @ts-expect-error not a mode
  await api.POST('/v1/groups', { body: { name: 'x', mode: 'on_the_moon' } })
  // @ts-expect-error a name is required
  await api.POST('/v1/groups', { body: { mode: 'online' } })
  // @ts-expect-error there is no such path
  await api.GET('/v1/meetings')
  // @ts-expect-error not an outcome
  await api.GET('/v1/sessions', { params: { query: { outcome: 'cancled' } } })
  // @ts-expect-error If-Match is required
  await api.PATCH('/v1/groups/{group_id}', { params: { path: { group_id: id } }, body: { status: 'paused' } })
  // @ts-expect-error neither is a row of a sheet
  await api.PUT('/v1/sessions/{session_id}/attendance', { params: { path: { session_id: id } }, body: { records: [{ person_id: id, status: 'here' }], walk_ins: [{ nickname: 'Bo' }] } })
  const { data } = await api.GET('/v1/groups/{group_id}', { params: { path: { group_id: id } } })
  // @ts-expect-error it may be null
  const reason: string | undefined = data?.status_reason
  return reason
}
`

t.test('a generated TypeScript client', async t => {
  const { app, organization } = await startApp(t)
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })

  for (const name of ['openapi.json', 'openapi-3.0.json']) {
    await t.test(`of ${name} compiles and works`, async t => {
      // Inside the checkout, so that the compiler finds openapi-fetch.
      const directory = t.testdir({
        'package.json': '{ "type": "module" }',
        'tsconfig.json': JSON.stringify({ compilerOptions, files: ['tour.ts'] }),
        'tour.ts': program
      })
      const document = await readFile(join(root, 'openapi', name), 'utf8')
      await writeFile(join(directory, 'api.d.ts'), astToString(await openapiTS(JSON.parse(document))))

      const compiled = await run(process.execPath, [tsc, '-p', directory]).catch((error: { stdout: string }) => error)
      t.equal(compiled.stdout, '', 'no complaints')

      const { tour } = await import(pathToFileURL(join(directory, 'out/tour.js')).href)
      const { key } = await organization(name)
      t.match(await tour(baseUrl, key, daysFromNow(-14), new Date().toISOString()), {
        status: 'paused',
        next: null,
        city: 'Oakland',
        left_on: null,
        until: /^\d{4}-\d\d-\d\d$/,
        counts: { present: 1, walk_ins: 0, anonymous: 3, total: 4 },
        came: ['Ana'],
        refusal: 'not_found'
      })
    })
  }
})
