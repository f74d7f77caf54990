import type { InjectOptions } from 'fastify'
import type pg from 'pg'
import type { Reply, TestApp } from '../support/app.ts'

/** What an answer must never show of the inside. */
const inside =
  /(\bat .+:\d+:\d+|SQLSTATE|pg_|drizzle|node_modules|syntax error|relation "|violates|column "|stack|\b(22|23|42)[0-9A-Z]{3}\b)/i

export interface Asked extends InjectOptions {
  /** Instead of the administrator's; null for nobody's. */
  key?: string | null
}

export interface Answered extends Reply {
  /** Everything that is wrong with it, whatever the request was. */
  faults: string[]
}

/** Asks, and looks at the answer with every oracle that holds for all answers. */
export function asker(service: TestApp, key: string): (asked: Asked) => Promise<Answered> {
  return async ({ key: other, ...options }) => {
    const given = other === undefined ? key : other
    const began = performance.now()
    const busy = process.cpuUsage()
    const reply = (await service.app.inject({
      ...options,
      headers: { ...(given !== null && { authorization: `Bearer ${given}` }), ...options.headers }
    })) as Answered
    const { user, system } = process.cpuUsage(busy)
    reply.data = parsed(reply.body)
    const { method = 'GET', url } = options
    reply.faults = faultsOf(reply, method !== 'HEAD', typeof url === 'string' ? url : '')
    // A machine that is busy with other things makes everything wait; this process may only work so long, and wait so long.
    const waited = performance.now() - began
    if ((user + system) / 1000 > 2000 || waited > 4500) reply.faults.push(`took ${Math.round(waited)} ms`)
    return reply
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function faultsOf({ statusCode, headers, body, data }: Reply, hasBody: boolean, url: string): string[] {
  const faults: string[] = []
  const expect = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault)
  }
  expect(statusCode < 500 || (statusCode === 503 && headers['retry-after'] !== undefined), `status ${statusCode}`)
  if (statusCode >= 400) {
    expect(headers['content-type'] === 'application/problem+json', `type ${headers['content-type']}`)
    if (hasBody) {
      expect(data?.status === statusCode, 'another status in the body')
      expect(data?.request_id === headers['x-request-id'], 'another request id in the body')
      expect(/^[a-z_]+$/.test(data?.code) && data?.type === `/problems/${data?.code}`, 'no code')
    }
    expect(headers.etag === undefined || statusCode === 412, 'an ETag on a refusal')
    expect(!inside.test(body) && !inside.test(JSON.stringify(headers)), `tells of the inside: ${body.slice(0, 200)}`)
    expect(headers['cache-control'] === 'no-store', `cache-control ${headers['cache-control']}`)
  } else if (url.startsWith('/v1')) {
    expect(
      /^(private, no-cache|no-store)$/.test(String(headers['cache-control'])),
      `cache-control ${headers['cache-control']}`
    )
  }
  expect(headers['x-content-type-options'] === 'nosniff', 'may be sniffed')
  expect(headers.server === undefined && headers['x-powered-by'] === undefined, 'names its software')
  expect(/^[A-Za-z0-9._-]{8,64}$/.test(String(headers['x-request-id'])), `x-request-id ${headers['x-request-id']}`)
  return faults
}

/** What is in every table, but for what every request may add to. */
export async function everything(superuser: pg.Client): Promise<string> {
  const { rows: tables } = await superuser.query<{ name: string }>(`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    and relname not in ('audit_entries', 'idempotency_keys') order by 1`)
  const sums = tables.map(
    ({ name }) => `select '${name}' as name, md5(coalesce(string_agg(row, '' order by row), '')) as sum
      from (select (to_jsonb(x) - 'last_used_at')::text as row from ${name} x) x`
  )
  const { rows } = await superuser.query<{ name: string; sum: string }>(sums.join(' union all '))
  return rows.map(({ name, sum }) => `${name} ${sum}`).join('\n')
}
