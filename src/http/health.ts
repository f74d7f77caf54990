import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { newestMigration } from '../database/migrate.ts'
import { unavailable } from '../problems.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Set when the process has been told to stop: not ready any more, still answering. */
    draining: boolean
  }
}

const Health = (description: string) => ({ 200: Type.Object({ status: Type.Literal('ok') }, { description }) })

/** `/livez`: the process answers. `/readyz`: so does the database, on a connection of its own, and it is migrated. */
export async function health(app: FastifyInstance) {
  const migration = await newestMigration()

  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLiveness',
        tags: ['service'],
        summary: 'Is the process alive?',
        description: 'Asks nothing of the database.',
        security: [],
        response: Health('It is.')
      }
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      return { status: 'ok' as const }
    }
  )

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['service'],
        summary: 'Can the service answer requests?',
        description: 'The database is reachable and migrated, and the process is not about to stop; otherwise 503.',
        security: [],
        response: Health('It can.')
      }
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store')
      if (app.draining) throw unavailable('shutting_down', 2)
      await app.db.ready(migration)
      return { status: 'ok' as const }
    }
  )
}
