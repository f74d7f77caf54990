import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { recordReading } from '../changes/record.ts'
import { GroupPath } from '../groups/schemas.ts'
import { neverKept } from '../http/reply-headers.ts'
import { named } from '../http/schemas.ts'
import { listHandedOver } from '../notes/queries.ts'
import { noteOf } from '../notes/sealed-note.ts'
import { notFound } from '../problems.ts'
import { findHandover } from './queries.ts'
import { Handover } from './schemas.ts'

/** What the next facilitator needs. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.addHook('onRequest', neverKept)

  app.get(
    '/groups/:group_id/handover',
    {
      config: { scope: 'handover:read' },
      schema: {
        operationId: 'getGroupHandover',
        tags: ['notes'],
        summary: 'Read what the next facilitator needs',
        description:
          'Who facilitates, who belongs, the last sessions and what became of them, what waits, and the notes that are handed over. For whoever facilitates the group now, coordinators and administrators; each note that is read is audited.',
        params: GroupPath,
        response: { 200: named(Handover) }
      }
    },
    async request => {
      const [found] = await app.db.read(request.caller, findHandover, request.params)
      if (found === undefined) throw notFound()
      const rows = await app.db.write(request.caller, async tx => {
        const rows = await tx.run(listHandedOver, request.params)
        const ids = rows.map(row => row.id)
        recordReading(tx, 'note.read', ids)
        return rows
      })
      const vault = { keyring: app.keyring, log: request.log }
      return { ...found.handover, notes: rows.map(row => noteOf(vault, request.caller.organization_id, row)) }
    }
  )
}

export default routes
