/** Where somebody stands in the current minute. */
export interface Standing {
  limited: boolean
  remaining: number
  /** Seconds until the count begins again. */
  reset: number
}

const windowMs = 60_000

/**
 * Counts per name in fixed windows of a minute that begin with the first request. In the memory of this process: several
 * replicas each give the whole rate.
 */
export class RateLimit {
  readonly limit: number
  readonly #windows = new Map<string, { count: number; until: number }>()

  constructor(limit: number) {
    this.limit = limit
  }

  /** Counts one, and tells where that leaves them. @param now milliseconds */
  take(name: string, now: number): Standing {
    let window = this.#windows.get(name)
    if (window === undefined || window.until <= now) {
      if (this.#windows.size >= 10_000) this.#forget(now)
      window = { count: 0, until: now + windowMs }
      this.#windows.set(name, window)
    }
    window.count++
    return {
      limited: window.count > this.limit,
      remaining: Math.max(0, this.limit - window.count),
      reset: Math.ceil((window.until - now) / 1000)
    }
  }

  #forget(now: number) {
    for (const [name, { until }] of this.#windows) if (until <= now) this.#windows.delete(name)
    // Still full: somebody is making up names. The oldest go first.
    for (const name of this.#windows.keys()) {
      if (this.#windows.size < 10_000) break
      this.#windows.delete(name)
    }
  }
}

/** The headers of draft-ietf-httpapi-ratelimit-headers-11. */
export const rateHeaders = (limit: number, { remaining, reset }: Standing) => ({
  'ratelimit-policy': `"default";q=${limit};w=60`,
  ratelimit: `"default";r=${remaining};t=${reset}`
})
