import { type Fault, unprocessable } from '../problems.ts'
import type { AttendanceStatus, attendanceKinds, attendanceModes, Expectation } from './vocabulary.ts'

interface Facts {
  mode?: (typeof attendanceModes)[number] | null
  arrived_late?: boolean | null
  left_early?: boolean | null
  minutes?: number | null
  first_time?: boolean | null
}

/** The most people of the roster that a sheet speaks of, and the most walk-ins. */
export const mostRows = 500

/** A whole sheet, as it is put. */
export interface PutSheet {
  records: ({ person_id: string; status: AttendanceStatus } & Facts)[]
  walk_ins: ({ person_id?: string | null; display_name?: string } & Facts)[]
  anonymous_count: number
}

/** A row as it is stored, but for its id. */
export interface SheetRow {
  position: number
  kind: (typeof attendanceKinds)[number]
  person_id: string | null
  display_name: string | null
  status: AttendanceStatus
  /** Of the roster; null for a walk-in. */
  expected: Expectation | null
  mode: (typeof attendanceModes)[number] | null
  arrived_late: boolean | null
  left_early: boolean | null
  minutes: number | null
  first_time: boolean | null
}

/** A row of a sheet as it is kept. */
export type StoredRow = SheetRow & { id: string; session_id: string }

/** Facts that only somebody who was there can have. */
const presentOnly = ['mode', 'arrived_late', 'left_early', 'minutes', 'first_time'] as const

/** The facts of somebody who came are there, said or not; those of somebody who did not are null. */
const settled = (facts: Facts, status: AttendanceStatus) => {
  const came = status === 'present'
  return {
    status,
    mode: facts.mode ?? null,
    arrived_late: came ? (facts.arrived_late ?? false) : null,
    left_early: came ? (facts.left_early ?? false) : null,
    minutes: facts.minutes ?? null,
    first_time: came ? (facts.first_time ?? null) : null
  }
}

/** The rows that a sheet says something in. Not recorded is the same as left out. */
export function rowsOf(sheet: PutSheet): SheetRow[] {
  return [
    ...sheet.records
      .map(
        ({ person_id, status, ...facts }, position): SheetRow => ({
          position,
          kind: 'roster',
          person_id: person_id.toLowerCase(),
          display_name: null,
          expected: 'yes',
          ...settled(facts, status)
        })
      )
      .filter(says),
    ...sheet.walk_ins.map(
      ({ person_id, display_name, ...facts }, position): SheetRow => ({
        position,
        kind: 'walk_in',
        person_id: person_id?.toLowerCase() ?? null,
        display_name: person_id == null ? display_name! : null,
        expected: null,
        ...settled(facts, 'present')
      })
    )
  ]
}

/** What a row says, as a text to compare. Whether somebody was expected was not said by whoever put the sheet. */
export const spelled = (row: SheetRow): string =>
  JSON.stringify([
    row.kind,
    row.person_id,
    row.display_name,
    row.status,
    row.mode,
    row.arrived_late,
    row.left_early,
    row.minutes,
    row.first_time
  ])

/** Whether a row says anything: those that only keep somebody on the roster do not. */
export const says = (row: SheetRow): boolean => row.status !== 'not_recorded'

/** Rows and heads, as a sheet has them. */
export interface Content {
  rows: SheetRow[]
  anonymous_count: number
}

/** The same people with the same facts, in whatever order. */
export function isSameSheet(a: Content, b: Content): boolean {
  const spelledOut = ({ rows }: Content) => rows.filter(says).map(spelled).sort().join('\n')
  return a.anonymous_count === b.anonymous_count && spelledOut(a) === spelledOut(b)
}

/**
 * The whole sheet: whoever is on the roster and is not spoken of stays on it, not recorded.
 *
 * @param roster who it was made of, and whether they were expected
 */
export function wholeRows(rows: SheetRow[], roster: ReadonlyMap<string, Expectation>): SheetRow[] {
  const spokenOf = new Set(rows.map(row => row.person_id))
  const others = [...roster].filter(([person_id]) => !spokenOf.has(person_id))
  return [
    ...rows.map(row => (row.kind === 'roster' ? { ...row, expected: roster.get(row.person_id!) ?? 'yes' } : row)),
    ...others.map(
      ([person_id, expected], index): SheetRow => ({
        position: rows.length + index,
        kind: 'roster',
        person_id,
        display_name: null,
        expected,
        ...settled({}, 'not_recorded')
      })
    )
  ]
}

