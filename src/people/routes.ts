import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { change } from '../changes/change.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, ifMatch, named } from '../http/schemas.ts'
import { notFound } from '../problems.ts'
import { changePerson } from './change-person.ts'
import { createPerson } from './create-person.ts'
import { personDoor } from './door.ts'
import { listedPersonOf, personOf } from './person.ts'
import { againIfTaken, putPersonByExternalId } from './put-person.ts'
import { findPerson, listPeople } from './queries.ts'
import {
  ExternalIdPath,
  Person,
  PersonCreate,
  PersonPage,
  PersonPatch,
  PersonPath,
  PersonQuery,
  PersonSearch
} from './schemas.ts'
import type { Vault } from './sealed-contact.ts'
import { searchPeople } from './search-people.ts'

const whole = ['admin', 'coordinator'] as const

const vaultOf = ({ server, log }: FastifyRequest): Vault => ({ keyring: server.keyring, log })

/** Who comes. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/people',
    {
      config: { scope: 'people:read' },
      schema: {
        operationId: 'listPeople',
        tags: ['people'],
        summary: 'List people',
        description:
          'In the order in which they were written down. A facilitator sees those who have, or had, a membership or a row on a sheet in a group facilitated now, and for a day those whom the facilitator wrote down; names only. Where contact details do not open, `contact` is left out of that person.',
        querystring: PersonQuery,
        response: { 200: named(PersonPage) }
      }
    },
    async (request, reply) => {
      const { data, page } = await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listPeople, asked),
        row => [null, row.id]
      )
      const vault = vaultOf(request)
      return { data: data.map(row => listedPersonOf(vault, request.caller.organization_id, row)), page }
    }
  )

  app.post(
    '/people',
    {
      config: { scope: 'people:write', idempotent: true },
      schema: {
        operationId: 'createPerson',
        tags: ['people'],
        summary: 'Write a person down',
        description:
          'The same name twice is two people. A facilitator may give contact details and does not get them back.',
        headers: idempotent,
        body: named(PersonCreate),
        response: { 201: named(Person) }
      }
    },
    async (request, reply) => await change(request, reply, tx => createPerson(tx, vaultOf(request), request.body))
  )

  app.post(
    '/people/search',
    {
      config: { scope: 'people:read' },
      schema: {
        operationId: 'searchPeople',
        tags: ['people'],
        summary: 'Look for people',
        description:
          'By the beginning of the name, or by exact e-mail address, phone number or external identifier; the last three are not for facilitators. Phone numbers match by their digits and a leading `+`.',
        body: named(PersonSearch),
        response: { 200: named(PersonPage) }
      }
    },
    async request => await searchPeople(app.db, vaultOf(request), request.caller, request.body)
  )

  app.put(
    '/people/by-external-id/:system/:value',
    {
      config: { scope: 'people:write', roles: whole },
      schema: {
        operationId: 'putPersonByExternalId',
        tags: ['people'],
        summary: 'Create or change the person whom another system calls so',
        description:
          '201 where there was nobody, else 200: the person changes as with PATCH, so what is left out stays as it is. The same again changes nothing. If-Match is optional.',
        params: ExternalIdPath,
        headers: ifMatch,
        body: named(PersonCreate),
        response: { 200: named(Person), 201: named(Person) }
      }
    },
    async (request, reply) =>
      await againIfTaken(() =>
        change(request, reply, tx =>
          putPersonByExternalId(tx, vaultOf(request), request.params, request.headers['if-match'], request.body)
        )
      )
  )

  app.get(
    '/people/:person_id',
    {
      config: { scope: 'people:read' },
      schema: {
        operationId: 'getPerson',
        tags: ['people'],
        summary: 'Read a person',
        params: PersonPath,
        response: { 200: named(Person) }
      }
    },
    async (request, reply) => {
      const [row] = await app.db.read(request.caller, findPerson, request.params)
      if (row === undefined) throw notFound()
      const person = personOf(vaultOf(request), request.caller.organization_id, row)
      reply.header('etag', etagOf(person.version))
      return person
    }
  )

  app.patch(
    '/people/:person_id',
    {
      config: { scope: 'people:write', roles: whole, door: personDoor },
      schema: {
        operationId: 'updatePerson',
        tags: ['people'],
        summary: 'Change a person',
        params: PersonPath,
        headers: ifMatch,
        body: named(PersonPatch),
        response: { 200: named(Person) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        changePerson(tx, vaultOf(request), request.params.person_id, request.headers['if-match'], request.body)
      )
  )
}

export default routes
