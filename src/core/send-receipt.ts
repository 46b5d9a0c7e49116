import type { CarrierLine, Connector, ReceiptCall, ReceiptOutcome, UnavailableOutcome } from './connector.ts'
import type { Conversation, Service } from './conversation.ts'
import { messageOf } from './errors.ts'
import type { ConversationId, LineId, MessageId, ReceiptId } from './id.ts'
import type { Reason } from './reason.ts'
import type { OpenState, SettledState } from './receipt.ts'

/** A conversation that a lane has come to, with the one or two receipts that one carrier call settles. */
export interface Claim extends ReceiptCall {
  readonly receipts: readonly [ClaimedReceipt, ...ClaimedReceipt[]]
  /** The furthest that any of them asks for, or, where that is an SMS, what can be marked before it. */
  readonly readUpTo: MessageId | null
  /** Ours of {@link ReceiptCall.carrierMessageIds}. */
  readonly messageIds: readonly MessageId[]
}

export interface ClaimedReceipt {
  readonly id: ReceiptId
  readonly state: OpenState
  /** As it was when claimed: one that was joined since has more, and stays for the next call. */
  readonly requests: number
  /** Tries that failed while the carrier served others of the line. */
  readonly setbacks: number
  readonly lastAttemptAt: number | null
}

/** What to write down after a carrier call. */
export type Settlement = SettlementBase & {
  readonly state: SettledState
  readonly reason: Reason | null
  /** How far the carrier has now taken it, where it took it. */
  readonly readThrough: MessageId | null
}

export type Setback = SettlementBase & {
  readonly state: 'sending'
  readonly reason: Reason
  readonly setbacks: number
  readonly nextAttemptAt: number
  /** What the carrier took all the same. */
  readonly marked: readonly MessageId[]
}

interface SettlementBase {
  readonly lineId: LineId
  readonly conversationId: ConversationId
  readonly receipts: readonly Pick<ClaimedReceipt, 'id' | 'requests'>[]
  readonly service: Service | null
  readonly at: number
  /** Calls to the carrier that this one made: 0 where none was needed to know. */
  readonly attempts: 0 | 1
}

/** So often may one conversation fail, while others of its line get through, before it is given up. */
const MOST_SETBACKS = 5

/** Why this conversation can have no receipt from this connector; null when it can. Decides without a carrier call. */
export function obstacleOf(conversation: Conversation, receipts: Connector['receipts']): Reason | null {
  if (conversation.service === null) {
    // Nobody has written yet: only a connector that works by conversation can try by number (`docs/api.md`, "POST /api/mark-read").
    return Object.values(receipts).includes('conversation') ? null : 'no_conversation'
  }
  if (receipts[conversation.service] !== undefined) return null
  return conversation.service === 'SMS' ? 'sms' : 'service_not_supported'
}

/** One try. A connector that throws in spite of its port counts as a carrier that failed: nothing may stop a lane. */
export async function trySending(carrier: CarrierLine, call: ReceiptCall): Promise<ReceiptOutcome> {
  try {
    return await carrier.sendReceipt(call)
  } catch (error) {
    return { kind: 'unavailable', reason: 'carrier_error', detail: messageOf(error) }
  }
}

/** Sent, skipped or failed: what the carrier's last word makes of a claim. */
export function settle(
  claim: Claim,
  outcome: Exclude<ReceiptOutcome, UnavailableOutcome>,
  at: number,
  attempts: 0 | 1,
): Settlement {
  const base = { ...baseOf(claim, at), attempts }
  if (outcome.kind === 'done') return { ...base, state: 'sent', reason: null, readThrough: claim.readUpTo }
  const state = outcome.kind === 'not_supported' ? 'skipped' : 'failed'
  return { ...base, state, reason: outcome.reason, readThrough: null }
}

/**
 * A carrier that is away uses up nobody's tries. But a conversation that fails while the carrier serves others of the line is
 * its own obstacle, and is given up after {@link MOST_SETBACKS}; where the carrier asks for patience, or took some of its messages, it
 * is not the conversation that fails. `lastDoneAt` is when the line last got one through.
 */
export function setBack(
  claim: Claim,
  outcome: UnavailableOutcome,
  lane: { readonly lastDoneAt: number; readonly nextAttemptAt: number },
  at: number,
): Settlement | Setback {
  const [{ setbacks, lastAttemptAt }] = claim.receipts
  const marked = claim.messageIds.filter((_, index) => outcome.marked?.includes(claim.carrierMessageIds[index] ?? ''))
  const slow = outcome.reason === 'rate_limited' || marked.length > 0
  const alone = !slow && lane.lastDoneAt > (lastAttemptAt ?? Number.NEGATIVE_INFINITY)
  const counted = setbacks + (alone ? 1 : 0)
  const base = { ...baseOf(claim, at), attempts: 1, reason: outcome.reason } as const
  return counted >= MOST_SETBACKS
    ? { ...base, state: 'failed', readThrough: null }
    : { ...base, state: 'sending', setbacks: counted, nextAttemptAt: lane.nextAttemptAt, marked }
}

function baseOf({ conversation, receipts }: Claim, at: number) {
  const { id: conversationId, lineId, service } = conversation
  return { lineId, conversationId, receipts: receipts.map(({ id, requests }) => ({ id, requests })), service, at }
}
