import { type Connector, MOST_MARKED } from '../../core/connector.ts'
import type { Conversation } from '../../core/conversation.ts'
import type { ConversationId, LineId, MessageId, ReceiptId } from '../../core/id.ts'
import type { Claim } from '../../core/send-receipt.ts'
import type { ClaimCall, Claimed } from '../../core/store.ts'
import { aim, aimBefore, type Choice, choose, endsUnmarkable, type MarkableRow, type OpenRow } from '../claims.ts'
import type { Context } from '../context.ts'
import { type LineRow, toLine } from '../lines.ts'
import type { NodeLeases } from './leases.ts'
import { expireReceipts } from './outbox.ts'
import * as statements from './outbox-statements.ts'
import type { Done } from './telling.ts'
import type { Transaction } from './transactions.ts'

interface Claiming extends Pick<Context, 'seal' | 'rules'> {
  readonly leases: Pick<NodeLeases, 'permits'>
  /** Whether the clock may have been set back since the lane's last claim. */
  readonly setBack: boolean
}

/**
 * Takes what is due in a lane that is this node's. Rows are locked in order of their ids, here as in every transaction.
 */
export async function claimReceipts(
  transaction: Transaction,
  { lineId, limit, nextCallAt, at, ...hindrance }: ClaimCall,
  { leases, seal, rules, setBack }: Claiming,
): Promise<Done<Claimed>> {
  const permits = leases.permits(transaction, lineId, nextCallAt)
  if (setBack && (await permits)) transaction.write(statements.HASTEN, [lineId, at])
  const [[lineRow], permitted, open] = await Promise.all([
    transaction.rows<LineRow>(statements.FIND_LINE, [lineId]),
    permits,
    // One that is on its way again may have another behind it.
    transaction.rows<DueRow>(statements.LOCK_DUE, [lineId, at, 2 * limit]),
  ])
  if (lineRow === undefined || !permitted) return { answer: NOT_OURS, told: [] }
  const declared = rules.receipts[lineRow.connector] ?? {}
  const { chosen, tooLate } = pick(lineRow.paused === 0 ? longestDueFirst(open, at) : [], limit, at)
  const told = await expireReceipts(transaction, { receiptIds: tooLate, ...hindrance, at })
  const [claims, [next]] = await Promise.all([
    claim(transaction, lineId, chosen, declared),
    transaction.rows<{ next: number }>(statements.FIND_NEXT_DUE, [lineId]),
  ])
  const touched = claims.length > 0 ? [lineRow.account_id] : []
  return { answer: { line: toLine(lineRow, seal), claims, nextDueAt: next?.next ?? null }, told, touched }
}

const NOT_OURS: Claimed = { line: undefined, claims: [], nextDueAt: null }

/** A receipt that is open, with its conversation. */
interface DueRow extends OpenRow {
  readonly conversation_id: ConversationId
  readonly kind: Conversation['kind']
  readonly address: Conversation['address']
  readonly service: Conversation['service']
  readonly carrier_conversation: string | null
  readonly last_message_id: MessageId | null
  readonly read_through: MessageId | null
}

/** A conversation's, `sending` before `queued`: the older leads. */
type Due = readonly [DueRow, ...DueRow[]]

function longestDueFirst(open: readonly DueRow[], at: number): Due[] {
  const dueAt = ({ next_attempt_at }: DueRow) =>
    next_attempt_at !== null && next_attempt_at <= at ? next_attempt_at : Number.POSITIVE_INFINITY
  const since = (due: Due) => Math.min(...due.map(dueAt))
  const byConversation = [...Map.groupBy(open, ({ conversation_id }) => conversation_id).values()]
  const all = byConversation.map((rows) => rows.sort((a, b) => b.state.localeCompare(a.state)) as [DueRow, ...DueRow[]])
  return all.sort((a, b) => since(a) - since(b))
}

interface Chosen {
  readonly row: DueRow
  readonly taken: NonNullable<Choice['taken']>
}

/** As many as may go, and those found too late on the way. */
function pick(found: readonly Due[], limit: number, at: number) {
  const chosen: Chosen[] = []
  const tooLate: ReceiptId[] = []
  for (const open of found) {
    if (chosen.length >= limit) break
    const choice = choose(open, at)
    tooLate.push(...choice.tooLate)
    // Another transaction may have taken it while we waited for its rows.
    const underWay = open.some(({ state, next_attempt_at }) => state === 'sending' && next_attempt_at === null)
    if (choice.taken !== undefined && !underWay) chosen.push({ row: open[0], taken: choice.taken })
  }
  return { chosen, tooLate }
}

async function claim(
  transaction: Transaction,
  lineId: LineId,
  chosen: readonly Chosen[],
  declared: Connector['receipts'],
): Promise<Claim[]> {
  if (chosen.length === 0) return []
  transaction.write(statements.SEND, [chosen.map(({ taken }) => taken.receipts[0].id)])
  const marked = chosen.flatMap(
    ({ row: { conversation_id: id, service, read_through: after }, taken: { readUpTo } }) => {
      const each = service !== null && declared[service] === 'message'
      return readUpTo === null ? [] : [{ id, readUpTo, after: after ?? 0, most: each ? MOST_MARKED : 1 }]
    },
  )
  const messages = await findMarked(transaction, marked)
  const claims = chosen.map(({ row, taken }) =>
    aim(toConversation(row, lineId), messages.get(row.conversation_id) ?? [], taken, declared),
  )
  const unmarkable = claims.flatMap((claim) => {
    const { id, readThrough: after } = claim.conversation
    const readUpTo = endsUnmarkable(claim, declared) ? claim.readUpTo : null
    return readUpTo === null ? [] : [{ id, readUpTo, after: after ?? 0, most: MOST_MARKED }]
  })
  const before = await findMarked(transaction, unmarkable)
  return claims.map((claim, index) => {
    const unread = before.get(claim.conversation.id)
    const { row } = chosen[index] as Chosen
    return unread === undefined ? claim : aimBefore(claim, toConversation(row, lineId), unread, declared)
  })
}

function toConversation(row: DueRow, lineId: LineId): Conversation {
  const { conversation_id: id, kind, address, service } = row
  const { carrier_conversation: carrierConversation, last_message_id: lastMessageId, read_through: readThrough } = row
  return { id, lineId, kind, address, service, carrierConversation, lastMessageId, readThrough }
}

/** The messages that a receipt marks, newest first: those unread, or the newest again. */
async function findMarked(
  transaction: Transaction,
  marked: readonly { id: ConversationId; readUpTo: MessageId; after: number; most: number }[],
): Promise<Map<ConversationId, MarkableRow[]>> {
  if (marked.length === 0) return new Map()
  const rows = await transaction.rows<MarkableRow & { conversation_id: ConversationId }>(statements.FIND_MARKED, [
    marked.map(({ id }) => id),
    marked.map(({ readUpTo }) => readUpTo),
    marked.map(({ after }) => after),
    marked.map(({ most }) => most),
  ])
  return Map.groupBy(rows, ({ conversation_id }) => conversation_id)
}
