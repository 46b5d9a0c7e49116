import type { AccountEvent, RecordedEvent } from './account-event.ts'
import type { AccountId, DeliveryId, WebhookId } from './id.ts'
import type { PhoneNumber } from './phone-number.ts'

/** Every type that an account may ask for, by the original's words; `read_receipt` is ours. */
export const WEBHOOK_TYPES = [
  'receive',
  'outbound',
  'typing_indicator',
  'call_log',
  'inbound_call',
  'line_blocked',
  'line_assigned',
  'contact_created',
  'contact_profile',
  'read_receipt',
] as const
export type WebhookType = (typeof WEBHOOK_TYPES)[number]

/** What a message's `status_callback` is called with: an endpoint of the message's, not one of the account's list. */
export const STATUS_CALLBACK = 'status_callback'
export type EndpointType = WebhookType | typeof STATUS_CALLBACK

/** Which of them an event goes to; what is absent goes to the event stream alone. A type that is not here is taken, and never sent. */
export const WEBHOOK_FOR: Readonly<Partial<Record<AccountEvent['type'], WebhookType>>> = {
  'message.received': 'receive',
  'message.created': 'outbound',
  'message.updated': 'outbound',
  'receipt.settled': 'read_receipt',
  'typing.changed': 'typing_indicator',
}

/** Why an endpoint gets nothing any more. */
export const DISABLED_REASONS = ['gone', 'failing'] as const
export type DisabledReason = (typeof DISABLED_REASONS)[number]

/**
 * As it goes over the wire, whatever the case of its scheme and host, and without a fragment, which is the caller's own (RFC 3986,
 * 6.2.2 and 3.5): two that are then alike are one.
 */
export function urlAsCalled(given: string): string {
  const url = URL.parse(given)
  if (url === null) return given
  url.hash = ''
  return url.href
}

/** Where an account wants to be called. */
export interface Webhook {
  readonly id: WebhookId
  readonly type: WebhookType
  readonly url: string
  /** Its own; the account's signs where it is null. */
  readonly secret: string | null
  /** Only what concerns these lines of the account's; all of them where null. */
  readonly numbers: readonly PhoneNumber[] | null
  readonly disabled: DisabledReason | null
  /** Since when nothing got through. */
  readonly failingSince: number | null
  readonly createdAt: number
}

/** What has a lane of its own. */
export interface Endpoint {
  readonly id: WebhookId
  /** Whose messages' `status_callback` it is; null for one that its account lists. */
  readonly callbackOf: AccountId | null
}

export type WebhookDraft = Pick<Webhook, 'type' | 'url' | 'secret' | 'numbers'>

/** A secret that was replaced signs beside the new one for so long. */
export const ROTATION_MS = 86_400_000

export const DELIVERY_STATES = ['waiting', 'sending', 'delivered', 'failed'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** An event on its way to an endpoint. */
export interface Delivery {
  readonly id: DeliveryId
  readonly webhookId: WebhookId
  readonly url: string
  readonly type: EndpointType
  readonly event: RecordedEvent
  readonly account: { readonly id: AccountId; readonly email: string; readonly plan: string }
  /** The one in force first; while a rotation lasts, the one before too. */
  readonly secrets: readonly string[]
  /** Those before this one. */
  readonly attempts: number
  readonly failingSince: number | null
  /** Whoever took it has it until then. */
  readonly leaseUntil: number
}

/** `internal` is ours: the call could not be made out of what was to be told. */
export const OBSTACLES = ['timeout', 'unreachable', 'broken_answer', 'forbidden_address', 'internal'] as const

/** What an endpoint made of one call. */
export interface Attempt {
  readonly at: number
  readonly ms: number
  /** Null where there was no answer. */
  readonly status: number | null
  /** Why there was none. */
  readonly obstacle: (typeof OBSTACLES)[number] | null
  /** The beginning of its answer. */
  readonly answer: string
  readonly retryAfterMs?: number | undefined
}

/** So much of an answer is kept. */
export const ANSWER_KEPT = 4_096

/** A delivery and what became of it so far. */
export interface DeliveryLog {
  readonly id: DeliveryId
  readonly webhookId: WebhookId
  readonly url: string
  readonly type: EndpointType
  readonly event: RecordedEvent
  readonly state: DeliveryState
  readonly createdAt: number
  readonly nextAttemptAt: number | null
  readonly attempts: readonly Attempt[]
}

/** What to write down after an attempt. */
export interface DeliveryOutcome {
  readonly id: DeliveryId
  readonly webhookId: WebhookId
  /** As it was taken. */
  readonly leaseUntil: number
  readonly attempt: Attempt
  readonly state: Exclude<DeliveryState, 'sending'>
  readonly nextAttemptAt: number | null
  /** Whether the endpoint fails; null where the attempt says nothing of it. */
  readonly failing: boolean | null
  /** The endpoint is to get nothing any more, nor this again; unless the store knows that it was enabled since, or took something. */
  readonly disable: DisabledReason | null
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** `docs/api.md`, "Webhooks": how long after each failure the next try comes; then it is given up. */
const WAITS_MS = [5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS] as const
const JITTER = 0.2
/** What waits for longer was tried before the clock was set back. */
export const LONGEST_WAIT_MS = Math.max(...WAITS_MS) * (1 + JITTER)
/** An endpoint that took nothing for so long gets nothing any more. */
export const LONGEST_FAILING_MS = 5 * 24 * HOUR_MS

/** 2xx is delivered, 410 ends the endpoint, all else is tried again. `chance` is from 0 to 1. */
export function concludeAttempt(delivery: Delivery, attempt: Attempt, chance: number): DeliveryOutcome {
  const { status } = attempt
  const taken = status !== null && status >= 200 && status < 300
  // An error of ours is not the endpoint's.
  const failing = attempt.obstacle === 'internal' ? null : !taken
  const { id, webhookId, leaseUntil } = delivery
  const base = { id, webhookId, leaseUntil, attempt, failing }
  if (taken) return { ...base, state: 'delivered', nextAttemptAt: null, disable: null }
  const disable = disabledBy(delivery, attempt)
  // What is of the moment is worth nothing later.
  const wait = delivery.type === 'typing_indicator' ? undefined : WAITS_MS[delivery.attempts]
  if (wait === undefined) return { ...base, state: 'failed', nextAttemptAt: null, disable }
  const jittered = wait * (1 + JITTER * (2 * chance - 1))
  const asked = Math.min(attempt.retryAfterMs ?? 0, 10 * HOUR_MS)
  const nextAttemptAt = attempt.at + attempt.ms + Math.round(Math.max(jittered, asked))
  return { ...base, state: 'waiting', nextAttemptAt, disable }
}

function disabledBy({ failingSince }: Delivery, { status, obstacle, at }: Attempt): DisabledReason | null {
  if (status === 410) return 'gone'
  if (obstacle === 'internal') return null
  return failingSince !== null && at - failingSince >= LONGEST_FAILING_MS ? 'failing' : null
}
