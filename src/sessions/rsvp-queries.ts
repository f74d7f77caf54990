import { sql } from 'drizzle-orm'
import { asker, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import { behindSessionDoor } from './door.ts'
import type { Rsvp } from './rsvp-schemas.ts'

const columns = sql.raw('r.session_id, r.person_id, p.display_name, r.answer, r.version, r.created_at, r.updated_at')
const joined = sql`session_rsvps r
  join sessions s on s.organization_id = r.organization_id and s.id = r.session_id
  join people p on p.organization_id = r.organization_id and p.id = r.person_id`

/** By person. */
export const listRsvps = statement<Rsvp, Asked & { session_id: string }>(
  'list_rsvps',
  shape => sql`
    select ${columns} from ${joined}
    where r.organization_id = ${asker.organization_id} and r.session_id = ${value('session_id')} and ${behindSessionDoor(shape)}
      ${shape.has('after_1') ? sql`and r.person_id > ${value('after_1')}::uuid` : sql``}
    order by r.person_id limit ${value('limit')}`
)

export const findRsvp = statement<Rsvp, { session_id: string; person_id: string }>(
  'find_rsvp',
  shape => sql`
    select ${columns} from ${joined}
    where r.organization_id = ${asker.organization_id} and r.session_id = ${value('session_id')}
      and r.person_id = ${value('person_id')} and ${behindSessionDoor(shape)}`
)

/** A session that somebody is about to say something of, and whether they belong to its group that day; for whom one sees. */
export const lockForRsvp = statement<
  { outcome: string; version: number; begun: boolean; is_member: boolean },
  { session_id: string; person_id: string }
>(
  'lock_for_rsvp',
  shape => sql`
    select s.outcome, s.version, now() >= s.starts_at as begun, exists (select from memberships m
      where m.organization_id = s.organization_id and m.group_id = s.group_id and m.person_id = ${value('person_id')}
        and m.joined_on <= s.local_date and (m.left_on is null or m.left_on >= s.local_date)) as is_member
    from sessions s join people p on p.organization_id = s.organization_id and p.id = ${value('person_id')}
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and ${behindSessionDoor(shape)}
      and ${personBehindDoor(shape, sql`p.id`)}
    for no key update of s`
)

/** Says whether somebody comes: as before, or anew. The session hangs from it now, and devices are told. */
export const putRsvp = statement<never, { session_id: string; person_id: string; answer: string }>(
  'put_rsvp',
  () => sql`
    with said as (
      insert into session_rsvps as r (organization_id, session_id, person_id, answer)
      values (${asker.organization_id}, ${value('session_id')}, ${value('person_id')}, ${value('answer')})
      on conflict (organization_id, session_id, person_id) do update
        set answer = excluded.answer, version = r.version + 1, updated_at = now() where r.answer <> excluded.answer
      returning 1)
    update sessions s set touched = true
    where s.organization_id = ${asker.organization_id} and s.id = ${value('session_id')} and exists (select from said)`
)
