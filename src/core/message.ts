import type { ConversationKind, Service } from './conversation.ts'
import type { AccountId, LineId, MessageId } from './id.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Reason } from './reason.ts'

/** As the original has them; `READ` is ours: the contact has read what the line sent. */
const MESSAGE_STATUSES = ['RECEIVED', 'QUEUED', 'SENT', 'DELIVERED', 'READ', 'ERROR'] as const
export type MessageStatus = (typeof MESSAGE_STATUSES)[number]

/** One piece of what a contact wrote, or what a line sent. */
export interface Message {
  readonly id: MessageId
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly lineNumber: PhoneNumber
  readonly outbound: boolean
  /** Who wrote, or to whom it goes. */
  readonly contact: Address
  readonly kind: ConversationKind
  /** The carrier's id of the group, or the contact's address. */
  readonly conversationAddress: Address
  readonly service: Service
  readonly content: string | null
  readonly mediaUrl: string | null
  /** An effect that the line's message comes with. */
  readonly sendStyle: string | null
  readonly status: MessageStatus
  /** Why it could not be sent. */
  readonly reason: Reason | null
  /** By the carrier's clock where it is inbound. */
  readonly sentAt: number
  /** When the contact read what the line sent. */
  readonly readAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}
