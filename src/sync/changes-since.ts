import type { Caller } from '../access/caller.ts'
import type { Database } from '../database/database.ts'
import type { DeviceCursor } from './cursor.ts'
import {
  type Changed,
  findSight,
  listChanged,
  listGroupsById,
  listMembershipsById,
  listSessionsById
} from './queries.ts'

/** The beginning of time. */
const never = '0'

/**
 * What a device does not know yet, a page of it, and how far it has come by that.
 *
 * Groups that it did not know come whole; those that it sees no more are told as removed, and sessions that are gone. Within a run,
 * which several pages may make, things come in the order of the transactions that wrote them. A transaction that is still under way
 * may end after others that are numbered higher: so the next run begins with the first transaction that was not over when this one
 * began, and tells some things twice rather than one thing never.
 */
export async function changesSince(
  db: Pick<Database, 'read'>,
  caller: Caller,
  from: DeviceCursor | undefined,
  limit: number
) {
  const [sight] = await db.read(caller, findSight, {})
  const { group_ids, xmin, cluster } = sight!
  // Of another server, or of this one before a copy of it was put back: its numbers say nothing here, and what the device has may
  // never have been.
  const isOfHere = from !== undefined && from.cluster === cluster && !isAhead(from, xmin)
  const cursor: DeviceCursor = isOfHere ? from : { cluster, known: from?.known ?? [], since: never }
  const visible = [...(group_ids ?? []), ...sight!.session_ids]
  const { under_way } = cursor
  const ids = under_way?.ids ?? visible
  const next = under_way?.next ?? xmin

  const known = new Set(cursor.since === never ? [] : cursor.known)
  // What came within sight since the run began is for the next one: this cursor does not know it.
  const groups = group_ids?.filter(id => ids.includes(id))
  const session_ids = sight!.session_ids.filter(id => ids.includes(id))
  const scope =
    groups === undefined
      ? { since: cursor.since }
      : { group_ids: groups, sinces: groups.map(id => (known.has(id) ? cursor.since : never)) }
  const rows = await db.read(caller, listChanged, {
    ...scope,
    session_ids,
    ...(under_way && { after: under_way.after[0], after_kind: under_way.after[1], after_id: under_way.after[2] }),
    limit: limit + 1
  })
  const page = rows.slice(0, limit)
  const of = (kind: Changed['kind']) => page.filter(row => row.kind === kind).map(row => row.id)
  const [groupsThere, memberships, sessions] = await Promise.all([
    some(caller.scopes.has('groups:read') ? of('group') : [], ids => db.read(caller, listGroupsById, { ids })),
    some(caller.scopes.has('memberships:read') ? of('membership') : [], ids =>
      db.read(caller, listMembershipsById, { ids })
    ),
    some(of('session'), ids => db.read(caller, listSessionsById, { ids, session_ids }))
  ])
  // What the device had, or was being told of, and is not seen now.
  const had = under_way?.ids ?? from?.known ?? []
  const gone = had.filter(id => !visible.includes(id))
  // Seen again later, it is new.
  const still = ids.filter(id => visible.includes(id))

  const has_more = rows.length > limit
  const last = page.at(-1)
  const after: DeviceCursor = has_more
    ? { ...cursor, under_way: { ids: still, next, after: [last!.changed_by, last!.kind, last!.id] } }
    : { cluster, known: still, since: next }
  return {
    groups: groupsThere,
    memberships,
    sessions,
    removed: [...gone, ...of('removed')],
    cursor: after,
    has_more,
    reset: from !== undefined && !isOfHere
  }
}

/** Whether a cursor tells of transactions that are yet to come. One that this server has overtaken since is not told from its own. */
const isAhead = ({ since, under_way }: DeviceCursor, xmin: string): boolean =>
  [since, under_way?.next ?? since].some(transaction => BigInt(transaction) > BigInt(xmin))

const some = async <Row>(ids: string[], read: (ids: string[]) => Promise<Row[]>): Promise<Row[]> =>
  ids.length === 0 ? [] : await read(ids)
