import pg from 'pg'
import t from 'tap'
import { v7 as uuid } from 'uuid'
import type { Actor } from '../../src/database/actor.ts'
import type { Prepared } from '../../src/database/statement.ts'
import { listGroups } from '../../src/groups/queries.ts'
import { offerFreeSeats } from '../../src/memberships/line-queries.ts'
import { findMembership, listMemberships, listPersonMemberships, listWaiting } from '../../src/memberships/queries.ts'
import {
  findOwnAttendanceNote,
  listAttendanceNotes,
  sessionWithPerson
} from '../../src/notes/attendance-note-queries.ts'
import { findPerson, listPeople, searchPeople } from '../../src/people/queries.ts'
import { findSession, listSessions } from '../../src/sessions/queries.ts'
import { findSheet, listAttendance, listSheetVersions } from '../../src/sessions/sheet-queries.ts'
import { listConflicts } from '../../src/sessions/sync-queries.ts'
import { findStrategy } from '../../src/strategies/queries.ts'
import { listReviews } from '../../src/strategies/review-queries.ts'
import { searchStrategies } from '../../src/strategies/search-queries.ts'
import { searchOf } from '../../src/strategies/search-strategies.ts'
import { startApp } from '../support/app.ts'
import { lookingPastWalls } from '../support/two-organizations.ts'

/** Those that grow without end: reading one of them whole is reading everybody's. */
const big = new Set([
  'sessions',
  'attendance',
  'attendance_versions',
  'attendance_notes',
  'people',
  'memberships',
  'membership_absences',
  'strategies'
])

interface Node {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Plans?: Node[]
}

/** Two organizations as they are after some years: 50 groups, 4,000 people, 10,000 sessions, 20,000 rows of attendance each. */
async function fill(superuser: pg.Client, organization_id: string, staff_id: string) {
  const text = `
    insert into groups (organization_id, id, name, slug, topics, access, format, mode, languages, accessibility, audience, status,
      visibility, time_zone, search_text, name_key)
    select $1, gen_random_uuid(), 'Group ' || n, 'group-' || n, '{}', 'open', 'ongoing', 'online', '{}', '{}', '{}', 'active',
      'listed', 'UTC', 'group ' || n, 'group ' || n from generate_series(1, 50) n;
    insert into people (organization_id, id, display_name, name_key)
    select $1, gen_random_uuid(), 'Person ' || n, 'person ' || n from generate_series(1, 4000) n;
    insert into memberships (organization_id, id, group_id, person_id, joined_on, left_on)
    select $1, gen_random_uuid(), g.id, p.id, '2024-01-01', case when p.n % 2 = 0 then date '2025-01-01' end
    from (select id, row_number() over () as n from people where organization_id = $1) p
    join (select id, row_number() over () as n from groups where organization_id = $1) g on p.n % 50 = g.n - 1;
    insert into membership_absences (organization_id, id, membership_id, from_on)
    select $1, gen_random_uuid(), id, '2025-01-01' from memberships where organization_id = $1;
    insert into memberships (organization_id, id, group_id, person_id, stage, place)
    select $1, gen_random_uuid(), m.group_id, m.person_id, 'waitlisted', row_number() over (partition by m.group_id)
    from memberships m where m.organization_id = $1 and m.left_on is not null;
    insert into sessions (organization_id, id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone)
    select $1, gen_random_uuid(), g.id, d, d + interval '1 hour', 60, d::date, '19:00', 'UTC'
    from groups g cross join generate_series(timestamptz '2023-01-01 19:00Z', '2026-10-31 19:00Z', interval '7 days') d
    where g.organization_id = $1;
    insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, status, expected)
    select $1, gen_random_uuid(), s.id, s.group_id, s.starts_at, m.n, 'roster', m.person_id, 'present', 'yes'
    from (select *, row_number() over () as n from sessions where organization_id = $1) s
    join (select person_id, group_id, row_number() over (partition by group_id) as n from memberships
        where organization_id = $1 and joined_on is not null) m
      on m.group_id = s.group_id and m.n % 40 = s.n % 40;
    insert into attendance_notes (organization_id, id, session_id, person_id, written_by_staff_id, text_sealed)
    select $1, gen_random_uuid(), session_id, person_id, $2, '\\x00' from attendance where organization_id = $1;
    insert into attendance_versions (organization_id, session_id, version, anonymous_count, rows)
    select $1, id, 1, 0, '[]' from sessions where organization_id = $1;
    insert into attendance_submissions (organization_id, id, session_id, base_version, outcome, version, occurred_at, clock_off,
      anonymous_count, rows)
    select $1, gen_random_uuid(), s.id, 0, case when n % 500 = 0 then 'conflict' else 'stored' end, 1, now(), false, 0, '[]'
    from (select id, row_number() over () as n from sessions where organization_id = $1) s;
    insert into strategies (organization_id, id, title, when_it_helps, steps, where_usable, topics, language, links, contributor_kind,
      contributor_nickname, visibility, status, flags, review_since)
    select $1, gen_random_uuid(), 'Walk ' || md5('a' || n), repeat('when it rains ', 20), array[repeat('go out and look around ', 30)], '{}',
      array[case when n % 1000 = 0 then 'rare' else 'often' end], 'en', '[]', 'nickname', 'R', 'organization', 'published', '{}',
      case when n % 100 = 0 then now() end
    from generate_series(1, 4000) n;
    insert into group_facilitators (organization_id, id, group_id, staff_id, role, starts_at)
    select $1, gen_random_uuid(), id, $2, 'facilitator', '2024-01-01' from groups where organization_id = $1 order by slug limit 2`
  for (const statement of text.split(';\n')) {
    const used = [organization_id, staff_id].slice(0, statement.includes('$2') ? 2 : 1)
    await superuser.query(statement, used)
  }
}

