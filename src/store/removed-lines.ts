import { type ExpressionBuilder, sql } from 'kysely'
import type { LineId, MessageId, ReceiptId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import type { Context } from './context.ts'
import type { Tables } from './tables.ts'

/** A line that was removed, and of which something may wait. */
export interface RemovedLine {
  readonly id: LineId
  readonly ended_through: Address | null
}

/** What of it is to be ended now. One whose call is under way is left to its lane. */
export interface Remains {
  readonly receiptIds: readonly ReceiptId[]
  readonly messageIds: readonly MessageId[]
}

/**
 * Longer than any transaction takes: one that still saw the line may queue a receipt after its conversations were looked through, so
 * that is done once more.
 */
export const LATE_MS = 60_000

/** Those whose conversations are not looked through yet: by the index of those alone, since it is asked before each piece. */
export function linesToLookThrough(context: Context, at: number) {
  return removed(context)
    .where(sql<boolean>`(ended_at is null or ended_at < removed_at + ${sql.lit(LATE_MS)})`)
    .where((eb) => eb.or([eb('ended_at', 'is', null), eb('removed_at', '<=', at - LATE_MS)]))
}

/** Those with something in their lanes: what came late, or was given back by a call that failed. */
export function linesWithRemains(context: Context) {
  const waiting = sql.raw(`(${linesHaving('receipts', WAITS)} union ${linesHaving('messages', WAITS)})`)
  return removed(context).where('id', 'in', sql<LineId>`${waiting}`)
}

const WAITS = 'next_attempt_at is not null'

/**
 * The lines that have such rows, from one to the next in an index of those rows: so it costs by what there is, and not by how many lines
 * were ever removed.
 */
export function linesHaving(table: 'receipts' | 'messages', condition: string): string {
  const next = (after: string) =>
    `(select line_id from ${table} where ${condition} and line_id > ${after} order by line_id limit 1)`
  return `select line_id from (with recursive found (line_id) as (select ${next('0')}
    union all select ${next('found.line_id')} from found where line_id is not null)
    select line_id from found where line_id is not null) found`
}

/**
 * A piece of what waits. What has a time is found by its lane; what waits for a reply by its conversation, of which so many are looked
 * at in order of their addresses.
 */
export async function findRemains(
  context: Context,
  line: RemovedLine,
  { limit, at }: { limit: number; at: number },
): Promise<Remains> {
  const receipts = await waitingIn(context, 'receipts', line.id).orderBy('next_attempt_at').limit(limit).execute()
  if (receipts.length > 0) return { receiptIds: receipts.map(({ id }) => id as ReceiptId), messageIds: [] }
  const messages = await waitingIn(context, 'messages', line.id).orderBy('id').limit(limit).execute()
  if (messages.length > 0) return { receiptIds: [], messageIds: messages.map(({ id }) => id as MessageId) }
  return { receiptIds: await lookThrough(context, line, { limit, at }), messageIds: [] }
}

async function lookThrough(
  { db }: Context,
  { id, ended_through }: RemovedLine,
  { limit, at }: { limit: number; at: number },
): Promise<ReceiptId[]> {
  let theirs = db.selectFrom('conversations').where('line_id', '=', id)
  if (ended_through !== null) theirs = theirs.where('address', '>', ended_through)
  const last = await theirs
    .select('address')
    .orderBy('address')
    .limit(1)
    .offset(limit - 1)
    .executeTakeFirst()
  const progress = last === undefined ? { ended_through: null, ended_at: at } : { ended_through: last.address }
  await db.updateTable('lines').set(progress).where('id', '=', id).execute()
  const looked = await (last === undefined ? theirs : theirs.where('address', '<=', last.address))
    .select('id')
    .execute()
  if (looked.length === 0) return []
  const queued = await db
    .selectFrom('receipts')
    .select('id')
    .where(
      'conversation_id',
      'in',
      looked.map((conversation) => conversation.id),
    )
    .where('state', '=', 'queued')
    .where('settled_at', 'is', null)
    .execute()
  return queued.map((receipt) => receipt.id)
}

function removed({ db }: Context) {
  return db
    .selectFrom('lines')
    .select(['id', 'ended_through'])
    .where('removed_at', 'is not', null)
    .orderBy('id')
    .limit(1)
}

function waitingIn({ db }: Context, table: 'receipts' | 'messages', lineId: LineId) {
  return db.selectFrom(table).select('id').where('line_id', '=', lineId).where('next_attempt_at', 'is not', null)
}

/** Whether a lane of the line has something. Not as `exists`, which PostgreSQL may answer by a table of all lines that have something. */
export function hasWaiting(eb: ExpressionBuilder<Tables, 'lines'>, table: 'receipts' | 'messages') {
  return sql<boolean>`(select next_attempt_at from ${sql.table(table)} where line_id = ${eb.ref('lines.id')}
    and next_attempt_at is not null limit 1) is not null`
}
