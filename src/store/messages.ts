import type { ExpressionBuilder } from 'kysely'
import type { Account } from '../core/account.ts'
import { reaches } from '../core/caller.ts'
import type { Service } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, LineId } from '../core/id.ts'
import type {
  KeptMessage,
  MessageFilter,
  MessageOrder,
  MessageOwner,
  MessagePage,
  MessageStatus,
  MessageStore,
  Period,
} from '../core/message.ts'
import type { Address } from '../core/phone-number.ts'
import { authenticate, identify } from './accounts.ts'
import type { Context } from './context.ts'
import { reasonOf } from './receipts.ts'
import type { Tables } from './tables.ts'

type Db = Context['db']

export async function getMessage(
  context: Context,
  { credentials, id }: Parameters<MessageStore['getMessage']>[0],
): ReturnType<MessageStore['getMessage']> {
  const caller = await identify(context, { credentials })
  const { account } = caller
  const row = await rowsOf(context.db, account.id).where('messages.id', '=', id).executeTakeFirst()
  if (row === undefined || !reaches(caller, row.lineNumber)) throw new ReadbackError('not_found', 'No such message')
  return { owner: ownerOf(account), message: toMessage(row) }
}

export async function listMessages(
  context: Context,
  { credentials, filter, page }: Parameters<MessageStore['listMessages']>[0],
): ReturnType<MessageStore['listMessages']> {
  const { db } = context
  const caller = await identify(context, { credentials })
  const { account } = caller
  const lines = await db.selectFrom('lines').select(['id', 'number']).where('account_id', '=', account.id).execute()
  const reached = lines.filter(({ number }) => reaches(caller, number)).map(({ id }) => id)
  const asked = matches(account, filter, (number) =>
    lines.filter((line) => (line.number as string) === number).map(({ id }) => id),
  )
  const matching = reached.length === lines.length ? asked : (eb: Eb) => eb.and([onLines(eb, reached), asked(eb)])
  const rows = await pageOf(db, account.id, matching, page).execute()
  // After the page: of a message that came between the two, a client learns that there is more, not that there is no more.
  const { total } = await countOf(db, account.id, matching).executeTakeFirstOrThrow()
  return { owner: ownerOf(account), messages: rows.map(toMessage), total: Number(total) }
}

type Eb = ExpressionBuilder<Tables, 'messages'>
type Condition = ReturnType<Eb['and']>
type Matching = (eb: Eb) => Condition

/** All that a filter asks for. A number is looked for among the account's lines first: lines and contacts have indexes of their own. */
export function matches(
  { email }: Pick<Account, 'email'>,
  filter: MessageFilter,
  linesNumbered: (number: string) => readonly LineId[],
): Matching {
  const { accountEmail, lineId, lineNumber, number, fromNumber, toNumber, kind, group } = filter
  const { outbound, service, status, created, updated, sent } = filter
  return (eb) => {
    const asked = [
      accountEmail === undefined || accountEmail.toLowerCase() === email.toLowerCase() ? undefined : eb.lit(false),
      lineId && onLines(eb, [lineId]),
      lineNumber && onLines(eb, linesNumbered(lineNumber)),
      number && eb.or([eb('messages.contact', '=', number), ...lineEnd(eb, linesNumbered(number))]),
      fromNumber && oneEnd(eb, fromNumber, linesNumbered(fromNumber), 1),
      toNumber && oneEnd(eb, toNumber, linesNumbered(toNumber), 0),
      outbound === undefined ? undefined : eb('messages.outbound', '=', outbound ? 1 : 0),
      kind && inConversation(eb, 'kind', kind),
      group && eb.and([inConversation(eb, 'kind', 'group'), inConversation(eb, 'address', group)]),
      service && eb('messages.service', '=', service),
      status === undefined ? undefined : eb('messages.status', '=', status as MessageStatus),
      ...within(eb, 'received_at', created),
      ...within(eb, 'updated_at', updated),
      ...within(eb, 'sent_at', sent),
    ]
    return eb.and(asked.filter((condition) => condition !== undefined))
  }
}

