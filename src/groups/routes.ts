import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, idempotentIfMatch, ifMatch, named } from '../http/schemas.ts'
import { badRequest, notFound } from '../problems.ts'
import { archiveGroup, changeGroup, restoreGroup } from './change-group.ts'
import { createGroup } from './create-group.ts'
import { groupDoor } from './door.ts'
import { findGroup, listGroups, listGroupsNear } from './queries.ts'
import { Group, GroupCreate, GroupPage, GroupPatch, GroupPath, GroupQuery } from './schemas.ts'
import { searchWords } from './search-text.ts'

/** The groups themselves. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/groups',
    {
      config: { scope: 'groups:read' },
      schema: {
        operationId: 'listGroups',
        tags: ['groups'],
        summary: 'List and search groups',
        description:
          'By name; with `lat`, `lng` and `km` nearest first. A facilitator sees the groups facilitated now.',
        querystring: GroupQuery,
        response: { 200: named(GroupPage) }
      }
    },
    async (request, reply) => {
      const { limit: _, cursor: __, lat, lng, km, q, archived, ...filters } = request.query
      const wanted = {
        ...filters,
        words: q === undefined ? undefined : searchWords(q),
        archived: archived === 'include' ? undefined : archived === 'only'
      }
      if (lat === undefined && lng === undefined && km === undefined) {
        return await paged(
          request,
          reply,
          asked => app.db.read(request.caller, listGroups, { ...wanted, ...asked }),
          row => [row.name_key, row.id]
        )
      }
      if (lat === undefined || lng === undefined || km === undefined) throw incompletePlace()
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listGroupsNear, { ...wanted, lat, lng, km, ...asked }),
        row => [row.distance, row.id]
      )
    }
  )

  app.post(
    '/groups',
    {
      config: { scope: 'groups:write', idempotent: true },
      schema: {
        operationId: 'createGroup',
        tags: ['groups'],
        summary: 'Create a group',
        headers: idempotent,
        body: named(GroupCreate),
        response: { 201: named(Group) }
      }
    },
    async (request, reply) => await change(request, reply, tx => createGroup(tx, request.body))
  )

  app.get(
    '/groups/:group_id',
    {
      config: { scope: 'groups:read' },
      schema: {
        operationId: 'getGroup',
        tags: ['groups'],
        summary: 'Read a group',
        params: GroupPath,
        response: { 200: named(Group) }
      }
    },
    async (request, reply) => {
      const [group] = await app.db.read(request.caller, findGroup, request.params)
      if (group === undefined) throw notFound()
      reply.header('etag', etagOf(group.version))
      return group
    }
  )

  app.patch(
    '/groups/:group_id',
    {
      config: { scope: 'groups:write', door: groupDoor },
      schema: {
        operationId: 'updateGroup',
        tags: ['groups'],
        summary: 'Change a group',
        description:
          'Its series and sessions keep the time zone that they were made with. A lower capacity puts nobody out; seats that a higher one frees are offered to those who wait within a minute.',
        params: GroupPath,
        headers: ifMatch,
        body: named(GroupPatch),
        response: { 200: named(Group) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        changeGroup(tx, request.params.group_id, request.headers['if-match'], request.body)
      )
  )

  for (const { action, operationId, summary, description, work } of [
    {
      action: 'archive',
      operationId: 'archiveGroup',
      summary: 'Archive a group',
      description: 'It leaves the lists and keeps its history. Archiving twice is the same as once.',
      work: archiveGroup
    },
    {
      action: 'restore',
      operationId: 'restoreGroup',
      summary: 'Restore a group',
      description: 'Takes it back from the archive.',
      work: restoreGroup
    }
  ]) {
    app.post(
      `/groups/:group_id/${action}`,
      {
        config: { scope: 'groups:write', idempotent: true, door: groupDoor },
        schema: {
          operationId,
          tags: ['groups'],
          summary,
          description,
          params: GroupPath,
          headers: idempotentIfMatch,
          response: { 200: named(Group) }
        }
      },
      async (request, reply) =>
        await change(request, reply, tx => work(tx, request.params.group_id, request.headers['if-match']))
    )
  }
}

const incompletePlace = () =>
  badRequest('invalid_query', 'lat, lng and km belong together.', [
    { in: 'query', parameter: 'km', code: 'incomplete', detail: 'Give lat, lng and km, or none of them.' }
  ])

export default routes
