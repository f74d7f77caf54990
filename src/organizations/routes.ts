import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { etagOf } from '../http/etag.ts'
import { ifMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { changeOrganization } from './change-organization.ts'
import { findOrganization } from './queries.ts'
import { Organization, OrganizationPatch } from './schemas.ts'

/** The organization that the key names: there is no other for it. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/organization',
    {
      config: { scope: 'organization:read' },
      schema: {
        operationId: 'getOrganization',
        tags: ['organization'],
        summary: 'Read the organization',
        response: { 200: named(Organization) }
      }
    },
    async (request, reply) => {
      const [organization] = await app.db.read(request.caller, findOrganization, {})
      if (organization === undefined) throw notFound()
      reply.header('etag', etagOf(organization.version))
      return organization
    }
  )

  app.patch(
    '/organization',
    {
      config: { scope: 'organization:write' },
      schema: {
        operationId: 'updateOrganization',
        tags: ['organization'],
        summary: 'Change the organization',
        headers: ifMatch,
        body: named(OrganizationPatch),
        response: { 200: named(Organization) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx => changeOrganization(tx, request.headers['if-match'], request.body))
  )
}

export default routes
