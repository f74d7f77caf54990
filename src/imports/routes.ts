import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { change } from '../changes/change.ts'
import { idempotent, named } from '../http/schemas.ts'
import { importMeetingGuide, readMeetings } from './import-meeting-guide.ts'
import { MeetingGuideImport, MeetingGuideList, MeetingGuideQuery, most } from './schemas.ts'

const description = `
One group with one weekly series for each row, from its next day on. The slug says which group it is: a group that has it
already is brought in line with the row, and a list that is sent again changes nothing. The whole list is one change; a row
that cannot be taken is \`skipped\` with its \`problem\` and harms no other. Groups that an earlier list named and this one does not are told as \`left\`, and go on unless \`end_left\` is
given; groups made by hand are left alone.

The row’s \`timezone\` wins over \`time_zone\`; without \`end_time\` a meeting lasts 60 minutes. Type codes become languages,
accessibility, audience and topics: \`C\` is a note for the audience, never access \`closed\`. Contacts are not read.

**The list decides** name, description, topics, languages, accessibility, audience, mode, place, link, phone and time zone.
**People decide** the rest: access, format, visibility and capacity are set when the group is made (\`open\`, \`ongoing\`,
\`listed\`, none) and then left alone; a group that was closed, is forming, or was paused for a reason of its own stays so.
A list pauses only an active group, with the reason \`Temporarily closed\`, and ends only that pause. An archived group is
skipped.

**Another time**: the imported series ends and a new one begins. Sessions that have begun, or about which something was
recorded or decided, stay, and their days get no second one; the others to come are replaced, today’s too. A series made by
hand is left alone, and stands for the meeting if it has the same days, time and zone and none was imported. An imported
series that was ended by hand stays ended until the list names another time; in a closed group no series begins or ends.
`.trim()

/** Bringing lists in from elsewhere. */
const routes: FastifyPluginAsyncTypebox = async app => {
  app.post(
    '/imports/meeting-guide',
    {
      bodyLimit: most.bytes,
      config: { scope: 'imports:write', idempotent: true },
      schema: {
        operationId: 'importMeetingGuide',
        tags: ['imports'],
        summary: 'Import a Meeting Guide list',
        description,
        querystring: MeetingGuideQuery,
        headers: idempotent,
        body: named(MeetingGuideList),
        response: { 207: named(MeetingGuideImport) }
      }
    },
    async (request, reply) => {
      const { time_zone = null, end_left } = request.query
      const readings = await readMeetings(request.body, { time_zone })
      const horizonDays = app.settings.SESSION_HORIZON_DAYS
      return await change(request, reply, tx => importMeetingGuide(tx, readings, { end_left, horizonDays }))
    }
  )
}

export default routes
