import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, ifMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import type { Caller } from './caller.ts'
import { revokeApiKey, rotateApiKey } from './change-api-key.ts'
import { changeStaff, deactivateStaff, reactivateStaff } from './change-staff.ts'
import { createApiKey } from './create-api-key.ts'
import { createStaff } from './create-staff.ts'
import { findApiKey, findMe, findStaff, listApiKeys, listStaff } from './queries.ts'
import {
  ApiKey,
  ApiKeyCreate,
  ApiKeyPage,
  ApiKeyPath,
  ApiKeyQuery,
  ApiKeyWithSecret,
  Me,
  Staff,
  StaffCreate,
  StaffPage,
  StaffPatch,
  StaffPath,
  StaffQuery
} from './schemas.ts'

/** Who is asking, who works here, and with which keys. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/me',
    {
      config: { scope: 'any' },
      schema: {
        operationId: 'getMe',
        tags: ['me'],
        summary: 'Who does this key speak for?',
        response: { 200: named(Me) }
      }
    },
    async ({ caller }) => {
      const [me] = await app.db.read(caller, findMe, {})
      if (me === undefined) throw notFound()
      const { key_scopes, ...rest } = me
      return {
        ...rest,
        key: {
          id: caller.api_key_id,
          name: caller.key_name,
          scopes: key_scopes,
          expires_at: caller.key_expires_at
        },
        role: caller.role,
        scopes: [...caller.scopes]
      }
    }
  )

  app.get(
    '/staff',
    {
      config: { scope: 'staff:read' },
      schema: {
        operationId: 'listStaff',
        tags: ['staff'],
        summary: 'List the staff',
        description: 'In the order in which they were added, those who were deactivated included.',
        querystring: StaffQuery,
        response: { 200: named(StaffPage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listStaff, { ...filters, ...asked }),
        row => [null, row.id]
      )
    }
  )

  app.post(
    '/staff',
    {
      config: { scope: 'staff:write', idempotent: true },
      schema: {
        operationId: 'createStaff',
        tags: ['staff'],
        summary: 'Add a member of staff',
        description: 'They get in with a key that has their `staff_id`.',
        headers: idempotent,
        body: named(StaffCreate),
        response: { 201: named(Staff) }
      }
    },
    async (request, reply) => await change(request, reply, tx => createStaff(tx, request.body))
  )

  app.get(
    '/staff/:staff_id',
    {
      config: { scope: 'staff:read' },
      schema: {
        operationId: 'getStaff',
        tags: ['staff'],
        summary: 'Read a member of staff',
        params: StaffPath,
        response: { 200: named(Staff) }
      }
    },
    async (request, reply) => {
      const [staff] = await app.db.read(request.caller, findStaff, request.params)
      if (staff === undefined) throw notFound()
      reply.header('etag', etagOf(staff.version))
      return staff
    }
  )

  app.patch(
    '/staff/:staff_id',
    {
      config: { scope: 'staff:write', door: staffDoor },
      schema: {
        operationId: 'updateStaff',
        tags: ['staff'],
        summary: 'Change a member of staff',
        description: 'A new role counts from the next request of each of their keys on.',
        params: StaffPath,
        headers: ifMatch,
        body: named(StaffPatch),
        response: { 200: named(Staff) }
      }
    },
    async (request, reply) => {
      const staff = await change(request, reply, tx =>
        changeStaff(tx, request.params.staff_id, request.headers['if-match'], request.body)
      )
      app.forgetKeys()
      return staff
    }
  )

  for (const { action, operationId, summary, description, work } of [
    {
      action: 'deactivate',
      operationId: 'deactivateStaff',
      summary: 'Deactivate a member of staff',
      description: 'Their keys are revoked and what they facilitate, now or later, ends at once. Twice is once.',
      work: deactivateStaff
    },
    {
      action: 'reactivate',
      operationId: 'reactivateStaff',
      summary: 'Reactivate a member of staff',
      description: 'Their former keys stay revoked and their assignments ended: make new ones.',
      work: reactivateStaff
    }
  ]) {
    app.post(
      `/staff/:staff_id/${action}`,
      {
        config: { scope: 'staff:write', idempotent: true, door: staffDoor },
        schema: {
          operationId,
          tags: ['staff'],
          summary,
          description,
          params: StaffPath,
          headers: idempotentIfMatch,
          response: { 200: named(Staff) }
        }
      },
      async (request, reply) => {
        const staff = await change(request, reply, tx => work(tx, request.params.staff_id, request.headers['if-match']))
        app.forgetKeys()
        return staff
      }
    )
  }

  app.get(
    '/api-keys',
    {
      config: { scope: 'api_keys:read' },
      schema: {
        operationId: 'listApiKeys',
        tags: ['api_keys'],
        summary: 'List the keys',
        description: 'In the order in which they were made, revoked and expired ones included; never their secrets.',
        querystring: ApiKeyQuery,
        response: { 200: named(ApiKeyPage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listApiKeys, { ...filters, ...asked }),
        row => [null, row.id]
      )
    }
  )

  app.post(
    '/api-keys',
    {
      config: { scope: 'api_keys:write', idempotent: true },
      schema: {
        operationId: 'createApiKey',
        tags: ['api_keys'],
        summary: 'Make a key',
        description:
          'The answer alone holds its `secret`; a retry with the same Idempotency-Key within 24 hours shows it again. A key is never wider than its maker (403 `wider_than_maker`): not in its scopes, and not in how long it lasts.',
        headers: idempotent,
        body: named(ApiKeyCreate),
        response: { 201: named(ApiKeyWithSecret) }
      }
    },
    async (request, reply) => await change(request, reply, tx => createApiKey(tx, request.body))
  )

  app.get(
    '/api-keys/:api_key_id',
    {
      config: { scope: 'api_keys:read' },
      schema: {
        operationId: 'getApiKey',
        tags: ['api_keys'],
        summary: 'Read a key',
        params: ApiKeyPath,
        response: { 200: named(ApiKey) }
      }
    },
    async (request, reply) => {
      const [key] = await app.db.read(request.caller, findApiKey, request.params)
      if (key === undefined) throw notFound()
      reply.header('etag', etagOf(key.version))
      return key
    }
  )

  app.post(
    '/api-keys/:api_key_id/revoke',
    {
      config: { scope: 'api_keys:write', idempotent: true, door: apiKeyDoor },
      schema: {
        operationId: 'revokeApiKey',
        tags: ['api_keys'],
        summary: 'Revoke a key',
        description: 'For good, and within a second everywhere. Twice is once.',
        params: ApiKeyPath,
        headers: idempotentIfMatch,
        response: { 200: named(ApiKey) }
      }
    },
    async (request, reply) => {
      const key = await change(request, reply, tx =>
        revokeApiKey(tx, request.params.api_key_id, request.headers['if-match'])
      )
      app.forgetKeys()
      return key
    }
  )

  app.post(
    '/api-keys/:api_key_id/rotate',
    {
      config: { scope: 'api_keys:write', idempotent: true, door: apiKeyDoor },
      schema: {
        operationId: 'rotateApiKey',
        tags: ['api_keys'],
        summary: 'Give a key a new secret',
        description:
          'The answer alone holds it (a retry with the same Idempotency-Key within 24 hours shows it again); the old one is dead within a second everywhere. The key may not be wider than the one that asks (403 `wider_than_maker`).',
        params: ApiKeyPath,
        headers: idempotentIfMatch,
        response: { 200: named(ApiKeyWithSecret) }
      }
    },
    async (request, reply) => {
      const key = await change(request, reply, tx =>
        rotateApiKey(tx, request.params.api_key_id, request.headers['if-match'])
      )
      app.forgetKeys()
      return key
    }
  )
}

/** @throws Problem 404 where the actor sees no such member of staff */
async function staffDoor(db: Pick<Database, 'read'>, caller: Caller, { staff_id }: Record<string, string>) {
  const rows = await db.read(caller, findStaff, { staff_id: staff_id! })
  if (rows.length === 0) throw notFound()
}

/** @throws Problem 404 where the actor sees no such key */
async function apiKeyDoor(db: Pick<Database, 'read'>, caller: Caller, { api_key_id }: Record<string, string>) {
  const rows = await db.read(caller, findApiKey, { api_key_id: api_key_id! })
  if (rows.length === 0) throw notFound()
}

export default routes
