import { sql } from 'drizzle-orm'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import { personBehindDoor } from '../people/door.ts'
import { readable, type Sight } from './queries.ts'
import type { Feedback } from './schemas.ts'

export const putFeedback = statement<
  never,
  { strategy_id: string; person_id: string; outcome: string; topic: string | null }
>(
  'put_feedback',
  () => sql`
    insert into strategy_feedback (organization_id, strategy_id, person_id, outcome, topic)
    values (${asker.organization_id}, ${value('strategy_id')}, ${value('person_id')}, ${value('outcome')}, ${value('topic')})
    on conflict (organization_id, strategy_id, person_id) do update set outcome = excluded.outcome, topic = excluded.topic,
      updated_at = now()`
)

export const withdrawFeedback = statement<never, { strategy_id: string; person_id: string }>(
  'withdraw_feedback',
  () => sql`
    delete from strategy_feedback f
    where f.organization_id = ${asker.organization_id} and f.strategy_id = ${value('strategy_id')} and f.person_id = ${value('person_id')}`
)

/** Counted anew, of a card that is held still: what was added up could drift. */
export const recountFeedback = statement<never, { strategy_id: string }>(
  'recount_feedback',
  () => sql`
    update strategies s set helped_count = c.helped, tried_count = c.tried
    from (select count(*) filter (where f.outcome = 'helped') as helped, count(*) as tried from strategy_feedback f
      where f.organization_id = ${asker.organization_id} and f.strategy_id = ${value('strategy_id')}) c
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')}`
)

export const findFeedback = quickStatement<
  Feedback,
  Pick<Sight, 'moderates'> & { strategy_id: string; person_id: string }
>(
  'find_feedback',
  shape => sql`
    select s.id as strategy_id, p.id as person_id, f.outcome, f.topic, f.updated_at, s.helped_count, s.tried_count
    from strategies s join people p on p.organization_id = s.organization_id and p.id = ${value('person_id')}
    left join strategy_feedback f on f.organization_id = s.organization_id and f.strategy_id = s.id and f.person_id = p.id
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and ${readable}
      and ${personBehindDoor(shape, sql`p.id`)}`
)
