import type { AccountId, EventId, LineId } from './id.ts'
import type { LineHealth } from './line.ts'
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
  | { readonly type: 'line.status.changed'; readonly lineNumber: PhoneNumber; readonly health: LineHealth }

export interface RecordedEvent {
  readonly id: EventId
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly at: number
  readonly event: AccountEvent
}

/** The line that it happened on. */
export function lineNumberOf(event: AccountEvent): PhoneNumber {
  if ('message' in event) return event.message.lineNumber
  return 'receipt' in event ? event.receipt.fromNumber : event.lineNumber
}

/** What all accounts were told of, in the order of its recording: for whoever passes it on while it happens. */
export interface EventLog {
  /** The oldest of those beyond `after`. */
  listEvents(call: { after: EventId; limit: number }): Promise<RecordedEvent[]>
  /** 0 where there is none yet. */
  newestEventId(): Promise<EventId>
}
