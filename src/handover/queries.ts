import { sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import { leaders, leadersInOrder } from '../sessions/facilitator-queries.ts'
import { counts } from '../sessions/queries.ts'
import type { Handover } from './schemas.ts'

const session = sql`'session_id', s.id, 'starts_at', ${instantText(sql`s.starts_at`)}, 'local_date', s.local_date, 'topic', s.topic,
  'outcome', s.outcome, 'reason', s.reason, 'led_by', coalesce((
    select json_agg(json_build_object('session_facilitator_id', l.session_facilitator_id, 'staff_id', l.staff_id,
      'display_name', l.display_name, 'role', l.role, 'replaces_staff_id', l.replaces_staff_id) order by ${leadersInOrder})
    from (${leaders}) l), '[]')`

const unlogged = sql`s.outcome = 'scheduled' and s.ends_at < now()`

/** What hangs from a group and is not sealed, as the contract has it. */
export const findHandover = statement<{ handover: Omit<Handover, 'notes'> }, { group_id: string }>(
  'find_handover',
  shape => sql`
    with g as materialized (
      select g.organization_id, g.id, g.name, local_date(g.time_zone, now()) as today from groups g
      where g.organization_id = ${asker.organization_id} and g.id = ${value('group_id')} and ${behindDoor(shape, sql`g.id`)}),
    members as (
      select m.person_id, p.display_name, p.name_key, m.joined_on
      from g join memberships m on m.organization_id = g.organization_id and m.group_id = g.id
        and m.joined_on <= g.today and (m.left_on is null or m.left_on >= g.today)
      join people p on p.organization_id = m.organization_id and p.id = m.person_id),
    -- Every sheet of the group is read once, and not once for each member.
    marks as materialized (
      select a.person_id, a.status, a.starts_at, s.local_date
      from g join sessions s on s.organization_id = g.organization_id and s.group_id = g.id and s.submitted_at is not null
      join attendance a on a.organization_id = s.organization_id and a.session_id = s.id
      where a.person_id is not null),
    heard as (
      select k.person_id, max(k.starts_at) as at, max(k.local_date) filter (where k.status = 'present') as present_on
      from marks k where k.status in ('present', 'excused') group by k.person_id),
    missed as (
      select k.person_id, count(*) as sessions
      from marks k join members m on m.person_id = k.person_id left join heard h on h.person_id = k.person_id
      where k.status = 'absent' and k.local_date >= m.joined_on and (h.at is null or k.starts_at > h.at)
      group by k.person_id),
    roster as (
      select m.*, h.present_on as last_present_on, coalesce(x.sessions, 0) as missed
      from members m left join heard h on h.person_id = m.person_id left join missed x on x.person_id = m.person_id)
    select json_build_object('group_id', g.id, 'name', g.name,
      'facilitators', coalesce((
        select json_agg(json_build_object('staff_id', f.staff_id, 'display_name', t.display_name, 'role', f.role,
          'starts_at', ${instantText(sql`f.starts_at`)}, 'ends_at', ${instantText(sql`f.ends_at`)}) order by f.starts_at, f.id)
        from group_facilitators f join staff t on t.organization_id = f.organization_id and t.id = f.staff_id
        where f.organization_id = g.organization_id and f.group_id = g.id
          and (f.ends_at is null or f.ends_at > greatest(now(), f.starts_at))), '[]'),
      'roster', coalesce((select json_agg(json_build_object('person_id', r.person_id, 'display_name', r.display_name,
        'joined_on', r.joined_on, 'last_present_on', r.last_present_on, 'missed_in_a_row', r.missed) order by r.name_key, r.person_id)
        from roster r), '[]'),
      'recent_sessions', coalesce((
        select json_agg(json_build_object(${session}, 'counts', ${counts}) order by s.starts_at desc, s.id desc)
        from (select * from sessions s
          where s.organization_id = g.organization_id and s.group_id = g.id and s.starts_at <= now()
          order by s.starts_at desc, s.id desc limit 6) s), '[]'),
      'coming_sessions', coalesce((
        select json_agg(json_build_object(${session}) order by s.starts_at, s.id)
        from (select * from sessions s
          where s.organization_id = g.organization_id and s.group_id = g.id and s.starts_at > now()
          order by s.starts_at, s.id limit 3) s), '[]'),
      'follow_ups', coalesce((
        select json_agg(json_build_object('kind', w.kind, 'session_id', w.session_id, 'person_id', w.person_id, 'note_id', w.note_id)
          order by w.kind = 'sheet_missing' desc, w.kind = 'missed_in_a_row' desc, w.place)
        from (
          (select 'sheet_missing' as kind, s.id as session_id, null::uuid as person_id, null::uuid as note_id,
            row_number() over (order by s.starts_at, s.id) as place
          from sessions s where s.organization_id = g.organization_id and s.group_id = g.id and ${unlogged}
          order by s.starts_at, s.id limit 100)
          union all
          select 'missed_in_a_row', null, r.person_id, null, row_number() over (order by r.name_key, r.person_id)
          from roster r where r.missed >= 2
          union all
          (select 'note', s.id, null, n.id, row_number() over (order by s.starts_at desc, n.id desc)
          from sessions s join notes n on n.organization_id = s.organization_id and n.session_id = s.id
          where s.organization_id = g.organization_id and s.group_id = g.id and n.follow_up = 'open'
          order by s.starts_at desc, n.id desc limit 50)) w), '[]')
      ) as handover
    from g`
)
