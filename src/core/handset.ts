import type { Conversation, ConversationKind, Service } from './conversation.ts'
import type { LineId, MessageId } from './id.ts'
import type { Part } from './inbound-message.ts'
import type { Address } from './phone-number.ts'

/**
 * The simulated phone, and the carrier it hangs on. It remembers for itself, apart from what the server remembers, so that
 * what it shows is evidence: `read_at` is written only when the simulator connector *sends*.
 */
export interface Handset {
  /** The contact writes. The same message written again is the same message. */
  write(message: HandsetDraft): Promise<void>
  /** What the contact's phone shows of its messages to a line, oldest first; the newest {@link HANDSET_LENGTH} of them. */
  show(view: { lineId: LineId; contact: Address }): Promise<HandsetMessage[]>
  /** The phone is told that the line has read the conversation: marks what was delivered as read. */
  showRead(conversation: Pick<Conversation, 'lineId' | 'kind' | 'address'> & { at: number }): Promise<void>
  /** The carrier's knobs as they stand. */
  carrier(lineId: LineId): Promise<SimulatedCarrier>
  /** Turns knobs; those absent stay. */
  tune(tuning: { lineId: LineId; knobs: Partial<SimulatedCarrier> }): Promise<SimulatedCarrier>
  /** Takes one of the failures that `failNext` has left; false where none is. */
  takeFailure(lineId: LineId): Promise<boolean>
}

export const HANDSET_LENGTH = 200

export interface HandsetDraft {
  readonly lineId: LineId
  readonly contact: Address
  readonly kind: ConversationKind
  readonly conversationAddress: Address
  readonly carrierMessageId: string
  readonly service: Service
  readonly parts: readonly [Part, ...Part[]]
  readonly writtenAt: number
}

export interface HandsetMessage extends Part {
  /** Null until the server has taken the message. */
  readonly messageId: MessageId | null
  readonly part: number
  readonly service: Service
  /** When the server took it: "Delivered". */
  readonly deliveredAt: number | null
  /** When a receipt reached the phone: "Read". */
  readonly readAt: number | null
}

export interface SimulatedCarrier {
  /** How long each call takes. */
  readonly latencyMs: number
  /** Calls per second that the line's lane may make; null is no limit. */
  readonly pacePerS: number | null
  /** So many of the next calls fail. */
  readonly failNext: number
  /** The share of calls that fail, 0 to 1. */
  readonly failureRate: number
  /** Whether no call gets through. */
  readonly offline: boolean
}
