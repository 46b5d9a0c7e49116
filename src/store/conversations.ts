import { type SqlBool, sql } from 'kysely'
import type { Credentials } from '../core/account.ts'
import type {
  ConversationCall,
  ConversationFilter,
  ConversationPage,
  ConversationPlace,
  ConversationSummary,
  ConversationView,
  ShownMessage,
} from '../core/console.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, ConversationId, LineId } from '../core/id.ts'
import { authenticate } from './accounts.ts'
import type { Context } from './context.ts'
import { troublesOf } from './deliveries.ts'
import { handsetOf } from './handset.ts'
import { reasonOf, receiptsIn } from './receipts.ts'
import { storedMessages, toStoredMessage } from './stories.ts'

/**
 * A page looks at so many conversations at the most: a filter that few pass costs more pages, never a slow one, however many
 * there are.
 */
const LOOKED_AT = 2_000
/** A search finds so many at the most: who wants others types one digit more. */
const MOST_FOUND = 200
/** Beside a page of messages: more receipts than that between two messages nobody reads. */
const MOST_RECEIPTS = 200

export async function listConversations(
  context: Context,
  { credentials, filter }: { credentials: Credentials; filter: ConversationFilter },
): Promise<ConversationPage> {
  const account = await authenticate(context, credentials)
  const { search, limit } = filter
  const looked =
    search === undefined ? await newest(context, account.id, filter) : await beginning(context, account.id, search)
  const passed = await passing(context, account.id, looked, filter)
  const page = passed.slice(0, limit)
  const conversations = await summariesOf(context, account.id, page)
  if (search !== undefined) return { conversations, next: null }
  if (passed.length > limit) return { conversations, next: page.at(-1) ?? null }
  return { conversations, next: looked.length === windowOf(filter) ? (looked.at(-1) ?? null) : null }
}

/** Without a filter every one passes, and one more than the page tells whether there is another. */
function windowOf({ service, state, fromNumber, limit }: ConversationFilter): number {
  return service === undefined && state === undefined && fromNumber === undefined ? limit + 1 : LOOKED_AT
}

function newest({ db }: Context, accountId: AccountId, filter: ConversationFilter): Promise<ConversationPlace[]> {
  let query = db
    .selectFrom('conversations')
    .select(['id', 'active_at as activeAt'])
    .where('account_id', '=', accountId)
    .orderBy('active_at', 'desc')
    .orderBy('id', 'desc')
    .limit(windowOf(filter))
  const { before } = filter
  if (before !== undefined) {
    query = query.where(sql<SqlBool>`(active_at, id) < (${before.activeAt}, ${before.id})`)
  }
  return query.execute()
}

async function beginning(
  { db }: Context,
  accountId: AccountId,
  search: readonly string[],
): Promise<ConversationPlace[]> {
  const lines = await db.selectFrom('lines').select('id').where('account_id', '=', accountId).execute()
  if (lines.length === 0) return []
  const inLines = db
    .selectFrom('conversations')
    .select(['id', 'active_at as activeAt'])
    .where(
      'line_id',
      'in',
      lines.map(({ id }) => id),
    )
    .limit(MOST_FOUND)
  const found: ConversationPlace[] = []
  // An e-mail address is stored in lower case, a group as its carrier has it.
  for (const start of new Set(search.flatMap((one) => [one, one.toLowerCase()]))) {
    // As two bounds, which an index of addresses can be entered by; `like` cannot.
    const query = inLines.where(sql<SqlBool>`address >= ${start} and address < ${`${start}\u{10ffff}`}`)
    found.push(...(await query.execute()))
  }
  return found.sort((a, b) => b.activeAt - a.activeAt || b.id - a.id)
}

async function passing(
  { db }: Context,
  accountId: AccountId,
  looked: readonly ConversationPlace[],
  filter: ConversationFilter,
): Promise<ConversationPlace[]> {
  const { fromNumber, service, state, limit } = filter
  if (looked.length === 0 || windowOf(filter) === limit + 1) return [...looked]
  const ids = looked.map(({ id }) => id)
  let query = db.selectFrom('conversations as c').select('c.id').where(theirs(accountId))
  query = query.where('c.id', 'in', ids)
  if (fromNumber !== undefined) {
    const lines = db.selectFrom('lines').select('id').where('account_id', '=', accountId)
    query = query.where('c.line_id', 'in', lines.where('number', '=', fromNumber))
  }
  if (service !== undefined) query = query.where('c.service', '=', service)
  if (state === 'unread') query = query.where(UNREAD)
  if (state === 'read') query = query.where(sql<SqlBool>`not (${UNREAD})`)
  if (state === 'waiting') query = query.where(sql<SqlBool>`${OPEN_RECEIPT} is not null`)
  if (state === 'failed') {
    query = query.where(
      sql<SqlBool>`exists (select 1 from receipts r where r.id = ${NEWEST_RECEIPT} and r.state in ('failed', 'expired', 'skipped'))`,
    )
  }
  const passed = new Set((await query.execute()).map(({ id }) => id))
  return looked.filter(({ id }) => passed.has(id))
}

