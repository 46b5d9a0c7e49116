import type { Credentials } from '../core/account.ts'
import type { MessageStory, StoredMessage } from '../core/console.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, MessageId } from '../core/id.ts'
import type { Receipt } from '../core/receipt.ts'
import { authenticate } from './accounts.ts'
import type { Context } from './context.ts'
import { deliveriesAbout } from './deliveries.ts'
import { messagesOf } from './messages.ts'
import { receiptsIn } from './receipts.ts'

const MOST_RECEIPTS = 20
const MESSAGE_EVENTS = ['message.received', 'message.created', 'message.updated'] as const

/** The account's messages as they are stored. By their conversation: by itself it would lead the planner through all it has. */
export function storedMessages({ db }: Context, accountId: AccountId) {
  return messagesOf(db)
    .where('conversations.account_id', '=', accountId)
    .select([
      'messages.conversation_id as conversationId',
      'messages.carrier_message_id as carrierMessageId',
      'messages.part as part',
      'messages.reaction as reaction',
    ])
}

type MessageRow = Awaited<ReturnType<ReturnType<typeof storedMessages>['execute']>>[number]

export function toStoredMessage({ outbound, reaction, ...row }: MessageRow): StoredMessage {
  return { ...row, outbound: outbound === 1, reaction: reaction === 1 }
}

export async function getMessageStory(
  context: Context,
  { credentials, id }: { credentials: Credentials; id: MessageId },
): Promise<MessageStory> {
  const account = await authenticate(context, credentials)
  const row = await storedMessages(context, account.id).where('messages.id', '=', id).executeTakeFirst()
  if (row === undefined) throw new ReadbackError('not_found', 'No such message')
  const message = toStoredMessage(row)
  const asked = await receiptsIn(
    context,
    { accountId: account.id, id: message.conversationId },
    { from: id, limit: MOST_RECEIPTS + 1, order: 'asc' },
  )
  const covering = asked.filter((receipt) => isAbout(receipt, message))
  // Up to the one that took it: what came later was about later messages, unless somebody asked for it again.
  const first = covering[0]?.readUpTo ?? null
  const all = covering.filter(({ readUpTo }) => readUpTo === first)
  const receipts = all.slice(0, MOST_RECEIPTS)
  const deliveries = await deliveriesAbout(context, account.id, [
    ...MESSAGE_EVENTS.map((type) => ({ type, subject: id })),
    ...receipts.map((receipt) => ({ type: 'receipt.settled' as const, subject: receipt.id })),
  ])
  const { email, plan } = account
  return { account: { id: account.id, email, plan }, message, receipts, more: all.length > receipts.length, deliveries }
}

/**
 * What the line wrote is read by its contact. No carrier marks an SMS: one that went was for what the contact wrote before it, and one that
 * ended for an SMS was for that alone.
 */
function isAbout({ state, reason }: Receipt, { outbound, service }: StoredMessage): boolean {
  if (outbound) return false
  return service === 'SMS' ? state !== 'sent' : reason !== 'sms'
}
