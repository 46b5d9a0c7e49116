import type { AccountId, EventId, LineId } from './id.ts'
import type { Message } from './message.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Receipt } from './receipt.ts'

/** What an account is told of: by its webhooks, and on its event stream. Recorded with its cause. */
export type AccountEvent =
  | { readonly type: 'message.received'; readonly message: Message }
  /** A line's own message was taken, and then what became of it. */
  | { readonly type: 'message.created' | 'message.updated'; readonly message: Message }
  | { readonly type: 'receipt.settled'; readonly receipt: Receipt }
  /** Of the moment: told once, or not at all. */
  | {
      readonly type: 'typing.changed'
      readonly contact: Address
      readonly lineNumber: PhoneNumber
      readonly typing: boolean
    }

export interface RecordedEvent {
  readonly id: EventId
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly at: number
  readonly event: AccountEvent
}
