import type { Connector } from '../core/connector.ts'
import type { Conversation, Service } from '../core/conversation.ts'
import type { MessageId, ReceiptId } from '../core/id.ts'
import { furthest } from '../core/request-receipt.ts'
import { type Claim, type ClaimedReceipt, obstacleOf } from '../core/send-receipt.ts'

/** An open receipt of a conversation that a lane has come to. */
export interface OpenRow {
  readonly id: ReceiptId
  readonly state: ClaimedReceipt['state']
  readonly requests: number
  readonly setbacks: number
  readonly read_up_to: MessageId | null
  readonly last_attempt_at: number | null
  readonly next_attempt_at: number | null
  readonly expires_at: number
}

/** What becomes of a conversation's open receipts, the older before the newer, when its lane comes. */
export interface Choice {
  /** To be expired: what a carrier would be told by it is no longer true. */
  readonly tooLate: readonly ReceiptId[]
  /** What one call carries, its first to be `sending` from here on; undefined where nothing is left. */
  readonly taken: Pick<Claim, 'receipts' | 'readUpTo'> | undefined
}

export function choose(open: readonly OpenRow[], at: number): Choice {
  // Behind one that is on its way: to be left until its own time comes.
  const due = open.filter(
    ({ state, next_attempt_at }) => state === 'sending' || (next_attempt_at !== null && next_attempt_at <= at),
  )
  const [first, ...riders] = due.filter(({ expires_at }) => expires_at > at)
  return {
    tooLate: due.filter(({ expires_at }) => expires_at <= at).map(({ id }) => id),
    taken: first && {
      receipts: [toClaimed(first), ...riders.map(toClaimed)],
      readUpTo: [first, ...riders].map(({ read_up_to }) => read_up_to).reduce(furthest, null),
    },
  }
}

/** A message that a call may mark. */
export interface MarkableRow {
  readonly id: MessageId
  readonly carrier_message_id: string
  readonly service: Service
  readonly marked: 0 | 1 | null
}

type Marking = Pick<Claim, 'carrierMessageIds' | 'messageIds' | 'begun'>

/** Of those unread, newest first, what is left to a call; the newest again where that is none. */
function toMark(unread: readonly MarkableRow[]): Marking {
  const left = unread.filter(({ marked }) => marked !== 1)
  const rows = left.length > 0 ? left : unread.slice(0, 1)
  return {
    carrierMessageIds: rows.map(({ carrier_message_id }) => carrier_message_id),
    messageIds: rows.map(({ id }) => id),
    begun: rows[0] !== unread[0],
  }
}

/** What one call is about, where these are unread. */
export function aim(
  conversation: Conversation,
  unread: readonly MarkableRow[],
  taken: NonNullable<Choice['taken']>,
  declared: Connector['receipts'],
): Claim {
  const { readUpTo } = taken
  return { ...taken, conversation: asAsked(conversation, unread, { readUpTo, declared }), ...toMark(unread) }
}

/** Whether it ends with an SMS: what its contact wrote before that may be marked all the same. */
export function endsUnmarkable({ conversation, readUpTo }: Claim, declared: Connector['receipts']): boolean {
  return readUpTo !== null && obstacleOf(conversation, declared) !== null
}

/** Up to the newest that can have a receipt, of those unread; the same claim where none can. */
export function aimBefore(
  claim: Claim,
  conversation: Conversation,
  unread: readonly MarkableRow[],
  declared: Connector['receipts'],
): Claim {
  const newest = unread.find(({ service }) => declared[service] !== undefined)
  if (newest === undefined) return claim
  const each = declared[newest.service] === 'message'
  const before = each ? unread.filter(({ service }) => service === newest.service) : [newest]
  return aim(conversation, before, { ...claim, readUpTo: newest.id }, declared)
}

/**
 * The conversation as it was with what is asked for: to its carrier a contact's SMS is in another one than the iMessage before it, and
 * may have come since. What came late, and was written before the newest, is in the newest's as long as that can have a receipt.
 */
function asAsked(
  conversation: Conversation,
  [newest]: readonly MarkableRow[],
  { readUpTo, declared }: { readUpTo: MessageId | null; declared: Connector['receipts'] },
): Conversation {
  const { service, lastMessageId } = conversation
  if (newest === undefined || service === null || newest.service === service) return conversation
  if (readUpTo === lastMessageId && declared[service] !== undefined) return conversation
  return { ...conversation, service: newest.service, carrierConversation: null }
}

function toClaimed({ id, state, requests, setbacks, last_attempt_at }: OpenRow): ClaimedReceipt {
  return { id, state, requests, setbacks, lastAttemptAt: last_attempt_at }
}
