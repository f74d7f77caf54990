import { v7 as uuid } from 'uuid'
import { recordChangesNow } from '../changes/record.ts'
import { instantOf, localDateOf, localTimeOf } from '../clock/time-zones.ts'
import { serviceActor } from '../database/actor.ts'
import type { Database } from '../database/database.ts'
import { comingSessions, moveSessions } from './queries.ts'

/** So many are looked at in one transaction. */
const atOnce = 5000

/**
 * Moves sessions to come to where clocks show their local time by the rules that this process knows (`process.versions.tz`):
 * governments change them at short notice. Sessions that are past, or have a sheet, stay where they were. Answers how many
 * it moved, in all organizations.
 */
export async function keepWallClock(db: Database): Promise<number> {
  const organizations = await db.reviewed<{ id: string }>(
    'list_organizations',
    'select * from list_organizations()',
    []
  )
  let moved = 0
  for (const { id: organization_id } of organizations) {
    let after: { starts_at: string; id: string } | undefined
    do {
      const done: { changed: number; last?: { starts_at: string; id: string } } = await db.write(
        serviceActor(organization_id, uuid()),
        async tx => {
          const sessions = await tx.run(comingSessions, { limit: atOnce, starts_at: after?.starts_at, id: after?.id })
          const rows = sessions.flatMap(({ id, starts_at, local_date, local_time, time_zone }) => {
            // Seconds, and the second of two equal hours, are nobody's mistake: what clocks show as it was meant stays.
            const isShown =
              localDateOf(starts_at, time_zone) === local_date && localTimeOf(starts_at, time_zone) === local_time
            return isShown ? [] : [{ id, starts_at: instantOf(local_date, local_time, time_zone) }]
          })
          const changed = rows.length === 0 ? [] : await tx.run(moveSessions, { rows: JSON.stringify(rows) })
          await recordChangesNow(tx, 'session.changed', changed)
          return { changed: changed.length, last: sessions.length < atOnce ? undefined : sessions.at(-1)! }
        }
      )
      moved += done.changed
      after = done.last
    } while (after !== undefined)
  }
  return moved
}
