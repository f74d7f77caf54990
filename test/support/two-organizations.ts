import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { v7 as uuid } from 'uuid'
import type { Client, Reply, TestApp } from './app.ts'
import { assign, makeGroup, minutesFromNow } from './circle.ts'

/** Letters alone: a rule would take a row of digits for somebody's phone number. */
const letters = () =>
  randomBytes(6)
    .toString('hex')
    .replace(/\d/g, digit => 'ghijklmnop'[Number(digit)]!)

/** A text that tells whose it is, wherever it turns up. */
export const canary = (label: string, field: string) => `CNRY-${label}-${field}-${letters()}`

/** Finds every canary of a label, however it was folded; `beta` finds those of beta0 and beta1. */
export const canariesOf = (label: string) => new RegExp(`cnry[- ]${label}`, 'i')

/**
 * One group and one of everything that hangs from it: what an id in a path, query or body may lead to.
 * The names are those of the parameters, so that requests can be made from the published document.
 */
export interface Kit {
  label: string
  group_id: string
  /** A past session with a sheet that was put twice. */
  session_id: string
  /** A past session without one. */
  open_session_id: string
  /** Sessions to come; the colleague leads the second in the place of the facilitator. */
  coming_session_id: string
  substituted_session_id: string
  session_facilitator_id: string
  /** A sheet of the first session that a device sent, and that does not agree with it. */
  submission_id: string
  /** About the session with the sheet, for the handover. */
  note_id: string
  /** The rest of a series, from a week after its first day on: three weeks. */
  series_id: string
  /** The last of them is cancelled by it. */
  closure_id: string
  /** A member of the group, with contact details and an external identifier. */
  person_id: string
  /** Somebody who walked in, and is no member: the facilitator wrote them down. */
  guest_id: string
  /** Somebody whom the facilitator wrote down and who did nothing yet. */
  newcomer_id: string
  membership_id: string
  /** Others of the group: who is away until further notice from tomorrow on, has a seat kept, asks to join. */
  paused_membership_id: string
  absence_id: string
  offered_membership_id: string
  requested_membership_id: string
  /** Facilitates the group. */
  staff_id: string
  facilitator_id: string
  /** Works here and facilitates nothing. */
  colleague_id: string
  /** The facilitator's key. */
  api_key_id: string
  facilitator: Client
  system: string
  value: string
  slug: string
  email: string
  person_email: string
  person_phone: string
  /** An anonymous card of the group, with everything that hangs from a card. */
  strategy_id: string
  contributor_secret: string
  share_link_id: string
  /** Another card of the group, by the member. */
  kept_id: string
  /** What the member keeps of the first. */
  practice_id: string
  practice_reminder_id: string
}

const made = (reply: Reply) => {
  if (reply.statusCode >= 300) throw new Error(`${reply.statusCode} ${reply.body}`)
  return reply.data
}

/**
 * Fills every field that takes text with a canary.
 *
 * @param visibility of the strategy card
 */
