import { sql } from 'drizzle-orm'
import { instantText } from '../database/columns.ts'
import { asker, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { author, columns, contributor, dayIfAnonymous, isMine, readable, type Sight } from './queries.ts'
import type { Strategy, StrategyDecision, StrategyReport, StrategyReview } from './schemas.ts'

/** The latest first: for its writer, and those who moderate. */
export const listDecisions = statement<
  StrategyDecision & { id: string },
  Pick<Sight, 'moderates'> & Asked & { strategy_id: string }
>(
  'list_decisions',
  shape => sql`
    select d.id, d.decision, d.reason, ${dayIfAnonymous(sql`d.decided_at`)} as decided_at, ${author(sql`d.decided_by_staff`, sql`d.decided_by_key`)} as decided_by
    from strategy_decisions d join strategies s on s.organization_id = d.organization_id and s.id = d.strategy_id
    where d.organization_id = ${asker.organization_id} and d.strategy_id = ${value('strategy_id')} and ${readable}
      and (${isMine} or ${value('moderates')}::boolean)
      ${shape.has('after_1') ? sql`and d.id < ${value('after_1')}::uuid` : sql``}
    order by d.id desc limit ${value('limit')}`
)

/** A card that waits for a decision, with what was reported of it. */
export type WaitingStrategy = Strategy & Pick<StrategyReview, 'waiting_since' | 'reports'>

/** What somebody must decide about, the longest waiting first. */
export const listReviews = statement<WaitingStrategy, Sight & Asked>(
  'list_reviews',
  shape => sql`
    select ${columns(shape)}, s.review_since as waiting_since, coalesce((
      select json_agg(json_build_object('id', q.id, 'reason', q.reason, 'note', q.note, 'reported_at', ${instantText(sql`q.reported_at`)},
        'reported_by', ${author(sql`q.reported_by_staff`, sql`q.reported_by_key`)}) order by q.id)
      from strategy_reports q
      where q.organization_id = s.organization_id and q.strategy_id = s.id and q.decision_id is null), '[]') as reports
    from strategies s ${contributor(shape)}
    where s.organization_id = ${asker.organization_id} and s.review_since is not null and ${readable}
      ${shape.has('after_1') ? sql`and (s.review_since, s.id) > (${value('after_0')}::timestamptz, ${value('after_1')}::uuid)` : sql``}
    order by s.review_since, s.id limit ${value('limit')}`
)

export const fileReport = statement<
  StrategyReport,
  { id: string; strategy_id: string; reason: string; note: string | null }
>(
  'file_report',
  () => sql`
    insert into strategy_reports (organization_id, id, strategy_id, reason, note, reported_by_key, reported_by_staff)
    values (${asker.organization_id}, ${value('id')}, ${value('strategy_id')}, ${value('reason')}, ${value('note')},
      ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid)
    returning id, strategy_id, reason, note, reported_at`
)

/** Writes a decision down, and answers with it whatever was reported. */
export const decide = statement<
  never,
  { id: string; strategy_id: string; decision: string; reason: string | null; answers: boolean }
>(
  'decide_strategy',
  () => sql`
    with decided as (
      insert into strategy_decisions (organization_id, id, strategy_id, decision, reason, decided_by_key, decided_by_staff)
      values (${asker.organization_id}, ${value('id')}, ${value('strategy_id')}, ${value('decision')}, ${value('reason')},
        ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid)
      returning organization_id, id, strategy_id)
    update strategy_reports r set decision_id = d.id from decided d
    where r.organization_id = ${asker.organization_id} and r.organization_id = d.organization_id and r.strategy_id = d.strategy_id
      and r.decision_id is null and ${value('answers')}::boolean`
)
