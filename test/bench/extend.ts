/**
 * Prints how long the service takes to extend many weekly series to its horizon, its memory, and how long sheets take that are
 * put meanwhile, into sessions of the same series; and how long they take once it is done.
 *
 *   npm run bench:extend -- --series 10000
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { withBench } from './bench.ts'

const { values } = parseArgs({ options: { series: { type: 'string', default: '10000' } } })
const many = Number(values.series)
const members = 12

await withBench(async ({ superuser, organization_id: id, api_key, startService }) => {
  // One group, one weekly series and yesterday's session for each; the sessions of the series end today.
  await superuser.query(
    `insert into groups (organization_id, id, name, slug, topics, access, format, mode, languages, accessibility, audience, status,
       visibility, time_zone, search_text, name_key)
     select $1, md5('g' || n)::uuid, 'Group ' || n, 'group-' || n, '{}', 'open', 'ongoing', 'online', '{}', '{}', '{}', 'active', 'listed',
       (array['America/New_York', 'Europe/Berlin', 'Asia/Tokyo', 'UTC'])[1 + n % 4], 'group ' || n, 'group ' || n
     from generate_series(1, $2::int) n`,
    [id, many]
  )
  await superuser.query(
    `insert into series (organization_id, id, group_id, starts_on, start_time, duration_minutes, time_zone, rrule, extended_until)
     select g.organization_id, md5('s' || g.id)::uuid, g.id, current_date - 365, '19:00', 90, g.time_zone, 'FREQ=WEEKLY', current_date
     from groups g where g.organization_id = $1`,
    [id]
  )
  await superuser.query(
    `insert into sessions (organization_id, id, group_id, series_id, occurs_on, starts_at, ends_at, duration_minutes, local_date,
       local_time, time_zone)
     select s.organization_id, md5('o' || s.id)::uuid, s.group_id, s.id, current_date - 1, now() - interval '1 day', now() - interval '22 hours',
       90, current_date - 1, '19:00', s.time_zone
     from series s where s.organization_id = $1`,
    [id]
  )
  await superuser.query(
    `with p as (
       insert into people (organization_id, id, display_name, name_key)
       select $1, md5('p' || n)::uuid, 'Person ' || n, 'person ' || n from generate_series(1, $2::int) n returning id)
     insert into memberships (organization_id, id, group_id, person_id, joined_on)
     select $1, gen_random_uuid(), g.id, p.id, '2020-01-01' from p, (select id from groups where organization_id = $1 order by id limit 200) g`,
    [id, members]
  )
  await superuser.query('analyze')
  const sheets = (
    await superuser.query(
      'select s.id from sessions s join (select id from groups where organization_id = $1 order by id limit 200) g on g.id = s.group_id',
      [id]
    )
  ).rows.map(row => row.id as string)
  const people = (await superuser.query('select id from people where organization_id = $1', [id])).rows

  const { base, pid } = await startService()
  let turn = 0
  const put = async (): Promise<number> => {
    const began = performance.now()
    const answer = await fetch(`${base}/v1/sessions/${sheets[turn++ % sheets.length]}/attendance`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${api_key}`, 'content-type': 'application/json', 'if-match': '*' },
      body: JSON.stringify({
        records: people.map(({ id: person_id }) => ({ person_id, status: 'present', minutes: turn % 90 }))
      })
    })
    if (answer.status !== 200) throw new Error(await answer.text())
    return performance.now() - began
  }
  const told = (times: number[]) => {
    const sorted = times.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(1)
    return `${times.length} sheets of ${members}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, the slowest ${at(1)} ms`
  }
  const left = async () =>
    (await superuser.query('select count(*)::int as n from series where extended_until <= current_date')).rows[0].n
  while ((await left()) === many) await new Promise(resolve => setTimeout(resolve, 10))
  const began = performance.now()
  const meanwhile: number[] = []
  let looked = performance.now()
  for (;;) {
    meanwhile.push(await put())
    if (performance.now() - looked > 250) {
      if ((await left()) === 0) break
      looked = performance.now()
    }
  }
  const seconds = (performance.now() - began) / 1000
  const { rows } = await superuser.query('select count(*)::int as n from sessions where starts_at > now()')
  console.log(`${many} series, ${rows[0].n} sessions to come: ${seconds.toFixed(1)} s`)
  console.log(`meanwhile: ${told(meanwhile)}`)
  const after: number[] = []
  while (after.length < Math.min(500, meanwhile.length)) after.push(await put())
  console.log(`afterwards: ${told(after)}`)
  const memory = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  console.log(`resident memory of the service at most: ${Math.round(Number(memory) / 1024)} MiB`)
})
