import { z } from 'zod'
import {
  CONVERSATION_STATES,
  type ConsoleStore,
  type ConversationFilter,
  type ConversationPlace,
  type ConversationSummary,
  type ShownMessage,
  type StoredMessage,
} from '../../core/console.ts'
import { SERVICES } from '../../core/conversation.ts'
import { ReadbackError } from '../../core/errors.ts'
import { formatId, parseId } from '../../core/id.ts'
import { awaitsReply } from '../../core/receipt.ts'
import { credentialsOf } from '../auth.ts'
import { badCursor } from '../cursor.ts'
import { type Door, door } from '../door.ts'
import { handleOf, idOf, isoTime, phoneNumber, whole } from '../fields.ts'
import { receiptToWire } from '../receipts.ts'
import { webhookBody } from '../webhook-body.ts'
import { deliveryToWire } from '../webhook-deliveries.ts'

type Reading = Pick<ConsoleStore, 'listConversations' | 'getConversation' | 'getMessageStory' | 'showConversation'>

const LIST = z.strictObject({
  search: z.string().max(254).optional(),
  from_number: phoneNumber('`from_number` is not a valid number').optional(),
  service: z.enum(SERVICES).optional(),
  state: z.enum(CONVERSATION_STATES).optional(),
  limit: whole('limit', { least: 1, most: 100, fallback: 40 }),
  cursor: z.string().optional(),
})

/** `GET /console/conversations`: a page may be short, or empty, and not be the last; `next_cursor` is null on that. */
export function listConversationsDoor(store: Reading): Door {
  return door({ query: LIST }, async ({ query, request }) => {
    const call = { credentials: credentialsOf(request), filter: toFilter(query) }
    const { conversations, next } = await store.listConversations(call)
    return { status: 'OK', data: conversations.map(summaryToWire), next_cursor: next === null ? null : toCursor(next) }
  })
}

const PAGE = 60
const ONE = z.object({ id: z.string() })
const OLDER = z.strictObject({ before: z.string().optional() })

/** `GET /console/conversations/{id}`: its newest messages, or those before one, and the receipts among them. */
export function conversationDoor(store: Reading): Door {
  return door({ params: ONE, query: OLDER }, async ({ params, query, request }) => {
    const before = query.before === undefined ? undefined : parseId('message', query.before)
    if (query.before !== undefined && before === undefined) {
      throw new ReadbackError('invalid', '`before` must be a `message_handle`')
    }
    const view = await store.getConversation({
      credentials: credentialsOf(request),
      id: idOf('conversation', params.id),
      ...(before === undefined ? {} : { before }),
      limit: PAGE,
    })
    return {
      status: 'OK',
      conversation: summaryToWire(view.conversation),
      messages: view.messages.map(messageToWire),
      receipts: view.receipts.map(receiptToWire),
      troubles: view.troubles.map(({ messageId, state, status, obstacle }) => ({
        message_handle: handleOf(messageId),
        state,
        status,
        reason: obstacle,
      })),
      more: view.more,
    }
  })
}

/** `GET /console/conversations/{id}/handset`: what the simulated phones of it show. */
export function conversationHandsetDoor(store: Reading): Door {
  return door({ params: ONE }, async ({ params, request }) => {
    const call = { credentials: credentialsOf(request), id: idOf('conversation', params.id) }
    return { status: 'OK', messages: (await store.showConversation(call)).map(shownToWire) }
  })
}

/** `GET /console/messages/{message_handle}`: the message, and each call and webhook that touched it, as they went over the wire. */
export function messageDoor(store: Reading): Door {
  return door({ params: ONE }, async ({ params, request }) => {
    const id = idOf('message', params.id)
    const story = await store.getMessageStory({ credentials: credentialsOf(request), id })
    return {
      status: 'OK',
      message: messageToWire(story.message),
      receipts: story.receipts.map(receiptToWire),
      more_receipts: story.more,
      webhooks: story.deliveries.map((delivery) => ({
        ...deliveryToWire(delivery),
        body: webhookBody({ event: delivery.event, account: story.account }),
      })),
    }
  })
}

function toFilter(query: z.output<typeof LIST>): ConversationFilter {
  const { search, from_number, service, state, cursor, limit } = query
  const typed = search?.trim() ?? ''
  return {
    ...(typed === '' ? {} : { search: toAddresses(typed) }),
    ...(from_number === undefined ? {} : { fromNumber: from_number }),
    ...(service === undefined ? {} : { service }),
    ...(state === undefined ? {} : { state }),
    ...(cursor === undefined ? {} : { before: fromCursor(cursor) }),
    limit,
  }
}

/** As addresses are stored: a number may be typed with its punctuation, and without its plus; a group may look like one. */
function toAddresses(typed: string): string[] {
  const digits = typed.replace(/[ .\-()[\]]/g, '')
  return /^\+?\d+$/.test(digits) ? [`+${digits.replace('+', '')}`, typed] : [typed]
}

function toCursor({ id, activeAt }: ConversationPlace): string {
  return `${formatId('conversation', id)}.${activeAt.toString(36)}`
}

function fromCursor(cursor: string): ConversationPlace {
  const [word = '', time = ''] = cursor.split('.')
  const id = parseId('conversation', word)
  const activeAt = Number.parseInt(time, 36)
  if (id !== undefined && Number.isSafeInteger(activeAt)) return { id, activeAt }
  throw badCursor()
}

function summaryToWire(summary: ConversationSummary): object {
  const { id, number, fromNumber, connector, kind, service, activeAt, unread, lastMessage, receipt } = summary
  return {
    conversation_id: formatId('conversation', id),
    number,
    from_number: fromNumber,
    connector,
    kind,
    service,
    active_at: isoTime(activeAt),
    unread,
    last_message: lastMessage && {
      content: lastMessage.content?.slice(0, PREVIEW) ?? null,
      media_url: lastMessage.mediaUrl,
      is_outbound: lastMessage.outbound,
      contact: lastMessage.contact,
    },
    receipt: receipt && {
      state: receipt.state,
      reason: awaitsReply(receipt) ? 'awaiting_reply' : receipt.reason,
      next_attempt_at: isoTime(receipt.nextAttemptAt),
    },
  }
}

/** More than a row of a list can show. */
const PREVIEW = 200

function messageToWire(message: StoredMessage): object {
  return {
    message_handle: handleOf(message.id),
    conversation_id: formatId('conversation', message.conversationId),
    part: message.part,
    is_outbound: message.outbound,
    number: message.contact,
    from_number: message.lineNumber,
    group_id: message.kind === 'group' ? message.conversationAddress : null,
    service: message.service,
    content: message.content,
    media_url: message.mediaUrl,
    send_style: message.sendStyle,
    reaction: message.reaction,
    status: message.status,
    reason: message.reason,
    carrier_message_id: message.carrierMessageId,
    auto_mark_read: message.outbound ? null : { fired: message.autoReason === null, reason: message.autoReason },
    sent_at: isoTime(message.sentAt),
    received_at: isoTime(message.createdAt),
    read_at: isoTime(message.readAt),
    updated_at: isoTime(message.updatedAt),
  }
}

function shownToWire(message: ShownMessage): object {
  return {
    message_handle: handleOf(message.messageId),
    number: message.contact,
    from_line: message.fromLine,
    send_style: message.sendStyle,
    part: message.part,
    content: message.content,
    media_url: message.mediaUrl,
    service: message.service,
    written_at: isoTime(message.writtenAt),
    delivered_at: isoTime(message.deliveredAt),
    read_at: isoTime(message.readAt),
  }
}
