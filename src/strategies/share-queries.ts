import { sql } from 'drizzle-orm'
import { asker, quickStatement, statement, value } from '../database/statement.ts'
import type { Asked } from '../http/page.ts'
import { readable, type Sight } from './queries.ts'
import type { SharedStrategy, ShareLink } from './schemas.ts'

const linkColumns = sql.raw('l.id, l.strategy_id, l.expires_at, l.revoked_at, l.version, l.created_at, l.updated_at')

/** The latest first. */
export const listShareLinks = statement<ShareLink, Pick<Sight, 'moderates'> & Asked & { strategy_id: string }>(
  'list_share_links',
  shape => sql`
    select ${linkColumns} from strategy_share_links l
    join strategies s on s.organization_id = l.organization_id and s.id = l.strategy_id
    where l.organization_id = ${asker.organization_id} and l.strategy_id = ${value('strategy_id')} and ${readable}
      ${shape.has('after_1') ? sql`and l.id < ${value('after_1')}::uuid` : sql``}
    order by l.id desc limit ${value('limit')}`
)

export const findShareLink = quickStatement<
  ShareLink,
  Pick<Sight, 'moderates'> & { strategy_id: string; share_link_id: string }
>(
  'find_share_link',
  () => sql`
    select ${linkColumns} from strategy_share_links l
    join strategies s on s.organization_id = l.organization_id and s.id = l.strategy_id
    where l.organization_id = ${asker.organization_id} and l.id = ${value('share_link_id')} and l.strategy_id = ${value('strategy_id')}
      and ${readable}`
)

export const makeShareLink = statement<
  ShareLink,
  { id: string; strategy_id: string; secret_hash: Buffer; expires_at: string }
>(
  'make_share_link',
  () => sql`
    insert into strategy_share_links as l (organization_id, id, strategy_id, secret_hash, expires_at, created_by_key, created_by_staff)
    values (${asker.organization_id}, ${value('id')}, ${value('strategy_id')}, ${value('secret_hash')}, ${value('expires_at')},
      ${asker.api_key_id}::uuid, ${asker.staff_id}::uuid)
    returning ${linkColumns}`
)

/** Twice is the same as once. */
export const revokeShareLink = statement<
  ShareLink & { revoked_now: boolean },
  Pick<Sight, 'moderates'> & { strategy_id: string; share_link_id: string }
>(
  'revoke_share_link',
  () => sql`
    update strategy_share_links l set revoked_at = coalesce(l.revoked_at, now()),
      updated_at = case when l.revoked_at is null then now() else l.updated_at end, version = l.version + (l.revoked_at is null)::int
    from strategies s
    where l.organization_id = ${asker.organization_id} and l.id = ${value('share_link_id')} and l.strategy_id = ${value('strategy_id')}
      and s.organization_id = l.organization_id and s.id = l.strategy_id and ${readable}
    returning ${linkColumns}, l.revoked_at = now()::timestamptz(3) as revoked_now`
)

/** A card as a link shows it: as long as it is published, for everybody here. */
export const findSharedStrategy = quickStatement<SharedStrategy, { strategy_id: string }>(
  'find_shared_strategy',
  () => sql`
    select s.title, s.summary, s.when_it_helps, s.steps, s.minutes, s.where_usable, s.topics, s.category, s.language, s.links, s.source,
      json_build_object('kind', s.contributor_kind, 'nickname', s.contributor_nickname) as contributor, s.helped_count, s.tried_count
    from strategies s
    where s.organization_id = ${asker.organization_id} and s.id = ${value('strategy_id')} and s.status = 'published'
      and s.visibility in ('organization', 'public')`
)
