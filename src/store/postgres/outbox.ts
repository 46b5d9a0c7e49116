import type { AccountId, ConversationId, MessageId, ReceiptId } from '../../core/id.ts'
import { furthest } from '../../core/request-receipt.ts'
import type { Setback, Settlement } from '../../core/send-receipt.ts'
import type { Outbox } from '../../core/store.ts'
import type { Told } from '../events.ts'
import { type SettledRow, toSettlement } from './events.ts'
import * as statements from './outbox-statements.ts'
import type { Done } from './telling.ts'
import type { Transaction } from './transactions.ts'

/**
 * Writes down what a batch of carrier calls came to: conversations before their receipts, as storing an inbound does, each in order of
 * ids. What is written is found by its id and locked by that, in the order in which it is given.
 */
export async function settleReceipts(
  transaction: Transaction,
  batch: readonly (Settlement | Setback)[],
): Promise<Omit<Done<void>, 'answer'>> {
  readThrough(transaction, batch)
  const each = batch
    .flatMap((written) => written.receipts.map((receipt) => ({ ...receipt, written })))
    .sort((a, b) => a.id - b.id)
  // Two statements, each in order, are not in order together.
  if (batch.some(({ state }) => state === 'sending')) transaction.write(statements.LOCK, [each.map(({ id }) => id)])
  const settling = settle(
    transaction,
    each.flatMap(({ written, ...receipt }) => (written.state === 'sending' ? [] : [{ ...receipt, written }])),
  )
  const settingBack = setBack(
    transaction,
    each.flatMap(({ id, written }) => (written.state === 'sending' ? [{ id, written }] : [])),
  )
  const [told, touched] = await Promise.all([settling, settingBack])
  return { told, touched }
}

function readThrough(transaction: Transaction, batch: readonly (Settlement | Setback)[]): void {
  const furthestOf = new Map<ConversationId, MessageId>()
  for (const written of batch) {
    if (written.state !== 'sent' || written.readThrough === null) continue
    const before = furthestOf.get(written.conversationId) ?? null
    furthestOf.set(written.conversationId, furthest(before, written.readThrough) as MessageId)
  }
  const inOrder = [...furthestOf].sort(([a], [b]) => a - b)
  if (inOrder.length === 0) return
  transaction.write(statements.READ_THROUGH, [inOrder.map(([id]) => id), inOrder.map(([, messageId]) => messageId)])
}

async function settle(
  transaction: Transaction,
  ended: readonly { id: ReceiptId; requests: number; written: Settlement }[],
): Promise<Told[]> {
  if (ended.length === 0) return []
  // Whatever state it is in: only one that nobody joined since it was claimed may end with this call.
  const rows = await transaction.rows<SettledRow>(statements.SETTLE, [
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
    transaction.write(statements.COUNT, [
      joined.map(({ id }) => id),
      joined.map(({ written }) => written.attempts),
      joined.map(({ written }) => written.at),
    ])
  }
  return rows.map(toSettlement)
}

async function setBack(
  transaction: Transaction,
  tried: readonly { id: ReceiptId; written: Setback }[],
): Promise<AccountId[]> {
  if (tried.length === 0) return []
  const marked = tried.flatMap(({ written }) => written.marked).sort((a, b) => a - b)
  if (marked.length > 0) transaction.write(statements.MARK, [marked])
  const rows = await transaction.rows<{ account_id: AccountId }>(statements.SET_BACK, [
    tried.map(({ id }) => id),
    tried.map(({ written }) => written.reason),
    tried.map(({ written }) => written.setbacks),
    tried.map(({ written }) => Math.ceil(written.nextAttemptAt)),
    tried.map(({ written }) => written.attempts),
    tried.map(({ written }) => written.at),
  ])
  // Whoever looks after the line next leaves its carrier alone for as long.
  transaction.write(statements.HOLD_BACK, [
    tried.map(({ written }) => written.lineId),
    tried.map(({ written }) => Math.ceil(written.nextAttemptAt)),
  ])
  return rows.map(({ account_id }) => account_id)
}

export async function expireReceipts(
  transaction: Transaction,
  { receiptIds, obstacle, servedFrom, at }: Omit<Parameters<Outbox['expireReceipts']>[0], 'lineId'>,
): Promise<Told[]> {
  if (receiptIds.length === 0) return []
  transaction.write(statements.LOCK, [receiptIds])
  const expired = await transaction.rows<SettledRow>(statements.EXPIRE, [obstacle, at, receiptIds, servedFrom])
  return expired.map(toSettlement)
}

/** What a line that was removed had waiting. Those whose call began meanwhile are left to it: the lane writes them down. */
export async function skipReceipts(
  transaction: Transaction,
  { receiptIds, at }: { receiptIds: readonly ReceiptId[]; at: number },
): Promise<Told[]> {
  if (receiptIds.length === 0) return []
  transaction.write(statements.LOCK, [receiptIds])
  const skipped = await transaction.rows<SettledRow>(statements.SKIP_REMOVED, [at, receiptIds])
  return skipped.map(toSettlement)
}
