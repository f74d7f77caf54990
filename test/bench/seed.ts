import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { v7 as uuid } from 'uuid'
import { createOrganization } from '../../src/access/create-organization.ts'
import { openDatabase } from '../../src/database/database.ts'
import { Keyring } from '../../src/database/keyring.ts'

export interface Seeded {
  organization_id: string
  api_key: string
  api_key_id: string
  staff_id: string
  /** Sessions of the past, each with the twelve members of its group. */
  sheets: { session_id: string; people: string[] }[]
  group_ids: string[]
  encryptionKey: string
}

const members = 12

/** An organization with as many attendance rows as asked: groups of twelve that met daily until yesterday, and go on for twenty days. */
export async function seed(urls: { owner: string; superuser: string }, attendanceRows: number): Promise<Seeded> {
  const secret = randomBytes(32)
  const db = openDatabase({
    url: urls.owner,
    poolSize: 2,
    connectTimeout: 5000,
    statementTimeout: 60_000,
    lockTimeout: 5000,
    log: pino({ level: 'silent' })
  })
  const { id: organization_id, api_key } = await createOrganization(db, new Keyring([secret]), { name: 'Bench' })
  await db.close()

  const groups = Math.max(1, Math.min(100, Math.round(attendanceRows / members / 20)))
  const sessions = Math.ceil(attendanceRows / members / groups)
  const client = new pg.Client({ connectionString: urls.superuser })
  // A server that stops while this is open is told by the query that fails.
  client.on('error', () => {})
  await client.connect()
  const run = (text: string, values: unknown[] = []) => client.query(text, values)
  const group_ids = Array.from({ length: groups }, () => uuid())
  await run(
    `insert into groups (organization_id, id, name, slug, topics, access, format, mode, languages, accessibility, audience, status, visibility,
       time_zone, search_text, name_key)
     select $1, id, 'Group ' || n, 'group-' || n, '{grief}', 'open', 'ongoing', 'online', '{en}', '{}', '{}', 'active', 'unlisted',
       'America/New_York', 'group', 'group ' || n
     from unnest($2::uuid[]) with ordinality as g (id, n)`,
    [organization_id, group_ids]
  )
  await run(
    `insert into people (organization_id, id, display_name, name_key)
     select $1, gen_random_uuid(), 'Person ' || n, 'person ' || n from generate_series(1, $2::int) n`,
    [organization_id, groups * members]
  )
  await run(
    `insert into memberships (organization_id, id, group_id, person_id, joined_on)
     select $1, gen_random_uuid(), ($2::uuid[])[1 + (p.n - 1) / $3], p.id, '2000-01-01'
     from (select id, row_number() over (order by id)::int as n from people where organization_id = $1) p`,
    [organization_id, group_ids, members]
  )
  // Ids in the order of time, as the application makes them.
  await run(
    `insert into sessions (organization_id, id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone,
       outcome, sheet_version, submitted_at, submitted_by_key, present_count)
     select $1, gen_random_uuid(), g, at, at + interval '90 minutes', 90, (at at time zone 'America/New_York')::date, '19:00', 'America/New_York',
       case when past then 'held' else 'scheduled' end, case when past then 1 else 0 end, case when past then at end,
       case when past then (select id from api_keys where organization_id = $1 limit 1) end, case when past then $4::int else 0 end
     from unnest($2::uuid[]) g, generate_series(1 - $3::int, 20) d,
       lateral (select date_trunc('hour', now()) + make_interval(days => d) - interval '12 hours' as at) t,
       lateral (select at < now() as past) p`,
    [organization_id, group_ids, sessions, members]
  )
  await run(
    `insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, status, mode, arrived_late, left_early, minutes)
     select $1, gen_random_uuid(), s.id, s.group_id, s.starts_at, row_number() over (partition by s.id) - 1, 'roster', m.person_id, 'present',
       'in_person', false, false, 90
     from sessions s join memberships m on m.organization_id = s.organization_id and m.group_id = s.group_id
     where s.organization_id = $1 and s.sheet_version = 1`,
    [organization_id]
  )
  await run('vacuum analyze')
  const { rows: sheets } = await run(
    `select s.id as session_id, array_agg(a.person_id) as people from sessions s
     join attendance a on a.organization_id = s.organization_id and a.session_id = s.id
     where s.organization_id = $1 group by s.id order by md5(s.id::text) limit 5000`,
    [organization_id]
  )
  const { rows: keys } = await run('select id, staff_id from api_keys where organization_id = $1', [organization_id])
  await client.end()
  return {
    organization_id,
    api_key,
    api_key_id: keys[0].id,
    staff_id: keys[0].staff_id,
    sheets,
    group_ids,
    encryptionKey: secret.toString('base64')
  }
}
