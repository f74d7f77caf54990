import { setImmediate as othersTurn } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'drizzle-orm'
import { v7 as uuid } from 'uuid'
import type { Answered } from '../changes/change.ts'
import { recordChangesNow } from '../changes/record.ts'
import { addDays, localDateOf } from '../clock/time-zones.ts'
import type { Tx } from '../database/database.ts'
import { fold } from '../database/fold.ts'
import type { Statement } from '../database/statement.ts'
import { wholeLocation } from '../groups/create-group.ts'
import { searchText } from '../groups/search-text.ts'
import { horizonOf, makeSessionsOf } from '../schedule/make-sessions.ts'
import { shareCalendar } from '../schedule/queries.ts'
import { type Occurrence, occurrences } from '../schedule/recurrence.ts'
import { countResults } from './count-results.ts'
import {
  type MeetingFault,
  type MeetingGroup,
  type MeetingReading,
  type MeetingSeries,
  readMeeting
} from './meeting-guide.ts'
import { groupAfter, type KnownGroup, type KnownSeries, nextDay, seriesAfter } from './precedence.ts'
import {
  daysWithSessions,
  dropComingSessions,
  endManySeries,
  type GroupRow,
  insertGroups,
  insertManySeries,
  lockGroupsBySlug,
  lockImports,
  lockSeriesLeft,
  lockSeriesOfGroups,
  markLeft,
  type NewGroupRow,
  type SeriesRow,
  type StoredGroup,
  updateGroups
} from './queries.ts'
import type { MeetingGuideImport, MeetingGuideResult } from './schemas.ts'

/** So much goes into one statement that it takes a small part of a second, and the list into few of them. */
const rowsAtOnce = 500
const sessionsAtOnce = 1000

/** Milliseconds of work after which other requests have their turn. */
const stretch = 20

/** Lets others have their turn, if they have waited for long enough. */
function pace(): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < stretch) return
    await othersTurn()
    since = performance.now()
  }
}

/** Reads the rows of a list, a little at a time. */
export async function readMeetings(rows: unknown[], defaults: { time_zone: string | null }): Promise<MeetingReading[]> {
  const breathe = pace()
  const readings: MeetingReading[] = []
  for (const row of rows) {
    readings.push(readMeeting(row, defaults))
    await breathe()
  }
  return readings
}

/** A row to be taken, and where it stood. */
type Meeting = MeetingReading & { ok: true; index: number }

/**
 * Brings the groups of an organization in line with a list: one group with one weekly series for each row, known by its
 * slug. A list that was taken before changes nothing. What the list decides and what people decide: `precedence.ts`.
 */
export async function importMeetingGuide(
  tx: Tx,
  readings: MeetingReading[],
  { end_left, horizonDays }: { end_left: boolean; horizonDays: number },
  now = new Date()
): Promise<Answered<MeetingGuideImport>> {
  await tx.run(shareCalendar, {})
  await tx.run(lockImports, {})
  const { meetings, results } = sortOut(readings)
  const calendar = new Calendar(now, horizonDays)
  for (let at = 0; at < meetings.length; at += rowsAtOnce) {
    await takeRows(tx, meetings.slice(at, at + rowsAtOnce), calendar, results)
    // A new table has no statistics until after the commit. What was planned while it was small, the checks of foreign
    // keys above all, reads all groups for each session; planned again, it goes by the size that the table has by now.
    await tx.db.execute(sql`discard plans`)
  }
  const left = await findLeft(tx, readings, end_left, calendar)
  return { status: 207, headers: {}, body: { results, left, counts: countResults(results) } }
}

/** The groups that an earlier list had and this one has not; ends their series if asked. */
async function findLeft(tx: Tx, readings: MeetingReading[], ended: boolean, calendar: Calendar) {
  const slugs = readings.flatMap(({ slug }) => slug ?? [])
  const left = await tx.run(lockSeriesLeft, { slugs })
  if (ended && left.length > 0) {
    await endSeries(tx, left, calendar)
    await tx.run(markLeft, { series_ids: left.map(({ id }) => id) })
  }
  const groups = new Map(left.map(({ group_id, slug }) => [group_id, { slug, group_id, ended }]))
  return [...groups.values()]
}

