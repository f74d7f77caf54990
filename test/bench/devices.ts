/**
 * Prints how long it takes to send 200 sheets of twelve that were filled in offline, to read what a device with ten groups needs,
 * first and then again, and to read the roster of a group of 500; each time as a client sees it, and the median of several.
 *
 *   npm run bench:devices
 */
import { v7 as uuid } from 'uuid'
import { withBench } from './bench.ts'

const groups = 10
const members = 12
const batches = 4

await withBench(async ({ superuser, organization_id: id, api_key, startService }) => {
  const run = (text: string, values: unknown[] = []) => superuser.query(text, values)
  // A hundred groups of twelve that meet once a week, for two years until now and half a year from now on; and one of 500.
  await run(
    `insert into groups (organization_id, id, name, slug, topics, access, format, mode, languages, accessibility, audience, status,
       visibility, time_zone, search_text, name_key)
     select $1, md5('g' || n)::uuid, 'Group ' || n, 'group-' || n, '{}', 'open', 'ongoing', 'online', '{}', '{}', '{}', 'active', 'listed',
       'America/New_York', 'group ' || n, 'group ' || n
     from generate_series(0, 100) n`,
    [id]
  )
  await run(
    `with p as (
       insert into people (organization_id, id, display_name, name_key)
       select $1, md5('p' || n)::uuid, 'Person ' || n, 'person ' || n from generate_series(0, 1699) n returning id)
     insert into memberships (organization_id, id, group_id, person_id, joined_on)
     select $1, gen_random_uuid(), md5('g' || case when n < 1200 then 1 + n / $2::int else 0 end)::uuid, md5('p' || n)::uuid, '2020-01-01'
     from generate_series(0, 1699) n`,
    [id, members]
  )
  await run(
    `insert into sessions (organization_id, id, group_id, starts_at, ends_at, duration_minutes, local_date, local_time, time_zone)
     select $1, gen_random_uuid(), g.id, d, d + interval '90 minutes', 90, (d at time zone 'America/New_York')::date, '19:00', 'America/New_York'
     from groups g, generate_series(now() - interval '728 days', now() + interval '180 days', interval '7 days') d
     where g.organization_id = $1`,
    [id]
  )
  await run('vacuum analyze')

  const { base } = await startService()
  // biome-ignore lint/suspicious/noExplicitAny: whatever came
  const ask = async (key: string, method: string, path: string, body?: unknown): Promise<{ data: any; ms: number }> => {
    const began = performance.now()
    const answer = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const text = await answer.text()
    const ms = performance.now() - began
    if (!answer.ok) throw new Error(text)
    return { data: JSON.parse(text), ms }
  }
  const told = (times: number[]) => {
    const sorted = [...times].sort((a, b) => a - b)
    return `first ${times[0]!.toFixed(0)} ms, median ${sorted[Math.floor(sorted.length / 2)]!.toFixed(0)} ms, slowest ${sorted.at(-1)!.toFixed(0)} ms`
  }
  const { data: flo } = await ask(api_key, 'POST', '/v1/staff', { display_name: 'Flo', role: 'facilitator' })
  const { data: key } = await ask(api_key, 'POST', '/v1/api-keys', { name: 'phone', staff_id: flo.id })
  const { rows: mine } = await run(`select md5('g' || n)::uuid as id from generate_series(1, $1) n`, [groups])
  for (const { id } of mine) {
    await ask(api_key, 'POST', `/v1/groups/${id}/facilitators`, {
      staff_id: flo.id,
      role: 'facilitator',
      starts_at: '2020-01-01T00:00:00Z'
    })
  }
  const { rows: sessions } = await run(
    `select s.id, array_agg(m.person_id) as people from sessions s join memberships m on m.group_id = s.group_id
       where s.starts_at < now() and s.group_id = any ($1) group by s.id, s.starts_at order by s.starts_at desc limit $2`,
    [mine.map(({ id }) => id), 200 * batches]
  )
  const sent: number[] = []
  for (let batch = 0; batch < batches; batch++) {
    const sheets = sessions.slice(batch * 200, (batch + 1) * 200).map(({ id, people }) => ({
      id: uuid(),
      session_id: id,
      base_version: 0,
      records: people.map((person_id: string) => ({
        person_id,
        status: 'present',
        mode: 'in_person',
        arrived_late: false,
        minutes: 90
      })),
      anonymous_count: 1
    }))
    const { data, ms } = await ask(key.secret, 'POST', '/v1/attendance/sync', {
      device_time: new Date().toISOString(),
      sheets
    })
    if (data.results.some((result: { outcome: string }) => result.outcome !== 'stored')) throw new Error('not stored')
    sent.push(ms)
  }
  console.log(`200 sheets of ${members}: ${told(sent)}`)
  await run('vacuum analyze')

  const first: number[] = []
  const again: number[] = []
  let objects = ''
  for (let round = 0; round < 11; round++) {
    let cursor: string | undefined
    const counts = { groups: 0, memberships: 0, sessions: 0, sheets: 0 }
    for (;;) {
      const { data, ms } = await ask(key.secret, 'GET', `/v1/sync${cursor ? `?cursor=${cursor}` : ''}`)
      first.push(ms)
      for (const kind of Object.keys(counts) as (keyof typeof counts)[]) counts[kind] += data[kind].length
      cursor = data.cursor
      if (!data.has_more) break
    }
    objects = JSON.stringify(counts)
    const person_id = sessions[round]!.people[0]
    await ask(api_key, 'PUT', `/v1/sessions/${sessions[199 + round]!.id}/attendance`, {
      records: [{ person_id, status: 'absent' }]
    }).catch(() => {})
    again.push((await ask(key.secret, 'GET', `/v1/sync?cursor=${cursor}`)).ms)
  }
  console.log(`a device with ${groups} groups, all of it (${objects}), each page: ${told(first)}`)
  console.log(`the same device again: ${told(again)}`)

  const { rows: large } = await run(
    `select id from sessions where group_id = md5('g0')::uuid and starts_at > now() order by starts_at limit 11`
  )
  const rosters: number[] = []
  for (const { id } of large) rosters.push((await ask(api_key, 'GET', `/v1/sessions/${id}/attendance`)).ms)
  console.log(`the roster of a group of 500: ${told(rosters)}`)
})
