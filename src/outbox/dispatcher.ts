import { messageOf } from '../core/errors.ts'
import type { LineId } from '../core/id.ts'
import type { LineWork } from '../core/leases.ts'
import type { LineLeases } from './line-leases.ts'
import type { OutboxLog } from './log.ts'
import type { Drain } from './receipt-lane.ts'

/** Nudges tell of new work at once; this finds what a nudge was lost for. */
const SAFETY_NET_MS = 30_000

interface LineLane {
  nudge(): void
  drain(how: Drain): Promise<void>
}

export interface DispatcherOptions {
  /** Absent where every line is this process's. */
  readonly leases: Pick<LineLeases, 'holds' | 'pass'> | undefined
  readonly work: LineWork
  /** Takes up what an earlier process left. */
  readonly takeUp: () => Promise<void>
  readonly linesWithWork: () => Promise<LineId[]>
  /** A line's lane; `onEnd` is called once the line was removed, or is another process's. */
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
    await this.#options.takeUp()
    await this.#lookFor((lineId) => this.#holds(lineId))
    this.#timer = setInterval(() => void this.#catchUp((lineId) => this.#holds(lineId)), SAFETY_NET_MS)
  }

  /** There is new work for this line. Costs nothing where its lane is busy. */
  nudge(lineId: LineId): void {
    if (!this.#holds(lineId)) this.#options.leases?.pass(this.#options.work, lineId)
    if (this.#draining || !this.#holds(lineId)) return
    const lane = this.#lanes.get(lineId) ?? this.#options.lane(lineId, () => this.#lanes.delete(lineId))
    this.#lanes.set(lineId, lane)
    lane.nudge()
  }

  /** These lines are this process's from here on. */
  lookAt(lineIds: ReadonlySet<LineId>): void {
    void this.#catchUp((lineId) => lineIds.has(lineId))
  }

  /** Claims nothing more for these lines, and answers when all their calls under way are finished and written down. */
  async letGo(lineIds: readonly LineId[]): Promise<void> {
    const lanes = new Map(lineIds.map((lineId) => [lineId, this.#lanes.get(lineId)]))
    await Promise.all(lanes.values().map((lane) => lane?.drain({ ending: false })))
    // Where it was let go twice at once, there may be another by now.
    for (const [lineId, lane] of lanes) if (this.#lanes.get(lineId) === lane) this.#lanes.delete(lineId)
  }

  /** Claims nothing more, and answers when all calls under way are finished and written down. */
  async drain(): Promise<void> {
    this.#draining = true
    clearInterval(this.#timer)
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drain({ ending: true })))
  }

  #holds(lineId: LineId): boolean {
    return this.#options.leases?.holds(lineId) ?? true
  }

  async #lookFor(among: (lineId: LineId) => boolean): Promise<void> {
    for (const lineId of await this.#options.linesWithWork()) if (among(lineId)) this.nudge(lineId)
  }

  async #catchUp(among: (lineId: LineId) => boolean): Promise<void> {
    try {
      await this.#lookFor(among)
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for waiting work')
    }
  }
}
