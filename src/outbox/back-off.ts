const FIRST_MS = 1_000
const LONGEST_MS = 60_000

/** How long to leave somebody alone who is away: a second, then doubling, a minute at the most. */
export class BackOff {
  #delayMs = 0
  #since = Number.NEGATIVE_INFINITY
  #until = Number.NEGATIVE_INFINITY

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
    const wait = Math.max(this.#delayMs, Math.min(call.retryAfterMs ?? 0, LONGEST_MS))
    this.#until = Math.max(this.#until, call.at + wait)
  }

  /** One got through. That one began before others failed says nothing of now. */
  reset({ startedAt }: { startedAt: number }): void {
    if (startedAt <= this.#since) return
    this.#delayMs = 0
    this.#until = Number.NEGATIVE_INFINITY
  }
}
