import { messageOf } from '../core/errors.ts'
import type { OutboxLog } from './log.ts'
import { STORE_RETRY_MS } from './turns.ts'

interface InsistingOptions {
  /** Told with the first error of the store's that a write meets, and with each other one. */
  readonly complaint: string
  readonly tag: Readonly<Record<string, unknown>>
  readonly log: OutboxLog
}

/** Writes that have to be in the store, however long it is away: until they are, or the process ends. */
export class Insisting {
  readonly #options: InsistingOptions
  #ending = false

  constructor(options: InsistingOptions) {
    this.#options = options
  }

  async until(write: () => Promise<void>): Promise<void> {
    const { complaint, tag, log } = this.#options
    let told: string | undefined
    for (;;) {
      try {
        return await write()
      } catch (thrown) {
        const error = messageOf(thrown)
        if (error !== told) log.warn({ ...tag, error }, complaint)
        told = error
        if (this.#ending) return
        await new Promise((resolve) => setTimeout(resolve, STORE_RETRY_MS))
      }
    }
  }

  /** The process ends: each write is tried once more, and whoever comes next finds what is missing. */
  end(): void {
    this.#ending = true
  }
}
