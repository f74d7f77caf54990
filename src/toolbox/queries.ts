import { sql } from 'drizzle-orm'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { personBehindDoor } from '../people/door.ts'
import { columns, contributor, readable, readableInLogs, type Sight } from '../strategies/queries.ts'
import type { Strategy } from '../strategies/schemas.ts'
import type { Practice, PracticeReminder } from './schemas.ts'

/** The person whose toolbox is about to be changed, held still until the transaction ends. */
export const lockOwner = statement<{ id: string; version: number; time_zone: string }, { person_id: string }>(
  'lock_toolbox_owner',
  shape => sql`
    select p.id, p.version, o.time_zone
    from people p join organizations o on o.id = p.organization_id
    where p.organization_id = ${asker.organization_id} and p.id = ${value('person_id')} and ${personBehindDoor(shape, sql`p.id`)}
    for no key update of p`
)

/** Every card of a toolbox, and whether the asker reads it. */
export const toolboxOrder = statement<
  { strategy_id: string; seen: boolean },
  Pick<Sight, 'moderates'> & { person_id: string }
>(
  'toolbox_order',
  () => sql`
    select t.strategy_id, ${readable} as seen
    from toolbox_cards t join strategies s on s.organization_id = t.organization_id and s.id = t.strategy_id
    where t.organization_id = ${asker.organization_id} and t.person_id = ${value('person_id')} order by t.position`
)

/** Gives a toolbox these cards in this order; whatever else it has stays where it is. */
export const arrangeToolbox = statement<never, { person_id: string; strategy_ids: string[] }>(
  'arrange_toolbox',
  () => sql`
    insert into toolbox_cards as t (organization_id, person_id, strategy_id, position)
    select ${asker.organization_id}, ${value('person_id')}, o.strategy_id, o.position
    from unnest(${value('strategy_ids')}::uuid[]) with ordinality as o (strategy_id, position)
    on conflict (organization_id, person_id, strategy_id) do update set position = excluded.position
      where t.position <> excluded.position`
)

export const takeFromToolbox = statement<{ strategy_id: string }, { person_id: string; strategy_id: string }>(
  'take_from_toolbox',
  () => sql`
    delete from toolbox_cards t
    where t.organization_id = ${asker.organization_id} and t.person_id = ${value('person_id')} and t.strategy_id = ${value('strategy_id')}
    returning t.strategy_id`
)

export const listToolbox = statement<
  Strategy & {
    added_at: string
    practiced_count: number
    last_practiced_at: string | null
    average_rating: number | null
  },
  Sight & { person_id: string }
>(
  'list_toolbox',
  shape => sql`
    select ${columns(shape)}, t.added_at, coalesce(d.count, 0) as practiced_count, d.last_at as last_practiced_at, d.rating as average_rating
    from toolbox_cards t join strategies s on s.organization_id = t.organization_id and s.id = t.strategy_id ${contributor(shape)}
    left join (
      select strategy_id, count(*)::int as count, max(practiced_at) as last_at, avg(rating)::float8 as rating from practices
      where organization_id = ${asker.organization_id} and person_id = ${value('person_id')} and voided_at is null
      group by strategy_id) d on d.strategy_id = t.strategy_id
    where t.organization_id = ${asker.organization_id} and t.person_id = ${value('person_id')} and ${readable}
    order by t.position`
)

const practiceColumns = sql.raw(
  `d.id, d.person_id, d.strategy_id, s.title as strategy_title, d.practiced_at, d.rating, d.voided_at, d.version, d.created_at, d.updated_at`
)
const practiceOfCard = sql`practices d join strategies s on s.organization_id = d.organization_id and s.id = d.strategy_id`

/** The latest first; of the cards that the asker reads, or read until they were retired. */
export const listPractices = statement<
  Practice,
  Pick<Sight, 'moderates'> & Asked & { person_id: string; strategy_id?: string }
>(
  'list_practices',
  shape => sql`
    select ${practiceColumns} from ${practiceOfCard}
    where d.organization_id = ${asker.organization_id} and d.person_id = ${value('person_id')} and d.voided_at is null and ${readableInLogs}
      ${shape.has('strategy_id') ? sql`and d.strategy_id = ${value('strategy_id')}::uuid` : sql``}
      ${shape.has('after_1') ? sql`and (d.practiced_at, d.id) < (${value('after_0')}::timestamptz, ${value('after_1')}::uuid)` : sql``}
    order by d.practiced_at desc, d.id desc limit ${value('limit')}`
)

