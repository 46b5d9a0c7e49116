import { messageOf } from '../core/errors.ts'
import type { WebhookId } from '../core/id.ts'
import { WebhookLane, type WebhookLaneOptions } from './webhook-lane.ts'

/** Nudges tell of new work at once; this finds what a nudge was lost for. */
const SAFETY_NET_MS = 30_000
/** A stop waits so long for calls that are under way; those that take longer are made again by the next start. */
const GRACE_MS = 1_000

export type WebhookDispatcherOptions = Omit<WebhookLaneOptions, 'webhookId' | 'onEnd'>

/** Carries webhooks to customers: a lane for each endpoint, so that a slow or dead one delays no other. */
export class WebhookDispatcher {
  readonly #options: WebhookDispatcherOptions
  readonly #lanes = new Map<WebhookId, WebhookLane>()
  #timer: NodeJS.Timeout | undefined
  #draining = false

  constructor(options: WebhookDispatcherOptions) {
    this.#options = options
  }

  /** Takes up what an earlier process left. Throws when the store is away. */
  async start(): Promise<void> {
    await this.#options.store.releaseDeliveries({ at: this.#options.now() })
    this.nudge(await this.#options.store.webhooksWithWork())
    this.#timer = setInterval(() => void this.#catchUp(), SAFETY_NET_MS)
  }

  nudge(webhookIds: readonly WebhookId[]): void {
    if (this.#draining) return
    for (const webhookId of webhookIds) this.#laneOf(webhookId).nudge()
  }

  /** Nudges may have been lost. */
  lookAgain(): void {
    void this.#catchUp()
  }

  /** Begins nothing more, and answers when all calls under way are finished and written down, or abandoned. */
  async drain(): Promise<void> {
    this.#draining = true
    clearInterval(this.#timer)
    const grace = setTimeout(() => this.#abandon(), GRACE_MS)
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drain()))
    clearTimeout(grace)
  }

  #abandon(): void {
    for (const lane of this.#lanes.values()) lane.abandon()
    void this.#options.caller.abandon()
  }

  #laneOf(webhookId: WebhookId): WebhookLane {
    const onEnd = () => this.#lanes.delete(webhookId)
    const lane = this.#lanes.get(webhookId) ?? new WebhookLane({ ...this.#options, webhookId, onEnd })
    this.#lanes.set(webhookId, lane)
    return lane
  }

  async #catchUp(): Promise<void> {
    try {
      this.nudge(await this.#options.store.webhooksWithWork())
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, 'the store could not be asked for waiting webhooks')
    }
  }
}
