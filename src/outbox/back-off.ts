const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/** How long to leave somebody alone who is away: a second, then doubling, a minute at the most. */
export class BackOff {
  #delayMs = 0
  #since = Number.NEGATIVE_INFINITY
  #until = Number.NEGATIVE_INFINITY
  #askedUntil = Number.NEGATIVE_INFINITY

  /** When to try again; in the past while nothing is wrong. */
  get until(): number {
    return this.#until
  }

  get active(): boolean {
    return this.#delayMs > 0
  }

  /** Calls that were under way together and failed together count once, also where all of that is within a millisecond. */
  fail(call: { startedAt: number; at: number; retryAfterMs?: number | undefined }): void {
    if (call.startedAt > this.#since) {
      this.#delayMs = Math.min(LONGEST_MS, this.#delayMs === 0 ? FIRST_MS : this.#delayMs * 2)
      this.#since = call.at
    }
    const asked = Math.min(call.retryAfterMs ?? 0, LONGEST_MS)
    this.#askedUntil = Math.max(this.#askedUntil, call.at + asked)
    this.#until = Math.max(this.#until, call.at + this.#delayMs, this.#askedUntil)
  }

  /** One got through; what somebody asked for stands all the same. */
  reset(): void {
    this.#delayMs = 0
    this.#until = this.#askedUntil
  }
}
