/** How far a device's clock may be from ours. */
const toleranceMinutes = 5

/**
 * When something was written down, by the clock of the device: as it says, unless that cannot be right; then by ours, and it is
 * said that the clock is off.
 *
 * @param said null or undefined: just now
 * @param deviceTime what the device's clock showed when it sent the request
 */
export function whenItOccurred(said: string | null | undefined, now: Date, deviceTime?: string) {
  const tolerance = toleranceMinutes * 60_000
  const at = said == null ? now.getTime() : Date.parse(said)
  const ahead = deviceTime === undefined ? 0 : Math.abs(Date.parse(deviceTime) - now.getTime())
  const clock_off = ahead > tolerance || at > now.getTime() + tolerance
  // What is still to come by a little has just happened.
  return { occurred_at: clock_off || at >= now.getTime() ? null : new Date(at).toISOString(), clock_off }
}
