import type { LineStore } from '../core/store.ts'
import type { OutboxLog } from './log.ts'
import { Turns } from './turns.ts'

export interface RemovedLinesOptions {
  readonly store: Pick<LineStore, 'endRemoved'>
  readonly log: OutboxLog
  readonly now: () => number
}

/** Nudges tell of a removal at once; this finds what a nudge was lost for, and what came late. */
const SAFETY_NET_MS = 30_000
/** Small enough to hold up nobody who waits for the writer, or has events to record. */
const AT_ONCE = 500

/** Ends what removed lines had waiting, a piece at a time: others get their turn between two. Any process may, also several at once. */
export class RemovedLines {
  readonly #turns: Turns
  #timer: NodeJS.Timeout | undefined

  constructor({ store, log, now }: RemovedLinesOptions) {
    const step = async () => ((await store.endRemoved({ limit: AT_ONCE, at: now() })) ? now() : null)
    const complaint = 'what removed lines had waiting could not be ended yet'
    this.#turns = new Turns({ step, complaint, tag: {}, log, now })
  }

  start(): void {
    this.nudge()
    this.#timer = setInterval(() => this.nudge(), SAFETY_NET_MS)
  }

  /** A line was removed, or something of one came back. */
  nudge(): void {
    this.#turns.nudge()
  }

  /** Begins no further piece, and answers when the one under way is ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#turns.stop()
  }
}
