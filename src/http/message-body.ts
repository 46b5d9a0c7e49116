import { z } from 'zod'
import { AUTO_REASONS } from '../core/auto-mark-read.ts'
import { SERVICES } from '../core/conversation.ts'
import { type KeptMessage, MESSAGE_STATUSES, type Message, type MessageOwner } from '../core/message.ts'
import { REASONS } from '../core/reason.ts'
import { TIME } from './answers.ts'
import { handleOf, isoTime } from './fields.ts'

/** `docs/api.md`, "Webhooks": the 25 fields that the original was seen to have, no more and no fewer. */
const MESSAGE = z.object({
  accountEmail: z.string(),
  content: z.string(),
  is_outbound: z.boolean(),
  status: z.enum(MESSAGE_STATUSES),
  error_code: z.null(),
  error_message: z.string().nullable(),
  error_reason: z.string().nullable(),
  error_detail: z.null(),
  message_handle: z.string(),
  date_sent: TIME,
  date_updated: TIME,
  from_number: z.string(),
  number: z.string(),
  to_number: z.string(),
  sendblue_number: z.string(),
  was_downgraded: z.null(),
  plan: z.string(),
  media_url: z.string(),
  message_type: z.enum(['message', 'group']),
  group_id: z.string(),
  group_display_name: z.null(),
  participants: z.array(z.string()),
  send_style: z.string(),
  opted_out: z.literal(false),
  service: z.enum(SERVICES),
})

/** Of one that failed alone: what is queued has no more than an obstacle. */
export function errorMessageOf({ reason, status }: Pick<Message, 'reason' | 'status'>): string | null {
  return reason !== null && status === 'ERROR' ? REASONS[reason].meaning : null
}

export function messageToWire(message: Message, { email, plan }: MessageOwner): z.output<typeof MESSAGE> {
  const { outbound, contact, lineNumber, kind, conversationAddress, reason } = message
  return {
    accountEmail: email,
    content: message.content ?? '',
    is_outbound: outbound,
    status: message.status,
    error_code: null,
    error_message: errorMessageOf(message),
    error_reason: reason,
    error_detail: null,
    message_handle: handleOf(message.id),
    date_sent: isoTime(message.sentAt),
    date_updated: isoTime(message.updatedAt),
    from_number: outbound ? lineNumber : contact,
    number: contact,
    to_number: outbound ? contact : lineNumber,
    sendblue_number: lineNumber,
    was_downgraded: null,
    plan,
    media_url: message.mediaUrl ?? '',
    message_type: kind === 'group' ? 'group' : 'message',
    group_id: kind === 'group' ? conversationAddress : '',
    group_display_name: null,
    participants: kind === 'group' ? [contact, lineNumber] : [],
    send_style: message.sendStyle ?? '',
    opted_out: false,
    service: message.service,
  }
}

/** A message that is looked up later: when the contact read it, and what the auto rule made of it, are ours. */
export const KEPT_MESSAGE = MESSAGE.extend({
  date_read: TIME.nullable(),
  auto_mark_read: z.object({ fired: z.boolean(), reason: z.enum(AUTO_REASONS).nullable() }).nullable(),
}).meta({ id: 'Message' })

export function keptMessageToWire(message: KeptMessage, owner: MessageOwner): z.output<typeof KEPT_MESSAGE> {
  const { outbound, autoReason, readAt } = message
  return {
    ...messageToWire(message, owner),
    date_read: isoTime(readAt),
    auto_mark_read: outbound ? null : { fired: autoReason === null, reason: autoReason },
  }
}
