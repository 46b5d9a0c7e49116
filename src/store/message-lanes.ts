import { type ExpressionBuilder, type SqlBool, sql } from 'kysely'
import type { LineId, MessageId } from '../core/id.ts'
import type { MessageStatus } from '../core/message.ts'
import type { Reason } from '../core/reason.ts'
import type { ClaimedMessage, MessageNews, MessageSettlement, SendStyle } from '../core/sending.ts'
import type { Store } from '../core/store.ts'
import type { Answered, Told } from './events.ts'
import { liveLines, toLine } from './lines.ts'
import { conversationsOf, tellOf } from './outbound.ts'
import { hasWaiting } from './removed-lines.ts'
import type { Session } from './session.ts'
import type { Tables } from './tables.ts'

/** A lane that stood still for long must not hold up the writer. */
const EXPIRED_AT_ONCE = 500

/** Removed, or another node's. */
export const NO_LINE: ClaimedMessage = { line: undefined, call: null, nextDueAt: null, nextExpiryAt: null }

export async function linesWithMessages(session: Session): Promise<LineId[]> {
  const rows = await liveLines(session)
    .select('id')
    .where((eb) => hasWaiting(eb, 'messages'))
    .execute()
  return rows.map(({ id }) => id)
}

export async function claimMessage(
  session: Session,
  { lineId, ready, obstacle, at }: Parameters<Store['claimMessage']>[0],
): Promise<Answered<ClaimedMessage>> {
  const { db, seal } = session
  const line = await liveLines(session).selectAll().where('id', '=', lineId).executeTakeFirst()
  if (line === undefined) return { answer: NO_LINE, told: [] }
  const told = await expire(session, lineId, obstacle, at)
  const head = await findOldest(session, lineId)
  const base = { ...NO_LINE, line: toLine(line, seal) }
  if (head === undefined) return { answer: base, told }
  // Where the clock was set back since it was accepted, its line would wait for that time.
  const dueAt = head.received_at > at ? at : (head.next_attempt_at ?? 0)
  const due = ready && line.paused === 0 && dueAt <= at
  if (!due) return { answer: { ...base, nextDueAt: dueAt, nextExpiryAt: head.expires_at }, told }
  const { numUpdatedRows } = await db
    .updateTable('messages')
    .set((eb) => ({ next_attempt_at: null, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', head.id)
    .where(IS_WAITING)
    .executeTakeFirst()
  // Ended meanwhile, with its line perhaps: the lane looks again.
  if (numUpdatedRows === 0n) return { answer: { ...base, nextDueAt: at, nextExpiryAt: at }, told }
  const conversation = await conversationsOf(db).where('id', '=', head.conversation_id).executeTakeFirstOrThrow()
  const call = {
    id: head.id,
    conversation,
    service: head.service,
    content: head.content,
    mediaUrl: head.media_url,
    sendStyle: head.send_style as SendStyle | null,
    attempts: head.attempts,
  }
  return { answer: { ...base, call }, told }
}

/** All live as long, so the oldest is the first to expire. */
async function expire(session: Session, lineId: LineId, obstacle: Reason, at: number): Promise<readonly Told[]> {
  const oldest = await findOldest(session, lineId)
  if (oldest === undefined || (oldest.expires_at ?? 0) > at) return []
  const old = await waiting(session, lineId).select(['id', 'expires_at']).orderBy('id').limit(EXPIRED_AT_ONCE).execute()
  const late = old.filter(({ expires_at }) => (expires_at ?? 0) <= at).map(({ id }) => id)
  const expired: Changes = (eb) => ({ status: 'ERROR', reason: eb.fn.coalesce('reason', sql.val(obstacle)) })
  return change(session, late, at, expired, IS_WAITING)
}

export async function settleMessage(session: Session, written: MessageSettlement): Promise<Answered<void>> {
  const { db } = session
  const mine = await db
    .selectFrom('messages')
    .select('line_id')
    .where('id', '=', written.call.id)
    .where(IS_UNDER_WAY)
    .executeTakeFirst()
  if (mine === undefined) return { answer: undefined, told: [] }
  const told = await writeEnd(session, written)
  return { answer: undefined, told: [...told, ...(await takeEarlyNews(session, mine.line_id, written))] }
}

async function writeEnd(session: Session, written: MessageSettlement): Promise<readonly Told[]> {
  const { at, call } = written
  if (written.status === 'QUEUED') {
    const set = { reason: written.reason, next_attempt_at: written.nextAttemptAt }
    await session.db.updateTable('messages').set(set).where('id', '=', call.id).execute()
    return []
  }
  if (written.status === 'ERROR') {
    const { reason } = written
    return change(session, [call.id], at, () => ({ status: 'ERROR', reason }))
  }
  const { status, carrierMessageId } = written
  const set = { status, reason: null, carrier_message_id: carrierMessageId, sent_at: at }
  return change(session, [call.id], at, () => set)
}

/** What the carrier told of the message before it answered the call that sent it. All else was of no message of ours. */
async function takeEarlyNews(session: Session, lineId: LineId, written: MessageSettlement): Promise<readonly Told[]> {
  const early = await session.db.deleteFrom('early_news').where('line_id', '=', lineId).returningAll().execute()
  if (!('carrierMessageId' in written)) return []
  const { at, carrierMessageId } = written
  const news = early
    .filter(({ carrier_message_id }) => carrier_message_id === carrierMessageId)
    .map((row): MessageNews => ({ of: { carrierMessageId }, status: row.status, at: row.at }))
  return (await noteNews(session, { lineId, news, at })).told
}

/** What news leads on from; all else is older than what is known, or none of its business. */
const BEFORE: Readonly<Record<MessageNews['status'], readonly MessageStatus[]>> = {
  DELIVERED: ['SENT'],
  READ: ['SENT', 'DELIVERED'],
  ERROR: ['SENT'],
}

export async function noteNews(
  session: Session,
  { lineId, news, at }: Parameters<Store['noteNews']>[0],
): Promise<Answered<void>> {
  const told: Told[] = []
  for (const each of news) {
    const ids = await findMeant(session, lineId, each)
    if (ids === undefined) await keepForLater(session, lineId, each)
    const read = each.status === 'READ' ? { read_at: each.at } : {}
    const reason: Reason | null = each.status === 'ERROR' ? 'rejected' : null
    told.push(...(await change(session, ids ?? [], at, () => ({ status: each.status, reason, ...read }))))
  }
  return { answer: undefined, told }
}

/** The messages that it changes; undefined where nobody knows the one that it names. */
async function findMeant({ db }: Session, lineId: LineId, news: MessageNews): Promise<MessageId[] | undefined> {
  const sent = db
    .selectFrom('messages')
    .select(['id', 'status'])
    .where('line_id', '=', lineId)
    .where('outbound', '=', 1)
    .orderBy('id')
  const { of } = news
  const rows =
    'carrierMessageId' in of
      ? await sent.where('carrier_message_id', '=', of.carrierMessageId).execute()
      : await sent
          .where('conversation_id', 'in', (eb) =>
            eb
              .selectFrom('conversations')
              .select('conversations.id')
              .where('conversations.line_id', '=', lineId)
              .where('address', '=', of.contact)
              .where('kind', '=', 'direct'),
          )
          .where('status', 'in', BEFORE[news.status])
          .where('sent_at', '<=', news.at)
          .execute()
  if (rows.length === 0 && 'carrierMessageId' in of) return undefined
  return rows.filter(({ status }) => BEFORE[news.status].includes(status)).map(({ id }) => id)
}

/**
 * While a call is under way the news may be of its message, whose carrier's id nobody knows yet. That message is written as it is: if
 * its answer is just being written, too, one of the two sees the other, and neither takes the news for the other's.
 */
async function keepForLater({ db }: Session, lineId: LineId, { of, status, at }: MessageNews): Promise<void> {
  if (!('carrierMessageId' in of)) return
  const underWay = await db
    .updateTable('messages')
    .set((eb) => ({ attempts: eb.ref('attempts') }))
    .where('line_id', '=', lineId)
    .where(IS_UNDER_WAY)
    .returning('id')
    .executeTakeFirst()
  if (underWay === undefined) return
  await db
    .insertInto('early_news')
    .values({ line_id: lineId, carrier_message_id: of.carrierMessageId, status, at })
    .execute()
}

/** Those of a process that is no more: they may have been sent. Of all lines, or of those that it had. */
export async function endInterrupted(
  session: Session,
  { at, lineIds }: { at: number; lineIds?: readonly LineId[] },
): Promise<Answered<void>> {
  const underWay = session.db.selectFrom('messages').select('id').where(IS_UNDER_WAY)
  const early = session.db.deleteFrom('early_news')
  const cut = await (lineIds === undefined ? underWay : underWay.where('line_id', 'in', lineIds)).execute()
  await (lineIds === undefined ? early : early.where('line_id', 'in', lineIds)).execute()
  const ids = cut.map(({ id }) => id)
  const interrupted = () => ({ status: 'ERROR', reason: 'interrupted' })
  return { answer: undefined, told: await change(session, ids, at, interrupted, IS_UNDER_WAY) }
}

/** Of a claim whose answer was lost: its call was never made, so it may go out. */
export async function releaseLostMessage({ db }: Session, { lineId, at }: { lineId: LineId; at: number }) {
  await db
    .updateTable('messages')
    .set((eb) => ({ next_attempt_at: at, attempts: eb('attempts', '-', 1) }))
    .where('line_id', '=', lineId)
    .where(IS_UNDER_WAY)
    .execute()
}

/** What a line that was removed had waiting. One whose call began meanwhile is left to it. */
export async function endRemovedMessages(
  session: Session,
  { messageIds, at }: { messageIds: readonly MessageId[]; at: number },
): Promise<readonly Told[]> {
  return change(session, messageIds, at, () => ({ status: 'ERROR', reason: 'line_removed' }), IS_WAITING)
}

function findOldest(session: Session, lineId: LineId) {
  return waiting(session, lineId).selectAll().orderBy('id').limit(1).executeTakeFirst()
}

function waiting({ db }: Session, lineId: LineId) {
  return db.selectFrom('messages').where('line_id', '=', lineId).where('next_attempt_at', 'is not', null)
}

/** Not as `is not null`, by which the planner may take another way than by the ids. */
const IS_WAITING = sql<SqlBool>`coalesce(next_attempt_at, -1) <> -1`
const IS_UNDER_WAY = sql<SqlBool>`status = 'QUEUED' and next_attempt_at is null`

type Changes = (eb: ExpressionBuilder<Tables, 'messages'>) => object

/**
 * Writes what became of messages, and answers what there is to tell. `still`: of those alone of which that holds when it comes to them,
 * where another transaction may have ended them since they were looked at.
 */
async function change(
  session: Session,
  ids: readonly MessageId[],
  at: number,
  changes: Changes,
  still = sql<SqlBool>`1 = 1`,
): Promise<readonly Told[]> {
  if (ids.length === 0) return []
  const changed = await session.db
    .updateTable('messages')
    .set((eb) => ({ ...changes(eb), next_attempt_at: null, updated_at: at }))
    .where('id', 'in', ids)
    .where(still)
    .returning('id')
    .execute()
  const own = changed.map(({ id }) => id)
  return tellOf(session, 'message.updated', own, at)
}
