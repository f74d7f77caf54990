import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Caller } from '../access/caller.ts'
import { change } from '../changes/change.ts'
import type { Database } from '../database/database.ts'
import { etagOf } from '../http/etag.ts'
import { paged } from '../http/page.ts'
import { idempotent, named } from '../http/schemas.ts'
import { PersonPath } from '../people/schemas.ts'
import { notFound } from '../problems.ts'
import { stillSees, toolboxDoor, toolboxSight } from './door.ts'
import { findReminder, listReminders } from './queries.ts'
import { createReminder, readReminder, stopReminder } from './remind.ts'
import {
  PracticeReminder,
  PracticeReminderCreate,
  PracticeReminderPage,
  PracticeReminderPath,
  PracticeReminderQuery
} from './schemas.ts'

async function reminderDoor(
  db: Pick<Database, 'read'>,
  caller: Caller,
  { practice_reminder_id }: Record<string, string>
) {
  const { moderates } = toolboxSight(caller)
  const values = { practice_reminder_id: practice_reminder_id!, moderates }
  const [reminder] = await db.read(caller, findReminder, values)
  if (reminder === undefined) throw notFound()
  return reminder
}

/** Reminders of practice: what they bring up stands in the feed. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.get(
    '/people/:person_id/practice-reminders',
    {
      config: { scope: 'toolbox:read' },
      schema: {
        operationId: 'listPracticeReminders',
        tags: ['toolbox'],
        summary: 'List what somebody wants to be reminded of',
        description: 'In the order in which they were made; those that ended included, unless `ended` is given.',
        params: PersonPath,
        querystring: PracticeReminderQuery,
        response: { 200: named(PracticeReminderPage) }
      }
    },
    async (request, reply) => {
      await toolboxDoor(app.db, request.caller, request.params)
      const { limit: _, cursor: __, ...filters } = request.query
      const values = { ...request.params, ...filters, moderates: toolboxSight(request.caller).moderates }
      return await paged(
        request,
        reply,
        asked => app.db.read(request.caller, listReminders, { ...values, ...asked }),
        row => [null, row.id]
      )
    }
  )

  app.post(
    '/people/:person_id/practice-reminders',
    {
      config: { scope: 'toolbox:write', idempotent: true, door: toolboxDoor },
      schema: {
        operationId: 'createPracticeReminder',
        tags: ['toolbox'],
        summary: 'Remind somebody of a strategy',
        description: 'It comes up in the feed. A habit that changes is a new reminder: end the old one.',
        params: PersonPath,
        headers: idempotent,
        body: named(PracticeReminderCreate),
        response: { 201: named(PracticeReminder) }
      }
    },
    async (request, reply) =>
      await change(
        request,
        reply,
        tx => createReminder(tx, toolboxSight(request.caller), request.params.person_id, request.body),
        async (tx, { id, person_id }) => {
          await stillSees(tx, person_id)
          return await readReminder(tx, toolboxSight(request.caller), id)
        }
      )
  )

  app.get(
    '/practice-reminders/:practice_reminder_id',
    {
      config: { scope: 'toolbox:read' },
      schema: {
        operationId: 'getPracticeReminder',
        tags: ['toolbox'],
        summary: 'Read a reminder',
        params: PracticeReminderPath,
        response: { 200: named(PracticeReminder) }
      }
    },
    async (request, reply) => {
      const reminder = await reminderDoor(app.db, request.caller, request.params)
      reply.header('etag', etagOf(reminder.version))
      return reminder
    }
  )

  app.post(
    '/practice-reminders/:practice_reminder_id/end',
    {
      config: { scope: 'toolbox:write', idempotent: true, door: reminderDoor },
      schema: {
        operationId: 'endPracticeReminder',
        tags: ['toolbox'],
        summary: 'End a reminder',
        description: 'At once. Twice is the same as once.',
        params: PracticeReminderPath,
        headers: idempotent,
        response: { 200: named(PracticeReminder) }
      }
    },
    async (request, reply) =>
      await change(request, reply, tx =>
        stopReminder(tx, toolboxSight(request.caller), request.params.practice_reminder_id)
      )
  )
}

export default routes
