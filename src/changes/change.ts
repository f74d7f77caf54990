import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Tx } from '../database/database.ts'
import { isLockTimeout } from '../database/refusals.ts'
import { etagOf } from '../http/etag.ts'
import { badRequest, Problem } from '../problems.ts'
import { claimKey, findKey, keepAnswer } from './queries.ts'

/** What a change answers, whole before the commit, so that it can be kept with its effect and given again. */
export interface Answered<T> {
  status: number
  headers: Record<string, string>
  /** The body, or its JSON text where PostgreSQL wrote it. */
  body: T | string
  /** What is kept for a retry, where it is not the body: a secret that is kept nowhere is not in it. */
  kept?: T
}

/** 201 with where it is. */
export const created = <T extends { id: string; version: number }>(collection: string, body: T): Answered<T> => ({
  status: 201,
  headers: { location: `${collection}/${body.id}`, etag: etagOf(body.version) },
  body
})

/** 200 with what it is now. */
export const done = <T extends { version: number }>(body: T): Answered<T> => ({
  status: 200,
  headers: { etag: etagOf(body.version) },
  body
})

/** 204: it is there no more. */
export const removed: Answered<null> = { status: 204, headers: {}, body: null }

/** 200 with a JSON text that PostgreSQL wrote. */
export const doneAsText = <T>(version: number, json: string): Answered<T> => ({
  status: 200,
  headers: { etag: etagOf(version), 'content-type': 'application/json; charset=utf-8' },
  body: json
})

const keyPattern = /^[\x21-\x7e]{1,255}$/

/**
 * Changes something: one transaction for the effect, its audit and outbox rows and, where the request carries an
 * Idempotency-Key, for the answer too. The same request with the same key is answered again (Idempotency-Replayed) and
 * has no second effect; another request with that key (or If-Match, or in another role) is 422; one whose first is still
 * under way waits, then 409.
 * Refusals are not kept: nothing happened.
 *
 * @param again what a replay answers instead of the first answer, where the asker may see less by now; it then stands for
 *   the door
 */
export async function change<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (tx: Tx) => Promise<Answered<T>>,
  again?: (tx: Tx, first: T) => Promise<T>
): Promise<T> {
  const key = idempotencyKeyOf(request)
  const answer = await request.server.db.write(request.caller, async tx =>
    key === undefined ? await work(tx) : await once(request, tx, key, work, again)
  )
  reply.code(answer.status).headers(answer.headers)
  return answer.body as T
}

async function once<T>(
  request: FastifyRequest,
  tx: Tx,
  key: string,
  work: (tx: Tx) => Promise<Answered<T>>,
  again?: (tx: Tx, first: T) => Promise<T>
): Promise<Answered<T>> {
  const { keyring } = request.server
  const { role, reach } = request.caller
  // Who asks is part of it: another role might not be shown what the first answer tells.
  const asked = JSON.stringify([
    request.method,
    request.url,
    request.headers['if-match'] ?? null,
    role,
    reach,
    request.body ?? null
  ])
  // Under a key: a plain hash of a short body, a name for example, could be guessed by whoever stole the table.
  const fingerprint = keyring.sign('idempotency', asked)
  const context = `${tx.actor.organization_id}|idempotency_keys|${tx.actor.api_key_id}|${key}`
  const [claimed] = await tx.run(claimKey, { key, fingerprint }).catch(error => {
    throw isLockTimeout(error) ? inProgress() : error
  })
  if (claimed === undefined) {
    const [first] = await tx.run(findKey, { key })
    if (first === undefined || first.status === null) throw inProgress()
    if (!keyring.verify('idempotency', asked, first.fingerprint)) throw keyReused()
    const { headers, body } = JSON.parse(keyring.open(first.answer_sealed, context).toString())
    const replay = { status: first.status, headers: { ...headers, 'idempotency-replayed': 'true' } }
    if (again !== undefined) return { ...replay, body: await again(tx, body) }
    // The answer may tell of a group whose door has closed since. Asked on the connection that is held already: who
    // waits for a second one could wait for others like them.
    await request.routeOptions.config.door?.(
      { read: (_actor, statement, values) => tx.run(statement, values) },
      request.caller,
      request.params as Record<string, string>
    )
    return { ...replay, body }
  }
  const answer = await work(tx)
  const kept = keyring.seal(JSON.stringify({ headers: answer.headers, body: answer.kept ?? answer.body }), context)
  tx.beforeCommit(keepAnswer.for(tx.actor, { key, status: answer.status, answer_sealed: kept }))
  return answer
}

function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined || request.routeOptions.config.idempotent !== true) return undefined
  if (typeof key !== 'string' || !keyPattern.test(key)) {
    throw badRequest('invalid_idempotency_key', 'An Idempotency-Key is 1 to 255 visible ASCII characters.', [
      { in: 'header', parameter: 'Idempotency-Key', code: 'pattern', detail: 'Use a UUID, for example.' }
    ])
  }
  return key
}

const inProgress = () =>
  new Problem(409, 'idempotency_in_progress', {
    detail: 'The first request with this Idempotency-Key is still under way.',
    headers: { 'retry-after': '1' }
  })

const keyReused = () =>
  new Problem(422, 'idempotency_key_reused', { detail: 'This Idempotency-Key was used for another request.' })