/** What must be looked up in which index, beside the organization, for whoever reaches all of it. */
const narrowed: Record<string, [index: string, condition: RegExp]> = {
  'sessions of a group': ['sessions_', /group_id = \(*['$]/],
  'sessions of a group, next page': ['sessions_', /ROW\(starts_at, id\) >/],
  'sessions across groups, by date': ['sessions_', /starts_at >= \(*['$]/],
  'a session': ['sessions_', /\(id = \(*['$]/],
  'attendance by date': ['attendance_', /starts_at >= \(*['$]/],
  'attendance of a person': ['attendance_', /person_id = \(*['$]/],
  'attendance of a group': ['attendance_', /group_id = \(*['$]/],
  'attendance, next page': ['attendance_', /ROW\(starts_at, id\) >/],
  'a sheet': ['attendance_', /session_id = /],
  'versions of a sheet': ['attendance_versions_', /session_id = /],
  'sheets that do not agree': ['attendance_submissions_to_decide', /organization_id/],
  'notes about attendance': ['attendance_notes_', /session_id = \(*['$]/],
  'notes about attendance, next page': ['attendance_notes_', /session_id = \(*['$].*\(id > /],
  'a note about attendance': ['attendance_notes_', /session_id = \(*['$]/],
  'somebody at a session': ['attendance_', /person_id = \(*['$]/],
  'people, next page': ['people_', /\(id > \(*['$]/],
  'people by the beginning of their name': ['people_', /name_key >= \(*['$]/],
  'a person': ['people_', /\(id = \(*['$]/],
  'a strategy': ['strategies_', /\(id = \(*['$]/],
  'strategies to review': ['strategies_to_review', /organization_id/],
  'memberships of a group': ['memberships_', /group_id = \(*['$]/],
  'memberships of a group, those without a day': ['memberships_', /group_id = \(*['$]/],
  'memberships of a person': ['memberships_', /person_id = \(*['$]/],
  'a membership': ['memberships_', /\(id = \(*['$]/],
  'who waits for a seat': ['memberships_', /group_id = \(*['$]/],
  'seats to offer': ['memberships_in_line', /group_id = \(*['$]/]
}

t.test('under row-level security the hot lists stay within their organization’s part of an index', async t => {
  const service = await startApp(t)
  const superuser = await lookingPastWalls(t, service)
  const admins = [await service.organization('One'), await service.organization('Two')] as const
  const facilitator = await service.staff(admins[0], 'facilitator')
  await fill(superuser, admins[0].organization_id, facilitator.staff_id)
  await fill(superuser, admins[1].organization_id, (await service.staff(admins[1], 'facilitator')).staff_id)
  await superuser.query('analyze')
  const { rows: sizes } = await superuser.query(
    'select (select count(*) from sessions) as sessions, (select count(*) from attendance) as attendance'
  )
  t.ok(sizes[0].sessions >= 20_000 && sizes[0].attendance >= 40_000, JSON.stringify(sizes[0]))

  const { organization_id } = admins[0]
  const actor = (reach: Actor['reach']): Actor => ({
    organization_id,
    api_key_id: uuid(),
    staff_id: facilitator.staff_id,
    reach,
    request_id: uuid()
  })
  const { rows } = await superuser.query(
    'select session_id, group_id, person_id from attendance where organization_id = $1 and group_id in (select group_id from group_facilitators) limit 1',
    [organization_id]
  )
  const { session_id, group_id, person_id } = rows[0]
  const page = { limit: 26, after_0: undefined, after_1: undefined }
  const after = (column: string) => ({ limit: 26, after_0: column, after_1: uuid() })
  const sight = { moderates: true, sees_people: true }
  const days = { from_day: '2026-01-01', to_day: '2026-02-01' }

  const statements = (reach: Actor['reach']): Record<string, Prepared> => {
    const asker = actor(reach)
    return {
      'sessions of a group': listSessions.for(asker, { ...page, group_id }),
      'sessions of a group, next page': listSessions.for(asker, { ...after('2025-06-01T19:00:00Z'), group_id }),
      'sessions across groups, by date': listSessions.for(asker, { ...page, ...days }),
      'sessions without a sheet': listSessions.for(asker, { ...page, unlogged: true }),
      'a session': findSession.for(asker, { session_id }),
      'attendance by date': listAttendance.for(asker, { ...page, ...days }),
      'attendance of a person': listAttendance.for(asker, { ...page, person_id }),
      'attendance of a group': listAttendance.for(asker, { ...page, group_id }),
      'attendance, next page': listAttendance.for(asker, after('2025-06-01T19:00:00Z')),
      'a sheet': findSheet.for(asker, { session_id }),
      'versions of a sheet': listSheetVersions.for(asker, { ...page, session_id }),
      'sheets that do not agree': listConflicts.for(asker, page),
      'sheets of a session that do not agree': listConflicts.for(asker, { ...page, session_id }),
      'notes about attendance': listAttendanceNotes.for(asker, { ...page, session_id }),
      'notes about attendance, next page': listAttendanceNotes.for(asker, {
        ...page,
        after_1: uuid(),
        session_id
      }),
      'a note about attendance': findOwnAttendanceNote.for(asker, { session_id, person_id }),
      'somebody at a session': sessionWithPerson.for(asker, { session_id, person_id }),
      people: listPeople.for(asker, page),
      'people, next page': listPeople.for(asker, { limit: 26, after_0: null, after_1: uuid() }),
      'people by the beginning of their name': searchPeople.for(asker, { name_key: 'person 39', limit: 26 }),
      'a person': findPerson.for(asker, { person_id }),
      'memberships of a group': listMemberships.for(asker, { ...page, group_id }),
      'memberships of a group, next page': listMemberships.for(asker, { ...after('2024-01-01'), group_id }),
      'memberships of a group, those without a day': listMemberships.for(asker, {
        ...page,
        after_1: uuid(),
        group_id
      }),
      'a membership': findMembership.for(asker, { membership_id: person_id }),
      'who waits for a seat': listWaiting.for(asker, { ...page, group_id }),
      'seats to offer': offerFreeSeats.for(asker, { group_id }),
      'memberships of a person': listPersonMemberships.for(asker, { ...page, person_id }),
      'a strategy': findStrategy.for(asker, { strategy_id: person_id, ...sight }),
      // No facilitator moderates.
      ...(reach === 'organization' && { 'strategies to review': listReviews.for(asker, { ...page, ...sight }) }),
      groups: listGroups.for(asker, { ...page, archived: false })
    }
  }

  // The service prepares each statement once: PostgreSQL plans it for the values first, and then, maybe, for all values.
  for (const mode of ['force_custom_plan', 'force_generic_plan']) {
    for (const reach of ['organization', 'assigned'] as const) {
      for (const [what, prepared] of Object.entries(statements(reach))) {
        const plan = await planOf(superuser, prepared, organization_id, mode)
        t.same(
          faultsOf(plan, prepared, reach === 'organization' ? narrowed[what] : undefined),
          [],
          `${what} (${reach}, ${mode})`
        )
      }
    }
  }

  // The plan of a search is inside its function: what it reads is counted instead.
  const pagesRead = async (search: Parameters<typeof searchOf>[0], limit = page.limit) => {
    const prepared = searchStrategies.for(actor('organization'), { ...searchOf(search), ...sight, ...page, limit })
    // The first time in a connection reads catalogs as well.
    await buffersOf(superuser, prepared, organization_id)
    return await buffersOf(superuser, prepared, organization_id)
  }
  await t.test('a search reads what it finds, and not the library', async t => {
    const { rows } = await superuser.query(
      "select pg_relation_size('strategies') / 8192 as pages, 'walk ' || md5('a7') as q"
    )
    t.ok(rows[0].pages > 700, `${rows[0].pages} pages`)
    const searches = {
      'a word that one card has': { q: rows[0].q, status: 'published' },
      'a word that every card has': { q: 'walk', status: 'published' },
      'a rare topic': { topic: 'rare', status: 'published' },
      'a topic that most have': { topic: 'often', status: 'published' },
      'nothing asked': { status: 'published' }
    } as const
    for (const [what, search] of Object.entries(searches)) {
      for (const limit of [1, page.limit]) {
        const pages = await pagesRead(search, limit)
        t.ok(pages < 350, `${what}, ${limit} of them: ${pages} pages`)
      }
    }
    // Of a large library, and of a word that PostgreSQL has not counted, it takes it that many cards have it.
    await superuser.query('alter table strategies alter column document set statistics 1')
    await superuser.query('analyze strategies')
    await superuser.query("update pg_class set reltuples = reltuples * 10 where oid = 'strategies'::regclass")
    for (const limit of [1, page.limit]) {
      const pages = await pagesRead({ q: 'wlak', status: 'published' }, limit)
      t.ok(pages < 350, `a word that nobody wrote in a large library, ${limit} cards: ${pages} pages`)
    }
    await superuser.query('drop index strategies_search')
    const pages = await pagesRead({ q: rows[0].q, status: 'published' })
    t.ok(pages > 700, `without the index: ${pages} pages`)
  })

  await t.test('which is seen not to be so without the indexes', async t => {
    await superuser.query('begin')
    await superuser.query(`drop index sessions_of_group, sessions_in_order, people_by_name, attendance_of_person, attendance_once_per_session;
      alter table attendance_versions drop constraint attendance_versions_pkey`)
    for (const what of [
      'sessions of a group',
      'attendance of a person',
      'people by the beginning of their name',
      'versions of a sheet'
    ]) {
      const prepared = statements('organization')[what]!
      const plan = await planOf(superuser, prepared, organization_id, 'force_custom_plan', 'inside')
      t.not(faultsOf(plan, prepared, narrowed[what]).length, 0, what)
    }
    await superuser.query('rollback')
  })
})

/** The plan of a statement as the service would get it. */
async function planOf(
  superuser: pg.Client,
  { text, values }: Prepared,
  organization_id: string,
  mode: string,
  inside?: 'inside'
): Promise<Node> {
  await superuser.query(inside === undefined ? 'begin' : 'savepoint plan')
  try {
    await superuser.query(
      `set local role circlekeeper_app; set local timezone = 'UTC'; set local plan_cache_mode = ${mode}`
    )
    await superuser.query("select set_config('app.organization_id', $1, true)", [organization_id])
    await superuser.query(`prepare planned as ${text}`)
    const given = values.map(value => (value === null ? 'null' : pg.escapeLiteral(String(value))))
    const { rows } = await superuser.query(
      `explain (format json) execute planned${given.length > 0 ? `(${given})` : ''}`
    )
    return rows[0]['QUERY PLAN'][0].Plan
  } finally {
    await superuser.query('deallocate all')
    await superuser.query(inside === undefined ? 'rollback' : 'rollback to plan')
  }
}

/** How many pages a statement touches. */
async function buffersOf(superuser: pg.Client, { text, values }: Prepared, organization_id: string): Promise<number> {
  await superuser.query('begin')
  try {
    await superuser.query("set local role circlekeeper_app; set local timezone = 'UTC'")
    await superuser.query("select set_config('app.organization_id', $1, true)", [organization_id])
    const { rows } = await superuser.query(`explain (analyze, buffers, format json) ${text}`, values)
    const plan = rows[0]['QUERY PLAN'][0].Plan
    return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
  } finally {
    await superuser.query('rollback')
  }
}

/** Each access to a big table that looks at more than the organization's own rows. */
function faultsOf(plan: Node, { name }: Prepared, wanted?: [index: string, condition: RegExp]): string[] {
  const faults: string[] = []
  let accesses = 0
  let narrow = wanted === undefined
  const walk = (node: Node) => {
    const table = node['Relation Name']
    const type = node['Node Type']
    if (table !== undefined && big.has(table) && type === 'Seq Scan') faults.push(`reads all of ${table}`)
    if (/^(Index|Bitmap Index|Index Only) Scan$/.test(type)) {
      accesses++
      if (node['Index Name']!.startsWith(wanted?.[0] ?? '') && wanted?.[1].test(node['Index Cond'] ?? '')) narrow = true
      if (!/organization_id = /.test(node['Index Cond'] ?? '')) {
        faults.push(`uses ${node['Index Name']} with ${node['Index Cond'] ?? 'no condition'}`)
      }
    }
    for (const child of node.Plans ?? []) walk(child)
  }
  walk(plan)
  if (!narrow) faults.push(`does not look up ${wanted?.join(' ')}`)
  if (accesses === 0 && !name.startsWith('list_groups')) faults.push('uses no index')
  return faults
}
