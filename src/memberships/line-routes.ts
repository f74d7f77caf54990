import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { vaultOf } from '../database/keyring.ts'
import { groupDoor } from '../groups/door.ts'
import { GroupPath } from '../groups/schemas.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { acceptOffer, declineOffer, withdrawMembership } from './answer-offer.ts'
import { approveRequest, refuseRequest } from './answer-request.ts'
import { membershipDoor } from './door.ts'
import { requestToJoin } from './join-group.ts'
import { JoinRequest, Membership, MembershipBegin, MembershipForce, MembershipPath } from './schemas.ts'
import { told } from './sealed-message.ts'

/** Who asks to join a group, and who waits for a seat. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/groups/:group_id/join-requests',
    {
      config: { scope: 'memberships:write', idempotent: true, door: groupDoor },
      schema: {
        operationId: 'createJoinRequest',
        tags: ['memberships'],
        summary: 'Ask for a person to join a group',
        description:
          'Makes a membership that is `requested`: it holds no seat and no place in line until it is approved.',
        params: GroupPath,
        headers: idempotent,
        body: named(JoinRequest),
        response: { 201: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => requestToJoin(tx, vaultOf(request), request.params.group_id, request.body))
      )
  )

  app.post(
    '/memberships/:membership_id/approve',
    {
      config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
      schema: {
        operationId: 'approveMembership',
        tags: ['memberships'],
        summary: 'Approve a request to join',
        description:
          'Where every seat is taken and the capacity is `hard`, they wait at the end of the line instead: `status` tells. With `force` somebody who waits is let in as well.',
        params: MembershipPath,
        querystring: MembershipForce,
        headers: idempotentIfMatch,
        body: named(MembershipBegin),
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => {
          const { params, headers, body, query } = request
          const ifMatch = headers['if-match']
          return approveRequest(tx, vaultOf(request), params.membership_id, ifMatch, body, query.force)
        })
      )
  )

  app.post(
    '/memberships/:membership_id/accept',
    {
      config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
      schema: {
        operationId: 'acceptMembership',
        tags: ['memberships'],
        summary: 'Take the seat that is offered',
        description: 'Until `offer_expires_at`, whatever became of the capacity meanwhile.',
        params: MembershipPath,
        headers: idempotentIfMatch,
        body: named(MembershipBegin),
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => {
          const { params, headers, body } = request
          return acceptOffer(tx, vaultOf(request), params.membership_id, headers['if-match'], body)
        })
      )
  )

  for (const { action, operationId, summary, description, work } of [
    {
      action: 'refuse',
      operationId: 'refuseMembership',
      summary: 'Refuse a request to join',
      description: 'They may ask again.',
      work: refuseRequest
    },
    {
      action: 'decline',
      operationId: 'declineMembership',
      summary: 'Decline the seat that is offered',
      description: 'It is offered to the next in line.',
      work: declineOffer
    },
    {
      action: 'withdraw',
      operationId: 'withdrawMembership',
      summary: 'Take back a request, a place in line or an offer',
      description: 'A seat that was kept is offered to the next in line.',
      work: withdrawMembership
    }
  ]) {
    app.post(
      `/memberships/:membership_id/${action}`,
      {
        config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
        schema: {
          operationId,
          tags: ['memberships'],
          summary,
          description,
          params: MembershipPath,
          headers: idempotentIfMatch,
          response: { 200: named(Membership) }
        }
      },
      async (request, reply) =>
        told(
          request.caller,
          await change(request, reply, tx =>
            work(tx, vaultOf(request), request.params.membership_id, request.headers['if-match'])
          )
        )
    )
  }
}

export default routes
