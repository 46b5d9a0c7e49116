import { messageOf } from '../core/errors.ts'
import { AGED, type Aged } from '../core/retention.ts'
import type { Store } from '../core/store.ts'
import type { OutboxLog } from './log.ts'

export interface ForgettingOptions {
  readonly store: Pick<Store, 'forgetInbound' | 'forgetOld' | 'forgetTallies' | 'forgetTokens'>
  /** How long a message is recognised when it is brought again. */
  readonly dedupeAgeMs: number
  /** How long what ended is kept. */
  readonly retentionMs: number
  readonly log: OutboxLog
  readonly now: () => number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** The dashboard's chart shows an hour. */
const TALLIES_KEPT_MS = DAY_MS
/** Small enough to hold up nobody who waits for the writer. */
const AT_ONCE = 500
/**
 * An event outlives its deliveries, which may be sent once more until they go; an endpoint that was removed outlives those to it. A
 * callback is called by what becomes of its message, which a contact may read two months later.
 */
const LONGER_MS: Readonly<Partial<Record<Aged, number>>> = { events: 2 * DAY_MS, endpoints: 60 * DAY_MS }

/**
 * Forgets what recognised messages of long ago, tokens that ended, what was counted for a chart, and whatever is old, a little at a
 * time.
 */
export class Forgetting {
  readonly #options: ForgettingOptions
  #timer: NodeJS.Timeout | undefined
  #under: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: ForgettingOptions) {
    this.#options = options
  }

  start(): void {
    const { dedupeAgeMs, retentionMs } = this.#options
    const everyMs = Math.min(HOUR_MS, dedupeAgeMs / 4, retentionMs / 4)
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
      const shown = now() - TALLIES_KEPT_MS
      while (!this.#stopped && (await store.forgetTallies({ before: shown, limit: AT_ONCE })) === AT_ONCE);
      for (const kind of AGED) await this.#forgetOld(kind)
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'what is old could not be forgotten yet')
    }
  }

  /** Others get their turn between two pieces. */
  async #forgetOld(kind: Aged): Promise<void> {
    const { store, retentionMs, now } = this.#options
    const at = now()
    const before = at - retentionMs - (LONGER_MS[kind] ?? 0)
    for (let after: number | null = 0; after !== null && !this.#stopped; ) {
      after = await store.forgetOld({ kind, before, at, after, limit: AT_ONCE })
    }
  }
}
