import type { ConversationKind, Service } from './conversation.ts'
import type { LineId, MessageId, ReceiptId } from './id.ts'
import type { Address } from './phone-number.ts'

/** One piece of an inbound message: an attachment each, the text with the first. */
export interface Part {
  readonly content: string | null
  readonly mediaUrl: string | null
}

/** What a contact sent, as a connector understood it. */
export interface InboundMessage {
  /** The carrier's id; together with the line it recognises a repeat. */
  readonly carrierMessageId: string
  readonly service: Service
  readonly contact: Address
  readonly kind: ConversationKind
  /** The carrier's id of the group; the contact's address in a direct conversation. */
  readonly conversationAddress: Address
  /** What its carrier may have called the group before: where that is known, it is the same conversation. */
  readonly formerAddresses?: readonly Address[]
  readonly carrierConversation: string
  readonly reaction: boolean
  /** At least one. Index 0 is the first part. */
  readonly parts: readonly [Part, ...Part[]]
  /** By the carrier's clock. */
  readonly sentAt: number
}

/** An inbound message at our door. */
export interface Arrival {
  readonly lineId: LineId
  readonly message: InboundMessage
  /** By our clock. */
  readonly receivedAt: number
  /** What the carrier's clock said then: its `Date` header, or our clock where it sent none. */
  readonly carrierNow: number
}

/** When it was written, as far as anybody can tell: a contact's clock may be ahead. */
export function writtenAt({ message, receivedAt }: Arrival): number {
  return Math.min(message.sentAt, receivedAt)
}

/** What became of an arrival. */
export interface StoredInbound {
  /** One for each part, in order. */
  readonly messageIds: readonly MessageId[]
  /** The carrier had brought it before; nothing was stored. */
  readonly repeated: boolean
  /** The receipt that the auto rule asked for, where it fired. */
  readonly receiptId: ReceiptId | null
}
