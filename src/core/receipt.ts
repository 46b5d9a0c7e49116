import type { Service } from './conversation.ts'
import type { AccountId, ConversationId, MessageId, ReceiptId } from './id.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Reason } from './reason.ts'

/** Waiting or on its way; at most one of each in a conversation. */
const OPEN_STATES = ['queued', 'sending'] as const
/** Where it ends. `sent` means that the carrier took it, never that anybody saw it. */
const SETTLED_STATES = ['sent', 'skipped', 'failed', 'expired'] as const
export const RECEIPT_STATES = [...OPEN_STATES, ...SETTLED_STATES] as const
export type OpenState = (typeof OPEN_STATES)[number]
export type SettledState = (typeof SETTLED_STATES)[number]
export type ReceiptState = OpenState | SettledState

/** What asked for it first. */
export const TRIGGERS = ['api', 'auto', 'dashboard'] as const
export type Trigger = (typeof TRIGGERS)[number]

/** A high-water mark: "read up to here". */
export interface Receipt {
  readonly id: ReceiptId
  readonly accountId: AccountId
  readonly conversationId: ConversationId
  readonly number: Address
  readonly fromNumber: PhoneNumber
  readonly service: Service | null
  readonly trigger: Trigger
  readonly state: ReceiptState
  /** Why it ended as it did, or the last obstacle while it is open. */
  readonly reason: Reason | null
  /** How many calls joined it, the first included. */
  readonly requests: number
  /** How many calls to the carrier it took so far. */
  readonly attempts: number
  readonly readUpTo: MessageId | null
  readonly requestedAt: number
  /** Null while a call to the carrier is under way, while it waits for the account's reply, and once settled. */
  readonly nextAttemptAt: number | null
  /** Means nothing while it waits for the account's reply. */
  readonly expiresAt: number
  readonly settledAt: number | null
  readonly verifiedAt: number | null
}

export interface ReceiptFilter {
  readonly number?: Address
  readonly fromNumber?: PhoneNumber
  readonly state?: ReceiptState
  readonly trigger?: Trigger
  /** At most this many, newest first. */
  readonly limit: number
  /** Only those older than this one. */
  readonly before?: ReceiptId
}

/** Whether it goes when the account next writes in its conversation. */
export function awaitsReply({ state, nextAttemptAt }: Pick<Receipt, 'state' | 'nextAttemptAt'>): boolean {
  return state === 'queued' && nextAttemptAt === null
}
