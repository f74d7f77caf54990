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
  /** Words that cards have, and topics. */
  words: string[]
  topics: string[]
  encryptionKey: string
}

const members = 12

const words =
  `breathing slowly grounding hands feet cold water walk music letter friend call counting senses notice craving wave
  anxiety panic night morning grief tears memory photo garden warm blanket stretch shoulders muscle release thought worry list
  plan gratitude kindness compassion urge clock phone support sponsor meeting sing draw write`.split(/\s+/)
const topics =
  `anxiety panic depression grief addiction craving stress anger sleep loneliness rumination worry overwhelm shame
  dissociation low_energy`.split(/\s+/)

/** A number from 0 to 1 that is the same in every run. */
function generator(seed: number) {
  return () => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return seed / 4_294_967_296
  }
}

/** As many cards as asked, of some sixty words each, the first words of 5,000 far more often than the last. */
async function seedStrategies(client: pg.Client, organization_id: string, count: number): Promise<void> {
  const random = generator(1)
  const syllables = (n: number): string =>
    (n < 70 ? '' : syllables(Math.floor(n / 70))) + 'bdfgklmnprstvz'[n % 14] + 'aeiou'[Math.floor(n / 14) % 5]
  const vocabulary = [...words, ...Array.from({ length: 5000 - words.length }, (_, n) => `${syllables(n + 70)}n`)]
  const some = (many: number) =>
    Array.from({ length: many }, () => vocabulary[Math.floor(vocabulary.length * random() ** 2)]).join(' ')
  for (let made = 0; made < count; made += 5000) {
    const cards = Array.from({ length: Math.min(5000, count - made) }, (_, n) => ({
      id: uuid(),
      title: some(3),
      when_it_helps: some(12),
      steps: [some(10), some(10), some(10), some(10)],
      minutes: 1 + (n % 30),
      topics: [topics[n % topics.length]],
      helped_count: n % 7,
      tried_count: (n % 7) + (n % 11)
    }))
    await client.query(
      `insert into strategies (organization_id, id, title, when_it_helps, steps, minutes, where_usable, topics, language, links,
         contributor_kind, contributor_nickname, visibility, status, flags, helped_count, tried_count)
       select $1, c.id, c.title, c.when_it_helps, c.steps, c.minutes, '{anywhere}', c.topics, 'en', '[]', 'nickname', 'R', 'organization',
         'published', '{}', c.helped_count, c.tried_count
       from jsonb_to_recordset($2) as c (id uuid, title text, when_it_helps text, steps text[], minutes int, topics text[], helped_count int,
         tried_count int)`,
      [organization_id, JSON.stringify(cards)]
    )
  }
}

/** An organization with as many attendance rows as asked: groups of twelve that met daily until yesterday, and go on for twenty days. */
export async function seed(
  urls: { owner: string; superuser: string },
  attendanceRows: number,
  strategies: number
): Promise<Seeded> {
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
       outcome, sheet_version, submitted_at, submitted_by_key, present_count, locks_at)
     select $1, uuidv7(at - now()), g, at, at + interval '90 minutes', 90, (at at time zone 'America/New_York')::date, '19:00', 'America/New_York',
       case when past then 'held' else 'scheduled' end, case when past then 1 else 0 end, case when past then at end,
       case when past then (select id from api_keys where organization_id = $1 limit 1) end, case when past then $4::int else 0 end,
       case when past then now() + interval '1 year' end
     from unnest($2::uuid[]) g, generate_series(1 - $3::int, 20) d,
       lateral (select date_trunc('hour', now()) + make_interval(days => d) - interval '12 hours' as at) t,
       lateral (select at < now() as past) p
     order by at, g`,
    [organization_id, group_ids, sessions, members]
  )
  await run(
    `insert into attendance (organization_id, id, session_id, group_id, starts_at, position, kind, person_id, status, expected, mode, arrived_late, left_early, minutes)
     select $1, uuidv7(s.starts_at - now()), s.id, s.group_id, s.starts_at, row_number() over (partition by s.id) - 1, 'roster', m.person_id, 'present', 'yes',
       'in_person', false, false, 90
     from sessions s join memberships m on m.organization_id = s.organization_id and m.group_id = s.group_id
     where s.organization_id = $1 and s.sheet_version = 1
     order by s.starts_at, s.id`,
    [organization_id]
  )
  await seedStrategies(client, organization_id, strategies)
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
    words,
    topics,
    encryptionKey: secret.toString('base64')
  }
}
