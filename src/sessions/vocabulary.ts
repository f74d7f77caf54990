/** What became of a session. Held with nobody present is still held. */
export const outcomes = ['scheduled', 'held', 'did_not_happen', 'cancelled'] as const
export type Outcome = (typeof outcomes)[number]

export const attendanceStatuses = ['not_recorded', 'present', 'absent', 'excused'] as const
export type AttendanceStatus = (typeof attendanceStatuses)[number]

/** How somebody took part. */
export const attendanceModes = ['in_person', 'video', 'phone'] as const

/** On the roster of the day, or somebody who came without being on it. */
export const attendanceKinds = ['roster', 'walk_in'] as const

/** Somebody who leads one session beside, or in the place of, those who facilitate the group. */
export const sessionFacilitatorRoles = ['substitute', 'co_facilitator'] as const

/** Whether somebody of the roster meant to come. */
export const expectations = ['yes', 'no', 'maybe'] as const
export type Expectation = (typeof expectations)[number]

/** How a version of a sheet came about. */
export const versionKinds = ['put', 'withdrawn'] as const

/** What became of a sheet that a device sent. */
export const submissionOutcomes = ['stored', 'merged', 'unchanged', 'conflict'] as const
