import type { Connector, EnrolOutcome } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import { formatId, type LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { LineStore } from '../core/store.ts'
import { BackOff } from './back-off.ts'
import type { OutboxLog } from './log.ts'

export interface EnrolmentOptions {
  readonly store: Pick<LineStore, 'linesToEnrol' | 'noteEnrolled' | 'noteHealth'>
  readonly connectors: Readonly<Record<string, Connector>>
  readonly inboundUrl: (inboundSecret: string) => string
  readonly log: OutboxLog
  readonly now: () => number
}

interface Tries {
  readonly backOff: BackOff
  last: Promise<void>
  timer?: NodeJS.Timeout
}

/** Tells carriers where to call us: when a line is created or changed, or as soon after as its carrier answers. */
export class Enrolment {
  readonly #options: EnrolmentOptions
  readonly #tries = new Map<LineId, Tries>()
  #stopped = false

  constructor(options: EnrolmentOptions) {
    this.#options = options
  }

  /** Goes on with the lines that an earlier process could not enrol. Throws when the store is away. */
  async start(): Promise<void> {
    for (const { line } of await this.#options.store.linesToEnrol()) void this.enrol(line.id)
  }

  /** Answers when the line was tried once. Never throws: it goes on trying by itself. */
  enrol(lineId: LineId): Promise<void> {
    const tries = this.#tries.get(lineId) ?? { backOff: new BackOff(), last: Promise.resolve() }
    this.#tries.set(lineId, tries)
    clearTimeout(tries.timer)
    // One after another: two at once would each put its own webhook at the carrier.
    tries.last = tries.last.then(() => this.#try(lineId, tries))
    return tries.last
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { timer } of this.#tries.values()) clearTimeout(timer)
    await Promise.all([...this.#tries.values()].map(({ last }) => last))
  }

  async #try(lineId: LineId, tries: Tries): Promise<void> {
    if (this.#stopped) return
    const { log, now } = this.#options
    const startedAt = now()
    let done = false
    try {
      done = await this.#tell(lineId)
    } catch (error) {
      log.warn({ line: formatId('line', lineId), error: messageOf(error) }, 'a line could not be enrolled yet')
    }
    if (done) {
      this.#tries.delete(lineId)
    } else if (!this.#stopped) {
      const at = now()
      tries.backOff.fail({ startedAt, at })
      tries.timer = setTimeout(() => void this.enrol(lineId), tries.backOff.until - at)
    }
  }

  /** False where the carrier has to be tried again. */
  async #tell(lineId: LineId): Promise<boolean> {
    const { store, inboundUrl } = this.#options
    const waiting = (await store.linesToEnrol()).find(({ line }) => line.id === lineId)
    if (waiting === undefined) return true
    const { line, inboundSecret } = waiting
    const carrier = this.#options.connectors[line.connector]?.line(line)
    const outcome = (await carrier?.enrol?.(inboundUrl(inboundSecret))) ?? { kind: 'done' }
    if (outcome.kind !== 'done') return this.#remember(line, outcome)
    await store.noteEnrolled({ id: lineId, inboundSecret })
    await store.noteHealth({ id: lineId, health: (await carrier?.probe?.()) ?? { status: 'ONLINE', reason: null } })
    return true
  }

  async #remember(line: Line, { reason, detail }: Exclude<EnrolOutcome, { kind: 'done' }>): Promise<false> {
    const { store, log } = this.#options
    log.warn({ line: formatId('line', line.id), reason, detail }, 'a carrier could not be told where to call')
    await store.noteHealth({ id: line.id, health: { status: 'OFFLINE', reason } })
    return false
  }
}
