import type { ColumnType, Generated } from 'kysely'
import type { AccountEvent } from '../core/account-event.ts'
import type { AutoReason } from '../core/auto-mark-read.ts'
import type { ConversationKind, Service } from '../core/conversation.ts'
import type {
  AccountId,
  ConversationId,
  DeliveryId,
  EventId,
  LineId,
  MessageId,
  ReceiptId,
  TokenId,
  WebhookId,
} from '../core/id.ts'
import type { LineStatus } from '../core/line.ts'
import type { MessageStatus } from '../core/message.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import type { Reason } from '../core/reason.ts'
import type { ReceiptState, SettledState, Trigger } from '../core/receipt.ts'
import type { MessageNews } from '../core/sending.ts'
import type { Attempt, DeliveryState, DisabledReason, EndpointType } from '../core/webhook.ts'
import type { HandsetTables } from './handset-tables.ts'

/** Booleans are 0 and 1, times epoch milliseconds, JSON text: alike on both engines. */
export type Flag = 0 | 1
export type Made<T> = ColumnType<T, T | undefined, never>

export interface Tables extends HandsetTables {
  /** What the store knows of itself. */
  facts: { name: 'key check' | 'move'; value: string }
  accounts: {
    id: Made<AccountId>
    email: string
    plan: string
    read_receipts_enabled: Flag
    auto_mark_read: Flag
    disabled: Flag
    /** JSON. */
    auto_timing: Generated<string>
    /** Sealed; made when the first webhook is. */
    webhook_secret: string | null
    webhook_secret_before: string | null
    webhook_secret_changed_at: number | null
    created_at: number
  }
  api_keys: { key_id: string; account_id: AccountId; secret_hash: string; created_at: number }
  /** Of people who are signed in to the dashboard. One of the two that opened it is null. */
  sessions: {
    token_hash: string
    key_id: string | null
    operator_hash: string | null
    created_at: number
    expires_at: number
  }
  tokens: {
    id: Made<TokenId>
    account_id: AccountId
    /** The key that it was made with. */
    key_id: string
    token_hash: string
    /** JSON; null for the whole account. */
    numbers: string | null
    expires_at: number
    created_at: number
  }
  lines: {
    id: Made<LineId>
    account_id: AccountId
    number: PhoneNumber
    connector: string
    /** Sealed JSON. */
    settings: string
    /** Sealed; its hash beside it is what an inbound call is looked up by. */
    inbound_secret: string
    inbound_secret_hash: string
    /** 1 until the carrier has been told where to call. */
    to_enrol: Flag
    /** Where that was, without the secret; null where a version before this column told it. */
    inbound_base: Generated<string | null>
    paused: Flag
    status: LineStatus
    status_reason: Reason | null
    status_since: number | null
    unverified: Generated<number>
    catch_up_cursor: string | null
    /** JSON; null where the account's holds. */
    auto_timing: string | null
    removed_at: number | null
    /** Of one that was removed: up to which address its conversations were looked through for what waits in them. */
    ended_through: Generated<Address | null>
    /** When they last were to their end. */
    ended_at: Generated<number | null>
    created_at: number
  }
  conversations: {
    id: Made<ConversationId>
    account_id: AccountId
    line_id: LineId
    kind: ConversationKind
    address: Address
    service: Service | null
    carrier_conversation: string | null
    /** When the message was written that the two are of. */
    service_at: number | null
    last_message_id: MessageId | null
    read_through: MessageId | null
    /** When somebody last wrote in it, or when it was opened. */
    active_at: Generated<number>
  }
  messages: {
    id: Made<MessageId>
    account_id: AccountId
    line_id: LineId
    conversation_id: ConversationId
    /** Ours until the carrier has said its own, where the line sends. */
    carrier_message_id: string
    part: number
    contact: Address
    content: string | null
    media_url: string | null
    service: Service
    reaction: Flag
    sent_at: number
    /** When it was stored. */
    received_at: number
    /** Why the auto rule did not fire; null where it did. */
    auto_reason: AutoReason | null
    /** 1 where a carrier took it of a receipt that it did not take whole. */
    marked: Flag | null
    /** 1 where the line sends it. The rest is for those alone, but for `status` and `updated_at`. */
    outbound: Generated<Flag>
    status: Generated<MessageStatus>
    /** Why it could not be sent. */
    reason: Reason | null
    send_style: string | null
    status_callback: string | null
    attempts: Generated<number>
    /** When it is due; null while a carrier call is under way, and once sent or given up. */
    next_attempt_at: number | null
    expires_at: number | null
    /** When the contact read it. */
    read_at: number | null
    updated_at: number
  }
  /** What a carrier told of a message before it answered the call that sent it. */
  early_news: { line_id: LineId; carrier_message_id: string; status: MessageNews['status']; at: number }
  /** What recognises an inbound that the carrier repeats; it has a life of its own. */
  seen_inbound: {
    line_id: LineId
    carrier_message_id: string
    /** JSON: the message ids in order of their parts. */
    message_ids: string
    seen_at: number
  }
  receipts: {
    id: Made<ReceiptId>
    account_id: AccountId
    line_id: LineId
    conversation_id: ConversationId
    state: Generated<ReceiptState>
    trigger: Trigger
    reason: Reason | null
    /** As it was when settled; until then the conversation's. */
    service: Service | null
    requests: number
    attempts: Generated<number>
    setbacks: Generated<number>
    read_up_to: MessageId | null
    requested_at: number
    /** Null while a carrier call is under way, and once settled. */
    next_attempt_at: number | null
    last_attempt_at: number | null
    expires_at: number
    settled_at: number | null
    verified_at: number | null
  }
  /** What an account's receipts came to, counted as they settle: nobody has to read a million of them for a chart. */
  receipt_minutes: {
    account_id: AccountId
    /** Epoch minutes. */
    minute: number
    state: SettledState
    /** How long it took, as `core/overview.ts` counts it. */
    bucket: number
    receipts: number
  }
  events: {
    id: Made<EventId>
    account_id: AccountId
    line_id: LineId
    type: AccountEvent['type']
    /** JSON: the event as it was then. */
    event: string
    /** The number of the message or receipt that it is about. */
    subject: number | null
    at: number
  }
  webhooks: {
    id: Made<WebhookId>
    account_id: AccountId
    type: EndpointType
    url: string
    /** Sealed, as the one before it. */
    secret: string | null
    secret_before: string | null
    secret_changed_at: number | null
    /** JSON. */
    numbers: string | null
    disabled: DisabledReason | null
    failing_since: number | null
    /** When its account last asked for it; null where a version before this column did. */
    enabled_at: number | null
    removed_at: number | null
    created_at: number
  }
  webhook_deliveries: {
    id: Made<DeliveryId>
    account_id: AccountId
    webhook_id: WebhookId
    event_id: EventId
    state: Generated<DeliveryState>
    attempts: Generated<number>
    /** When it is due, or when whoever took it has lost it; null once settled. */
    next_attempt_at: number | null
    /** 1 where a person asked for it: it goes out to an endpoint that is given up, too. */
    by_hand: Generated<Flag | null>
    created_at: number
  }
  webhook_attempts: {
    id: Made<number>
    delivery_id: DeliveryId
    at: number
    ms: number
    status: number | null
    obstacle: Attempt['obstacle']
    answer: string
  }
}
