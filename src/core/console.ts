import type { Account, ApiKey, Credentials, SessionProof } from './account.ts'
import type { ConversationKind, Service } from './conversation.ts'
import type { HandsetMessage } from './handset.ts'
import type { ConversationId, MessageId, WebhookId } from './id.ts'
import type { Line } from './line.ts'
import type { KeptMessage } from './message.ts'
import type { Overview } from './overview.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Receipt } from './receipt.ts'
import type { Attempt, DeliveryLog, DeliveryState } from './webhook.ts'

/** So long somebody stays signed in to the dashboard. */
export const SESSION_MS = 12 * 3_600_000

/** What a person sees who is signed in. */
export interface ConsoleStore {
  /** Answers the session's token; what is kept is its hash. */
  openSession(call: { opener: ApiKey | OperatorProof; at: number }): Promise<string>
  closeSession(call: { sessionToken: string }): Promise<void>
  /** Throws `unauthorized`. An operator's session ends when the operator's token is another. */
  getVisitor(call: { session: SessionProof; operator: OperatorProof }): Promise<Visitor>
  /** The account's own, oldest first. */
  listKeys(call: { credentials: Credentials }): Promise<KeyFacts[]>
  makeKey(call: { credentials: Credentials; at: number }): Promise<ApiKey>
  /** Throws `not_found`. */
  revokeKey(call: { credentials: Credentials; keyId: string }): Promise<void>
  /** The last that anything happened in first. */
  listConversations(call: { credentials: Credentials; filter: ConversationFilter }): Promise<ConversationPage>
  /** Throws `not_found`, another account's included. */
  getConversation(call: ConversationCall): Promise<ConversationView>
  /** Throws `not_found`, another account's included. */
  getMessageStory(call: { credentials: Credentials; id: MessageId }): Promise<MessageStory>
  /** What the phones of a conversation show, oldest first. Throws `not_found`. */
  showConversation(call: { credentials: Credentials; id: ConversationId }): Promise<ShownMessage[]>
  /** Sends an endpoint the newest event of its type, now. Throws `not_found`, and `invalid` where there was no such event yet. */
  testWebhook(call: { credentials: Credentials; id: WebhookId; at: number }): Promise<void>
  overview(call: { credentials: Credentials; at: number }): Promise<Overview>
  /** Forgets what was counted of receipts that settled before that time, `limit` counts at the most; answers how many it forgot. */
  forgetTallies(call: { before: number; limit: number }): Promise<number>
  listLineStates(call: { credentials: Credentials }): Promise<LineState[]>
}

/** The operator's token, as it was checked at the door. */
export interface OperatorProof {
  readonly operatorToken: string
}

/** Who is signed in. */
export type Visitor =
  | { readonly kind: 'operator' }
  | { readonly kind: 'account'; readonly account: Account; readonly keyId: string }

export interface KeyFacts {
  readonly keyId: string
  readonly createdAt: number
}

/** What a person looks for: what nobody has read, what is read, what waits, what did not go out. */
export const CONVERSATION_STATES = ['unread', 'read', 'waiting', 'failed'] as const

export interface ConversationFilter {
  /** How the address may begin: what somebody typed can be read in more than one way. */
  readonly search?: readonly string[]
  readonly fromNumber?: PhoneNumber
  readonly service?: Service
  readonly state?: (typeof CONVERSATION_STATES)[number]
  readonly before?: ConversationPlace
  readonly limit: number
}

/** Where a conversation stands in the list. */
export interface ConversationPlace {
  readonly activeAt: number
  readonly id: ConversationId
}

export interface ConversationPage {
  readonly conversations: readonly ConversationSummary[]
  /** Where to go on; null at the end. A page may be short of its limit, or empty, and not be the last. */
  readonly next: ConversationPlace | null
}

export interface ConversationSummary extends ConversationPlace {
  readonly number: Address
  readonly fromNumber: PhoneNumber
  readonly connector: string
  readonly kind: ConversationKind
  readonly service: Service | null
  readonly unread: boolean
  readonly lastMessage: Pick<StoredMessage, 'content' | 'mediaUrl' | 'outbound' | 'contact'> | null
  /** The newest. */
  readonly receipt: Pick<Receipt, 'state' | 'reason' | 'nextAttemptAt'> | null
}

/** A message as it is stored. */
export interface StoredMessage extends KeptMessage {
  readonly conversationId: ConversationId
  readonly carrierMessageId: string
  readonly part: number
  readonly reaction: boolean
}

export interface ConversationCall {
  readonly credentials: Credentials
  readonly id: ConversationId
  /** Only what is older. */
  readonly before?: MessageId
  readonly limit: number
}

export interface ConversationView {
  readonly conversation: ConversationSummary
  /** The newest of them, oldest first. */
  readonly messages: readonly StoredMessage[]
  /** Those that belong among the messages, oldest first. */
  readonly receipts: readonly Receipt[]
  /** The webhooks of these messages that did not get through yet. */
  readonly troubles: readonly Trouble[]
  /** Whether there are older messages. */
  readonly more: boolean
}

/** A webhook for a message that was tried and not taken. */
export interface Trouble extends Pick<Attempt, 'status' | 'obstacle'> {
  readonly messageId: MessageId
  readonly state: DeliveryState
}

/** All that a message set off. */
export interface MessageStory {
  readonly account: Pick<Account, 'id' | 'email' | 'plan'>
  readonly message: StoredMessage
  /** Those that covered it first. */
  readonly receipts: readonly Receipt[]
  /** Whether others covered it later. */
  readonly more: boolean
  /** Of the message and of its receipts. */
  readonly deliveries: readonly DeliveryLog[]
}

export interface ShownMessage extends HandsetMessage {
  readonly contact: Address
  readonly writtenAt: number
}

export interface LineState {
  readonly line: Line
  readonly lastInboundAt: number | null
  readonly lastReceiptAt: number | null
  /** Receipts that wait. */
  readonly queued: number
}
