import type { Credentials } from '../core/account.ts'
import type { MessageStory, StoredMessage } from '../core/console.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId, MessageId } from '../core/id.ts'
import { authenticate } from './accounts.ts'
import { deliveriesAbout } from './deliveries.ts'
import { receiptsIn } from './receipts.ts'
import type { Session } from './session.ts'

const MOST_RECEIPTS = 20

/** The account's messages with what their conversation and line are called. */
export function messagesOf({ db }: Session, accountId: AccountId) {
  return (
    db
      .selectFrom('messages')
      .innerJoin('conversations', 'conversations.id', 'messages.conversation_id')
      .innerJoin('lines', 'lines.id', 'messages.line_id')
      // By its conversation: by itself it would lead the planner through all that the account has.
      .where('conversations.account_id', '=', accountId)
      .select([
        'messages.id',
        'messages.account_id as accountId',
        'messages.line_id as lineId',
        'lines.number as lineNumber',
        'messages.outbound',
        'messages.contact',
        'conversations.kind',
        'conversations.address as conversationAddress',
        'messages.service',
        'messages.content',
        'messages.media_url as mediaUrl',
        'messages.send_style as sendStyle',
        'messages.status',
        'messages.reason',
        'messages.sent_at as sentAt',
        'messages.read_at as readAt',
        'messages.received_at as createdAt',
        'messages.updated_at as updatedAt',
        'messages.conversation_id as conversationId',
        'messages.carrier_message_id as carrierMessageId',
        'messages.part',
        'messages.reaction',
        'messages.auto_reason as autoReason',
      ])
  )
}

type MessageRow = Awaited<ReturnType<ReturnType<typeof messagesOf>['execute']>>[number]

export function toStoredMessage({ outbound, reaction, ...row }: MessageRow): StoredMessage {
  return { ...row, outbound: outbound === 1, reaction: reaction === 1 }
}

export async function getMessageStory(
  session: Session,
  { credentials, id }: { credentials: Credentials; id: MessageId },
): Promise<MessageStory> {
  const account = await authenticate(session, credentials)
  const row = await messagesOf(session, account.id).where('messages.id', '=', id).executeTakeFirst()
  if (row === undefined) throw new ReadbackError('not_found', 'No such message')
  const message = toStoredMessage(row)
  const covering = await receiptsIn(
    session,
    { accountId: account.id, id: message.conversationId },
    { from: id, limit: MOST_RECEIPTS, order: 'asc' },
  )
  // Up to the one that took it: what came later was about later messages, unless somebody asked for it again.
  const first = covering[0]?.readUpTo ?? null
  const receipts = covering.filter(({ readUpTo }) => readUpTo === first)
  const deliveries = await deliveriesAbout(session, account.id, [
    { type: 'message.received', subject: id },
    ...receipts.map((receipt) => ({ type: 'receipt.settled' as const, subject: receipt.id })),
  ])
  return { account: { id: account.id, email: account.email, plan: account.plan }, message, receipts, deliveries }
}