/** The rows that can be taken; the others have their result already. The first good row of a slug is the one that counts. */
function sortOut(readings: MeetingReading[]): { meetings: Meeting[]; results: MeetingGuideResult[] } {
  const meetings: Meeting[] = []
  const slugs = new Set<string>()
  const results = readings.map((reading, index): MeetingGuideResult => {
    const { slug } = reading
    if (!reading.ok) {
      const detail = 'The row is no meeting that can be kept; errors say why.'
      return skipped(index, slug, 'invalid_row', detail, reading.faults)
    }
    if (slugs.has(reading.slug)) {
      const detail = 'An earlier row of the list has this slug.'
      return skipped(index, slug, 'duplicate_slug', detail, [{ pointer: '/slug', code: 'duplicate_slug', detail }])
    }
    slugs.add(reading.slug)
    meetings.push({ ...reading, index })
    return { index, slug, result: 'unchanged', group_id: null, problem: null }
  })
  return { meetings, results }
}

function skipped(
  index: number,
  slug: string | null,
  code: string,
  detail: string,
  faults: { pointer: MeetingFault['pointer']; code: string; detail: string }[] = [],
  group_id: string | null = null
): MeetingGuideResult {
  const errors = faults.map(fault => ({ ...fault, pointer: `#/${index}${fault.pointer}` }))
  return { index, slug, result: 'skipped', group_id, problem: { code, detail, errors } }
}

/** What some of the rows ask for. */
interface Plan {
  insert: NewGroupRow[]
  update: GroupRow[]
  end: KnownSeries[]
  begin: { group_id: string; meeting: MeetingSeries }[]
}

async function takeRows(tx: Tx, meetings: Meeting[], calendar: Calendar, results: MeetingGuideResult[]) {
  const known = await lockKnown(tx, meetings)
  const plan: Plan = { insert: [], update: [], end: [], begin: [] }
  const made = new Map<string, Meeting>()
  const breathe = pace()
  for (const meeting of meetings) {
    const { index, slug } = meeting
    const before = known.get(slug)
    if (before === undefined) {
      const row = written({ id: uuid(), ...meeting.group })
      plan.insert.push(row)
      made.set(row.id, meeting)
    } else if (before.group.archived_at !== null) {
      const detail = 'The group of this slug is archived; restore it first.'
      results[index] = skipped(index, slug, 'group_archived', detail, [], before.group.id)
    } else {
      const isChanged = planKnown(plan, before, meeting)
      results[index] = { ...results[index]!, result: isChanged ? 'updated' : 'unchanged', group_id: before.group.id }
    }
    await breathe()
  }

  const created = new Set((await write(tx, insertGroups, plan.insert)).map(row => row.id))
  const stay = await end(tx, plan, calendar)
  for (const [id, { index, slug, series }] of made) {
    if (created.has(id)) {
      results[index] = { index, slug, result: 'created', group_id: id, problem: null }
      plan.begin.push({ group_id: id, meeting: series })
    } else {
      const detail = 'A group of this slug was made at this very moment; send the list again.'
      results[index] = skipped(index, slug, 'slug_taken', detail)
    }
  }
  await recordChangesNow(tx, 'group.created', firstVersions(created))
  await recordChangesNow(tx, 'group.changed', await write(tx, updateGroups, plan.update))
  await begin(tx, plan.begin, stay, calendar)
}

const firstVersions = (ids: Iterable<string>) => Array.from(ids, id => ({ id, version: 1 }))

async function write<Row>(tx: Tx, statement: Statement<Row, { rows: string }>, rows: object[]): Promise<Row[]> {
  return rows.length === 0 ? [] : await tx.run(statement, { rows: JSON.stringify(rows) })
}

interface Known {
  group: StoredGroup
  series: KnownSeries[]
}

/** The groups of these rows that there are, by slug. */
async function lockKnown(tx: Tx, meetings: Meeting[]): Promise<Map<string, Known>> {
  const groups = await tx.run(lockGroupsBySlug, { slugs: meetings.map(({ slug }) => slug) })
  if (groups.length === 0) return new Map()
  const known = new Map(groups.map(group => [group.id, { group, series: [] as KnownSeries[] }]))
  const series = await tx.run(lockSeriesOfGroups, { group_ids: [...known.keys()] })
  for (const one of series) known.get(one.group_id)!.series.push(one)
  return new Map([...known.values()].map(one => [one.group.slug, one]))
}

/** Adds what a row changes about a group that there is; answers whether it changes anything. */
function planKnown(plan: Plan, { group, series }: Known, meeting: Meeting): boolean {
  const after = groupAfter(group, meeting.group)
  const isChanged = !isDeepStrictEqual({ ...after, location: wholeLocation(after.location) }, group)
  if (isChanged) plan.update.push(written(after))
  const { ends, begins } = seriesAfter(group, series, meeting.series)
  if (ends !== null) plan.end.push(ends)
  if (begins) plan.begin.push({ group_id: group.id, meeting: meeting.series })
  return isChanged || begins
}

