import { createHash } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { notFound } from '../problems.ts'

/** What each code of a problem means and what to do about it, by status. The `type` of a problem leads here. */
export const problemCodes: Record<number, Record<string, string>> = {
  400: {
    bad_request: 'The request is not well formed.',
    duplicate_key: 'The body has the same key twice in one object, so it does not say one thing.',
    empty_body: 'A JSON body is required, and none was sent.',
    forbidden_key: 'The body has a key named __proto__, constructor or prototype. No field here is called so.',
    incomplete_body: 'The body ended before the length that Content-Length announced.',
    invalid_cursor:
      'A cursor belongs to one list with the filters that it was given for. Begin again without a cursor, and keep the filters the same from page to page.',
    invalid_encoding: 'The body is not valid UTF-8.',
    invalid_header: 'A header is not as it must be; `errors` names it.',
    invalid_idempotency_key: 'An Idempotency-Key is 1 to 255 visible ASCII characters. Use a UUID, for example.',
    invalid_query: 'A query parameter is unknown, given twice, or not as it must be; `errors` names it.',
    invalid_text: 'The body has a text or key with U+0000 or with half of a surrogate pair.',
    invalid_value: 'A value cannot be kept as it is.',
    malformed_calendar: 'The body is no iCalendar file (RFC 5545).',
    malformed_csv: 'The body is not CSV as RFC 4180 has it, in UTF-8.',
    malformed_json: 'The body is not valid JSON (RFC 8259).',
    malformed_request: 'This is not well-formed HTTP.',
    malformed_url: 'The path is not percent-encoded UTF-8.',
    number_out_of_range: 'The body has a number that is too large to be kept exactly.',
    too_deep: 'The body is nested too deeply.'
  },
  401: {
    unauthorized:
      'Send `Authorization: Bearer ck_live_…` with a key that exists, has not expired and was not revoked. The answer is the same for all of these.'
  },
  403: {
    insufficient_scope: 'The key, or the role of its member of staff, lacks the scope that this operation needs.',
    not_permitted: 'This, or a part of it, is not for whoever asks; the detail says for whom.',
    sheet_locked:
      'The sheet is locked, some time after its first submission: it is corrected by those with the scope `attendance:correct`, who say why.',
    role_not_allowed: 'This operation is not for the role of the key.',
    wider_than_maker: 'A key cannot make or renew a key that may do more, or lasts longer, than itself.'
  },
  404: {
    not_found:
      'There is nothing here that the key may see. It may never have existed, be gone, or belong to somebody else: the answer is the same.'
  },
  405: { method_not_allowed: 'This path exists and does not have this method. The Allow header says which it has.' },
  408: { request_timeout: 'The request took too long to arrive.' },
  409: {
    already_assigned: 'The member of staff facilitates this group already during some of that time.',
    ends_before_start: 'It would end before its first day.',
    already_ended: 'It is over already, and ends once.',
    already_exists: 'Another object already holds something that only one may hold.',
    contributor_sealed:
      'The contributor of the card is anonymous. They alone change that, with the secret that they were given.',
    already_left: 'The membership has its last day already, and ends once. Coming back is a new membership.',
    already_paused:
      'The member is, or will be, away until further notice. Resume the membership, or withdraw that absence, first.',
    already_requested: 'The person has asked to join the group already, or waits for a seat, or is offered one.',
    email_taken: 'Another member of staff of the organization has this e-mail address.',
    external_id_taken: 'Another person of the organization already has one of these external identifiers.',
    group_archived: 'The group is archived. Restore it first.',
    group_closed: 'The group is closed: nobody joins it any more. Change its status first.',
    id_reused: 'Another sheet was sent with this id. The device makes a new one for each sheet that it saves.',
    idempotency_in_progress:
      'The first request with this Idempotency-Key is still under way. Send the same again after Retry-After, and it is answered with the first answer.',
    integrity_error:
      'What is kept here cannot be decrypted with the keys that the service has. Whoever runs the service must look at ENCRYPTION_KEYS.',
    key_expired: 'The key has expired. Make another one.',
    key_revoked: 'The key was revoked, for good. Make another one.',
    membership_overlaps: 'The person belongs to the group already during some of that time.',
    not_anonymous: 'The contributor of the card is not anonymous, or no more.',
    not_offered: 'No seat is offered here, or it was accepted or declined already.',
    not_paused: 'The member is not away until further notice.',
    not_pending: 'There is no request, place in line or offer that could be taken back.',
    not_requested: 'Nobody asks to join here, or they were answered already.',
    offer_expired:
      'The seat was kept until `offer_expires_at`, and is for the next in line since. Ask for a place in line again.',
    session_cancelled: 'The session is cancelled. Reinstate it first.',
    session_did_not_happen: 'The session is marked as not happened. Reinstate it first.',
    session_overlaps: 'The group has another session at that time. Send the request with force=true to keep both.',
    no_sheet: 'The session has no attendance sheet: none was put yet, or it was withdrawn.',
    not_a_member:
      'This is for members: who belongs to the group at that time. Whoever asked to join or waits, withdraws.',
    session_held:
      'The session was held: it has an attendance sheet. One that was put on the wrong session is withdrawn.',
    session_not_scheduled: 'The session is cancelled or did not happen. Reinstate it first.',
    session_begun:
      'The session has begun. Who led it, and who reads its notes, follows from when it was: only coordinators and administrators move it. Who was expected is decided when it begins.',
    session_not_started:
      'Attendance records what happened. A sheet is accepted from 60 minutes before the start of its session on; what is still to come did not "not happen", it is cancelled.',
    slug_taken: 'Another group of the organization has this slug.',
    strategy_not_in_use: 'The card is a draft or retired. Publish it first.',
    strategy_reported: 'Something was reported of the card, and those who moderate decide first.',
    too_many_reminders: 'The person has as many reminders as one may have at one time. End another first.',
    toolbox_full: 'The toolbox holds as many cards as one may hold. Take another out first.',
    strategy_not_shareable:
      'A link leads to a published card that everybody in the organization reads, and to no other.',
    strategy_shared_in_session: 'The card was shared in a session, and stays with the group of that session.'
  },
  412: {
    precondition_failed:
      'Somebody changed it since you read it, and nothing was done. Read it again, decide again, and send the new ETag in If-Match.'
  },
  413: { payload_too_large: 'The body is larger than this path takes.' },
  415: {
    unsupported_media_type:
      'Bodies are JSON in UTF-8 and not compressed. The Accept-Post and Accept-Patch headers say which types are read.'
  },
  422: {
    contributor_incomplete:
      'Say who contributed the card: `person` with a person, `nickname` with a nickname, `anonymous` without one.',
    ends_before_start: 'It would end before it begins.',
    ends_before_it_begins: 'The last day cannot lie before the first.',
    expires_in_the_past: 'It expires at some time to come.',
    expires_too_late: 'It expires sooner: for how long it may last, the operation says.',
    group_required: 'A card of a group says of which.',
    idempotency_key_reused:
      'This Idempotency-Key was used for another request in the last 24 hours. Use a new key for each thing that you want done.',
    id_reused: 'Another sheet was sent with this id. The device makes a new one for each sheet that it saves.',
    incomplete_coordinates: 'Latitude and longitude are given together, or neither is.',
    invalid_rrule: 'The recurrence rule is not among those that are understood, or makes no session.',
    left_before_joining: 'The last day of a membership cannot lie before its first.',
    no_occurrence: 'The series has no session on that day by its rule.',
    no_such_head: 'The sheet has no head there that nobody named: an anonymous one, or a walk-in who is only a name.',
    duplicate_person: 'This person stands on the sheet already.',
    reason_required: 'The sheet is locked: say why it is corrected.',
    unknown_person: 'There is no such person that the key may see.',
    no_such_version: 'The sheet has no such version yet. Read it again, and begin from what it is.',
    too_many_sheets: 'One batch has twenty sheets of one session at the most. Send the others afterwards.',
    no_letters: 'Nothing is left of this name to look for.',
    no_scopes: 'Your key has no scope that the role of this member of staff could use.',
    not_a_substitute: 'Only a substitute leads in the place of somebody, and nobody in their own.',
    not_permitted: 'The body has something that is not for the role of the key.',
    one_criterion: 'Give exactly one of name, email, phone and external_id.',
    place_required:
      'A hybrid group needs an address and a link or phone number; an in-person one an address or a city.',
    in_the_future: 'This has not happened yet.',
    too_early: 'This lies too far back.',
    too_far_ahead: 'This lies too far ahead.',
    too_late: 'This lies too far ahead.',
    duplicate_column: 'The header of the CSV has a column twice.',
    too_long: 'This lasts longer than such a thing may.',
    too_many_rows: 'The list has more rows than are taken at once. Send it in parts.',
    unknown_column: 'The header of the CSV has a column that is not read here; `detail` names those that are.',
    unknown_reference: 'What the body refers to is not there, or not for this key to see.',
    validation_failed:
      'The body was read and is not as it must be. `errors` has a pointer to each fault, and says what must be there.',
    wrong_secret: 'The secret is not the one that was given to the contributor of this card.'
  },
  428: {
    precondition_required:
      'This is changed only by who says which version they read: send its ETag in If-Match, or `*` for whatever there is.'
  },
  429: { too_many_requests: 'Wait as long as Retry-After says. The RateLimit headers tell what remains of the rate.' },
  431: { headers_too_large: 'The headers are larger than this server takes.' },
  500: {
    internal_error: 'Something went wrong here, and was noted under the request_id. The request may be sent again.'
  },
  503: {
    busy: 'Too much is asked at once. The same request may be sent again after Retry-After.',
    database_not_migrated:
      'The service is being brought up to date. The same request may be sent again after Retry-After.',
    database_unavailable: 'The database cannot be reached. The same request may be sent again after Retry-After.',
    query_timeout: 'The database took too long. The same request may be sent again after Retry-After.',
    shutting_down: 'This replica is about to stop. The same request may be sent again after Retry-After.',
    timeout: 'The answer took too long. The same request may be sent again after Retry-After.'
  }
}

