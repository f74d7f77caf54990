/** What an organization may set for itself. Durations in minutes. */
export interface OrganizationSettings {
  /** The length of a series or session whose length is left out. */
  default_duration_minutes: number
}

/** Ninety minutes: what most peer groups meet for. */
export const defaultSettings: OrganizationSettings = { default_duration_minutes: 90 }
