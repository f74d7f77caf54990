/**
 * The bare limit: node:http and pg with named prepared statements, the same SQL and the same rows written; no framework,
 * no authentication, no validation, no row-level security. Started by run.ts with its facts in the environment.
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { v7 as uuid } from 'uuid'
import { claimKey, keepAnswer, recordChanges } from '../../src/changes/queries.ts'
import type { Actor } from '../../src/database/actor.ts'
import { instantFromText } from '../../src/database/columns.ts'
import type { Prepared } from '../../src/database/statement.ts'
import { countsOf, rowsOf } from '../../src/sessions/attendance.ts'
import { listSessions } from '../../src/sessions/queries.ts'
import {
  findSheet,
  lockSheets,
  putSheetHeads,
  putSheetRows,
  rostersOfDay,
  sheetRows
} from '../../src/sessions/sheet-queries.ts'
import { searchStrategies } from '../../src/strategies/search-queries.ts'
import { searchOf } from '../../src/strategies/search-strategies.ts'

const { BENCH_SUPERUSER_URL, BENCH_ORGANIZATION, BENCH_API_KEY_ID, BENCH_STAFF_ID } = process.env as Record<
  string,
  string
>
const actor: Actor = {
  organization_id: BENCH_ORGANIZATION!,
  api_key_id: BENCH_API_KEY_ID!,
  staff_id: BENCH_STAFF_ID!,
  reach: 'organization',
  request_id: 'bench-limit'
}
const pool = new pg.Pool({
  connectionString: BENCH_SUPERUSER_URL,
  max: 10,
  // The function that searches looks within the organization that is spoken for. Statements are planned once, as the service’s are.
  options: `-c timezone=UTC -c plan_cache_mode=force_generic_plan -c app.organization_id=${BENCH_ORGANIZATION}`,
  types: {
    getTypeParser: (oid: number) => (oid === 1184 ? instantFromText : oid === 20 ? Number : pg.types.getTypeParser(oid))
  } as never
})

pool.on('error', () => {})

async function sheet(session_id: string) {
  const { rows } = await pool.query(findSheet.for(actor, { session_id }))
  return rows[0].json
}

async function coming(group_id: string, from_instant: string) {
  const { rows } = await pool.query(
    listSessions.for(actor, { group_id, from_instant, limit: 21, after_0: undefined, after_1: undefined })
  )
  const more = rows.length > 20
  const data = rows.slice(0, 20).map(row => row.json)
  return `{"data":[${data.join()}],"page":{"next_cursor":${more ? `"${rows[19].id}"` : 'null'},"has_more":${more}}}`
}

async function search(query: URLSearchParams) {
  const search = searchOf({
    q: query.get('q')!,
    topic: query.get('topic')!,
    language: query.get('language')!,
    status: 'published'
  })
  const { rows } = await pool.query(
    searchStrategies.for(actor, {
      ...search,
      moderates: true,
      sees_people: true,
      limit: 21,
      after_0: undefined,
      after_1: undefined
    })
  )
  const more = rows.length > 20
  const data = rows.slice(0, 20).map(row => row.json)
  return `{"data":[${data.join()}],"page":{"next_cursor":${more ? `"${rows[19].id}"` : 'null'},"has_more":${more}},"corrected_q":null}`
}

async function put(session_id: string, body: string, key: string) {
  const given = JSON.parse(body)
  const client = await pool.connect()
  const run = async (statement: Prepared) => (await client.query(statement)).rows
  try {
    await client.query('begin')
    await run(claimKey.for(actor, { key, fingerprint: randomBytes(32) }))
    const session_ids = [session_id]
    const [session] = await run(lockSheets.for(actor, { session_ids }))
    await run(rostersOfDay.for(actor, { session_ids }))
    const stored = new Map((await run(sheetRows.for(actor, { session_ids }))).map(row => [row.person_id, row.id]))
    const rows = rowsOf(given).map(row => ({ ...row, session_id, id: stored.get(row.person_id) ?? uuid() }))
    await run(putSheetRows.for(actor, { rows: JSON.stringify(rows) }))
    const { anonymous_count } = given
    const head = {
      session_id,
      rows,
      reason: null,
      occurred_at: null,
      clock_off: false,
      anonymous_count,
      ...countsOf(rows)
    }
    await run(putSheetHeads.for(actor, { session_ids, heads: JSON.stringify([head]) }))
    const [{ json }] = (await run(findSheet.for(actor, { session_id }))) as [{ json: string }]
    await run(
      recordChanges.for(actor, {
        ids: [uuid()],
        event_ids: [uuid()],
        type: 'session.sheet_put',
        object_type: 'session',
        object_ids: [session_id],
        object_versions: [session.version + 1],
        request_id: 'bench'
      })
    )
    await run(keepAnswer.for(actor, { key, status: 200, answer_sealed: Buffer.from(json) }))
    await client.query('commit')
    return json
  } finally {
    client.release()
  }
}

const server = createServer(async (request, response) => {
  const [, , kind, id] = request.url!.split('?')[0]!.split('/')
  let json: string
  if (request.method === 'PUT') {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    json = await put(id!, Buffer.concat(chunks).toString(), request.headers['idempotency-key'] as string)
  } else if (kind!.startsWith('strategies')) json = await search(new URL(request.url!, 'http://x').searchParams)
  else if (kind === 'sessions') json = await sheet(id!)
  else json = await coming(id!, new URL(request.url!, 'http://x').searchParams.get('from')!)
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json)
  })
  response.end(json)
})
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
