import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { change } from '../changes/change.ts'
import { vaultOf } from '../database/keyring.ts'
import type { Statement } from '../database/statement.ts'
import { groupDoor } from '../groups/door.ts'
import { GroupPath } from '../groups/schemas.ts'
import { etagOf } from '../http/etag.ts'
import { type Asked, type Position, paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { personDoor } from '../people/door.ts'
import { PersonPath } from '../people/schemas.ts'
import { notFound } from '../problems.ts'
import { membershipDoor } from './door.ts'
import { createMembership } from './join-group.ts'
import { leaveMembership } from './leave-group.ts'
import {
  findMembership,
  listMemberships,
  listPersonMemberships,
  listWaiting,
  type MembershipFilters,
  type MembershipRow
} from './queries.ts'
import {
  Membership,
  MembershipCreate,
  MembershipForce,
  MembershipLeave,
  MembershipPage,
  MembershipPath,
  MembershipQuery
} from './schemas.ts'
import { membershipOf, told } from './sealed-message.ts'

const byFirstDay = ({ joined_on, id }: MembershipRow): Position => [joined_on, id]
const byPlace = ({ place, id }: MembershipRow): Position => [place, id]

async function listed<Of extends object>(
  request: FastifyRequest,
  reply: FastifyReply,
  list: Statement<MembershipRow, Of & Asked>,
  of: Of,
  order: (row: MembershipRow) => Position
) {
  const { server, caller } = request
  const { data, page } = await paged<MembershipRow>(
    request,
    reply,
    // After somebody without a first day: only others without one.
    asked => server.db.read(caller, list, { ...of, ...asked, after_0: asked.after_0 ?? undefined }),
    order
  )
  return { data: data.map(row => membershipOf(vaultOf(request), caller.organization_id, row)), page }
}

const filtersOf = ({
  limit: _,
  cursor: __,
  ...filters
}: MembershipFilters & { limit: number; cursor?: string }): MembershipFilters => filters

/** Who belongs to a group, from when to when. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/groups/:group_id/memberships',
    {
      config: { scope: 'memberships:read' },
      schema: {
        operationId: 'listMemberships',
        tags: ['memberships'],
        summary: 'List the memberships of a group',
        description:
          'By first day, and then those without one; what is over included, unless `on`, `active` or `status` is given. With `status=waitlisted` in line.',
        params: GroupPath,
        querystring: MembershipQuery,
        response: { 200: named(MembershipPage) }
      }
    },
    async (request, reply) => {
      await groupDoor(app.db, request.caller, request.params)
      const of = { ...request.params, ...filtersOf(request.query) }
      return of.status === 'waitlisted'
        ? await listed(request, reply, listWaiting, of, byPlace)
        : await listed(request, reply, listMemberships, of, byFirstDay)
    }
  )

  app.post(
    '/groups/:group_id/memberships',
    {
      config: { scope: 'memberships:write', idempotent: true, door: groupDoor },
      schema: {
        operationId: 'createMembership',
        tags: ['memberships'],
        summary: 'Make a person a member of a group',
        description:
          'Where every seat is taken and the capacity is `hard`, they wait in line instead: `status` tells, and `joined_on` is not used then. Whoever belongs already, or waits, is 409; coming back after leaving makes a new membership. A facilitator lets in people whom they see: those of their groups, and for a day those whom they wrote down themselves; whom somebody else wrote down, a coordinator lets in.',
        params: GroupPath,
        querystring: MembershipForce,
        headers: idempotent,
        body: named(MembershipCreate),
        response: { 201: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx =>
          createMembership(tx, vaultOf(request), request.params.group_id, request.body, request.query.force)
        )
      )
  )

  app.get(
    '/memberships/:membership_id',
    {
      config: { scope: 'memberships:read' },
      schema: {
        operationId: 'getMembership',
        tags: ['memberships'],
        summary: 'Read a membership',
        params: MembershipPath,
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) => {
      const [membership] = await app.db.read(request.caller, findMembership, request.params)
      if (membership === undefined) throw notFound()
      reply.header('etag', etagOf(membership.version))
      return membershipOf(vaultOf(request), request.caller.organization_id, membership)
    }
  )

  app.post(
    '/memberships/:membership_id/leave',
    {
      config: { scope: 'memberships:write', idempotent: true, door: membershipDoor },
      schema: {
        operationId: 'leaveMembership',
        tags: ['memberships'],
        summary: 'End a membership',
        description:
          'The last day still counts; from that day on the seat is offered to the next in line. A membership ends once.',
        params: MembershipPath,
        headers: idempotentIfMatch,
        body: named(MembershipLeave),
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) =>
      told(
        request.caller,
        await change(request, reply, tx => {
          const { params, headers, body } = request
          return leaveMembership(tx, vaultOf(request), params.membership_id, headers['if-match'], body)
        })
      )
  )

  app.get(
    '/people/:person_id/memberships',
    {
      config: { scope: 'memberships:read' },
      schema: {
        operationId: 'listPersonMemberships',
        tags: ['memberships'],
        summary: 'List the memberships of a person',
        description:
          'By first day, and then those without one. A facilitator sees those in the groups facilitated now.',
        params: PersonPath,
        querystring: MembershipQuery,
        response: { 200: named(MembershipPage) }
      }
    },
    async (request, reply) => {
      await personDoor(app.db, request.caller, request.params)
      const of = { ...request.params, ...filtersOf(request.query) }
      return await listed(request, reply, listPersonMemberships, of, byFirstDay)
    }
  )
}

export default routes
