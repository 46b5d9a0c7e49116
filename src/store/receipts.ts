import { type SqlBool, sql } from 'kysely'
import type { Credentials } from '../core/account.ts'
import type { Caller } from '../core/caller.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, ConversationId, LineId, ReceiptId } from '../core/id.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import type { Reason } from '../core/reason.ts'
import type { Receipt, ReceiptFilter } from '../core/receipt.ts'
import type { Store } from '../core/store.ts'
import { identify } from './accounts.ts'
import type { Context } from './context.ts'
import { liveLines } from './lines.ts'
import { hasWaiting } from './removed-lines.ts'

export async function getReceipt(
  context: Context,
  { credentials, id }: { credentials: Credentials; id: ReceiptId },
): Promise<Receipt> {
  const caller = await identify(context, { credentials })
  const receipt = await receiptsOf(context, caller).where('receipts.id', '=', id).executeTakeFirst()
  if (receipt === undefined) throw new ReadbackError('not_found', 'No such receipt')
  return receipt
}

export async function listReceipts(
  context: Context,
  { credentials, filter }: { credentials: Credentials; filter: ReceiptFilter },
): Promise<Receipt[]> {
  const caller = await identify(context, { credentials })
  const { number, fromNumber, state, trigger, before, limit } = filter
  const lines = await linesAskedFor(context, caller, fromNumber)
  if (lines?.length === 0) return []
  let query = everyReceipt(context).orderBy('receipts.id', 'desc').limit(limit)
  if (state !== undefined) query = query.where('receipts.state', '=', state)
  if (trigger !== undefined) query = query.where('receipts.trigger', '=', trigger)
  if (before !== undefined) query = query.where('receipts.id', '<', before)
  if (number === undefined) {
    // By its line's id, which is in its row: by the number the line of each that is passed over would be looked up, too.
    if (lines !== undefined) query = query.where('receipts.line_id', 'in', lines)
    return query.where('receipts.account_id', '=', caller.account.id).execute()
  }
  const conversations = await conversationsWith(context, caller.account.id, number, lines)
  if (conversations.length === 0) return []
  // The account by them: by itself it would lead SQLite through all that the account has.
  const inThem = query.where('receipts.conversation_id', 'in', conversations)
  // Each half has an index of its own (see the migrations); together they would have to be scanned.
  const open = await inThem.where('receipts.settled_at', 'is', null).execute()
  const settled = await inThem.where('receipts.settled_at', 'is not', null).execute()
  // One that was settled between the two looks is in both.
  return each([...open, ...settled])
    .sort((a, b) => b.id - a.id)
    .slice(0, limit)
}

/** Undefined: all of the account's. Lines that are gone included: what they held stays with the account. */
async function linesAskedFor(
  { db }: Context,
  { account, token }: Caller,
  fromNumber: PhoneNumber | undefined,
): Promise<LineId[] | undefined> {
  const allowed = token?.numbers
  if (fromNumber === undefined && allowed == null) return undefined
  let lines = db.selectFrom('lines').select('id').where('account_id', '=', account.id)
  if (fromNumber !== undefined) lines = lines.where('number', '=', fromNumber)
  if (allowed != null) lines = lines.where('number', 'in', allowed)
  return (await lines.execute()).map(({ id }) => id)
}

async function conversationsWith(
  { db }: Context,
  accountId: AccountId,
  number: Address,
  lines: readonly LineId[] | undefined,
): Promise<ConversationId[]> {
  const all = db.selectFrom('lines').select('id').where('account_id', '=', accountId)
  const conversations = db
    .selectFrom('conversations')
    .select('id')
    .where('line_id', 'in', lines ?? all)
    .where('address', '=', number)
  return (await conversations.execute()).map(({ id }) => id)
}

function receiptsOf(context: Context, { account, token }: Caller) {
  const receipts = ownReceipts(context, account.id)
  return token?.numbers == null ? receipts : receipts.where('lines.number', 'in', token.numbers)
}

export function ownReceipts(context: Context, accountId: AccountId) {
  return everyReceipt(context).where('receipts.account_id', '=', accountId)
}

