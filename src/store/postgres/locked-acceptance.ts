import { ReadbackError } from '../../core/errors.ts'
import type { AccountId, ReceiptId } from '../../core/id.ts'
import type { MarkReadCall, MarkReadOutcome } from '../../core/mark-read.ts'
import type { Context } from '../context.ts'
import { admit, findAdmissions } from './admissions.ts'
import { openConversations, type Place } from './conversations.ts'
import { requestReceipts } from './receipt-requests.ts'
import type { Transaction } from './transactions.ts'

/** Accepts a batch of mark-read calls that crossed another transaction: sees what others commit meanwhile, and locks what it decides by. */
export async function acceptLocked(
  transaction: Transaction,
  calls: readonly MarkReadCall[],
  { rules, now }: Pick<Context, 'rules' | 'now'>,
): Promise<{ outcomes: (MarkReadOutcome | ReadbackError)[]; touched: AccountId[] }> {
  const admissions = await findAdmissions(transaction, calls, now(), () => {})
  const admitted = calls.map((call, index) => admit(call, admissions[index], rules))
  const passed = calls.flatMap((call, index) => {
    const place = admitted[index] as Place | ReadbackError
    return place instanceof ReadbackError ? [] : [{ call, place }]
  })
  if (passed.length === 0) return { outcomes: admitted as ReadbackError[], touched: [] }
  const places = passed.map(({ place }) => place)
  const conversations = await openConversations(transaction, places, { lock: false })
  const asked = passed.map(({ call: { trigger, at }, place: { accountId, lineId } }, index) => {
    const { id: conversationId, lastMessageId } = conversations[index] as (typeof conversations)[number]
    return { accountId, lineId, conversationId, request: { trigger, readUpTo: lastMessageId, at, dueAt: at } }
  })
  const { ids, touched } = await requestReceipts(transaction, asked, rules.receiptLifetimeMs)
  const receiptIds = ids.values()
  const outcomes = admitted.map((place) => {
    if (place instanceof ReadbackError) return place
    return { receiptId: receiptIds.next().value as ReceiptId, lineId: place.lineId }
  })
  return { outcomes, touched }
}
