/** `open`: new people are always welcome. `closed`: closed to new members once formed. */
export const accesses = ['open', 'closed'] as const
export const formats = ['ongoing', 'fixed_length'] as const
export const modes = ['in_person', 'online', 'hybrid'] as const
export type Mode = (typeof modes)[number]
export const groupStatuses = ['forming', 'active', 'paused', 'closed'] as const
/** `hard`: who comes when every seat is taken, waits. `soft`: they are let in, and it is said that there are too many. */
export const capacityRules = ['hard', 'soft'] as const
export const visibilities = ['listed', 'unlisted'] as const

export interface Location {
  address: string | null
  city: string | null
  region: string | null
  postal_code: string | null
  country: string | null
  latitude: number | null
  longitude: number | null
  notes: string | null
}
