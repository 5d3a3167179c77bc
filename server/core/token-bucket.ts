/** Rate limit: a bucket of `burst` tokens that refills at `perSecond`. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #at_ms: number

  /** @param now_ms a monotonic clock */
  constructor(perSecond: number, burst: number, now_ms: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
    this.#at_ms = now_ms
  }

  /** @returns whether `cost` tokens were there; they are taken only then */
  take(cost: number, now_ms: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now_ms - this.#at_ms) / 1000) * this.#perSecond)
    this.#at_ms = now_ms
    if (cost > this.#tokens) return false
    this.#tokens -= cost
    return true
  }
}