const style = `
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1.25rem; color: #1f2a30; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem } a { color: #0b6670 }
code { font-family: ui-monospace, monospace; background: #eef3f3; padding: 0 0.25rem; border-radius: 0.2rem }
@media (prefers-color-scheme: dark) { body { color: #dfe7ea; background: #12181b } a { color: #6fc7d1 } code { background: #223036 } }
`
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

const page = (title: string, body: string) => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title} – Circlekeeper</title><style>${style}</style></head>
<body>${body}</body>
</html>
`
const inHtml = (text: string) => text.replaceAll('<', '&lt;').replace(/`([^`]+)`/g, '<code>$1</code>')

const statuses = Object.entries(problemCodes)
const sections = (wanted: (code: string) => boolean) =>
  statuses.flatMap(([status, codes]) => {
    const found = Object.entries(codes).filter(([code]) => wanted(code))
    const explained = found.map(([code, text]) => `<h3 id="${code}"><code>${code}</code></h3><p>${inHtml(text)}</p>`)
    return found.length === 0 ? [] : [`<h2>${status} ${STATUS_CODES[status]}</h2>${explained.join('')}`]
  })

/** `/problems`: every code, and `/problems/{code}`: one of them. For people, so not in the document. */
export async function problemPages(app: FastifyInstance) {
  const known = new Set(statuses.flatMap(([, codes]) => Object.keys(codes)))
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'public, max-age=3600',
    'content-security-policy': policy
  }
  const hide = { schema: { hide: true } } as const

  app.get('/problems', hide, async (_request, reply) =>
    reply.headers(headers).send(page('Problems', `<h1>Problems</h1>${sections(() => true).join('')}`))
  )
  app.get<{ Params: { code: string } }>('/problems/:code', hide, async (request, reply) => {
    const { code } = request.params
    if (!known.has(code)) throw notFound()
    const told = `${sections(one => one === code).join('')}<p><a href="/problems">All problems</a> · <a href="/docs">Documentation</a></p>`
    return reply.headers(headers).send(page(code, told))
  })
}
