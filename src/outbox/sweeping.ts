import type { LineId } from '../core/id.ts'
import { OVERDUE_AT_ONCE, servedFrom } from '../core/overdue.ts'
import type { Reason } from '../core/reason.ts'
import type { Outbox } from '../core/store.ts'

interface SweepingOptions {
  readonly lineId: LineId
  readonly store: Pick<Outbox, 'findOverdue' | 'expireReceipts'>
  readonly now: () => number
}

/** Each look costs the store some milliseconds, however little it finds. */
const LOOK_MS = 1_000
const NEVER = Number.POSITIVE_INFINITY

/** Expires what waited too long, also in a lane that stands still: a stretch of the lane at a time, then from the front again. */
export class Sweeping {
  readonly #options: SweepingOptions
  #lookAt = Number.NEGATIVE_INFINITY
  /** Where the next look begins; null at the front. */
  #after: number | null = null
  /** The earliest still to come of what was looked at since the front. */
  #nextExpiryAt = NEVER
  #servedFrom = 0

  constructor(options: SweepingOptions) {
    this.#options = options
  }

  /** See {@link servedFrom}; of what was looked at last. */
  get servedFrom(): number {
    return this.#servedFrom
  }

  /** Answers when to look again, null when nothing waits. `obstacle` is what keeps the lane back. Throws when the store is away. */
  async sweep(obstacle: Reason): Promise<number | null> {
    const { lineId, store, now } = this.#options
    const at = now()
    if (at < this.#lookAt) return this.#lookAt
    this.#servedFrom = servedFrom(this.#servedFrom, this.#lookAt, at)
    const { receiptIds, nextExpiryAt, goOnAfter } = await store.findOverdue({ lineId, at, after: this.#after })
    const hindrance = { obstacle, servedFrom: this.#servedFrom }
    if (receiptIds.length > 0) await store.expireReceipts({ lineId, receiptIds, ...hindrance, at })
    if (receiptIds.length === OVERDUE_AT_ONCE) return at
    this.#after = goOnAfter
    this.#nextExpiryAt = Math.min(this.#nextExpiryAt, nextExpiryAt ?? NEVER)
    this.#lookAt = at + LOOK_MS
    return goOnAfter === null ? this.#rest() : this.#lookAt
  }

  /** At the lane's end: there is time until something of it is too late. */
  #rest(): number | null {
    const nextExpiryAt = this.#nextExpiryAt
    this.#nextExpiryAt = NEVER
    if (nextExpiryAt === NEVER) return null
    this.#lookAt = Math.max(this.#lookAt, nextExpiryAt)
    return this.#lookAt
  }
}
