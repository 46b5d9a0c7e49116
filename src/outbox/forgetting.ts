import { messageOf } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import type { OutboxLog } from './log.ts'

export interface ForgettingOptions {
  readonly store: Pick<Store, 'forgetInbound' | 'forgetTallies' | 'forgetTokens'>
  /** How long a message is recognised when it is brought again. */
  readonly dedupeAgeMs: number
  readonly log: OutboxLog
  readonly now: () => number
}

const HOUR_MS = 3_600_000
/** The dashboard's chart shows an hour. */
const TALLIES_KEPT_MS = 24 * HOUR_MS
/** Small enough to hold up nobody who waits for the writer. */
const AT_ONCE = 500

/** Forgets what recognised messages of long ago, tokens that ended, and what was counted for a chart, a little at a time. */
export class Forgetting {
  readonly #options: ForgettingOptions
  #timer: NodeJS.Timeout | undefined
  #under: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: ForgettingOptions) {
    this.#options = options
  }

  start(): void {
    const everyMs = Math.min(HOUR_MS, this.#options.dedupeAgeMs / 4)
    this.#timer = setInterval(() => {
      this.#under = this.#under.then(() => this.#forget())
    }, everyMs)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#under
  }

  async #forget(): Promise<void> {
    const { store, dedupeAgeMs, log, now } = this.#options
    try {
      const before = now() - dedupeAgeMs
      while (!this.#stopped && (await store.forgetInbound({ before, limit: AT_ONCE })) === AT_ONCE);
      while (!this.#stopped && (await store.forgetTokens({ before: now(), limit: AT_ONCE })) === AT_ONCE);
      await store.forgetTallies({ before: now() - TALLIES_KEPT_MS })
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'what is old could not be forgotten yet')
    }
  }
}
