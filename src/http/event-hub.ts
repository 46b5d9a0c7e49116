import { setImmediate as turn } from 'node:timers/promises'
import type { EventLog, RecordedEvent } from '../core/account-event.ts'
import { messageOf } from '../core/errors.ts'
import type { AccountId, EventId } from '../core/id.ts'
import type { Changes } from '../core/store.ts'

export interface EventHubOptions {
  readonly store: EventLog
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void }
}

/** Never throws, and never keeps the others waiting. */
export interface EventListener {
  /** Whose events; null for those of all. */
  readonly accountId: AccountId | null
  /** False where what it wrote should have a turn of the event loop to get away, before there is more. */
  readonly onEvent: (event: RecordedEvent) => boolean
  /** There will be no more: the process is about to end. */
  readonly onEnd: () => void
}

/** So many events are read together. */
const AT_ONCE = 100
const RETRY_MS = 1_000
/** Nudges tell of new events at once; this finds what a nudge was lost for: its node was killed before it could send it. */
const SAFETY_NET_MS = 2_000

/**
 * Hands new events to whoever listens: one reader of the store for all of them, and none while nobody does. Its place is an
 * event's id: the store shows none after a greater one, however many write.
 */
export class EventHub {
  readonly #options: EventHubOptions
  readonly #listeners = new Set<EventListener & { readonly after: EventId }>()
  #position = 0 as EventId
  #reading = false
  #again = false
  #ended = false
  #retry: NodeJS.Timeout | undefined
  #safetyNet: NodeJS.Timeout | undefined

  constructor(options: EventHubOptions) {
    this.#options = options
  }

  /** Hears of all that is recorded from the answer on; which is how to unsubscribe. */
  async subscribe(listener: EventListener): Promise<() => void> {
    const after = await this.#options.store.newestEventId()
    if (this.#ended) {
      listener.onEnd()
      return () => {}
    }
    const listening = { ...listener, after }
    if (this.#listeners.size === 0) this.#position = after
    this.#listeners.add(listening)
    this.#safetyNet ??= setInterval(() => this.#look(), SAFETY_NET_MS).unref()
    // What was recorded since it was asked for the newest.
    this.#look()
    return () => {
      this.#listeners.delete(listening)
      if (this.#listeners.size === 0) this.#rest()
    }
  }

  #rest(): void {
    clearInterval(this.#safetyNet)
    this.#safetyNet = undefined
  }

  /** There are new events. */
  changed({ events }: Pick<Changes, 'events'>): void {
    if (events) this.#look()
  }

  #look(): void {
    this.#again = true
    if (!this.#reading) void this.#read()
  }

  /** Ends all that listen, and whoever comes after. */
  end(): void {
    this.#ended = true
    clearTimeout(this.#retry)
    this.#rest()
    for (const { onEnd } of this.#listeners) onEnd()
    this.#listeners.clear()
  }

  async #read(): Promise<void> {
    const { store, log } = this.#options
    this.#reading = true
    try {
      while (this.#again && this.#listeners.size > 0) {
        this.#again = false
        const events = await store.listEvents({ after: this.#position, limit: AT_ONCE })
        for (const event of events) {
          // One turn and no more: whoever still lags does not keep the others waiting.
          if (!this.#hand(event)) await turn()
        }
        if (events.length === AT_ONCE) this.#again = true
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, 'the store could not be asked for new events')
      if (!this.#ended) this.#retry = setTimeout(() => this.#look(), RETRY_MS)
    } finally {
      this.#reading = false
    }
  }

  #hand(event: RecordedEvent): boolean {
    this.#position = event.id
    let goOn = true
    for (const { accountId, after, onEvent } of this.#listeners) {
      if (event.id > after && (accountId === null || accountId === event.accountId)) {
        goOn = onEvent(event) && goOn
      }
    }
    return goOn
  }
}
