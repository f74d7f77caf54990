import type { FastifyReply, FastifyRequest } from 'fastify'
import { badRequest } from '../problems.ts'

/** What a cursor carries: the order's two columns of the last row of the page before. */
export type Position = [string | number | null, string | number]

export interface Signer {
  sign(purpose: string, text: string): Buffer
  verify(purpose: string, text: string, signature: Buffer): boolean
}

/** One page, as a statement takes it. */
export interface Asked {
  /** One more than the page holds: its presence tells that there are more. */
  limit: number
  /** Where the page before ended, column by column of the order; undefined on the first. */
  after_0: string | number | null | undefined
  after_1: string | number | null | undefined
}

export interface PageOf<Row> {
  data: Row[]
  page: { next_cursor: string | null; has_more: boolean }
}

/**
 * Answers one page of a list with its next cursor, in the body and as a Link header (RFC 8288).
 * A cursor is `base64url(position).base64url(mac)`; the mac (HMAC-SHA-256, 128 bits) covers the organization, the list
 * and its filters, so that it is good for nothing else: any other is 400 `invalid_cursor`.
 *
 * @param order the order's columns of a row
 */
export async function paged<Row>(
  request: FastifyRequest,
  reply: FastifyReply,
  fetch: (asked: Asked) => Promise<Row[]>,
  order: (row: NoInfer<Row>) => Position
): Promise<PageOf<NoInfer<Row>>> {
  const signer: Signer = request.server.keyring
  const query = request.query as { limit: number; cursor?: string } & Record<string, unknown>
  const { limit, cursor } = query
  const path = request.url.split('?', 1)[0]!
  const filters = filtersOf(query)
  const list = `${request.caller.organization_id} ${path}?${filters}`

  const after: Partial<Position> = cursor === undefined ? [] : JSON.parse(openCursor(cursor, list, signer))
  const rows = await fetch({ limit: limit + 1, after_0: after[0], after_1: after[1] })
  const data = rows.length > limit ? rows.slice(0, limit) : rows
  const next = rows.length > limit ? sealCursor(JSON.stringify(order(data.at(-1)!)), list, signer) : null
  if (next !== null) {
    reply.header('link', `<${request.server.publicUrl}${path}?${filters}limit=${limit}&cursor=${next}>; rel="next"`)
  }
  return { data, page: { next_cursor: next, has_more: next !== null } }
}

/** As they stand in a query. Sorted: in which order they are spelled does not matter. */
function filtersOf(query: Record<string, unknown>): string {
  let text = ''
  for (const name of Object.keys(query).sort()) {
    if (name !== 'limit' && name !== 'cursor') text += `${name}=${encodeURIComponent(String(query[name]))}&`
  }
  return text
}

/** @param text a position, that anybody may read and nobody else may make */
export function sealCursor(text: string, list: string, signer: Signer): string {
  const mac = signer.sign('cursor', `${list}\n${text}`).subarray(0, 16)
  return `${Buffer.from(text).toString('base64url')}.${mac.toString('base64url')}`
}

/** @throws Problem 400 `invalid_cursor` */
export function openCursor(cursor: string, list: string, signer: Signer): string {
  const [position, mac, ...rest] = cursor.split('.')
  const text = Buffer.from(position ?? '', 'base64url').toString()
  const signature = Buffer.from(mac ?? '', 'base64url')
  // Decoding forgives stray characters: only the one spelling that was given out is good.
  const same = cursor === `${Buffer.from(text).toString('base64url')}.${signature.toString('base64url')}`
  if (rest.length > 0 || signature.length !== 16 || !same || !signer.verify('cursor', `${list}\n${text}`, signature)) {
    throw badRequest('invalid_cursor', 'This cursor does not belong to this list with these filters.', [
      { in: 'query', parameter: 'cursor', code: 'invalid_cursor', detail: 'Begin again without a cursor.' }
    ])
  }
  return text
}
