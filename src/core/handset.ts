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
  writeOnPhone(message: HandsetDraft): Promise<void>
  /** What the contact's phone shows of its conversation with a line, oldest first; the newest {@link HANDSET_LENGTH} of them. */
  showPhone(view: { lineId: LineId; contact: Address }): Promise<HandsetMessage[]>
  /** A message of the line's reaches the phone. */
  reachPhone(message: HandsetArrival): Promise<void>
  /** The contact opens the conversation: what the line wrote there is read, and so told but for SMS. */
  contactReads(view: { lineId: LineId; contact: Address; at: number }): Promise<void>
  /** The phone shows until then that the line types; a time that is past ends it. */
  showTyping(view: { lineId: LineId; contact: Address; until: number }): Promise<void>
  /** Until when it shows that; null where it never did. */
  typingUntil(view: { lineId: LineId; contact: Address }): Promise<number | null>
  /** The phone is told that the line has read the conversation: marks what was delivered as read. */
  showRead(conversation: Pick<Conversation, 'lineId' | 'kind' | 'address'> & { at: number }): Promise<void>
  /** The carrier's knobs as they stand. */
  simulatedCarrier(lineId: LineId): Promise<SimulatedCarrier>
  /** Turns knobs; those absent stay. */
  turnKnobs(tuning: { lineId: LineId; knobs: Partial<SimulatedCarrier> }): Promise<SimulatedCarrier>
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

/** What the line wrote, as it reaches the phone. */
export interface HandsetArrival
  extends Omit<HandsetDraft, 'kind' | 'conversationAddress' | 'parts' | 'writtenAt'>,
    Part {
  readonly sendStyle: string | null
  readonly at: number
}

export interface HandsetMessage extends Part {
  /** Whether the line wrote it; else the contact. */
  readonly fromLine: boolean
  readonly sendStyle: string | null
  /** Null until the server has taken the message, or has heard that the phone has it. */
  readonly messageId: MessageId | null
  readonly part: number
  readonly service: Service
  /** When the server took it, or the phone: "Delivered". */
  readonly deliveredAt: number | null
  /** When a receipt reached the phone, or the contact read it: "Read". */
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
