import type { Conversation, Service } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { ConversationId, LineId, MessageId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import { passService, passWritingLine, type SendMessageCall, type TakenMessage } from '../core/send-message.ts'
import type { Store } from '../core/store.ts'
import type { ShowTypingCall, TypingPlace } from '../core/typing.ts'
import type { Context } from './context.ts'
import type { Answered, Told } from './events.ts'
import { callersLine, type LineRow, liveLines, toLine } from './lines.ts'
import { messagesOf, ownerOf, toMessage } from './messages.ts'
import { releaseWaiting } from './receipts.ts'
import { openCallback } from './webhooks.ts'

export async function sendMessage(context: Context, call: SendMessageCall): Promise<Answered<TakenMessage>> {
  const { at } = call
  const { account, row: own } = await callersLine(context, call.credentials, call.fromNumber)
  const { line, writing } = passWritingLine(own, context.rules, call.relayed)
  const known = await findConversation(context, line.id, call.number)
  const service = passService(writing, known, call)
  const conversationId = known?.id ?? (await openConversation(context, line, call.number))
  if (call.statusCallback !== null) await openCallback(context, account.id, { url: call.statusCallback, at })
  const id = await insert(context, line, conversationId, service, call)
  await context.db.updateTable('conversations').set({ active_at: at }).where('id', '=', conversationId).execute()
  const released = await releaseWaiting(context, [conversationId], at)
  const told = await tellOf(context, 'message.created', [id], at)
  const row = await messagesOf(context.db).where('messages.id', '=', id).executeTakeFirstOrThrow()
  return { answer: { message: toMessage(row), owner: ownerOf(account), released }, told }
}

async function insert(
  { db, rules }: Context,
  line: LineRow,
  conversationId: ConversationId,
  service: Service,
  { number, content, mediaUrl, sendStyle, statusCallback, at }: SendMessageCall,
): Promise<MessageId> {
  const { id } = await db
    .insertInto('messages')
    .values({
      account_id: line.account_id,
      line_id: line.id,
      conversation_id: conversationId,
      // Until the carrier has said its own.
      carrier_message_id: '',
      part: 0,
      contact: number,
      content,
      media_url: mediaUrl,
      service,
      reaction: 0,
      sent_at: at,
      received_at: at,
      auto_reason: null,
      outbound: 1,
      status: 'QUEUED',
      reason: null,
      send_style: sendStyle,
      status_callback: statusCallback,
      next_attempt_at: at,
      expires_at: at + rules.messageLifetimeMs,
      read_at: null,
      updated_at: at,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}

export async function getTypingPlace(context: Context, call: ShowTypingCall): Promise<TypingPlace> {
  const { row } = await callersLine(context, call.credentials, call.fromNumber)
  if (row !== undefined && !context.rules.writing[row.connector]?.typing) {
    throw new ReadbackError('invalid', 'The from_number cannot show that it types')
  }
  const { line } = passWritingLine(row, context.rules, call.relayed)
  const known = await findConversation(context, line.id, call.number)
  const released = known === undefined || !call.typing ? 0 : await releaseWaiting(context, [known.id], call.at)
  const unknown: Conversation = {
    id: 0 as ConversationId,
    lineId: line.id,
    kind: 'direct',
    address: call.number,
    service: null,
    carrierConversation: null,
    lastMessageId: null,
    readThrough: null,
  }
  return { line: toLine(line, context.seal), conversation: known ?? unknown, released }
}

/** A contact of a line types: an event, and nothing else. */
export async function noteTyping(
  context: Context,
  { lineId, typing, at }: Parameters<Store['noteTyping']>[0],
): Promise<Answered<void>> {
  const line = await liveLines(context).select(['account_id', 'number']).where('id', '=', lineId).executeTakeFirst()
  if (line === undefined) return { answer: undefined, told: [] }
  const { account_id: accountId, number } = line
  const told = typing.map(({ contact, typing }): Told => {
    const event = { type: 'typing.changed', contact, lineNumber: number, typing } as const
    return { accountId, lineId, number, event, callback: null, at }
  })
  return { answer: undefined, told }
}

/** What there is to tell of messages, as they stand now. */
export async function tellOf(
  context: Context,
  type: 'message.created' | 'message.updated',
  ids: readonly MessageId[],
  at: number,
): Promise<Told[]> {
  if (ids.length === 0) return []
  const rows = await messagesOf(context.db)
    .select('messages.status_callback as callback')
    .where('messages.id', 'in', ids)
    .orderBy('messages.id')
    .execute()
  return rows.map(({ callback, ...row }) => {
    const { autoReason: _, ...message } = toMessage(row)
    const { accountId, lineId, lineNumber: number } = message
    return { accountId, lineId, number, event: { type, message }, callback, at }
  })
}

function findConversation({ db }: Context, lineId: LineId, address: Address): Promise<Conversation | undefined> {
  return conversationsOf(db)
    .where('line_id', '=', lineId)
    .where('address', '=', address)
    .where('kind', '=', 'direct')
    .executeTakeFirst()
}

export function conversationsOf(db: Context['db']) {
  return db
    .selectFrom('conversations')
    .select([
      'id',
      'line_id as lineId',
      'kind',
      'address',
      'service',
      'carrier_conversation as carrierConversation',
      'last_message_id as lastMessageId',
      'read_through as readThrough',
    ])
}

async function openConversation({ db }: Context, line: LineRow, address: Address): Promise<ConversationId> {
  const { id } = await db
    .insertInto('conversations')
    .values({
      account_id: line.account_id,
      line_id: line.id,
      kind: 'direct',
      address,
      service: null,
      carrier_conversation: null,
      last_message_id: null,
      read_through: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return id
}
