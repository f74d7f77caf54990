import { sql } from 'drizzle-orm'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { behindDoor } from '../groups/door.ts'
import type { Asked } from '../http/page.ts'
import type { Absence } from './absence-schemas.ts'

const columns = sql.raw(
  `a.id, a.membership_id, a.from_on as "from", a.until_on as "until", a.withdrawn_at, a.version, a.created_at, a.updated_at`
)
const joined = sql`membership_absences a
  join memberships m on m.organization_id = a.organization_id and m.id = a.membership_id`

/** By first day. */
export const listAbsences = statement<Absence, Asked & { membership_id: string }>(
  'list_absences',
  shape => sql`
    select ${columns} from ${joined}
    where a.organization_id = ${asker.organization_id} and a.membership_id = ${value('membership_id')}
      and ${behindDoor(shape, sql`m.group_id`)}
      ${shape.has('after_1') ? sql`and (a.from_on, a.id) > (${value('after_0')}::date, ${value('after_1')}::uuid)` : sql``}
    order by a.from_on, a.id limit ${value('limit')}`
)

export const findAbsence = quickStatement<Absence, { membership_id: string; absence_id: string }>(
  'find_absence',
  shape => sql`
    select ${columns} from ${joined}
    where a.organization_id = ${asker.organization_id} and a.membership_id = ${value('membership_id')} and a.id = ${value('absence_id')}
      and ${behindDoor(shape, sql`m.group_id`)}`
)
