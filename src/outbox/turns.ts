import { messageOf } from '../core/errors.ts'
import type { OutboxLog } from './log.ts'

export interface TurnsOptions {
  /** Does what there is to do now; answers when to come again, null when only a nudge will tell. */
  readonly step: () => Promise<number | null>
  /** Nothing is due, and no nudge has come: from here on nobody turns until the next one. */
  readonly onIdle?: () => void
  /** Told with what stopped a step: an error of the store's, or a lease that grew old. */
  readonly complaint: string
  readonly tag: Readonly<Record<string, unknown>>
  readonly log: OutboxLog
  readonly now: () => number
}

/** A store that is away is asked again after this long. */
export const STORE_RETRY_MS = 1_000

/** The same for one of many who wait for it, so that they do not come all at once. */
function retryMs(): number {
  return STORE_RETRY_MS * (0.5 + Math.random() / 2)
}

/** Timers hold no more; what is due later is looked for again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A lane's turns: one step at a time, again whenever it is nudged, and when the last step said. */
export class Turns {
  readonly #options: TurnsOptions
  #turning: Promise<void> | undefined
  #nudged = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  /** Until a step succeeds: of a store that is away for an hour a thousand lanes would tell every second. */
  #told: string | undefined

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  nudge(): void {
    if (this.#stopped) return
    this.#nudged = true
    this.#turning ??= this.#turn()
  }

  /** Begins no further step, and answers when the one under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#turning
  }

  async #turn(): Promise<void> {
    let nextAt: number | null = null
    while (this.#nudged && !this.#stopped) {
      this.#nudged = false
      clearTimeout(this.#timer)
      nextAt = await this.#step()
      this.#wakeAt(nextAt)
    }
    // In the same breath as the last look at the flag: a nudge between the two would wake nobody.
    this.#turning = undefined
    if (nextAt === null) this.#options.onIdle?.()
  }

  async #step(): Promise<number | null> {
    const { step, complaint, tag, log, now } = this.#options
    try {
      const nextAt = await step()
      this.#told = undefined
      return nextAt
    } catch (thrown) {
      const error = messageOf(thrown)
      if (error !== this.#told) log.warn({ ...tag, error }, complaint)
      this.#told = error
      return now() + retryMs()
    }
  }

  #wakeAt(at: number | null): void {
    if (at === null || this.#stopped) return
    const wait = Math.min(Math.max(0, at - this.#options.now()), LONGEST_TIMER_MS)
    this.#timer = setTimeout(() => this.nudge(), wait)
  }
}