function onLines(eb: Eb, ids: readonly LineId[]): Condition {
  return ids.length === 0 ? eb.and([eb.lit(false)]) : eb.and([eb('messages.line_id', 'in', ids)])
}

function lineEnd(eb: Eb, ids: readonly LineId[]): Condition[] {
  return ids.length === 0 ? [] : [onLines(eb, ids)]
}

/** Messages that come from a number, or go to it: `lineSends` says which way those go that a line of that number is the end of. */
function oneEnd(eb: Eb, address: Address, ids: readonly LineId[], lineSends: 0 | 1): Condition {
  const contactEnd = eb.and([
    eb('messages.outbound', '=', lineSends === 1 ? 0 : 1),
    eb('messages.contact', '=', address),
  ])
  const lines = lineEnd(eb, ids).map((onThem) => eb.and([eb('messages.outbound', '=', lineSends), onThem]))
  return eb.or([contactEnd, ...lines])
}

function inConversation(eb: Eb, column: 'kind' | 'address', value: string): Condition {
  const conversation = eb
    .selectFrom('conversations')
    .select('conversations.id')
    .whereRef('conversations.id', '=', 'messages.conversation_id')
    .where(`conversations.${column}`, '=', value as never)
  return eb.and([eb.exists(conversation)])
}

function within(eb: Eb, column: 'received_at' | 'updated_at' | 'sent_at', { from, to }: Period) {
  return [
    from === undefined ? undefined : eb(`messages.${column}`, '>=', from),
    to === undefined ? undefined : eb(`messages.${column}`, '<=', to),
  ]
}

export function countOf(db: Db, accountId: AccountId, matching: Matching) {
  return db
    .selectFrom('messages')
    .where('messages.account_id', '=', accountId)
    .where(matching)
    .select((eb) => eb.fn.countAll().as('total'))
}

/** The order of our receiving is that of the ids. */
const COLUMNS = {
  createdAt: 'messages.id',
  updatedAt: 'messages.updated_at',
  sentAt: 'messages.sent_at',
} as const satisfies Record<MessageOrder, string>

export function pageOf(db: Db, accountId: AccountId, matching: Matching, page: MessagePage) {
  const { orderBy, direction, limit, offset } = page
  const rows = rowsOf(db, accountId).where(matching).limit(limit).offset(offset).orderBy(COLUMNS[orderBy], direction)
  // Of one moment there may be many: without this, pages could tell one of them twice.
  return orderBy === 'createdAt' ? rows : rows.orderBy('messages.id', direction)
}

function rowsOf(db: Db, accountId: AccountId) {
  return messagesOf(db).where('messages.account_id', '=', accountId)
}

export function messagesOf(db: Db) {
  return db
    .selectFrom('messages')
    .innerJoin('conversations', 'conversations.id', 'messages.conversation_id')
    .innerJoin('lines', 'lines.id', 'messages.line_id')
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
      reasonOf('messages', 'lines').as('reason'),
      'messages.sent_at as sentAt',
      'messages.read_at as readAt',
      'messages.received_at as createdAt',
      'messages.updated_at as updatedAt',
      'messages.auto_reason as autoReason',
    ])
}

export function toMessage(row: Omit<KeptMessage, 'outbound'> & { outbound: 0 | 1 }): KeptMessage {
  return { ...row, outbound: row.outbound === 1 }
}

export function ownerOf({ email, plan }: Account): MessageOwner {
  return { email, plan }
}

export async function findService(
  context: Context,
  { credentials, number }: Parameters<MessageStore['findService']>[0],
): Promise<Service | null> {
  const account = await authenticate(context, credentials)
  const lines = context.db.selectFrom('lines').select('id').where('account_id', '=', account.id)
  const newest = await context.db
    .selectFrom('conversations')
    .select('service')
    .where('line_id', 'in', lines)
    .where('address', '=', number)
    .where('kind', '=', 'direct')
    .where('service', 'is not', null)
    .orderBy('last_message_id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return newest?.service ?? null
}
