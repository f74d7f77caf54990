import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { openCursor, sealCursor } from '../http/page.ts'
import { neverKept } from '../http/reply-headers.ts'
import { named } from '../http/schemas.ts'
import { asText } from '../http/text.ts'
import { membershipOf } from '../memberships/sealed-message.ts'
import { changesSince } from './changes-since.ts'
import { cursorOf, textOf } from './cursor.ts'
import { DeviceSync, DeviceSyncQuery } from './schemas.ts'

/** What more of it a key may see; the rest is left out. */
const further = ['groups:read', 'memberships:read', 'sessions:read'] as const

/** What a device that works without a network needs to have with it. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRequest', neverKept)

  app.get(
    '/sync',
    {
      config: { scope: 'attendance:read' },
      schema: {
        operationId: 'syncDevice',
        tags: ['attendance'],
        summary: 'Read what changed since a device last asked',
        description:
          'Groups, memberships, sessions and sheets that the key sees, and what is gone: first all that is of use, then what changed since. It goes on wherever it was broken off: a cursor is good for as long as the key’s role and scopes are the same. Groups, memberships and sessions are left out without `groups:read`, `memberships:read` and `sessions:read`.',
        querystring: DeviceSyncQuery,
        response: { 200: named(DeviceSync) }
      }
    },
    async (request, reply) => {
      const { caller, log, query } = request
      // What was left out because of the key would never come: another role or other scopes begin anew.
      const seen = further.filter(scope => caller.scopes.has(scope))
      const list = `${caller.organization_id} /v1/sync ${caller.staff_id ?? 'all'} ${caller.reach} ${seen}`
      const from = query.cursor === undefined ? undefined : cursorOf(openCursor(query.cursor, list, app.keyring))
      const { sessions, ...changes } = await changesSince(app.db, caller, from, query.limit)
      const vault = { keyring: app.keyring, log }
      const told = JSON.stringify({
        groups: changes.groups,
        memberships: changes.memberships.map(row => membershipOf(vault, caller.organization_id, row)),
        removed: changes.removed,
        cursor: sealCursor(textOf(changes.cursor), list, app.keyring),
        has_more: changes.has_more,
        reset: changes.reset
      })
      // What PostgreSQL wrote is put between.
      const sheets = sessions.flatMap(({ sheet }) => sheet ?? [])
      const rsvps = sessions.flatMap(({ rsvps }) => rsvps)
      const texts = `"sessions":[${caller.scopes.has('sessions:read') ? sessions.map(({ session }) => session).join() : ''}],"sheets":[${sheets.join()}],"rsvps":${JSON.stringify(rsvps)}`
      return asText<DeviceSync>(reply, `{${texts},${told.slice(1)}`)
    }
  )
}

export default routes
