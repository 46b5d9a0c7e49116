/**
 * The database's clock, kept by this process's monotonic one: a node whose own clock is wrong, or is set while it runs, has the
 * same time as the others all the same.
 */
export class Clock {
  #offset: number

  /** `now`: what the database said, `sentAt` when it was asked. */
  constructor(now: number, sentAt: number) {
    this.#offset = now - (sentAt + performance.now()) / 2
  }

  /** To be given back with the answer. */
  sending(): number {
    return performance.now()
  }

  /** The answer is as old as half of its way. What was asked of a busy database is worth less than what is known. */
  set(now: number, sentAt: number): void {
    const receivedAt = performance.now()
    if (receivedAt - sentAt < WORTH_MS) this.#offset = now - (sentAt + receivedAt) / 2
  }

  now(): number {
    return Math.round(this.#offset + performance.now())
  }
}

const WORTH_MS = 500
