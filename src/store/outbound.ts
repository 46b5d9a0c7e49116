import type { Credentials } from '../core/account.ts'
import type { AccountEvent } from '../core/account-event.ts'
import type { Conversation, Service } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, ConversationId, LineId, MessageId } from '../core/id.ts'
import type { Message } from '../core/message.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import {
  type OwnMessage,
  passService,
  passWritingLine,
  type SendMessageCall,
  type TakenMessage,
} from '../core/send-message.ts'
import type { Store } from '../core/store.ts'
import type { ShowTypingCall, TypingPlace } from '../core/typing.ts'
import { authenticate } from './accounts.ts'
import { type LineRow, toLine } from './lines.ts'
import { releaseWaiting } from './receipts.ts'
import type { Session } from './session.ts'
import { openCallback } from './webhooks.ts'

/** An event for the engine to record in the same transaction. */
export interface Told {
  readonly accountId: AccountId
  readonly lineId: LineId
  readonly number: PhoneNumber
  readonly event: AccountEvent
  /** The message's own `status_callback`. */
  readonly callback: string | null
  readonly at: number
}

export interface Answered<A> {
  readonly answer: A
  readonly told: readonly Told[]
}

export async function sendMessage(session: Session, call: SendMessageCall): Promise<Answered<TakenMessage>> {
  const { at } = call
  const account = await authenticate(session, call.credentials)
  const row = await findOwnLine(session, account.id, call.fromNumber)
  const { line, writing } = passWritingLine(row, session.rules, call.relayed)
  const known = await findConversation(session, line.id, call.number)
  const service = passService(writing, known, call)
  const conversationId = known?.id ?? (await openConversation(session, line, call.number))
  if (call.statusCallback !== null) await openCallback(session, account.id, { url: call.statusCallback, at })
  const id = await insert(session, line, conversationId, service, call)
  const released = await releaseWaiting(session, [conversationId], at)
  const told = await tellOf(session, 'message.created', [id], at)
  const [message] = await messagesOf(session).where('messages.id', '=', id).execute()
  if (message === undefined) throw new Error('A message that was just written is not there')
  return { answer: { message: toMessage(message), accountEmail: account.email, released }, told }
}

async function insert(
  { db, rules }: Session,
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

export async function getOwnMessage(
  session: Session,
  { credentials, id }: { credentials: Credentials; id: MessageId },
): Promise<OwnMessage> {
  const account = await authenticate(session, credentials)
  const row = await messagesOf(session)
    .where('messages.id', '=', id)
    .where('messages.account_id', '=', account.id)
    .executeTakeFirst()
  if (row === undefined) throw new ReadbackError('not_found', 'No such message')
  return { message: toMessage(row), accountEmail: account.email }
}

export async function findTypingPlace(session: Session, call: ShowTypingCall): Promise<TypingPlace> {
  const account = await authenticate(session, call.credentials)
  const row = await findOwnLine(session, account.id, call.fromNumber)
  const { line, writing } = passWritingLine(row, session.rules, call.relayed)
  if (!writing.typing) throw new ReadbackError('invalid', 'The from_number cannot show that it types')
  const known = await findConversation(session, line.id, call.number)
  const released = known === undefined || !call.typing ? 0 : await releaseWaiting(session, [known.id], call.at)
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
  return { line: toLine(line, session.seal), conversation: known ?? unknown, released }
}

/** A contact of a line types: an event, and nothing else. */
export async function noteTyping(
  { db }: Session,
  { lineId, typing, at }: Parameters<Store['noteTyping']>[0],
): Promise<Answered<void>> {
  const line = await db
    .selectFrom('lines')
    .select(['account_id', 'number'])
    .where('id', '=', lineId)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
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
  session: Session,
  type: 'message.created' | 'message.updated',
  ids: readonly MessageId[],
  at: number,
): Promise<Told[]> {
  if (ids.length === 0) return []
  const rows = await messagesOf(session).where('messages.id', 'in', ids).orderBy('messages.id').execute()
  return rows.map((row) => {
    const { accountId, lineId, lineNumber: number, callback } = row
    return { accountId, lineId, number, event: { type, message: toMessage(row) }, callback, at }
  })
}

type MessageRow = Omit<Message, 'outbound'> & { readonly outbound: 0 | 1; readonly callback: string | null }

function toMessage({ outbound, callback: _callback, ...message }: MessageRow): Message {
  return { ...message, outbound: outbound === 1 }
}

function messagesOf({ db }: Session) {
  return db
    .selectFrom('messages')
    .innerJoin('lines', 'lines.id', 'messages.line_id')
    .innerJoin('conversations', 'conversations.id', 'messages.conversation_id')
    .select([
      'messages.id as id',
      'messages.account_id as accountId',
      'messages.line_id as lineId',
      'lines.number as lineNumber',
      'messages.outbound as outbound',
      'messages.contact as contact',
      'conversations.kind as kind',
      'conversations.address as conversationAddress',
      'messages.service as service',
      'messages.content as content',
      'messages.media_url as mediaUrl',
      'messages.send_style as sendStyle',
      'messages.status as status',
      'messages.reason as reason',
      'messages.sent_at as sentAt',
      'messages.read_at as readAt',
      'messages.received_at as createdAt',
      'messages.updated_at as updatedAt',
      'messages.status_callback as callback',
    ])
}

function findOwnLine({ db }: Session, accountId: AccountId, number: PhoneNumber): Promise<LineRow | undefined> {
  return db
    .selectFrom('lines')
    .selectAll()
    .where('number', '=', number)
    .where('account_id', '=', accountId)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
}

function findConversation({ db }: Session, lineId: LineId, address: Address): Promise<Conversation | undefined> {
  return conversationsOf(db)
    .where('line_id', '=', lineId)
    .where('address', '=', address)
    .where('kind', '=', 'direct')
    .executeTakeFirst()
}

export function conversationsOf(db: Session['db']) {
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

async function openConversation({ db }: Session, line: LineRow, address: Address): Promise<ConversationId> {
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
