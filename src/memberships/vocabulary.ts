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