/** One conversation's that `which` lets through, oldest first; of those that are settled the first so many by `order`. */
export async function receiptsIn(
  context: Context,
  { accountId, id }: { accountId: AccountId; id: ConversationId },
  which: { from: number; before?: number; limit: number; order: 'asc' | 'desc' },
): Promise<Receipt[]> {
  const theirs = everyReceipt(context)
    // The account by its conversation: by itself it would lead the planner through all that the account has.
    .where('conversations.account_id', '=', accountId)
    .where('receipts.conversation_id', '=', id)
    .where(sql<SqlBool>`coalesce(receipts.read_up_to, 0) >= ${which.from}`)
    .where(sql<SqlBool>`coalesce(receipts.read_up_to, 0) < ${which.before ?? Number.MAX_SAFE_INTEGER}`)
  // Each half has an index of its own (see the migrations); the open first, as what settles between the two looks is in both then.
  const open = await theirs.where('receipts.settled_at', 'is', null).execute()
  const settled = await theirs
    .where('receipts.settled_at', 'is not', null)
    .orderBy('receipts.id', which.order)
    .limit(which.limit)
    .execute()
  return each([...open, ...settled]).sort((a, b) => a.id - b.id)
}

/** Each once, as it was seen last. */
function each(receipts: readonly Receipt[]): Receipt[] {
  return [...new Map(receipts.map((receipt) => [receipt.id, receipt])).values()]
}

/** Whatever stood in its way before: while it waits for a line that is paused it is that. */
export function reasonOf(waiting: string, line: string) {
  return sql<Reason | null>`case when ${sql.ref(`${line}.paused`)} = 1 and ${sql.ref(`${waiting}.next_attempt_at`)} is not null
    then 'line_paused' else ${sql.ref(`${waiting}.reason`)} end`
}

/** Whoever's they are: for those who act for none. */
export function everyReceipt({ db }: Pick<Context, 'db'>) {
  return db
    .selectFrom('receipts')
    .innerJoin('conversations', 'conversations.id', 'receipts.conversation_id')
    .innerJoin('lines', 'lines.id', 'receipts.line_id')
    .select((eb) => [
      'receipts.id as id',
      'receipts.account_id as accountId',
      'receipts.conversation_id as conversationId',
      'conversations.address as number',
      'lines.number as fromNumber',
      eb.fn.coalesce('receipts.service', 'conversations.service').as('service'),
      'receipts.trigger as trigger',
      'receipts.state as state',
      reasonOf('receipts', 'lines').as('reason'),
      'receipts.requests as requests',
      'receipts.attempts as attempts',
      'receipts.read_up_to as readUpTo',
      'receipts.requested_at as requestedAt',
      'receipts.next_attempt_at as nextAttemptAt',
      'receipts.expires_at as expiresAt',
      'receipts.settled_at as settledAt',
      'receipts.verified_at as verifiedAt',
    ])
}

export async function noteReplies(
  context: Context,
  { lineId, replies, at }: Parameters<Store['noteReplies']>[0],
): Promise<number> {
  let released = 0
  for (const { carrierConversation, contact, sentAt } of replies) {
    const answered = context.db
      .selectFrom('conversations')
      .innerJoin('messages', 'messages.id', 'conversations.last_message_id')
      .select('conversations.id')
      .where('conversations.line_id', '=', lineId)
      // By the earlier: a contact's clock may be ahead.
      .where((eb) => eb.or([eb('sent_at', '<=', sentAt), eb('received_at', '<=', sentAt)]))
    // Each has an index of its own (see the migrations); together they would have to be scanned.
    const named = await answered.where('carrier_conversation', '=', carrierConversation).execute()
    const direct = answered.where('kind', '=', 'direct')
    const theirs = contact === undefined ? [] : await direct.where('address', '=', contact).execute()
    const ids = [...named, ...theirs].map(({ id }) => id)
    released += await releaseWaiting(context, ids, at)
  }
  return released
}

/** Whoever replies has read, however long the pause was to be; answers how many receipts that sets going. */
export async function releaseWaiting(
  { db, rules }: Context,
  conversations: readonly ConversationId[],
  at: number,
): Promise<number> {
  if (conversations.length === 0) return 0
  const { numUpdatedRows } = await db
    .updateTable('receipts')
    .set({ next_attempt_at: at, expires_at: at + rules.receiptLifetimeMs })
    .where('conversation_id', 'in', conversations)
    .where('state', '=', 'queued')
    .where('settled_at', 'is', null)
    .where((eb) => eb.or([eb('next_attempt_at', 'is', null), eb('next_attempt_at', '>', at)]))
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

export async function linesWithReceipts(context: Context): Promise<LineId[]> {
  const rows = await liveLines(context)
    .select('id')
    .where((eb) => hasWaiting(eb, 'receipts'))
    .execute()
  return rows.map(({ id }) => id)
}