/** With a plus: by the account alone the planner would walk through all that it has to find a few. */
function theirs(accountId: AccountId) {
  return sql<SqlBool>`+c.account_id = ${accountId}`
}

const UNREAD = sql<SqlBool>`(c.last_message_id is not null and c.last_message_id > coalesce(c.read_through, 0))`
// Each half has an index of its own, and is the end of it.
const OPEN_RECEIPT = sql<
  number | null
>`(select max(id) from receipts where conversation_id = c.id and settled_at is null)`
const SETTLED_RECEIPT = sql<
  number | null
>`(select max(id) from receipts where conversation_id = c.id and settled_at is not null)`
const NEWEST_RECEIPT = sql<number | null>`coalesce(${OPEN_RECEIPT}, ${SETTLED_RECEIPT})`
const NEWEST_MESSAGE = sql<number | null>`(select max(id) from messages where conversation_id = c.id)`

async function summariesOf(
  { db }: Context,
  accountId: AccountId,
  places: readonly ConversationPlace[],
): Promise<ConversationSummary[]> {
  if (places.length === 0) return []
  const rows = await db
    .selectFrom('conversations as c')
    .innerJoin('lines as l', 'l.id', 'c.line_id')
    .leftJoin('messages as m', (join) => join.on('m.id', '=', NEWEST_MESSAGE as never))
    .leftJoin('receipts as r', (join) => join.on('r.id', '=', NEWEST_RECEIPT as never))
    .where(theirs(accountId))
    .where(
      'c.id',
      'in',
      places.map(({ id }) => id),
    )
    .select([
      'c.id',
      'c.active_at as activeAt',
      'c.address as number',
      'l.number as fromNumber',
      'l.connector',
      'c.kind',
      'c.service',
      sql<0 | 1>`case when ${UNREAD} then 1 else 0 end`.as('unread'),
      'm.id as messageId',
      'm.content',
      'm.media_url as mediaUrl',
      'm.outbound',
      'm.contact',
      'r.state',
      reasonOf('r', 'l').as('reason'),
      'r.next_attempt_at as nextAttemptAt',
    ])
    .execute()
  const byId = new Map(rows.map((row) => [row.id, row]))
  return places.flatMap(({ id }) => {
    const row = byId.get(id)
    if (row === undefined) return []
    const { messageId, content, mediaUrl, outbound, contact, state, reason, nextAttemptAt, unread, ...rest } = row
    return {
      ...rest,
      unread: unread === 1,
      lastMessage:
        messageId === null || contact === null ? null : { content, mediaUrl, outbound: outbound === 1, contact },
      receipt: state === null ? null : { state, reason, nextAttemptAt },
    }
  })
}

export async function getConversation(context: Context, call: ConversationCall): Promise<ConversationView> {
  const { credentials, id, before, limit } = call
  const account = await authenticate(context, credentials)
  const [conversation] = await summariesOf(context, account.id, [{ id, activeAt: 0 }])
  if (conversation === undefined) throw noSuchConversation()
  let query = storedMessages(context, account.id).where('messages.conversation_id', '=', id)
  if (before !== undefined) query = query.where('messages.id', '<', before)
  const rows = await query
    .orderBy('messages.id', 'desc')
    .limit(limit + 1)
    .execute()
  const messages = rows.slice(0, limit).reverse().map(toStoredMessage)
  const more = rows.length > limit
  const oldest = more ? (messages[0]?.id ?? 0) : 0
  const receipts = await receiptsIn(
    context,
    { accountId: account.id, id },
    { from: oldest, ...(before === undefined ? {} : { before }), limit: MOST_RECEIPTS, order: 'desc' },
  )
  const troubles = await troublesOf(
    context,
    account.id,
    messages.map((message) => message.id),
  )
  return { conversation, messages, receipts, troubles, more }
}

export async function showConversation(
  context: Context,
  { credentials, id }: { credentials: Credentials; id: ConversationId },
): Promise<ShownMessage[]> {
  const account = await authenticate(context, credentials)
  const row = await context.db
    .selectFrom('conversations')
    .select(['line_id as lineId', 'address', 'kind'])
    .where('id', '=', id)
    .where('account_id', '=', account.id)
    .executeTakeFirst()
  if (row === undefined) throw noSuchConversation()
  return handsetOf(context, row.lineId as LineId, (query) =>
    query.where('phone.conversation_address', '=', row.address).where('phone.kind', '=', row.kind),
  )
}

function noSuchConversation(): ReadbackError {
  return new ReadbackError('not_found', 'No such conversation')
}
