import type { MessageId } from './id.ts'
import type { Trigger } from './receipt.ts'

/** Somebody wants a conversation marked as read. */
export interface ReceiptRequest {
  readonly trigger: Trigger
  /** The newest inbound message we had received when asked; null where there was none. */
  readonly readUpTo: MessageId | null
  readonly at: number
  /** When it may go; null while it waits for the account's reply. */
  readonly dueAt: number | null
}

/** The part of a queued receipt that a request can change. */
export interface QueuedReceipt {
  readonly trigger: Trigger
  readonly requests: number
  readonly readUpTo: MessageId | null
  /** Null while it waits for the account's reply. */
  readonly nextAttemptAt: number | null
  readonly expiresAt: number
}

/**
 * The waist: every read receipt there is begins here, whoever asked for it. A request joins the receipt that its conversation
 * has queued, or queues the first; so a thousand calls cost the carrier one. `lifetimeMs` is how long a receipt is worth
 * sending once it is due: a late one tells a lie.
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
    nextAttemptAt: queued === undefined ? request.dueAt : earlier(queued.nextAttemptAt, request.dueAt),
    // A call that comes out of a slower batch must not shorten what a later one was promised.
    expiresAt: Math.max(queued?.expiresAt ?? 0, (request.dueAt ?? request.at) + lifetimeMs),
  }
}

/** Of two times at which a receipt may go; null is when there is a reply. */
function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}

/** Message ids grow in our order of receiving, so the larger is the newer. */
export function furthest(a: MessageId | null, b: MessageId | null): MessageId | null {
  if (a === null || b === null) return a ?? b
  return a > b ? a : b
}
