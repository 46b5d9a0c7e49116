import { type Connector, MOST_MARKED } from '../../core/connector.ts'
import type { Conversation } from '../../core/conversation.ts'
import type { ConversationId, LineId, MessageId, ReceiptId } from '../../core/id.ts'
import type { Claim, Setback, Settlement } from '../../core/send-receipt.ts'
import type { ClaimCall, Claimed, Outbox } from '../../core/store.ts'
import { type Choice, choose, type OpenRow } from '../claims.ts'
import type { Told } from '../events.ts'
import { type LineRow, toLine } from '../lines.ts'
import type { Session } from '../session.ts'
import { type Settled, settlementsOf } from './events.ts'
import type { NodeLeases } from './leases.ts'
import * as statements from './outbox-statements.ts'
import type { Transaction } from './transactions.ts'

/** What a lane's transaction answers, and what it has to tell. */
interface Outcome<T> {
  readonly outcome: T
  readonly happenings: readonly Told[]
}

/**
 * Takes what is due in a lane that is this node's. Rows are locked in order of their ids, here as in every transaction.
 */
export async function claimReceipts(
  transaction: Transaction,
  { lineId, limit, obstacle, nextCallAt, at }: ClaimCall,
  { leases, seal, rules }: Pick<Session, 'seal' | 'rules'> & { leases: Pick<NodeLeases, 'permits'> },
): Promise<Outcome<Claimed>> {
  const [lineRow] = await transaction.rows<LineRow>(statements.FIND_LINE, [lineId])
  if (lineRow === undefined) {
    const happenings = await skipReceipts(transaction, { lineId, at })
    return { outcome: NOT_OURS, happenings }
  }
  if (!(await leases.permits(transaction, lineId, nextCallAt))) return { outcome: NOT_OURS, happenings: [] }
  const found = lineRow.paused === 0 ? await findDue(transaction, { lineId, at }) : []
  const declared = rules.receipts[lineRow.connector] ?? {}
  const { chosen, tooLate } = pick(found, limit, at)
  const happenings = await expire(transaction, tooLate, obstacle, at)
  const claims = await claim(transaction, chosen, declared)
  const [next] = await transaction.rows<{ next: number }>(statements.FIND_NEXT_DUE, [lineId])
  return { outcome: { line: toLine(lineRow, seal), claims, nextDueAt: next?.next ?? null }, happenings }
}

const NOT_OURS: Claimed = { line: undefined, claims: [], nextDueAt: null }

type Due = readonly [ConversationId, readonly OpenRow[]]

/** Longest due first, each conversation with all that it has open. */
async function findDue(transaction: Transaction, call: { lineId: LineId; at: number }): Promise<Due[]> {
  const due = await transaction.rows<{ conversation_id: ConversationId }>(statements.FIND_DUE, [call.lineId, call.at])
  const ids = [...new Set(due.map(({ conversation_id }) => conversation_id))]
  if (ids.length === 0) return []
  const open = await transaction.rows<OpenRow & { conversation_id: ConversationId }>(statements.LOCK_OPEN, [ids])
  const byConversation = Map.groupBy(open, ({ conversation_id }) => conversation_id)
  // `sending` before `queued`: the older leads.
  return ids.map((id) => [id, (byConversation.get(id) ?? []).sort((a, b) => b.state.localeCompare(a.state))])
}

/** As many as may go, and those found too late on the way. */
function pick(found: readonly Due[], limit: number, at: number) {
  const chosen: [ConversationId, NonNullable<Choice['taken']>][] = []
  const tooLate: ReceiptId[] = []
  for (const [id, open] of found) {
    if (chosen.length >= limit) break
    const choice = choose(open, at)
    tooLate.push(...choice.tooLate)
    // Another transaction may have taken it while we waited for its rows.
    const underWay = open.some(({ state, next_attempt_at }) => state === 'sending' && next_attempt_at === null)
    if (choice.taken !== undefined && !underWay) chosen.push([id, choice.taken])
  }
  return { chosen, tooLate }
}

async function claim(
  transaction: Transaction,
  chosen: readonly (readonly [ConversationId, NonNullable<Choice['taken']>])[],
  declared: Connector['receipts'],
): Promise<Claim[]> {
  if (chosen.length === 0) return []
  await transaction.rows(statements.SEND, [chosen.map(([, { receipts }]) => receipts[0].id)])
  const ids = chosen.map(([id]) => id)
  const rows = await transaction.rows<Conversation>(statements.FIND_CONVERSATIONS, [ids])
  const byId = new Map(rows.map((row) => [row.id, row]))
  const marked = chosen.flatMap(([id, { readUpTo }]) => {
    const { service, readThrough } = byId.get(id) as Conversation
    const each = service !== null && declared[service] === 'message'
    return readUpTo === null ? [] : [{ id, readUpTo, after: readThrough ?? 0, most: each ? MOST_MARKED : 1 }]
  })
  const messages = await findMarked(transaction, marked)
  return chosen.map(([id, taken]) => {
    return { ...taken, conversation: byId.get(id) as Conversation, carrierMessageIds: messages.get(id) ?? [] }
  })
}

