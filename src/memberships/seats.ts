import type { GroupToJoin, Standing } from './line-queries.ts'

/** A seat; a seat beyond the capacity; or a place in line. */
export type Seat = 'free' | 'extra' | 'none'

/**
 * What there is for who comes now: a free seat for which nobody waits; where the rule is soft, or whoever lets them in insists,
 * one more than there are.
 */
export function seatFor(
  { capacity, capacity_rule }: Pick<GroupToJoin, 'capacity' | 'capacity_rule'>,
  { taken, waiting }: Pick<Standing, 'taken' | 'waiting'>,
  force: boolean
): Seat {
  const letsIn = force || capacity_rule === 'soft'
  if (capacity === null || taken < capacity) return waiting === 0 || letsIn ? 'free' : 'none'
  return letsIn ? 'extra' : 'none'
}