/** A sheet as it would be put to say the same: of the rows that say something. */
export function sheetOf({ rows, anonymous_count }: Content): PutSheet {
  const of = (kind: SheetRow['kind']) => rows.filter(row => row.kind === kind).sort((a, b) => a.position - b.position)
  const facts = ({ mode, arrived_late, left_early, minutes, first_time }: SheetRow) => ({
    mode,
    arrived_late,
    left_early,
    minutes,
    first_time
  })
  return {
    records: of('roster')
      .filter(says)
      .map(row => ({ person_id: row.person_id!, status: row.status, ...facts(row) })),
    walk_ins: of('walk_in').map(row => ({
      ...(row.person_id === null ? { display_name: row.display_name! } : { person_id: row.person_id }),
      ...facts(row)
    })),
    anonymous_count
  }
}

/** Whether it could be put as it is. */
export function isPuttable(content: Content): boolean {
  const { records, walk_ins } = sheetOf(content)
  return records.length <= mostRows && walk_ins.length <= mostRows
}

/** What the counts of a sheet are. */
export function countsOf(rows: SheetRow[]) {
  const count = (kind: SheetRow['kind'], status: AttendanceStatus) =>
    rows.filter(row => row.kind === kind && row.status === status).length
  return {
    present_count: count('roster', 'present'),
    absent_count: count('roster', 'absent'),
    excused_count: count('roster', 'excused'),
    not_recorded_count: count('roster', 'not_recorded'),
    walk_in_count: count('walk_in', 'present')
  }
}

/** Who may stand where on the sheet of a session. */
export interface Standing {
  /** On the roster: that of the day, or of the sheet that stands. */
  roster: ReadonlySet<string>
  /** Belonged to the group that day, as it is known now: may be recorded, though the roster was made without them. */
  members: ReadonlySet<string>
  /** Recorded as a walk-in before: may stay one. */
  walkedIn: ReadonlySet<string>
  /** People that the actor sees. */
  visible: ReadonlySet<string>
}

/**
 * The same rows, where what the sheet says of a first time and what is computed agree: then it says nothing, so that
 * sending back what was read keeps nothing that a sheet found later would correct.
 *
 * @param cameBefore who was present earlier in the group, on record
 */
export const withoutComputed = (rows: SheetRow[], cameBefore: ReadonlySet<string>): SheetRow[] =>
  rows.map(row =>
    row.person_id !== null && row.first_time === !cameBefore.has(row.person_id) ? { ...row, first_time: null } : row
  )

/**
 * Refuses a sheet with a fault for each bad row: somebody twice, a record of somebody who is not on the roster, a walk-in
 * who is, an unknown person, a fact of somebody who was not there. Somebody of another organization, or of a group that
 * the actor does not see, is unknown like anyone who does not exist.
 *
 * @param standing null where the rows stand on the sheet already: whoever was accepted once may stay
 */
export function assertSheet(sheet: PutSheet, standing: Standing | null): void {
  const faults: Fault[] = []
  const fault = (pointer: string, code: string, detail: string) => faults.push({ pointer, in: 'body', code, detail })
  const seen = new Set<string>()
  const once = (person_id: string, pointer: string) => {
    if (seen.has(person_id)) fault(pointer, 'duplicate_person', 'This person stands on the sheet twice.')
    seen.add(person_id)
  }

  sheet.records.forEach((record, index) => {
    const at = `#/records/${index}`
    const id = record.person_id.toLowerCase()
    once(id, `${at}/person_id`)
    if (standing !== null && !standing.roster.has(id) && !standing.members.has(id)) {
      fault(
        `${at}/person_id`,
        'not_on_roster',
        'This person is not on the roster of that day; whoever else came is a walk-in.'
      )
    }
    for (const fact of presentOnly) {
      if (record.status !== 'present' && record[fact] != null && record[fact] !== false) {
        fault(`${at}/${fact}`, 'only_for_present', 'Only somebody who was present can have this.')
      }
    }
  })
  sheet.walk_ins.forEach(({ person_id, display_name }, index) => {
    const at = `#/walk_ins/${index}`
    if (person_id == null) {
      if (display_name === undefined) fault(`${at}/display_name`, 'required', 'A walk-in needs a person or a name.')
      return
    }
    const id = person_id.toLowerCase()
    once(id, `${at}/person_id`)
    if (standing === null) return
    if (standing.roster.has(id) && !standing.walkedIn.has(id)) {
      fault(`${at}/person_id`, 'on_roster', 'This person is on the roster of that day and belongs among the records.')
    } else if (!standing.visible.has(id) && !standing.walkedIn.has(id)) {
      fault(`${at}/person_id`, 'unknown_person', 'There is no such person that you can see.')
    }
  })
  if (faults.length > 0) throw unprocessable(faults)
}
