/** What the server answers under `/console`, by the wire's own names. */

export type Service = 'iMessage' | 'RCS' | 'SMS'
export type ReceiptState = 'queued' | 'sending' | 'sent' | 'skipped' | 'failed' | 'expired'
export type LineStatus = 'ONLINE' | 'OFFLINE' | 'DEGRADED' | 'UNKNOWN'

export type Timing =
  | { mode: 'on_arrival' }
  | { mode: 'after'; delay_s: number; jitter_s: number }
  | { mode: 'on_reply' }

export interface Account {
  account_id: string
  email: string
  plan: string
  read_receipts_enabled: boolean
  auto_mark_read: boolean
  auto_mark_read_timing: Timing
  disabled: boolean
  created_at: string
}

export interface AccountVisitor {
  kind: 'account'
  api_key_id: string
  auto_plans: string[]
  account: Account
}
export type Guest = AccountVisitor | { kind: 'operator' }
/** Nobody, and whether somebody was until now, who did not sign out here. */
export type Visitor = Guest | { kind: 'nobody'; ended?: boolean }

export interface ConversationSummary {
  conversation_id: string
  number: string
  from_number: string
  connector: string
  kind: 'direct' | 'group'
  service: Service | null
  active_at: string
  unread: boolean
  last_message: { content: string | null; media_url: string | null; is_outbound: boolean; contact: string } | null
  receipt: { state: ReceiptState; reason: string | null; next_attempt_at: string | null } | null
}

export interface Message {
  message_handle: string
  part: number
  is_outbound: boolean
  number: string
  from_number: string
  group_id: string | null
  service: Service
  content: string | null
  media_url: string | null
  send_style: string | null
  carrier_message_id: string
  status: string
  reason: string | null
  auto_mark_read: { fired: boolean; reason: string | null } | null
  sent_at: string
  received_at: string
  read_at: string | null
}

export interface Receipt {
  receipt_id: string
  number: string
  from_number: string
  service: Service | null
  trigger: 'api' | 'auto' | 'dashboard'
  state: ReceiptState
  reason: string | null
  requests: number
  attempts: number
  read_up_to: string | null
  requested_at: string
  next_attempt_at: string | null
  expires_at: string | null
  settled_at: string | null
  verified_at: string | null
}

/** Of a list that goes on at a cursor. */
export interface Page<Row> {
  data: Row[]
  next_cursor: string | null
}

export interface ConversationView {
  conversation: ConversationSummary
  messages: Message[]
  receipts: Receipt[]
  troubles: Trouble[]
  more: boolean
}

export interface PhoneMessage {
  message_handle: string | null
  number: string
  part: number
  content: string | null
  media_url: string | null
  service: Service
  written_at: string
  delivered_at: string | null
  read_at: string | null
  /** The line wrote it. */
  from_line: boolean
}

/** A webhook that did not get through. */
export interface Trouble {
  message_handle: string
  state: string
  status: number | null
  reason: string | null
}

export interface Delivery {
  delivery_id: string
  webhook_id: string
  event_id: string
  type: string
  url: string
  state: 'waiting' | 'sending' | 'delivered' | 'failed'
  created_at: string
  next_attempt_at: string | null
  attempts: { at: string; ms: number; status: number | null; reason: string | null; answer: string }[]
  body?: unknown
}

export interface MessageStory {
  message: Message
  receipts: Receipt[]
  more_receipts: boolean
  webhooks: Delivery[]
}

export interface LineState {
  number: string
  connector: string
  line_status: LineStatus
  reason: string | null
  status_since: string | null
  paused: boolean
  auto_mark_read_timing: Timing | null
  queued: number
  last_inbound_at: string | null
  last_receipt_at: string | null
}

export interface Overview {
  now: string
  receipts: { at: string; state: ReceiptState; receipts: number }[]
  request_to_carrier_ms: { p50: number | null; p99: number | null }
  queued: number
  queued_and_more: boolean
  failures: Receipt[]
  /** Not of a server of the version before, which may answer beside this one. */
  lines?: { line_status: LineStatus; lines: number }[]
}

export interface WebhookState {
  webhook_id: string
  type: string
  url: string
  state: 'enabled' | 'disabled'
  reason: string | null
  failing_since: string | null
}

export interface Knobs {
  latency_ms: number
  pace_per_s: number | null
  fail_next: number
  failure_rate: number
  offline: boolean
}

export interface OperatorLine {
  number: string
  account_id: string
  connector: string
  paused: boolean
  line_status: LineStatus
  reason: string | null
  created_at: string
}

export type Reasons = Record<string, { meaning: string; remedy: string }>

export interface ConnectorForm {
  connector: string
  settings: { name: string; label: string; optional?: true; secret?: true; json?: true; options?: string[] }[]
}
