import type { AccountId, ConversationId, LineId, ReceiptId } from '../../core/id.ts'
import { type QueuedReceipt, type ReceiptRequest, requestReceipt } from '../../core/request-receipt.ts'
import { plannedOnce, type Statement, type Transaction } from './transactions.ts'

/** A request for a receipt, and where it belongs. */
export interface Asked {
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly conversationId: ConversationId
  readonly request: ReceiptRequest
}

/**
 * Writes what the waist decides, for a batch: its requests are folded by conversation, so that each receipt is written once, and
 * gone through in order of ids, so that batches of several nodes cannot wait for each other in a circle (of unsorted ones 30 in 40
 * did). Locks what is queued before it decides, unless that was done: then `locked` has it, for all of these conversations. Answers the
 * receipt of each request, and whose were queued anew.
 */
export async function requestReceipts(
  transaction: Transaction,
  asked: readonly Asked[],
  lifetimeMs: number,
  locked?: readonly QueuedRow[],
): Promise<{ ids: ReceiptId[]; touched: AccountId[] }> {
  const byConversation = Map.groupBy(asked, ({ conversationId }) => conversationId)
  const receipts = new Map<ConversationId, ReceiptId>()
  const touched = new Set<AccountId>()
  let left = [...byConversation.keys()].sort((a, b) => a - b)
  let queued = locked ?? (await lockQueued(transaction, left))
  while (left.length > 0) {
    const known = new Map(queued.map((row) => [row.conversation_id, row]))
    const folded = left.map((conversationId) => {
      const requests = byConversation.get(conversationId) as [Asked, ...Asked[]]
      const row = known.get(conversationId)
      const next = requests.reduce<QueuedReceipt | undefined>(
        (receipt, { request }) => requestReceipt(receipt, request, lifetimeMs),
        row && toQueued(row),
      ) as QueuedReceipt
      const { accountId, lineId, request } = requests[0]
      return { accountId, lineId, conversationId, row, requestedAt: request.at, next }
    })
    const joined = folded.flatMap(({ row, next }) => (row === undefined ? [] : [{ id: row.id, next }]))
    if (joined.length > 0) join(transaction, joined)
    const fresh = folded.filter(({ row }) => row === undefined)
    for (const { accountId } of fresh) touched.add(accountId)
    const begun = fresh.length > 0 ? await transaction.rows<BegunRow>(QUEUE, queueing(fresh)) : []
    for (const { conversation_id, id } of [...queued, ...begun]) receipts.set(conversation_id, id)
    // Another node queued one between our look and our insert: it is joined in the next round.
    left = left.filter((id) => !receipts.has(id))
    queued = await lockQueued(transaction, left)
  }
  const ids = asked.map(({ conversationId }) => receipts.get(conversationId) as ReceiptId)
  return { ids, touched: [...touched] }
}

/** What is queued of these conversations, for {@link requestReceipts}. */
export async function lockQueued(
  transaction: Transaction,
  conversations: readonly ConversationId[],
): Promise<readonly QueuedRow[]> {
  return conversations.length === 0 ? [] : transaction.rows<QueuedRow>(LOCK_QUEUED, [conversations])
}

function join(transaction: Transaction, receipts: readonly { id: ReceiptId; next: QueuedReceipt }[]): void {
  const joined = receipts.toSorted((a, b) => a.id - b.id)
  transaction.write(JOIN, [
    joined.map(({ id }) => id),
    joined.map(({ next }) => next.requests),
    joined.map(({ next }) => next.readUpTo),
    joined.map(({ next }) => next.nextAttemptAt),
    joined.map(({ next }) => next.expiresAt),
  ])
}

/** A receipt that its conversation has not had queued. */
export interface FreshReceipt extends Omit<Asked, 'request'> {
  readonly requestedAt: number
  readonly next: QueuedReceipt
}

/** The values of {@link QUEUE}. */
export function queueing(fresh: readonly FreshReceipt[]): unknown[] {
  return [
    fresh.map(({ accountId }) => accountId),
    fresh.map(({ lineId }) => lineId),
    fresh.map(({ conversationId }) => conversationId),
    fresh.map(({ next }) => next.trigger),
    fresh.map(({ next }) => next.requests),
    fresh.map(({ next }) => next.readUpTo),
    fresh.map(({ requestedAt }) => requestedAt),
    fresh.map(({ next }) => next.nextAttemptAt),
    fresh.map(({ next }) => next.expiresAt),
  ]
}

/** What {@link QUEUE} answers of each that was not there. */
export interface BegunRow {
  readonly id: ReceiptId
  readonly conversation_id: ConversationId
  readonly version: number
}

export interface QueuedRow {
  readonly id: ReceiptId
  readonly conversation_id: ConversationId
  readonly trigger: QueuedReceipt['trigger']
  readonly requests: number
  readonly read_up_to: QueuedReceipt['readUpTo']
  readonly next_attempt_at: number | null
  readonly expires_at: number
}

function toQueued({ trigger, requests, read_up_to, next_attempt_at, expires_at }: QueuedRow): QueuedReceipt {
  return { trigger, requests, readUpTo: read_up_to, nextAttemptAt: next_attempt_at, expiresAt: expires_at }
}

const QUEUED_COLUMNS = 'r.id, r.conversation_id, r.trigger, r.requests, r.read_up_to, r.next_attempt_at, r.expires_at'
/** The predicate of the index is spelt out: a bound value would keep the index from being used. */
export const IS_QUEUED = `r.state = 'queued' and r.settled_at is null`
const LOCK_QUEUED = plannedOnce({
  name: 'lock queued receipts',
  text: `select ${QUEUED_COLUMNS} from receipts r
    where r.conversation_id = any($1::bigint[]) and ${IS_QUEUED} order by r.id for update`,
})
const JOIN = plannedOnce({
  name: 'join receipts',
  text: `update receipts r set requests = k.requests, read_up_to = k.read_up_to, next_attempt_at = k.next_attempt_at,
    expires_at = k.expires_at from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
      as k (id, requests, read_up_to, next_attempt_at, expires_at) where r.id = k.id`,
})
export const QUEUE: Statement = {
  name: 'queue receipts',
  text: `insert into receipts (account_id, line_id, conversation_id, trigger, requests, read_up_to, requested_at,
      next_attempt_at, expires_at)
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],
      $8::bigint[], $9::bigint[])
    on conflict (conversation_id, state) where settled_at is null do nothing
    returning id, conversation_id, xmin::text::bigint as version`,
}