/** A group with what is computed from it. */
const written = <Group extends KnownGroup | MeetingGroup>(group: Group) => ({
  ...group,
  search_text: searchText(group),
  name_key: fold(group.name)
})

/** On which days a group has a session that stays. */
type Stay = ReadonlyMap<string, ReadonlySet<string>>

/** Makes room for series that begin: on the days on which a session stays, a new series of the group makes no second one. */
async function end(tx: Tx, plan: Plan, calendar: Calendar): Promise<Stay> {
  if (plan.begin.length === 0) return new Map()
  return await endSeries(tx, plan.end, calendar, plan.begin)
}

/**
 * Ends series, each after today if today's session has begun or was decided about, else after yesterday. Answers on which
 * days sessions stay, in their groups and in others.
 */
async function endSeries(
  tx: Tx,
  series: { id: string; group_id: string; time_zone: string }[],
  calendar: Calendar,
  others: { group_id: string }[] = []
): Promise<Stay> {
  const stay = new Map<string, Set<string>>()
  if (series.length > 0) {
    const removed = await tx.run(dropComingSessions, { series_ids: series.map(({ id }) => id) })
    await recordChangesNow(tx, 'session.removed', removed)
  }
  const meet = new Set<string>()
  for (const row of await tx.run(daysWithSessions, { group_ids: [...series, ...others].map(one => one.group_id) })) {
    meet.add(`${row.series_id} ${row.day}`)
    stay.set(row.group_id, (stay.get(row.group_id) ?? new Set()).add(row.day))
  }
  const last = series.map(({ id, time_zone }) => {
    const today = calendar.today(time_zone)
    return { id, ends_on: meet.has(`${id} ${today}`) ? today : addDays(today, -1) }
  })
  await recordChangesNow(tx, 'series.ended', await write(tx, endManySeries, last))
  return stay
}

const noDays: ReadonlySet<string> = new Set()

/** Begins series on their next day, with their sessions to the horizon. */
async function begin(tx: Tx, wanted: Plan['begin'], stay: Stay, calendar: Calendar): Promise<void> {
  const series = wanted.map(({ group_id, meeting: { weekdays, ...meeting } }): SeriesRow => {
    const starts_on = nextDay(weekdays, calendar.today(meeting.time_zone), stay.get(group_id) ?? noDays)
    return { id: uuid(), group_id, starts_on, ...meeting, extended_until: calendar.horizon(meeting.time_zone) }
  })
  await write(tx, insertManySeries, series)
  await recordChangesNow(tx, 'series.created', firstVersions(series.map(({ id }) => id)))

  const breathe = pace()
  let made: Parameters<typeof makeSessionsOf>[1] = []
  let waiting = 0
  for (const one of series) {
    const days = stay.get(one.group_id) ?? noDays
    const wanted = calendar.occurrences(one).filter(({ occurs_on }) => !days.has(occurs_on))
    made.push({ series: one, occurrences: wanted })
    waiting += wanted.length
    if (waiting >= sessionsAtOnce) {
      await makeSessionsOf(tx, made)
      made = []
      waiting = 0
    }
    await breathe()
  }
  await makeSessionsOf(tx, made)
}

/** What the days are at the time of the import. Remembers: a list names few zones, and many of its rows meet together. */
class Calendar {
  readonly #now: Date
  readonly #horizonDays: number
  readonly #known = new Map<string, unknown>()

  constructor(now: Date, horizonDays: number) {
    this.#now = now
    this.#horizonDays = horizonDays
  }

  #once<T>(key: string, find: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, find())
    return this.#known.get(key) as T
  }

  today(zone: string): string {
    return this.#once(`today ${zone}`, () => localDateOf(this.#now, zone))
  }

  horizon(zone: string): string {
    return this.#once(`horizon ${zone}`, () => horizonOf(zone, this.#now, this.#horizonDays))
  }

  /** Of a whole series, to the horizon. */
  occurrences({ starts_on, start_time, time_zone, rrule, extended_until }: SeriesRow): Occurrence[] {
    return this.#once(`${rrule} ${start_time} ${time_zone} ${starts_on}`, () =>
      occurrences({ starts_on, start_time, time_zone, rule: rrule }, { from: starts_on, until: extended_until })
    )
  }
}
