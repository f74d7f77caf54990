/** What an organization may set for itself. Durations in minutes. */
export interface OrganizationSettings {
  /** The length of a series or session whose length is left out. */
  default_duration_minutes: number
  /** Strategy cards of facilitators are published without a review, but for those that a rule flags. */
  publish_strategies_at_once: boolean
}

/** Ninety minutes: what most peer groups meet for. Somebody looks at a card before everybody does. */
export const defaultSettings: OrganizationSettings = { default_duration_minutes: 90, publish_strategies_at_once: false }
