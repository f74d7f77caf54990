import { addDays } from '../clock/time-zones.ts'
import { closedForNow, type MeetingGroup, type MeetingSeries } from './meeting-guide.ts'

/**
 * Who decides what about a group that a list describes: the list, or the people who run it.
 *
 * - The list keeps up what it tells of: name, description, topics, languages, accessibility, audience, where and how to
 *   attend, time zone.
 * - What a list cannot know is set when the group is made and then left to people: access, format, visibility, capacity.
 * - The status is the list's between `active` and the pause that the list itself asked for. A pause with another reason,
 *   `forming` and `closed` are decisions of people and stay.
 */
const listed = [
  'name',
  'description',
  'topics',
  'mode',
  'location',
  'online_url',
  'online_phone',
  'languages',
  'accessibility',
  'audience',
  'time_zone'
] as const satisfies readonly (keyof MeetingGroup)[]

type Listed = Pick<MeetingGroup, (typeof listed)[number]>

/** What of a stored group is compared with the list. */
export interface KnownGroup extends Listed {
  status: 'forming' | 'active' | 'paused' | 'closed'
  status_reason: string | null
}

/** The group as it is after the row was taken. */
export function groupAfter<Group extends KnownGroup>(before: Group, meeting: MeetingGroup): Group {
  const told = Object.fromEntries(listed.map(field => [field, meeting[field]])) as unknown as Listed
  return { ...before, ...told, ...statusAfter(before, meeting) }
}

function statusAfter(before: KnownGroup, meeting: MeetingGroup): Pick<KnownGroup, 'status' | 'status_reason'> {
  const isOfTheList =
    before.status === 'active' || (before.status === 'paused' && before.status_reason === closedForNow)
  const { status, status_reason } = isOfTheList && before.status !== meeting.status ? meeting : before
  return { status, status_reason }
}

/** A series of a stored group: an imported one, or one by hand that has not ended. */
export interface KnownSeries extends Omit<MeetingSeries, 'weekdays'> {
  id: string
  group_id: string
  ends_on: string | null
  imported: boolean
  /** A list ended it by leaving it out. */
  left: boolean
}

/**
 * What the row's weekly time does to the series of a group, the oldest first: which one ends, and whether a new one begins.
 *
 * - Series by hand are never touched. Where there is no imported one yet, one by hand at the same time of the same days
 *   is this meeting already.
 * - The import ends a series only to begin the next, so when the last one has ended, people ended it. It stays ended
 *   until the list names another time. One that a list ended by leaving it out begins anew when a list names it again.
 * - In a group that people closed, nothing begins and nothing ends.
 */
export function seriesAfter(
  group: Pick<KnownGroup, 'status'>,
  known: readonly KnownSeries[],
  meeting: MeetingSeries
): { ends: KnownSeries | null; begins: boolean } {
  if (group.status === 'closed') return { ends: null, begins: false }
  const last = known.filter(series => series.imported).at(-1)
  if (last === undefined) return { ends: null, begins: !known.some(series => isAtSameTime(series, meeting)) }
  if (last.left) return { ends: null, begins: true }
  if (isAtSameTime(last, meeting) && last.duration_minutes === meeting.duration_minutes) {
    return { ends: null, begins: false }
  }
  return { ends: last.ends_on === null ? last : null, begins: true }
}

const isAtSameTime = (known: KnownSeries, meeting: MeetingSeries): boolean =>
  known.rrule === meeting.rrule && known.start_time === meeting.start_time && known.time_zone === meeting.time_zone

/** The first of the weekdays (0 = Sunday) from that local day on that is not taken. */
export function nextDay(weekdays: readonly number[], from: string, taken: ReadonlySet<string>): string {
  let day = from
  while (taken.has(day) || !weekdays.includes(new Date(`${day}T00:00:00Z`).getUTCDay())) day = addDays(day, 1)
  return day
}
