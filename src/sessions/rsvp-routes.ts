import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { paged } from '../http/page.ts'
import { idempotent, named } from '../http/schemas.ts'
import { personDoor } from '../people/door.ts'
import { sessionDoor } from './door.ts'
import { putRsvp } from './put-rsvp.ts'
import { listRsvps } from './rsvp-queries.ts'
import { Rsvp, RsvpPage, RsvpPath, RsvpPut, RsvpQuery } from './rsvp-schemas.ts'
import { SessionPath } from './schemas.ts'

async function rsvpDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  await sessionDoor(db, caller, params)
  await personDoor(db, caller, params)
}

/** Who means to come to a session. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/sessions/:session_id/rsvps',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'listRsvps',
        tags: ['attendance'],
        summary: 'List who said whether they come',
        description:
          'Whoever is not among them is expected, unless they are away that day: the sheet’s roster says so.',
        params: SessionPath,
        querystring: RsvpQuery,
        response: { 200: named(RsvpPage) }
      }
    },
    async (request, reply) => {
      await sessionDoor(app.db, request.caller, request.params)
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listRsvps, { ...request.params, ...asked }),
        row => [null, row.person_id]
      )
    }
  )

  app.put(
    '/sessions/:session_id/rsvps/:person_id',
    {
      config: { scope: 'attendance:write', idempotent: true, door: rsvpDoor },
      schema: {
        operationId: 'putRsvp',
        tags: ['attendance'],
        summary: 'Say whether somebody comes',
        description:
          'For members of the group, until the session begins: then it is kept as what was expected. An answer never marks anybody present.',
        params: RsvpPath,
        headers: idempotent,
        body: named(RsvpPut),
        response: { 200: named(Rsvp) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => putRsvp(tx, request.params.session_id, request.params.person_id, request.body))
  )
}

export default routes
