/** What the database's clock says, in epoch milliseconds. */
export const NOW = '(extract(epoch from clock_timestamp()) * 1000)::bigint'

/**
 * The database's clock, kept by this process's monotonic one: a node whose own clock is wrong, or is set while it runs, has the
 * same time as the others all the same.
 */
export class Clock {
  #offset = 0
  /** By how much it may be wrong, since when. */
  #error = Number.POSITIVE_INFINITY
  #setAt = 0

  /** `now`: what the database said, `sentAt` when it was asked. */
  constructor(now: number, sentAt: number) {
    this.set(now, sentAt)
  }

  /** To be given back with the answer. */
  sending(): number {
    return performance.now()
  }

  /**
   * The answer is as old as half of its way, and wrong by as much at the most. What a busy database answers may be worth less than
   * what is known, which grows worse as the two clocks drift apart.
   */
  set(now: number, sentAt: number): void {
    const receivedAt = performance.now()
    const error = (receivedAt - sentAt) / 2
    if (error > this.#error + (receivedAt - this.#setAt) * DRIFT) return
    this.#offset = now - (sentAt + receivedAt) / 2
    this.#error = error
    this.#setAt = receivedAt
  }

  now(): number {
    return Math.round(this.#offset + performance.now())
  }
}

/** So fast NTP sets a clock right; by itself one drifts a tenth of it. */
const DRIFT = 0.0005