/** The messages that a call marks, by the carrier's ids, newest first: those unread, or the newest again. */
async function findMarked(
  transaction: Transaction,
  marked: readonly { id: ConversationId; readUpTo: MessageId; after: number; most: number }[],
): Promise<Map<ConversationId, string[]>> {
  if (marked.length === 0) return new Map()
  const find = (wanted: typeof marked) =>
    transaction.rows<{ conversation_id: ConversationId; carrier_message_id: string }>(statements.FIND_MARKED, [
      wanted.map(({ id }) => id),
      wanted.map(({ readUpTo }) => readUpTo),
      wanted.map(({ after }) => after),
      wanted.map(({ most }) => most),
    ])
  const unread = await find(marked)
  const some = new Set(unread.map(({ conversation_id }) => conversation_id))
  const others = marked.filter(({ id }) => !some.has(id)).map((one) => ({ ...one, after: 0, most: 1 }))
  const rows = [...unread, ...(others.length > 0 ? await find(others) : [])]
  const byConversation = Map.groupBy(rows, ({ conversation_id }) => conversation_id)
  return new Map([...byConversation].map(([id, found]) => [id, found.map((row) => row.carrier_message_id)]))
}

/** Writes down what a batch of carrier calls came to. */
export async function settleReceipts(
  transaction: Transaction,
  batch: readonly (Settlement | Setback)[],
): Promise<Told[]> {
  const sent = batch.flatMap((written) => (written.state === 'sent' ? [written] : []))
  // Before their receipts, in the order that storing an inbound has, too.
  await transaction.rows(statements.LOCK_CONVERSATIONS, [sent.map(({ conversationId }) => conversationId)])
  const each = batch.flatMap((written) => written.receipts.map((receipt) => ({ ...receipt, written })))
  await transaction.rows(statements.LOCK, [each.map(({ id }) => id)])
  const settled = await settle(
    transaction,
    each.flatMap(({ written, ...receipt }) => (written.state === 'sending' ? [] : [{ ...receipt, written }])),
  )
  await setBack(
    transaction,
    each.flatMap(({ id, written }) => (written.state === 'sending' ? [{ id, written }] : [])),
  )
  const conversations = sent.map(({ conversationId }) => conversationId)
  await transaction.rows(statements.READ_THROUGH, [conversations, sent.map(({ readThrough }) => readThrough)])
  return settlementsOf(transaction, settled)
}

async function settle(
  transaction: Transaction,
  ended: readonly { id: ReceiptId; requests: number; written: Settlement }[],
): Promise<Settled[]> {
  if (ended.length === 0) return []
  // Whatever state it is in: only one that nobody joined since it was claimed may end with this call.
  const rows = await transaction.rows<{ id: ReceiptId }>(statements.SETTLE, [
    ended.map(({ id }) => id),
    ended.map(({ requests }) => requests),
    ended.map(({ written }) => written.state),
    ended.map(({ written }) => written.reason),
    ended.map(({ written }) => written.service),
    ended.map(({ written }) => written.attempts),
    ended.map(({ written }) => written.at),
  ])
  const settled = new Set(rows.map(({ id }) => id))
  const joined = ended.filter(({ id }) => !settled.has(id))
  if (joined.length > 0) {
    await transaction.rows(statements.COUNT, [
      joined.map(({ id }) => id),
      joined.map(({ written }) => written.attempts),
      joined.map(({ written }) => written.at),
    ])
  }
  return ended.flatMap(({ id, written: { at } }) => (settled.has(id) ? [{ id, at }] : []))
}

async function setBack(transaction: Transaction, tried: readonly { id: ReceiptId; written: Setback }[]): Promise<void> {
  if (tried.length === 0) return
  await transaction.rows(statements.SET_BACK, [
    tried.map(({ id }) => id),
    tried.map(({ written }) => written.reason),
    tried.map(({ written }) => written.setbacks),
    tried.map(({ written }) => Math.ceil(written.nextAttemptAt)),
    tried.map(({ written }) => written.attempts),
    tried.map(({ written }) => written.at),
  ])
  // Whoever looks after the line next leaves its carrier alone for as long.
  await transaction.rows(statements.HOLD_BACK, [
    tried.map(({ written }) => written.lineId),
    tried.map(({ written }) => Math.ceil(written.nextAttemptAt)),
  ])
}

export function expireReceipts(
  transaction: Transaction,
  { receiptIds, obstacle, at }: Parameters<Outbox['expireReceipts']>[0],
): Promise<Told[]> {
  return expire(transaction, receiptIds, obstacle, at)
}

async function expire(
  transaction: Transaction,
  ids: readonly ReceiptId[],
  obstacle: ClaimCall['obstacle'],
  at: number,
): Promise<Told[]> {
  if (ids.length === 0) return []
  await transaction.rows(statements.LOCK, [ids])
  const expired = await transaction.rows<{ id: ReceiptId }>(statements.EXPIRE, [obstacle, at, ids])
  return settlementsOf(
    transaction,
    expired.map(({ id }) => ({ id, at })),
  )
}

/** What a line that was removed had waiting. Those whose call is under way are left to it: the lane writes them down. */
export async function skipReceipts(
  transaction: Transaction,
  { lineId, at }: { lineId: LineId; at: number },
): Promise<Told[]> {
  await transaction.rows(statements.LOCK_LINE, [lineId])
  const skipped = await transaction.rows<{ id: ReceiptId }>(statements.SKIP_REMOVED, [at, lineId])
  return settlementsOf(
    transaction,
    skipped.map(({ id }) => ({ id, at })),
  )
}
