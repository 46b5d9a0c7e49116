import { messageOf } from '../core/errors.ts'
import type { LineId } from '../core/id.ts'
import type { OutboxLog } from './log.ts'

/** Nudges tell of new work at once; this finds what a nudge was lost for. */
const SAFETY_NET_MS = 30_000

interface LineLane {
  nudge(): void
  drain(): Promise<void>
}

export interface DispatcherOptions {
  /** Takes up what an earlier process left. */
  readonly takeUp: () => Promise<void>
  readonly linesWithWork: () => Promise<LineId[]>
  /** A line's lane; `onEnd` is called once the line was removed. */
  readonly lane: (lineId: LineId, onEnd: () => void) => LineLane
  readonly log: OutboxLog
}

/** Carries receipts, or messages, to their carriers: a lane for each line, so that a slow or dead one delays no other. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #lanes = new Map<LineId, LineLane>()
  #timer: NodeJS.Timeout | undefined
  #draining = false

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** Takes up what an earlier process left, then whatever it is nudged for. Throws when the store is away. */
  async start(): Promise<void> {
    const { takeUp, linesWithWork } = this.#options
    await takeUp()
    for (const lineId of await linesWithWork()) this.nudge(lineId)
    this.#timer = setInterval(() => void this.#catchUp(), SAFETY_NET_MS)
  }

  /** There is new work for this line. Costs nothing where its lane is busy. */
  nudge(lineId: LineId): void {
    if (this.#draining) return
    const lane = this.#lanes.get(lineId) ?? this.#options.lane(lineId, () => this.#lanes.delete(lineId))
    this.#lanes.set(lineId, lane)
    lane.nudge()
  }

  /** Claims nothing more, and answers when all calls under way are finished and written down. */
  async drain(): Promise<void> {
    this.#draining = true
    clearInterval(this.#timer)
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drain()))
  }

  async #catchUp(): Promise<void> {
    try {
      for (const lineId of await this.#options.linesWithWork()) this.nudge(lineId)
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for waiting work')
    }
  }
}
