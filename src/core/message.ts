import type { Account, Credentials } from './account.ts'
import type { AutoReason } from './auto-mark-read.ts'
import type { ConversationKind, Service } from './conversation.ts'
import type { AccountId, LineId, MessageId } from './id.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Reason } from './reason.ts'

/** As the original has them; `READ` is ours: the contact has read what the line sent. */
export const MESSAGE_STATUSES = ['RECEIVED', 'QUEUED', 'SENT', 'DELIVERED', 'READ', 'ERROR'] as const
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

/** A message as its account looks it up later. */
export interface KeptMessage extends Message {
  /** Why the auto rule did not fire; null where it did, and where the line sent the message. */
  readonly autoReason: AutoReason | null
}

/** What is told of a message's account with it. */
export type MessageOwner = Pick<Account, 'email' | 'plan'>

/** A message as its account sees it. */
export interface OwnMessage {
  readonly owner: MessageOwner
  readonly message: KeptMessage
}

export const MESSAGE_ORDERS = ['createdAt', 'updatedAt', 'sentAt'] as const
export type MessageOrder = (typeof MESSAGE_ORDERS)[number]

/** Both ends included. */
export interface Period {
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** What all of it holds for. */
export interface MessageFilter {
  readonly accountEmail?: string | undefined
  readonly lineId?: LineId | undefined
  readonly lineNumber?: PhoneNumber | undefined
  /** Of either end. */
  readonly number?: Address | undefined
  readonly fromNumber?: Address | undefined
  readonly toNumber?: Address | undefined
  readonly outbound?: boolean | undefined
  readonly kind?: ConversationKind | undefined
  /** The carrier's id of the group. */
  readonly group?: Address | undefined
  readonly service?: Service | undefined
  /** A word that no status of ours is finds nothing. */
  readonly status?: string | undefined
  readonly created: Period
  readonly updated: Period
  readonly sent: Period
}

export interface MessagePage {
  readonly orderBy: MessageOrder
  readonly direction: 'asc' | 'desc'
  readonly limit: number
  readonly offset: number
}

interface MessageList {
  readonly owner: MessageOwner
  readonly messages: readonly KeptMessage[]
  /** Of all pages. */
  readonly total: number
}

/** What contacts wrote and lines sent, also on lines that are gone. */
export interface MessageStore {
  /** The account's own message; throws `not_found`. */
  getMessage(by: { credentials: Credentials; id: MessageId }): Promise<OwnMessage>
  listMessages(call: { credentials: Credentials; filter: MessageFilter; page: MessagePage }): Promise<MessageList>
  /** By what a contact last wrote to any of the account's lines; null where it never did. */
  findService(call: { credentials: Credentials; number: Address }): Promise<Service | null>
}
