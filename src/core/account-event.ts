import type { AccountId, EventId, LineId } from './id.ts'
import type { Message } from './message.ts'
import type { Receipt } from './receipt.ts'

/** What an account is told of: by its webhooks, and on its event stream. Recorded with its cause. */
export type AccountEvent =
  | { readonly type: 'message.received'; readonly message: Message }
  | { readonly type: 'receipt.settled'; readonly receipt: Receipt }

export interface RecordedEvent {
  readonly id: EventId
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly at: number
  readonly event: AccountEvent
}