export async function makeKit(
  service: TestApp,
  admin: Client,
  label: string,
  { visibility = 'group' } = {}
): Promise<Kit> {
  const say = (field: string) => canary(label, field)
  const slug = say('slug').toLowerCase()
  const email = `${say('mail').toLowerCase()}@staff.example`
  const person_email = `${say('mail').toLowerCase()}@person.example`
  const person_phone = `+1415${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`
  const [system, value] = [say('system').toLowerCase(), say('value')]

  const group_id = await makeGroup(admin, {
    name: say('group'),
    slug,
    description: say('description'),
    mode: 'hybrid',
    location: { address: say('address'), city: say('city'), notes: say('notes'), latitude: 37.8, longitude: -122.3 },
    online_url: `https://meet.example.org/${say('url')}`,
    accessibility: [say('accessibility')],
    audience: [say('audience')],
    status_reason: say('reason'),
    capacity: 2
  })
  const staff_id = made(await admin.post('/v1/staff', { display_name: say('staff'), email, role: 'facilitator' })).id
  const colleague_id = made(await admin.post('/v1/staff', { display_name: say('colleague'), role: 'facilitator' })).id
  const key = made(await admin.post('/v1/api-keys', { name: say('key'), staff_id }))
  const facilitator_id = await assign(admin, group_id, staff_id)
  const facilitator = service.client(key.secret, admin.organization_id)

  const person_id = made(
    await admin.post(
      '/v1/people',
      {
        display_name: say('person'),
        contact: { email: person_email, phone: person_phone, postal: say('postal'), preferred: 'email' },
        external_ids: [{ system, value }]
      },
      { 'idempotency-key': say('idempotency') }
    )
  ).id
  const guest_id = made(await facilitator.post('/v1/people', { display_name: say('guest') })).id
  const newcomer_id = made(await facilitator.post('/v1/people', { display_name: say('newcomer') })).id
  const membership_id = made(
    await admin.post(`/v1/groups/${group_id}/memberships`, { person_id, joined_on: '2026-01-01' })
  ).id

  const day = (days: number) => minutesFromNow(days * 24 * 60).slice(0, 10)
  const someone = async (field: string) => made(await admin.post('/v1/people', { display_name: say(field) })).id
  const joins = async (field: string, fields = {}) =>
    made(await admin.post(`/v1/groups/${group_id}/memberships`, { person_id: await someone(field), ...fields })).id
  const paused_membership_id = await joins('absent', { joined_on: day(1) })
  const { absences } = made(await admin.post(`/v1/memberships/${paused_membership_id}/pause`, { from: day(1) }))
  // One waits, and is offered the third seat before somebody else asks.
  const offered_membership_id = await joins('waiting')
  made(await admin.patch(`/v1/groups/${group_id}`, { capacity: 3 }, { 'if-match': '*' }))
  const request = { person_id: await someone('asking'), message: say('message') }
  const requested_membership_id = made(await admin.post(`/v1/groups/${group_id}/join-requests`, request)).id

  const series = {
    starts_on: minutesFromNow(2 * 24 * 60).slice(0, 10),
    start_time: '19:00',
    duration_minutes: 90,
    rrule: 'FREQ=WEEKLY;COUNT=5',
    topic: say('topic')
  }
  const whole = made(await admin.post(`/v1/groups/${group_id}/series`, series)).id
  const series_id = made(
    await admin.post(`/v1/series/${whole}/split`, { from: day(9), topic: say('topic') }, { 'if-match': '*' })
  ).id
  // The last of them is taken back.
  made(await admin.post(`/v1/series/${series_id}/end`, { ends_on: day(25) }, { 'if-match': '*' }))
  const closure_id = made(
    await admin.post('/v1/closures', { group_id, starts_on: day(22), ends_on: day(24), name: say('closure') })
  ).id
  const session = (minutes: number) => ({
    starts_at: minutesFromNow(minutes),
    duration_minutes: 60,
    topic: say('topic')
  })
  const session_id = made(await admin.post(`/v1/groups/${group_id}/sessions`, session(-180))).id
  const open_session_id = made(await admin.post(`/v1/groups/${group_id}/sessions`, session(-120))).id
  const coming_session_id = made(await admin.post(`/v1/groups/${group_id}/sessions`, session(3 * 24 * 60))).id
  const substituted_session_id = made(await admin.post(`/v1/groups/${group_id}/sessions`, session(5 * 24 * 60))).id
  const substitute = { staff_id: colleague_id, replaces_staff_id: staff_id }
  const session_facilitator_id = made(
    await admin.post(`/v1/sessions/${substituted_session_id}/facilitators`, substitute)
  ).id
  const sheet = () => ({
    records: [{ person_id, status: 'present', mode: 'in_person' }],
    walk_ins: [{ display_name: say('walk-in') }, { person_id: guest_id }],
    anonymous_count: 2
  })
  made(await facilitator.put(`/v1/sessions/${session_id}/attendance`, sheet()))
  const standing = sheet()
  made(await facilitator.put(`/v1/sessions/${session_id}/attendance`, standing, { 'if-match': '"1"' }))
  made(await facilitator.put(`/v1/sessions/${session_id}/attendance/notes/${person_id}`, { text: say('attendance') }))
  const submission_id = uuid()
  const sent = {
    id: submission_id,
    session_id,
    base_version: 0,
    records: [{ person_id, status: 'absent' }],
    walk_ins: [{ display_name: say('walk-in') }],
    reason: say('reason')
  }
  const known = { ...standing, id: uuid(), session_id, base_version: 0 }
  const sheets = [sent, known, { ...known, id: uuid(), follows: known.id }]
  made(await facilitator.post('/v1/attendance/sync', { device_time: minutesFromNow(0), sheets }))
  made(await facilitator.put(`/v1/sessions/${substituted_session_id}/rsvps/${person_id}`, { answer: 'maybe' }))
  const note = { text: say('group-process'), for_handover: true, follow_up: 'open' }
  const note_id = made(await facilitator.post(`/v1/sessions/${session_id}/notes`, note)).id

  // Categories are the organization's, and no secret of a group.
  const common = label.replace(/\d+$/, '0')
  const category = canary(common, 'category-key').toLowerCase()
  made(await admin.put(`/v1/strategy-categories/${category}`, { name: canary(common, 'category') }))
  const card = (field: string) => ({
    title: say(field),
    summary: say('summary'),
    when_it_helps: say('when'),
    steps: [say('step'), say('step')],
    topics: ['grief'],
    category,
    links: [{ title: say('link'), url: `https://example.org/${say('url')}` }],
    source: say('source')
  })
  const { id: kept_id } = made(
    await facilitator.post('/v1/strategies', {
      ...card('named'),
      contributor: { kind: 'person', person_id },
      session_id,
      visibility: 'group'
    })
  )
  const { id: strategy_id, contributor_secret } = made(
    await admin.post('/v1/strategies', {
      ...card('anonymous'),
      contributor: { kind: 'anonymous', person_id },
      session_id,
      visibility: 'organization'
    })
  )
  const strategy = `/v1/strategies/${strategy_id}`
  // Whatever a rule may see in a canary.
  made(await admin.post(`${strategy}/publish`, { reason: say('decision') }, { 'if-match': '*' }))
  const share_link_id = made(await admin.post(`${strategy}/share_links`, { expires_at: minutesFromNow(60 * 24) })).id
  made(await admin.put(`${strategy}/feedback/${person_id}`, { outcome: 'helped', topic: 'grief' }))
  const person = `/v1/people/${person_id}`
  for (const id of [kept_id, strategy_id]) made(await admin.put(`${person}/toolbox/cards/${id}`, {}))
  const practice_id = made(await admin.post(`${person}/practices`, { strategy_id, rating: 4 })).id
  const practice_reminder_id = made(
    await admin.post(`${person}/practice-reminders`, { strategy_id, rrule: 'FREQ=DAILY', time: '08:30' })
  ).id
  made(await admin.post(`${strategy}/reports`, { reason: 'spam', note: say('report') }))
  made(await admin.post(`${strategy}/publish`, { reason: say('decision') }, { 'if-match': '*' }))
  made(await admin.patch(strategy, { source: say('source'), visibility }, { 'if-match': '*' }))

  return {
    label,
    group_id,
    session_id,
    open_session_id,
    coming_session_id,
    substituted_session_id,
    session_facilitator_id,
    note_id,
    series_id,
    closure_id,
    person_id,
    guest_id,
    newcomer_id,
    submission_id,
    membership_id,
    paused_membership_id,
    absence_id: absences[0].id,
    offered_membership_id,
    requested_membership_id,
    staff_id,
    facilitator_id,
    colleague_id,
    api_key_id: key.id,
    facilitator,
    system,
    value,
    slug,
    email,
    person_email,
    person_phone,
    strategy_id,
    contributor_secret,
    share_link_id,
    kept_id,
    practice_id,
    practice_reminder_id
  }
}

