import { z } from 'zod'
import type { InboundHook, ParsedInbound, Reply } from '../core/connector.ts'
import { SERVICES } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import { type Address, type PhoneNumber, parseAddress } from '../core/phone-number.ts'
import type { MessageNews } from '../core/sending.ts'
import { ID, textOf } from './carrier-fields.ts'
import { sameSecret } from './same-secret.ts'

/** Of the 25 fields of its webhooks those that we keep. */
const FIELDS = z.object({
  message_handle: ID,
  content: z.string().nullish(),
  media_url: z.string().nullish(),
  from_number: z.string(),
  to_number: z.string(),
  sendblue_number: z.string().nullish(),
  group_id: z.union([ID, z.literal('')]).nullish(),
  date_sent: z.iso.datetime({ offset: true }),
  date_updated: z.iso.datetime({ offset: true }).nullish(),
  status: z.string().nullish(),
})
/** What its documentation shows of a message that the line sent names no service. */
const OUTBOUND = FIELDS.extend({ is_outbound: z.literal(true) })
const RECEIVED = FIELDS.extend({ is_outbound: z.literal(false), service: z.enum(SERVICES) })
const MESSAGE = z.discriminatedUnion('is_outbound', [OUTBOUND, RECEIVED])
type Outbound = z.infer<typeof OUTBOUND>

/**
 * Its webhooks: `receive` for one message, or one attachment of it, each with a handle of its own; `outbound` for what became of one
 * that the line sent; `typing_indicator`.
 */
export function parseInbound(
  { headers, body }: InboundHook,
  { signing_secret }: { readonly signing_secret: string },
  number: PhoneNumber,
): ParsedInbound {
  if (!sameSecret(headers['sb-signing-secret'], signing_secret)) {
    throw new ReadbackError('unauthorized', 'Invalid sb-signing-secret')
  }
  const typing = TYPING.safeParse(body).data
  if (typing !== undefined) return parseTyping(typing, number)
  const parsed = MESSAGE.safeParse(body)
  if (!parsed.success) {
    const name = parsed.error.issues[0]?.path.join('.') || 'the body'
    throw new ReadbackError('invalid', `Not a receive webhook: ${name} is missing or wrong`)
  }
  const message = parsed.data
  // One webhook serves all lines of an account there.
  const line = message.sendblue_number || (message.is_outbound ? message.from_number : message.to_number)
  if (line !== number) return { messages: [], dropped: 'other_line' }
  if (message.is_outbound) {
    return { messages: [], dropped: 'own_message', replies: [replyOf(message)], news: newsOf(message) }
  }
  const contact = parseAddress(message.from_number)
  return contact === undefined ? { messages: [], dropped: 'address' } : { messages: [toInbound(message, contact)] }
}

const TYPING = z.object({
  is_typing: z.boolean(),
  number: z.string().nullish(),
  from_number: z.string().nullish(),
  to_number: z.string().nullish(),
  sendblue_number: z.string().nullish(),
})

function parseTyping(typing: z.infer<typeof TYPING>, line: PhoneNumber): ParsedInbound {
  if ((typing.sendblue_number || typing.to_number) !== line) return { messages: [], dropped: 'other_line' }
  const contact = parseAddress(typing.number || typing.from_number || '')
  if (contact === undefined) return { messages: [], dropped: 'address' }
  return { messages: [], typing: [{ contact, typing: typing.is_typing }] }
}

/** With neither anything comes of a message any more. */
export const REFUSED_STATUSES: readonly string[] = ['ERROR', 'DECLINED']

const NEWS = z
  .enum(['DELIVERED', 'READ', 'ERROR', 'DECLINED'])
  .transform((status) => (status === 'DECLINED' ? 'ERROR' : status))

function newsOf({ message_handle: carrierMessageId, status, date_updated, date_sent }: Outbound): MessageNews[] {
  const known = NEWS.safeParse(status).data
  const at = Date.parse(date_updated ?? date_sent)
  return known === undefined ? [] : [{ of: { carrierMessageId }, status: known, at }]
}

function replyOf({ group_id, to_number, date_sent }: Outbound): Reply {
  const contact = group_id ? undefined : parseAddress(to_number)
  return { carrierConversation: group_id || to_number, contact, sentAt: Date.parse(date_sent) }
}

function toInbound(message: z.infer<typeof RECEIVED>, contact: Address): ParsedInbound['messages'][number] {
  const group = message.group_id || null
  return {
    carrierMessageId: message.message_handle,
    service: message.service,
    contact,
    kind: group === null ? 'direct' : 'group',
    conversationAddress: group === null ? contact : (group as Address),
    carrierConversation: group ?? contact,
    reaction: false,
    parts: [{ content: textOf(message.content), mediaUrl: textOf(message.media_url) }],
    sentAt: Date.parse(message.date_sent),
  }
}
