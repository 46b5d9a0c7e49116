import type { Credentials } from './account.ts'
import type { DeliveryId, WebhookId } from './id.ts'
import type {
  Delivery,
  DeliveryLog,
  DeliveryOutcome,
  DeliveryState,
  Endpoint,
  Webhook,
  WebhookDraft,
  WebhookType,
} from './webhook.ts'

export interface WebhookSettings {
  /** In order of their making. */
  readonly webhooks: readonly Webhook[]
  /** Signs for every endpoint that has none of its own. */
  readonly globalSecret: string
}

export interface WebhookStore {
  /** The account's endpoints. */
  listWebhooks(call: { credentials: Credentials }): Promise<WebhookSettings>
  /**
   * Adds endpoints. One that is there already takes what is given of a new secret and lines, and is enabled again. Throws `invalid`
   * for lines that are not the account's, and beyond {@link MOST_WEBHOOKS}.
   */
  addWebhooks(call: WebhookChange): Promise<WebhookSettings>
  /** These and no others, each as it is given: where no secret or no lines are, it has none of its own. Throws as {@link addWebhooks} does. */
  replaceWebhooks(call: WebhookChange): Promise<WebhookSettings>
  /** What waits for them is given up by their lanes. */
  removeWebhooks(call: {
    credentials: Credentials
    type: WebhookType
    urls: readonly string[]
    at: number
  }): Promise<void>
  /** The account's newest deliveries with each of their attempts. */
  listDeliveries(call: DeliveryListCall): Promise<DeliveryLog[]>
  /** Sends it once more, now, whatever became of it; throws `not_found`. */
  redeliver(call: { credentials: Credentials; id: DeliveryId; at: number }): Promise<void>
}

export const MOST_WEBHOOKS = 100
export const TOO_MANY_WEBHOOKS = `\`webhooks\`: an account has ${MOST_WEBHOOKS} at the most`

export interface WebhookChange {
  readonly credentials: Credentials
  readonly webhooks: readonly WebhookDraft[]
  readonly globalSecret?: string
  readonly at: number
}

export interface DeliveryListCall {
  readonly credentials: Credentials
  readonly state?: DeliveryState
  readonly before?: DeliveryId
  readonly limit: number
}

/** Deliveries, as those who carry them see them. */
export interface DeliveryOutbox {
  /**
   * Looks through so many of the endpoints that something waits for, those with larger ids than `after`. Answers those among them
   * for which there is something to do by then, and when.
   */
  findDueEndpoints(call: { after: number; limit: number; by: number }): Promise<DueEndpoints>
  /**
   * Takes up to `limit` that are due; until `leaseUntil` nobody else does. Of an endpoint that is given up it ends a piece of what waits
   * and takes none, to be called again at once; when no more is left it takes what a person asked for.
   */
  claimDeliveries(call: {
    webhookId: WebhookId
    limit: number
    at: number
    leaseUntil: number
  }): Promise<ClaimedDeliveries>
  /** Told by somebody who has it no more, only the attempt is written down. Answers whether it disabled the endpoint. */
  settleDelivery(outcome: DeliveryOutcome): Promise<boolean>
  /** Gives back what was claimed by a process that is no more. */
  releaseDeliveries(call: { at: number }): Promise<void>
}

export interface DueEndpoints {
  readonly endpoints: readonly (Endpoint & { readonly dueAt: number })[]
  /** The last that was looked at; null where there is none behind it. */
  readonly goOnAfter: number | null
}

export interface ClaimedDeliveries {
  readonly deliveries: readonly Delivery[]
  /** When to come again; null when nothing waits. */
  readonly nextDueAt: number | null
}