export const findPractice = quickStatement<Practice, Pick<Sight, 'moderates'> & { practice_id: string }>(
  'find_practice',
  shape => sql`
    select ${practiceColumns} from ${practiceOfCard}
    where d.organization_id = ${asker.organization_id} and d.id = ${value('practice_id')} and ${readableInLogs}
      and ${personBehindDoor(shape, sql`d.person_id`)}`
)

/** Twice is the same as once: nothing comes back where it was voided already. */
export const markVoided = statement<{ id: string; version: number }, { practice_id: string }>(
  'void_practice',
  () => sql`
    update practices d set voided_at = now(), version = d.version + 1, updated_at = now()
    where d.organization_id = ${asker.organization_id} and d.id = ${value('practice_id')} and d.voided_at is null
    returning d.id, d.version`
)

const reminderColumns = sql.raw(
  `r.id, r.person_id, r.strategy_id, s.title as strategy_title, r.starts_on, r.time, r.time_zone, r.rrule, r.ended_at, r.version,
  r.created_at, r.updated_at`
)
const reminderOfCard = sql`practice_reminders r join strategies s on s.organization_id = r.organization_id and s.id = r.strategy_id`

/** In the order in which they were made; of the cards that the asker reads, or read until they were retired. */
export const listReminders = statement<
  PracticeReminder,
  Pick<Sight, 'moderates'> & Asked & { person_id: string; ended?: boolean }
>(
  'list_practice_reminders',
  shape => sql`
    select ${reminderColumns} from ${reminderOfCard}
    where r.organization_id = ${asker.organization_id} and r.person_id = ${value('person_id')} and ${readableInLogs}
      ${shape.has('ended') ? sql`and (r.ended_at is not null) = ${value('ended')}::boolean` : sql``}
      ${shape.has('after_1') ? sql`and r.id > ${value('after_1')}::uuid` : sql``}
    order by r.id limit ${value('limit')}`
)

export const findReminder = quickStatement<
  PracticeReminder,
  Pick<Sight, 'moderates'> & { practice_reminder_id: string }
>(
  'find_practice_reminder',
  shape => sql`
    select ${reminderColumns} from ${reminderOfCard}
    where r.organization_id = ${asker.organization_id} and r.id = ${value('practice_reminder_id')} and ${readableInLogs}
      and ${personBehindDoor(shape, sql`r.person_id`)}`
)

/** How many a person has at this time, of those that the asker is shown. */
export const countReminders = statement<{ count: number }, Pick<Sight, 'moderates'> & { person_id: string }>(
  'count_practice_reminders',
  () => sql`
    select count(*)::int as count from ${reminderOfCard}
    where r.organization_id = ${asker.organization_id} and r.person_id = ${value('person_id')} and r.ended_at is null and ${readableInLogs}`
)

/** Twice is the same as once: nothing comes back where it had ended already. */
export const endReminder = statement<{ id: string; version: number }, { practice_reminder_id: string }>(
  'end_practice_reminder',
  () => sql`
    update practice_reminders r set ended_at = now(), version = r.version + 1, updated_at = now()
    where r.organization_id = ${asker.organization_id} and r.id = ${value('practice_reminder_id')} and r.ended_at is null
    returning r.id, r.version`
)

/** What is to be expanded for a feed, and on which local days the log has each card. Of a card out of use nobody is reminded, whoever asks. */
export const remindersAhead = statement<
  Pick<PracticeReminder, 'id' | 'strategy_id' | 'strategy_title' | 'starts_on' | 'time' | 'time_zone' | 'rrule'> & {
    practiced_on: string[]
  },
  Pick<Sight, 'moderates'> & { person_id: string; from: string; until: string }
>(
  'practice_reminders_ahead',
  () => sql`
    select ${reminderColumns}, array(
      select local_date(r.time_zone, d.practiced_at)::text from practices d
      where d.organization_id = r.organization_id and d.person_id = r.person_id and d.strategy_id = r.strategy_id and d.voided_at is null
        and d.practiced_at between ${value('from')}::timestamptz - interval '1 day' and ${value('until')}::timestamptz + interval '1 day'
      ) as practiced_on
    from ${reminderOfCard}
    where r.organization_id = ${asker.organization_id} and r.person_id = ${value('person_id')} and r.ended_at is null and ${readable}
      and s.status not in ('hidden', 'retired')
    order by r.id`
)
