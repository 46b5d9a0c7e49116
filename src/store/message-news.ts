import { sql } from 'kysely'
import type { LineId, MessageId } from '../core/id.ts'
import type { MessageStatus } from '../core/message.ts'
import type { Reason } from '../core/reason.ts'
import type { MessageNews, MessageSettlement } from '../core/sending.ts'
import type { Store } from '../core/store.ts'
import type { Context } from './context.ts'
import type { Answered, Told } from './events.ts'
import { changeMessages, IS_UNDER_WAY } from './message-changes.ts'

/** What news leads on from; all else is older than what is known, or none of its business. */
const BEFORE: Readonly<Record<MessageNews['status'], readonly MessageStatus[]>> = {
  DELIVERED: ['SENT'],
  READ: ['SENT', 'DELIVERED'],
  ERROR: ['SENT'],
}

/** Small enough to hold up nobody who waits for the writer, or has events to record. */
const AT_ONCE = 500

export async function noteNews(
  context: Context,
  { lineId, news, at }: Parameters<Store['noteNews']>[0],
): Promise<Answered<readonly MessageNews[]>> {
  const rest: MessageNews[] = []
  const told: (readonly Told[])[] = []
  for (const each of news) {
    const ids = await findMeant(context, lineId, each)
    if (ids === undefined) await keepForLater(context, lineId, each)
    const read = each.status === 'READ' ? { read_at: each.at } : {}
    const reason: Reason | null = each.status === 'ERROR' ? 'rejected' : null
    told.push(await changeMessages(context, ids ?? [], at, () => ({ status: each.status, reason, ...read })))
    const after = ids?.at(AT_ONCE - 1)
    if (after !== undefined && 'contact' in each.of) rest.push({ ...each, of: { ...each.of, after } })
  }
  return { answer: rest, told: told.flat() }
}

/** What the carrier told of the message before it answered the call that sent it. All else was of no message of ours. */
export async function takeEarlyNews(
  context: Context,
  lineId: LineId,
  written: MessageSettlement,
): Promise<readonly Told[]> {
  const early = await context.db.deleteFrom('early_news').where('line_id', '=', lineId).returningAll().execute()
  if (!('carrierMessageId' in written)) return []
  const { at, carrierMessageId } = written
  const news = early
    .filter(({ carrier_message_id }) => carrier_message_id === carrierMessageId)
    .map((row): MessageNews => ({ of: { carrierMessageId }, status: row.status, at: row.at }))
  return (await noteNews(context, { lineId, news, at })).told
}

/** The messages that it changes; undefined where nobody knows the one that it names. */
async function findMeant({ db }: Context, lineId: LineId, news: MessageNews): Promise<MessageId[] | undefined> {
  const sent = db.selectFrom('messages').select(['id', 'status']).where('outbound', '=', sql.lit(1))
  const { of } = news
  const rows =
    'carrierMessageId' in of
      ? await sent
          .where('line_id', '=', lineId)
          .where('carrier_message_id', '=', of.carrierMessageId)
          .orderBy('id')
          .execute()
      : await sent
          // By this alone: else the planner may go through all that the line ever sent.
          .where('conversation_id', '=', (eb) =>
            eb
              .selectFrom('conversations')
              .select('conversations.id')
              .where('conversations.line_id', '=', lineId)
              .where('address', '=', of.contact)
              .where('kind', '=', 'direct'),
          )
          .where('status', 'in', BEFORE[news.status])
          // SMS tells nobody that it was read.
          .$if(news.status === 'READ', (query) => query.where('service', '<>', sql.lit('SMS')))
          .where('sent_at', '<=', news.at)
          .where('id', '>', of.after ?? (0 as MessageId))
          .orderBy('conversation_id')
          .orderBy('id')
          .limit(AT_ONCE)
          .execute()
  if (rows.length === 0 && 'carrierMessageId' in of) return undefined
  return rows.filter(({ status }) => BEFORE[news.status].includes(status)).map(({ id }) => id)
}

/**
 * While a call is under way the news may be of its message, whose carrier's id nobody knows yet. That message is written as it is: if
 * its answer is just being written, too, one of the two sees the other, and neither takes the news for the other's.
 */
async function keepForLater({ db }: Context, lineId: LineId, { of, status, at }: MessageNews): Promise<void> {
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
