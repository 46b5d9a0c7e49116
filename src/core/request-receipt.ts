import type { MessageId } from './id.ts'
import type { Trigger } from './receipt.ts'

/** Somebody wants a conversation marked as read. */
export interface ReceiptRequest {
  readonly trigger: Trigger
  /** The newest inbound message we had received when asked; null where there was none. */
  readonly readUpTo: MessageId | null
  readonly at: number
}

/** The part of a queued receipt that a request can change. */
export interface QueuedReceipt {
  readonly trigger: Trigger
  readonly requests: number
  readonly readUpTo: MessageId | null
  readonly nextAttemptAt: number
  readonly expiresAt: number
}

/**
 * The waist: every read receipt there is begins here, whoever asked for it. A request joins the receipt that its conversation
 * has queued, or queues the first; so a thousand calls cost the carrier one. `lifetimeMs` is how long a receipt is worth
 * sending: a late one tells a lie.
 */
export function requestReceipt(
  queued: QueuedReceipt | undefined,
  request: ReceiptRequest,
  lifetimeMs: number,
): QueuedReceipt {
  return {
    trigger: queued?.trigger ?? request.trigger,
    requests: (queued?.requests ?? 0) + 1,
    readUpTo: furthest(queued?.readUpTo ?? null, request.readUpTo),
    nextAttemptAt: Math.min(queued?.nextAttemptAt ?? request.at, request.at),
    // A call that comes out of a slower batch must not shorten what a later one was promised.
    expiresAt: Math.max(queued?.expiresAt ?? 0, request.at + lifetimeMs),
  }
}

/** Message ids grow in our order of receiving, so the larger is the newer. */
export function furthest(a: MessageId | null, b: MessageId | null): MessageId | null {
  if (a === null || b === null) return a ?? b
  return a > b ? a : b
}