/** A connection that looks past all walls, for as long as the test runs. */
export async function lookingPastWalls(t: { teardown(handler: () => unknown): void }, service: TestApp) {
  const superuser = new pg.Client({ connectionString: service.superuserUrl })
  // The database is dropped, and this connection with it, when the service's own teardown comes first.
  superuser.on('error', () => {})
  await superuser.connect()
  t.teardown(() => superuser.end())
  return superuser
}

/** Every table with a row of some organization, and the column that says whose it is. */
export async function tenantTables(superuser: pg.Client): Promise<{ name: string; column: string }[]> {
  const { rows } = await superuser.query(`
    select c.relname as name, a.attname as column from pg_class c
    join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
      and a.attname = case c.relname when 'organizations' then 'id' else 'organization_id' end
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by c.relname`)
  return rows
}

// `$1 = column`, this way round: the sabotaged service's `column = $1` is rewritten on this connection, too.

/** What an organization has, table by table, so that any change shows. What every request may add to is left out. */
export async function checksums(
  superuser: pg.Client,
  organization_id: string,
  beside = ['audit_entries', 'idempotency_keys']
): Promise<Record<string, string>> {
  const tables = (await tenantTables(superuser)).filter(({ name }) => !beside.includes(name))
  const each = tables.map(
    ({ name, column }) =>
      `select '${name}' as name, count(*) || ' ' || coalesce(md5(string_agg(row, '' order by row)), '') as sum
       from (select (to_jsonb(x) - 'last_used_at')::text as row from ${name} x where $1 = ${column}) x`
  )
  const { rows } = await superuser.query(each.join(' union all '), [organization_id])
  return Object.fromEntries(rows.map(row => [row.name, row.sum]))
}

/** Every id that an organization's rows have. */
export async function idsOf(superuser: pg.Client, organization_id: string): Promise<Set<string>> {
  const tables = await tenantTables(superuser)
  const { rows } = await superuser.query(
    tables
      .map(({ name, column }) => `select to_jsonb(x) ->> 'id' as id from ${name} x where $1 = ${column}`)
      .join(' union '),
    [organization_id]
  )
  return new Set([organization_id, ...rows.flatMap(row => row.id ?? [])])
}
