import type { CarrierLine } from '../core/connector.ts'
import { messageOf } from '../core/errors.ts'
import { formatId, type LineId, type ReceiptId } from '../core/id.ts'
import { healthOf, type Line } from '../core/line.ts'
import type { LineStore } from '../core/store.ts'
import type { OutboxLog } from './log.ts'

export interface VerificationOptions {
  readonly store: Pick<LineStore, 'noteVerification'>
  /** Something may be wrong with this line. */
  readonly lookAt: (lineId: LineId) => void
  readonly log: OutboxLog
  readonly now: () => number
}

/** What a carrier took. */
export interface Sent {
  readonly line: Line
  readonly carrier: CarrierLine
  readonly receiptIds: readonly ReceiptId[]
  readonly carrierMessageId: string
}

/** A Mac shows it after two to ten seconds, or never. */
const LOOK_AFTER_MS = [2_000, 10_000]

/** Looks whether what a carrier took is then read there. The receipt stays `sent` either way; it is the line's health that tells. */
export class Verification {
  readonly #options: VerificationOptions
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #looking = new Set<Promise<void>>()
  #stopped = false

  constructor(options: VerificationOptions) {
    this.#options = options
  }

  sent(sent: Sent): void {
    if (sent.carrier.verify !== undefined) this.#lookLater(sent, 0)
  }

  /** What was not looked at by now is not looked at any more: it is a measure, no duty. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(this.#looking)
  }

  #lookLater(sent: Sent, turn: number): void {
    if (this.#stopped) return
    const wait = (LOOK_AFTER_MS[turn] as number) - (LOOK_AFTER_MS[turn - 1] ?? 0)
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const looking = this.#look(sent, turn).finally(() => this.#looking.delete(looking))
      this.#looking.add(looking)
    }, wait)
    this.#timers.add(timer)
  }

  async #look(sent: Sent, turn: number): Promise<void> {
    const { log, now } = this.#options
    try {
      const verified = await sent.carrier.verify?.(sent.carrierMessageId)
      if (verified) await this.#note(sent, now())
      else if (turn + 1 < LOOK_AFTER_MS.length) this.#lookLater(sent, turn + 1)
      else if (verified === false) await this.#note(sent, null)
    } catch (error) {
      const tag = { line: formatId('line', sent.line.id), error: messageOf(error) }
      log.warn(tag, 'whether a receipt took could not be seen')
    }
  }

  async #note({ line, receiptIds }: Sent, verifiedAt: number | null): Promise<void> {
    const { store, lookAt } = this.#options
    const unverified = await store.noteVerification({ id: line.id, receiptIds, verifiedAt })
    if (healthOf(line.health, unverified).status !== line.health.status) lookAt(line.id)
  }
}
