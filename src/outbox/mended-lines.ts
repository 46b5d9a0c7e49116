import { formatId, type LineId } from '../core/id.ts'
import type { LineStore } from '../core/store.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { LineLeases } from './line-leases.ts'
import type { OutboxLog } from './log.ts'
import { Turns } from './turns.ts'

export interface MendedLinesOptions {
  readonly store: Pick<LineStore, 'hastenTries'>
  /** Absent where every line is this process's. */
  readonly leases: Pick<LineLeases, 'beginAnew'> | undefined
  readonly dispatchers: readonly Pick<Dispatcher, 'letGo' | 'nudge'>[]
  readonly log: OutboxLog
  readonly now: () => number
}

/** Has lines' lanes begin anew: what kept them from their carriers may be mended, or the carrier another one. */
export class MendedLines {
  readonly #options: MendedLinesOptions
  readonly #turns = new Map<LineId, Turns>()
  #stopped = false

  constructor(options: MendedLinesOptions) {
    this.#options = options
  }

  /** Until the store has it, however long that is away: nobody else would hasten what waits. */
  beginAnew(lineId: LineId): void {
    if (this.#stopped) return
    const turns = this.#turns.get(lineId) ?? this.#turnsOf(lineId)
    this.#turns.set(lineId, turns)
    turns.nudge()
  }

  /** Begins no other anew, and answers when those under way have. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#turns.values()].map((turns) => turns.stop()))
  }

  #turnsOf(lineId: LineId): Turns {
    const { log, now } = this.#options
    const step = async () => {
      await this.#begin(lineId)
      return null
    }
    const onIdle = () => this.#turns.delete(lineId)
    const complaint = 'a line could not begin anew'
    return new Turns({ step, onIdle, complaint, tag: { line: formatId('line', lineId) }, log, now })
  }

  async #begin(lineId: LineId): Promise<void> {
    const { store, leases, dispatchers, now } = this.#options
    try {
      await Promise.all(dispatchers.map((dispatcher) => dispatcher.letGo([lineId])))
      await leases?.beginAnew(lineId)
      await store.hastenTries({ id: lineId, at: now() })
    } finally {
      for (const dispatcher of dispatchers) dispatcher.nudge(lineId)
    }
  }
}
