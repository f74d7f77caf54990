import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { vaultOf } from '../database/keyring.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { findAbsence, listAbsences } from './absence-queries.ts'
import {
  Absence,
  AbsenceCreate,
  AbsencePage,
  AbsencePath,
  AbsenceQuery,
  MembershipPause,
  MembershipResume
} from './absence-schemas.ts'
import { pauseMembership, planAbsence, resumeMembership, withdrawAbsence } from './absences.ts'
import { membershipDoor } from './door.ts'
import { Membership, MembershipPath } from './schemas.ts'
import { told } from './sealed-message.ts'

async function absenceDoor(db: Pick<Database, 'read'>, caller: Caller, params: Record<string, string>) {
  const { membership_id, absence_id } = params as { membership_id: string; absence_id: string }
  if ((await db.read(caller, findAbsence, { membership_id, absence_id })).length === 0) throw notFound()
}

/** When members are not expected. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/memberships/:membership_id/absences',
    {
      config: { scope: 'memberships:read' },
      schema: {
        operationId: 'listMembershipAbsences',
        tags: ['memberships'],
        summary: 'List the absences of a member',
        description: 'By first day; those that are over or withdrawn included.',
        params: MembershipPath,
        querystring: AbsenceQuery,
        response: { 200: named(AbsencePage) }
      }
    },
    async (request, reply) => {
      await membershipDoor(app.db, request.caller, request.params)
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listAbsences, { ...request.params, ...asked }),
        row => [row.from, row.id]
      )
    }
  )

  app.post(
    '/memberships/:membership_id/absences',
    {
      config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
      schema: {
        operationId: 'createMembershipAbsence',
        tags: ['memberships'],
        summary: 'Say when a member is not expected',
        description: 'Without `until` it lasts until further notice: the membership is paused from its first day on.',
        params: MembershipPath,
        headers: idempotent,
        body: named(AbsenceCreate),
        response: { 201: named(Absence) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => planAbsence(tx, vaultOf(request), request.params.membership_id, request.body))
  )

  app.get(
    '/memberships/:membership_id/absences/:absence_id',
    {
      config: { scope: 'memberships:read' },
      schema: {
        operationId: 'getMembershipAbsence',
        tags: ['memberships'],
        summary: 'Read an absence of a member',
        description: 'Also one that was withdrawn.',
        params: AbsencePath,
        response: { 200: named(Absence) }
      }
    },
    async (request, reply) => {
      const [absence] = await app.db.read(request.caller, findAbsence, request.params)
      if (absence === undefined) throw notFound()
      reply.header('etag', etagOf(absence.version))
      return absence
    }
  )

  app.post(
    '/memberships/:membership_id/absences/:absence_id/withdraw',
    {
      config: { scope: 'memberships:write', idempotent: true, door: absenceDoor },
      schema: {
        operationId: 'withdrawMembershipAbsence',
        tags: ['memberships'],
        summary: 'Withdraw an absence of a member',
        description: 'The member is expected. Twice is the same as once.',
        params: AbsencePath,
        headers: idempotentIfMatch,
        response: { 200: named(Absence) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => {
        const { membership_id, absence_id } = request.params
        return withdrawAbsence(tx, vaultOf(request), membership_id, absence_id, request.headers['if-match'])
      })
  )

  app.post(
    '/memberships/:membership_id/pause',
    {
      config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
      schema: {
        operationId: 'pauseMembership',
        tags: ['memberships'],
        summary: 'Pause a membership',
        description: 'The member is away until further notice, and keeps the seat.',
        params: MembershipPath,
        headers: idempotentIfMatch,
        body: named(MembershipPause),
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => {
          const { params, headers, body } = request
          return pauseMembership(tx, vaultOf(request), params.membership_id, headers['if-match'], body)
        })
      )
  )

  app.post(
    '/memberships/:membership_id/resume',
    {
      config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
      schema: {
        operationId: 'resumeMembership',
        tags: ['memberships'],
        summary: 'Resume a paused membership',
        description: 'Ends the absence until further notice with the day before; one that has not begun is withdrawn.',
        params: MembershipPath,
        headers: idempotentIfMatch,
        body: named(MembershipResume),
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => {
          const { params, headers, body } = request
          return resumeMembership(tx, vaultOf(request), params.membership_id, headers['if-match'], body)
        })
      )
  )
}

export default routes
