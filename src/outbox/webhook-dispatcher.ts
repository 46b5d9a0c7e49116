import { wasSetBack } from '../core/clock-set-back.ts'
import { messageOf } from '../core/errors.ts'
import type { WebhookId } from '../core/id.ts'
import type { Endpoint } from '../core/webhook.ts'
import { Callbacks } from './callbacks.ts'
import { WebhookLane, type WebhookLaneOptions } from './webhook-lane.ts'

/** What is due later than this has no lane until then: a look, once in that time, finds what is due before the next one. */
const SOON_MS = 30_000
/** So many endpoints are looked at together, and the next ones after a pause: 5,000 a second, however many have something to come. */
const LOOKED_AT_ONCE = 1_000
const PAUSE_MS = 200
/** While so many sleep, a look is for what is due alone: 6 MB. A million callbacks that fail together would be a hundred. */
const MOST_SLEEPING = 10_000
/** A stop waits so long for calls that are under way; those that take longer are made again by the next start. */
const GRACE_MS = 1_000

export type WebhookDispatcherOptions = Omit<WebhookLaneOptions, 'webhookId' | 'share' | 'isWaitedFor' | 'onEnd'>

/** Carries webhooks to customers: a lane for each endpoint, so that a slow or dead one delays no other. */
export class WebhookDispatcher {
  readonly #options: WebhookDispatcherOptions
  readonly #lanes = new Map<WebhookId, WebhookLane>()
  readonly #callbacks = new Callbacks()
  /** Endpoints for which something is due soon. */
  readonly #sleeping = new Map<WebhookId, NodeJS.Timeout>()
  /** Where the look for what is due goes on, and whether from the first instead. */
  #after = 0
  #anew = false
  #looking = false
  #lookedAt = Number.NEGATIVE_INFINITY
  #next: NodeJS.Timeout | undefined
  #draining = false

  constructor(options: WebhookDispatcherOptions) {
    this.#options = options
  }

  /** Takes up what an earlier process left. Throws when the store is away. */
  async start(): Promise<void> {
    await this.#takeUp()
    await this.#look()
  }

  nudge(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#nudge(endpoint)
  }

  /** Nudges may have been lost. */
  lookAgain(): void {
    this.#anew = true
    if (!this.#looking) this.#lookIn(0)
  }

  /** Begins nothing more, and answers when all calls under way are finished and written down, or abandoned. */
  async drain(): Promise<void> {
    this.#draining = true
    clearTimeout(this.#next)
    for (const timer of this.#sleeping.values()) clearTimeout(timer)
    const grace = setTimeout(() => this.#abandon(), GRACE_MS)
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drain()))
    clearTimeout(grace)
  }

  /** What an earlier process left, or what is due at a time from before the clock was set back. */
  async #takeUp(): Promise<void> {
    await this.#options.store.releaseDeliveries({ at: this.#options.now() })
  }

  #abandon(): void {
    for (const lane of this.#lanes.values()) lane.abandon()
    void this.#options.caller.abandon()
  }

  #nudge(endpoint: Endpoint): void {
    if (this.#draining) return
    const { id, callbackOf } = endpoint
    const lane = this.#lanes.get(id)
    if (lane !== undefined) lane.nudge()
    else if (callbackOf === null || this.#callbacks.enter(id, callbackOf)) this.#open(endpoint)
  }

  #open(endpoint: Endpoint): void {
    const { id, callbackOf } = endpoint
    const lane = new WebhookLane({
      ...this.#options,
      webhookId: id,
      share: () => (callbackOf === null ? Number.POSITIVE_INFINITY : this.#callbacks.share(callbackOf)),
      isWaitedFor: () => callbackOf !== null && this.#callbacks.isWaitedFor(callbackOf),
      onEnd: (nextDueAt) => this.#ended(endpoint, nextDueAt),
    })
    this.#lanes.set(id, lane)
    lane.nudge()
  }

  #ended(endpoint: Endpoint, nextDueAt: number | null): void {
    const { id, callbackOf } = endpoint
    this.#lanes.delete(id)
    if (this.#draining) return
    if (callbackOf !== null) {
      const next = this.#callbacks.leave(callbackOf)
      if (next !== undefined) this.#open({ id: next, callbackOf })
    }
    if (nextDueAt !== null) this.#wakeAt(endpoint, nextDueAt)
  }

  #wakeAt(endpoint: Endpoint, at: number): void {
    clearTimeout(this.#sleeping.get(endpoint.id))
    this.#sleeping.delete(endpoint.id)
    const wait = Math.max(0, at - this.#options.now())
    if (wait > SOON_MS || this.#draining) return
    const wake = () => {
      this.#sleeping.delete(endpoint.id)
      this.#nudge(endpoint)
    }
    this.#sleeping.set(endpoint.id, setTimeout(wake, wait))
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#next)
    if (!this.#draining) this.#next = setTimeout(() => void this.#lookOn(), ms)
  }

  async #lookOn(): Promise<void> {
    try {
      await this.#look()
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for waiting webhooks')
      this.#lookIn(SOON_MS)
    }
  }

  /** Looks at some of the endpoints, and later at those behind them, from the first to the last and again. */
  async #look(): Promise<void> {
    const { store, now } = this.#options
    this.#looking = true
    const after = this.#anew ? 0 : this.#after
    this.#anew = false
    try {
      if (wasSetBack(this.#lookedAt, now())) await this.#takeUp()
      this.#lookedAt = now()
      const by = this.#sleeping.size < MOST_SLEEPING ? now() + SOON_MS : now()
      const { endpoints, goOnAfter } = await store.findDueEndpoints({ after, limit: LOOKED_AT_ONCE, by })
      for (const { dueAt, ...endpoint } of endpoints) this.#wakeAt(endpoint, dueAt)
      this.#after = goOnAfter ?? 0
      this.#lookIn(this.#anew ? 0 : goOnAfter === null ? SOON_MS : PAUSE_MS)
    } finally {
      this.#looking = false
    }
  }
}
