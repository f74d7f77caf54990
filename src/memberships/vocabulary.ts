/** Why a membership ended. Leaving because one feels well is a success, never drop-out. */
export const leaveReasons = [
  'feels_well',
  'moved',
  'schedule',
  'unwell',
  'found_other_support',
  'not_a_fit',
  'completed',
  'asked_to_leave',
  'unknown',
  'prefers_not_to_say'
] as const

/** How far somebody has come. `left`, `paused` and an offer that nobody took in time follow from the days and the clock. */
export const stages = ['requested', 'waitlisted', 'offered', 'member', 'not_joined'] as const

export const membershipStatuses = [
  'requested',
  'waitlisted',
  'offered',
  'active',
  'paused',
  'left',
  'not_joined'
] as const
export type MembershipStatus = (typeof membershipStatuses)[number]

/** Why somebody who asked never became a member. */
export const notJoinedReasons = ['refused', 'declined', 'expired', 'withdrawn'] as const
