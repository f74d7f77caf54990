import { hash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import type { Database } from '../database/database.ts'
import { RateLimit, rateHeaders } from '../http/rate-limit.ts'
import { forbidden, insufficientScope, tooManyRequests, unauthorized } from '../problems.ts'
import { hashOf } from './api-key.ts'
import type { Caller } from './caller.ts'
import { touchKey } from './queries.ts'
import { type Role, rolesWith, type Scope, staffScopes } from './roles.ts'
import { effectiveScopes } from './width.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the sign-in: there is no route under /v1 without it. */
    caller: Caller
  }
  interface FastifyContextConfig {
    /** What a key needs; `any`: every key may. A route under /v1 that declares none does not start. */
    scope?: Scope | 'any'
    /** The roles that it lets in, where they are fewer than the scope's. */
    roles?: readonly Role[]
    /** Takes an Idempotency-Key. */
    idempotent?: boolean
    /** Refuses (404) what the caller may not see: asked before a fault of the body is told. */
    door?: (db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) => Promise<unknown>
  }
}

const bearer = /^Bearer (ck_live_[A-Za-z0-9]{32,128})$/i

/** Whether there are two Authorization headers: Node keeps the first, and a proxy before us may have looked at the other. */
function isRepeated(rawHeaders: string[]): boolean {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.length === 13 && rawHeaders[at]!.toLowerCase() === 'authorization') count++
  }
  return count > 1
}

interface KeyRow {
  organization_id: string
  api_key_id: string
  name: string
  scopes: Scope[]
  expires_at: string | null
  staff_id: string | null
  role: Role
}

/** A key that was looked up, and when. */
interface Known extends Omit<KeyRow, 'scopes'> {
  /** Its own, as far as the role goes. */
  scopes: ReadonlySet<Scope>
  at: number
}

/** Milliseconds for which a look-up holds: a revoked key is refused within a second on every replica. */
const remembered = 900
const failuresPerMinute = 30

/**
 * Signs callers in, before anything of the request is read: the key (401), the rate (429), the scope (403).
 * Wrong keys are counted by address and only they are slowed down: a good key from the same address goes on.
 */
export const signIn = plugin(
  async (app: FastifyInstance, { ratePerMinute }: { ratePerMinute: number }) => {
    const known = new Map<string, Known>()
    const rates = new RateLimit(ratePerMinute)
    const failures = new RateLimit(failuresPerMinute)
    const touched = new Map<string, number>()

    /** Who that key was, if it was asked for a moment ago. Most requests come from keys that just were here: no waiting. */
    function remember(name: string): Known | undefined {
      const found = known.get(name)
      return found !== undefined && performance.now() - found.at < remembered ? found : undefined
    }

    async function find(secret: string, name: string): Promise<Known | undefined> {
      const at = performance.now()
      const [row] = await app.db.reviewed<KeyRow>('find_api_key', 'select * from find_api_key($1)', [hashOf(secret)])
      if (known.size > 10_000) known.clear()
      if (row === undefined) {
        known.delete(name)
        return undefined
      }
      const found = {
        ...row,
        scopes: new Set(effectiveScopes(row.scopes, row.role, row.staff_id === null ? 'integration' : 'staff')),
        at
      }
      known.set(name, found)
      return found
    }

    /** Lets the caller in, or throws why not. */
    function admit(request: FastifyRequest, reply: FastifyReply, key: Known | undefined) {
      if (key === undefined) {
        const { limited, reset } = failures.take(request.ip, performance.now())
        throw limited ? tooManyRequests(reset) : unauthorized()
      }
      if (ratePerMinute > 0) {
        const standing = rates.take(key.api_key_id, performance.now())
        reply.headers(rateHeaders(ratePerMinute, standing))
        if (standing.limited) throw tooManyRequests(standing.reset)
      }
      request.caller = {
        organization_id: key.organization_id,
        api_key_id: key.api_key_id,
        staff_id: key.staff_id,
        role: key.role,
        reach: key.role === 'facilitator' ? 'assigned' : 'organization',
        scopes: key.scopes,
        key_name: key.name,
        key_expires_at: key.expires_at,
        request_id: request.id
      }
      const { scope, roles } = request.routeOptions.config
      if (scope !== undefined && scope !== 'any' && !key.scopes.has(scope)) {
        throw insufficientScope(scope, staffScopes.has(scope) ? ', and the key of a member of staff' : '')
      }
      if (roles !== undefined && !roles.includes(key.role)) {
        throw forbidden('role_not_allowed', `This is for the role ${roles.join(' or ')}.`)
      }
    }

    app.decorateRequest('caller')
    /** What this process remembers of keys: forgotten when one is changed here, so that the next request sees it. */
    app.decorate('forgetKeys', () => known.clear())

    app.addHook('onRoute', route => {
      const { scope, roles } = route.config ?? {}
      if (scope === undefined) throw new Error(`${route.method} ${route.url} declares no scope`)
      route.schema = {
        ...route.schema,
        security: [{ bearerAuth: [] }],
        ...(scope !== 'any' && { 'x-required-scope': scope, 'x-roles': roles ?? rolesWith(scope) })
      } as typeof route.schema
    })

    app.addHook('onRequest', (request, reply, done) => {
      const secret = isRepeated(request.raw.rawHeaders)
        ? undefined
        : bearer.exec(request.headers.authorization ?? '')?.[1]
      const name = secret === undefined ? '' : hash('sha256', secret, 'base64')
      const admitted = (key: Known | undefined) => {
        try {
          admit(request, reply, key)
        } catch (refusal) {
          return done(refusal as Error)
        }
        done()
      }
      const found = remember(name)
      if (secret === undefined || found !== undefined) admitted(found)
      else find(secret, name).then(admitted, done)
    })

    // When a key was last used, to the minute: written after the answer, at most once a minute by each replica.
    app.addHook('onResponse', ({ caller }, _reply, done) => {
      done()
      const now = performance.now()
      if (caller == null || now - (touched.get(caller.api_key_id) ?? Number.NEGATIVE_INFINITY) < 60_000) return
      if (touched.size > 10_000) touched.clear()
      touched.set(caller.api_key_id, now)
      app.db.write(caller, tx => tx.run(touchKey, {})).catch(() => touched.delete(caller.api_key_id))
    })
  },
  { name: 'sign-in' }
)
