import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { groupDoor } from '../groups/door.ts'
import { GroupPath } from '../groups/schemas.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, named } from '../http/schemas.ts'
import { personDoor } from '../people/door.ts'
import { PersonPath } from '../people/schemas.ts'
import { notFound } from '../problems.ts'
import { createMembership } from './join-group.ts'
import { leaveMembership } from './leave-group.ts'
import { findMembership, listMemberships, listPersonMemberships } from './queries.ts'
import {
  Membership,
  MembershipCreate,
  MembershipLeave,
  MembershipPage,
  MembershipPath,
  MembershipQuery
} from './schemas.ts'

async function membershipDoor(db: Pick<Database, 'read'>, caller: Caller, { membership_id }: Record<string, string>) {
  const rows = await db.read(caller, findMembership, { membership_id: membership_id! })
  if (rows.length === 0) throw notFound()
}

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
        description: 'By first day; those that are over included, unless `on` or `active` is given.',
        params: GroupPath,
        querystring: MembershipQuery,
        response: { 200: named(MembershipPage) }
      }
    },
    async (request, reply) => {
      await groupDoor(app.db, request.caller, request.params)
      const { limit: _, cursor: __, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listMemberships, { ...request.params, ...filters, ...asked }),
        row => [row.joined_on, row.id]
      )
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
        description: 'Overlapping episodes are 409; coming back after leaving makes a new one.',
        params: GroupPath,
        headers: idempotent,
        body: named(MembershipCreate),
        response: { 201: named(Membership) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => createMembership(tx, request.params.group_id, request.body))
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
      return membership
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
        description: 'The last day still counts. A membership ends once.',
        params: MembershipPath,
        headers: idempotentIfMatch,
        body: named(MembershipLeave),
        response: { 200: named(Membership) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        leaveMembership(tx, request.params.membership_id, request.headers['if-match'], request.body)
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
        description: 'By first day. A facilitator sees those in the groups facilitated now.',
        params: PersonPath,
        querystring: MembershipQuery,
        response: { 200: named(MembershipPage) }
      }
    },
    async (request, reply) => {
      await personDoor(app.db, request.caller, request.params)
      const { limit: _, cursor: __, ...filters } = request.query
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listPersonMemberships, { ...request.params, ...filters, ...asked }),
        row => [row.joined_on, row.id]
      )
    }
  )
}

export default routes
