import type { ConversationId, LineId, MessageId } from './id.ts'
import type { Address } from './phone-number.ts'

export const SERVICES = ['iMessage', 'RCS', 'SMS'] as const
export type Service = (typeof SERVICES)[number]

/** With one contact, or with a group of them. */
export type ConversationKind = 'direct' | 'group'

/** A line and whom it talks with: a contact, or a group. */
export interface Conversation {
  readonly id: ConversationId
  readonly lineId: LineId
  readonly kind: ConversationKind
  /** The contact's address, or the carrier's id of the group. */
  readonly address: Address
  /** Of the newest inbound message; null while nobody has written. */
  readonly service: Service | null
  /** The carrier's own word for the conversation, from the newest inbound message. Opaque to all but its connector. */
  readonly carrierConversation: string | null
  /** The newest inbound message that we received. */
  readonly lastMessageId: MessageId | null
  /** How far a carrier took a receipt. Moves forward only. */
  readonly readThrough: MessageId | null
}
