/** What an organization may set for itself. */
export interface OrganizationSettings {
  /** The length of a series or session whose length is left out. */
  default_duration_minutes: number
  /** Strategy cards of facilitators are published without a review, but for those that a rule flags. */
  publish_strategies_at_once: boolean
  /** Hours after its first sheet during which whoever logs attendance may change it; then only coordinators, with a reason. */
  sheet_grace_hours: number
  /** Hours during which a seat is kept for whom it is offered to. */
  offer_hours: number
}

/**
 * Ninety minutes: what most peer groups meet for. Somebody looks at a card before everybody does. A week: until the next meeting.
 * Two days: time to read a message, and little time for a seat to stay empty.
 */
export const defaultSettings: OrganizationSettings = {
  default_duration_minutes: 90,
  publish_strategies_at_once: false,
  sheet_grace_hours: 168,
  offer_hours: 48
}
