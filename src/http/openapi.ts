import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { docsTheme } from './docs-theme.ts'
import { type Document, downgraded, published } from './document.ts'
import { problemPages } from './problem-pages.ts'

const description = `
Meeting management for peer support groups: groups, sessions, and attendance that respects anonymity.
Peer support complements professional care and never replaces it.

**Signing in.** Every request under \`/v1\` carries \`Authorization: Bearer ck_live_…\`. The key names the organization;
nothing of another organization exists for it, and what a key may not see is answered as if it were not there (404).

**Changing things safely.** Single resources have an ETag. Send it back in \`If-Match\`: if somebody changed the resource
in between, the answer is 412 and nothing happens. Where losing a change would hurt, a missing \`If-Match\` is 428.
POSTs that change something, and the PUT of an attendance sheet, take an \`Idempotency-Key\`: a retry with the same key is
answered with the first answer (\`Idempotency-Replayed: true\`) and has no second effect. Keys are kept for 24 hours.
A PATCH is a merge patch (RFC 7396): what is left out stays as it is, and \`null\` clears.

**Without a network.** A device reads \`GET /v1/sync\`, keeps what it is told, and lets people fill in sheets; each gets a
UUID of version 7 when it is saved. With a network again, it sends them with \`POST /v1/attendance/sync\`, as often as it
takes, until each has its result. Nothing that was answered with an \`outcome\` is ever lost: what does not fit what
somebody else wrote is kept beside it, as a conflict (\`GET /v1/attendance/conflicts\`). A sheet that corrects one which the device
filled in itself, and has not read again since, names that one in \`follows\`.

**Lists** are \`{ data, page: { next_cursor, has_more } }\`; ask for the next page with \`cursor\`, or follow the Link header.
Intervals are half-open: \`from\` is included, \`to\` is not.

**Refusals** are problem documents (RFC 9457) with a stable \`code\`; \`type\` leads to a page that explains it. A body that
cannot be read is 400; one that was read and breaks a rule is 422, with a pointer for each fault.

**Times** are instants in UTC; where a wall clock matters, the local date and time stand beside their IANA time zone.

**Texts.** \`format: line\` is one line, \`format: text\` may have several. Control characters, noncharacters and characters
that change the direction of text are refused, and so is text without anything to see; what is kept is
NFC-normalized. \`phone\` is digits as people write them, \`https-url\` a URL without user name and password, \`time-zone\` an
IANA name. More values may be added to what is answered, so let a program expect values that it does not know.

**This document** is at [/openapi.json](/openapi.json) (OpenAPI 3.1) and [/openapi-3.0.json](/openapi-3.0.json); the
refusals are explained at [/problems](/problems).
`.trim()

const tags = [
  { name: 'me', description: 'Who a key speaks for.' },
  { name: 'organization', description: 'The nonprofit or clinic that runs the groups.' },
  { name: 'staff', description: 'The people who run groups, and their roles.' },
  { name: 'api_keys', description: 'Keys: what they may do, and for how long.' },
  { name: 'groups', description: 'The people and the purpose that persist.' },
  { name: 'facilitators', description: 'Who facilitates a group, from when to when.' },
  { name: 'people', description: 'Who comes. A nickname is enough.' },
  { name: 'memberships', description: 'Dated episodes of belonging to a group.' },
  { name: 'closures', description: 'Days on which nothing is held.' },
  { name: 'series', description: 'The recurrence rules that make sessions.' },
  { name: 'sessions', description: 'Dated meetings of a group.' },
  {
    name: 'attendance',
    description: 'The sheet: who came, who was expected, and how it was corrected; with and without a network.'
  },
  {
    name: 'notes',
    description:
      'What facilitators write down about a session and about one person’s attendance, apart from the sheet, and what they hand over to the next. For members of staff only; each reading is audited.'
  },
  { name: 'imports', description: 'Bringing lists in from elsewhere.' },
  { name: 'strategies', description: 'Coping strategies: a treasure map for the next.' },
  {
    name: 'toolbox',
    description:
      'What somebody keeps of the strategies: cards, practice, reminders. A key without `strategies:read` finds nothing here.'
  },
  { name: 'service', description: 'Whether the service is alive and ready.' }
]

/** The document as OpenAPI 3.1, and the same as 3.0 for the generators that need it. */
export function documents(app: FastifyInstance): { v31: Document; v30: Document } {
  const v31 = published(app.swagger() as unknown as Document)
  return { v31, v30: downgraded(v31) }
}

/**
 * Publishes what the routes say: `/openapi.json`, `/openapi-3.0.json`, a page to read them on, which needs no network
 * and no exception to a strict CSP, and a page for each code of a problem.
 */
export const openapi = plugin(
  async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: 'Circlekeeper',
          version: '1.0.0',
          description,
          license: { name: 'MIT', url: 'https://opensource.org/license/mit' }
        },
        servers: [{ url: '/' }],
        tags,
        components: {
          securitySchemes: {
            bearerAuth: { type: 'http', scheme: 'bearer', description: 'An API key, `ck_live_…`.' }
          }
        }
      },
      refResolver: {
        buildLocalReference: (schema, _base, _fragment, index) => String(schema.$id ?? `def-${index}`)
      }
    })

    let made: { v31: Document; v30: Document } | undefined
    const get = () => {
      made ??= documents(app)
      return made
    }
    for (const [path, version] of [
      ['/openapi.json', 'v31'],
      ['/openapi-3.0.json', 'v30']
    ] as const) {
      app.get(path, { schema: { hide: true } }, async (_request, reply) =>
        reply.header('cache-control', 'public, max-age=60').send(get()[version])
      )
    }

    await app.register(swaggerUi, {
      routePrefix: '/docs',
      transformSpecification: () => get().v31 as never,
      transformSpecificationClone: false,
      uiConfig: {
        // The default sends the document to a service that checks it.
        validatorUrl: null,
        deepLinking: true,
        // Without the bar to type another document's address into.
        layout: 'BaseLayout',
        docExpansion: 'list',
        // Texts name operations by their ids.
        displayOperationId: true,
        filter: true,
        defaultModelsExpandDepth: 0,
        displayRequestDuration: true
      } as never,
      theme: docsTheme
    })
    await app.register(problemPages)
  },
  { name: 'openapi' }
)
