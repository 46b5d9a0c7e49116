import { LONGEST_LEFT_ALONE_MS } from '../core/clock-set-back.ts'
import type { LineId, MessageId } from '../core/id.ts'
import type { Hindrance } from '../core/overdue.ts'
import type { ClaimedMessage, MessageSettlement, SendStyle } from '../core/sending.ts'
import type { Store } from '../core/store.ts'
import type { Context } from './context.ts'
import type { Answered, Told } from './events.ts'
import { liveLines, toLine } from './lines.ts'
import { changeMessages, IS_UNDER_WAY, IS_WAITING, type MessageChange } from './message-changes.ts'
import { takeEarlyNews } from './message-news.ts'
import { conversationsOf } from './outbound.ts'
import { hasWaiting } from './removed-lines.ts'

/** A lane that stood still for long must not hold up the writer. */
const EXPIRED_AT_ONCE = 500

/** Removed, or another node's. */
export const NO_LINE: ClaimedMessage = { line: undefined, call: null, nextDueAt: null, nextExpiryAt: null }

export async function linesWithMessages(context: Context): Promise<LineId[]> {
  const rows = await liveLines(context)
    .select('id')
    .where((eb) => hasWaiting(eb, 'messages'))
    .execute()
  return rows.map(({ id }) => id)
}

export async function claimMessage(
  context: Context,
  { lineId, ready, at, ...hindrance }: Parameters<Store['claimMessage']>[0],
): Promise<Answered<ClaimedMessage>> {
  const { db, seal } = context
  const line = await liveLines(context).selectAll().where('id', '=', lineId).executeTakeFirst()
  if (line === undefined) return { answer: NO_LINE, told: [] }
  const told = await expire(context, lineId, hindrance, at)
  const head = await findOldest(context, lineId)
  const base = { ...NO_LINE, line: toLine(line, seal) }
  if (head === undefined) return { answer: base, told }
  const nextAttemptAt = head.next_attempt_at ?? 0
  // Where the clock was set back since it was accepted, or tried, its line would wait for that time.
  const dueAt = head.received_at > at || nextAttemptAt > at + LONGEST_LEFT_ALONE_MS ? at : nextAttemptAt
  // Behind as many as end at once there may be more that are too late: the lane comes for them again.
  const inTime = (head.expires_at ?? 0) > at
  const due = ready && line.paused === 0 && dueAt <= at && inTime
  if (!due) return { answer: { ...base, nextDueAt: dueAt, nextExpiryAt: head.expires_at }, told }
  const { numUpdatedRows } = await db
    .updateTable('messages')
    .set({ next_attempt_at: null })
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
async function expire(
  context: Context,
  lineId: LineId,
  { obstacle, servedFrom }: Hindrance,
  at: number,
): Promise<readonly Told[]> {
  const oldest = await findOldest(context, lineId)
  if (oldest === undefined || (oldest.expires_at ?? 0) > at) return []
  const old = await waiting(context, lineId).select(['id', 'expires_at']).orderBy('id').limit(EXPIRED_AT_ONCE).execute()
  const late = old.filter(({ expires_at }) => (expires_at ?? 0) <= at).map(({ id }) => id)
  const expired: MessageChange = (eb) => {
    const untried = eb.case().when('expires_at', '<', servedFrom).then('server_away').else(obstacle).end()
    return { status: 'ERROR', reason: eb.fn.coalesce('reason', untried) }
  }
  return changeMessages(context, late, at, expired, IS_WAITING)
}

export async function settleMessage(context: Context, written: MessageSettlement): Promise<Answered<void>> {
  const { db } = context
  const mine = await db
    .selectFrom('messages')
    .select('line_id')
    .where('id', '=', written.call.id)
    .where(IS_UNDER_WAY)
    .executeTakeFirst()
  if (mine === undefined) return { answer: undefined, told: [] }
  const told = await writeEnd(context, written)
  return { answer: undefined, told: [...told, ...(await takeEarlyNews(context, mine.line_id, written))] }
}

async function writeEnd(context: Context, written: MessageSettlement): Promise<readonly Told[]> {
  const { at, call } = written
  if (written.status === 'QUEUED') {
    const { reason, nextAttemptAt: next_attempt_at, tried } = written
    await context.db
      .updateTable('messages')
      .set((eb) => ({ reason, next_attempt_at, attempts: eb('attempts', '+', tried ? 1 : 0) }))
      .where('id', '=', call.id)
      .execute()
    return []
  }
  if (written.status === 'ERROR') {
    const { reason } = written
    return changeMessages(context, [call.id], at, () => ({ status: 'ERROR', reason }))
  }
  const { status, carrierMessageId } = written
  const set = { status, reason: null, carrier_message_id: carrierMessageId, sent_at: at }
  return changeMessages(context, [call.id], at, () => set)
}

/** Those of a process that is no more: they may have been sent. Of all lines, or of those that it had. */
export async function endInterrupted(
  context: Context,
  { at, lineIds }: { at: number; lineIds?: readonly LineId[] },
): Promise<Answered<void>> {
  const underWay = context.db.selectFrom('messages').select('id').where(IS_UNDER_WAY)
  const early = context.db.deleteFrom('early_news')
  const cut = await (lineIds === undefined ? underWay : underWay.where('line_id', 'in', lineIds)).execute()
  await (lineIds === undefined ? early : early.where('line_id', 'in', lineIds)).execute()
  const ids = cut.map(({ id }) => id)
  const interrupted = () => ({ status: 'ERROR', reason: 'interrupted' })
  return { answer: undefined, told: await changeMessages(context, ids, at, interrupted, IS_UNDER_WAY) }
}

/** Of a claim whose answer was lost: its call was never made, so it may go out. */
export async function releaseLostMessage({ db }: Context, { lineId, at }: { lineId: LineId; at: number }) {
  await db
    .updateTable('messages')
    .set({ next_attempt_at: at })
    .where('line_id', '=', lineId)
    .where(IS_UNDER_WAY)
    .execute()
}

/** What a line that was removed had waiting. One whose call began meanwhile is left to it. */
export async function endRemovedMessages(
  context: Context,
  { messageIds, at }: { messageIds: readonly MessageId[]; at: number },
): Promise<readonly Told[]> {
  return changeMessages(context, messageIds, at, () => ({ status: 'ERROR', reason: 'line_removed' }), IS_WAITING)
}

function findOldest(context: Context, lineId: LineId) {
  return waiting(context, lineId).selectAll().orderBy('id').limit(1).executeTakeFirst()
}

function waiting({ db }: Context, lineId: LineId) {
  return db.selectFrom('messages').where('line_id', '=', lineId).where('next_attempt_at', 'is not', null)
}
