import { z } from 'zod'
import type { InboundHook, ParsedInbound, Reply } from '../core/connector.ts'
import { SERVICES } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Part } from '../core/inbound-message.ts'
import { type Address, parseAddress } from '../core/phone-number.ts'
import type { MessageNews } from '../core/sending.ts'
import { formerIds } from './bluebubbles-chat.ts'
import { ID, TIME, textOf } from './carrier-fields.ts'

/** A webhook of any event. */
const HOOK = z.object({ type: z.string(), data: z.unknown() })

/** What tells a contact's message from other rows; an own message and some events have no handle. */
const ROW = z.object({ isFromMe: z.boolean(), itemType: z.number() })

/**
 * Playing a voice note on macOS 26 comes as a new message with nothing but its id as the text, which Messages writes in capitals: what
 * contacts have from elsewhere seldom is.
 */
const VOICE_NOTE = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/

const STYLES = { 43: 'group', 45: 'direct' } as const

/** What comes by way of a satellite is an iMessage to everybody else. */
const SERVICE = z.preprocess((given) => (given === 'iMessageLite' ? 'iMessage' : given), z.enum(SERVICES))

/** `service` is the handle's: on macOS 26 the conversation's id tells nothing. */
const MESSAGE = z.object({
  guid: ID,
  text: z.string().nullish(),
  handle: z.object({ address: z.string(), service: SERVICE }),
  chats: z.tuple([z.object({ guid: ID.regex(/;[+-];/), style: z.literal([43, 45]) })], z.unknown()),
  attachments: z.array(z.unknown()).max(1_000).nullish(),
  balloonBundleId: z.unknown(),
  associatedMessageGuid: z.unknown(),
  associatedMessageType: z.unknown(),
  dateCreated: TIME,
  dateEdited: z.unknown(),
  dateRetracted: z.unknown(),
})
type Message = z.infer<typeof MESSAGE>

/** A `new-message` webhook. Verifies nothing else: BlueBubbles signs nothing, the secret in our URL is what lets it in. */
export function parseInbound({ body }: Pick<InboundHook, 'body'>): ParsedInbound {
  const { type, data } = parse(HOOK, body, '')
  if (type === 'new-message') return parseRow(data)
  if (type === 'updated-message') return parseUpdate(data)
  return type === 'typing-indicator' ? parseTyping(data) : drop('other_event')
}

/** One row of its table of messages, as a webhook or a query brings it. */
export function parseRow(row: unknown): ParsedInbound {
  const { isFromMe, itemType } = parse(ROW, row, 'data.')
  // Somebody joined, left, or named the group.
  if (itemType !== 0) return drop('system_event')
  if (isFromMe) return { ...drop('own_message'), replies: repliesOf(row), news: newsOf(row) }
  const message = parse(MESSAGE, row, 'data.')
  // A business or a short code: no address that a receipt could be asked for.
  const contact = parseAddress(message.handle.address)
  if (contact === undefined) return drop('address')
  // Messages forgets the second date once all is taken back, and keeps the first.
  if (lacksParts(message) && (message.dateEdited || message.dateRetracted)) return drop('unsent')
  if (lacksParts(message)) return { messages: [toInbound(message, contact)], late: true }
  if (VOICE_NOTE.test(message.text ?? '') && !message.attachments?.length) return drop('voice_note')
  return { messages: [toInbound(message, contact)] }
}

const OWN = z.object({ chats: z.array(z.object({ guid: ID })), dateCreated: TIME })

function repliesOf(row: unknown): Reply[] {
  const { chats = [], dateCreated: sentAt = 0 } = OWN.safeParse(row).data ?? {}
  return chats.map(({ guid }) => ({ carrierConversation: guid, contact: contactIn(guid), sentAt }))
}

/** Of the line's own messages alone: our own marking as read updates those of contacts. */
function parseUpdate(data: unknown): ParsedInbound {
  const news = newsOf(data)
  return news.length > 0 ? { messages: [], news } : drop('other_event')
}

const WRITTEN = z.object({
  guid: ID,
  isFromMe: z.literal(true),
  error: z.number().nullish(),
  dateDelivered: TIME.nullish(),
  dateRead: TIME.nullish(),
  dateCreated: TIME,
})

/** The furthest that a row of the line's own tells. */
function newsOf(row: unknown): MessageNews[] {
  const own = WRITTEN.safeParse(row).data
  if (own === undefined) return []
  const of = { carrierMessageId: own.guid }
  if (own.dateRead) return [{ of, status: 'READ', at: own.dateRead }]
  if (own.dateDelivered) return [{ of, status: 'DELIVERED', at: own.dateDelivered }]
  return own.error ? [{ of, status: 'ERROR', at: own.dateCreated }] : []
}

const TYPING = z.object({ display: z.boolean(), guid: ID })

/** The conversation's id ends with the contact's address, where it is no group's. */
function contactIn(guid: string): Address | undefined {
  return parseAddress(guid.split(';-;')[1] ?? '')
}

/** It tells of no groups. */
function parseTyping(data: unknown): ParsedInbound {
  const { display, guid } = parse(TYPING, data, 'data.')
  const contact = contactIn(guid)
  return contact === undefined ? drop('address') : { messages: [], typing: [{ contact, typing: display }] }
}

/** Its attachments are linked a little later, and no webhook tells. */
function lacksParts({ text, attachments, balloonBundleId }: Message): boolean {
  return !text?.replaceAll('\uFFFC', '') && !attachments?.length && typeof balloonBundleId !== 'string'
}

function drop(dropped: string): ParsedInbound {
  return { messages: [], dropped }
}

function toInbound(message: Message, contact: Address): ParsedInbound['messages'][number] {
  const [{ guid, style }] = message.chats
  const kind = STYLES[style]
  return {
    carrierMessageId: message.guid,
    service: message.handle.service,
    contact,
    kind,
    conversationAddress: kind === 'group' ? (guid as Address) : contact,
    ...(kind === 'group' && { formerAddresses: formerIds(guid) as Address[] }),
    carrierConversation: guid,
    reaction: typeof message.associatedMessageGuid === 'string' && typeof message.associatedMessageType === 'string',
    parts: partsOf(message),
    sentAt: message.dateCreated,
  }
}

/** One for each attachment; the text goes with the first. */
function partsOf({ text, attachments }: Message): readonly [Part, ...Part[]] {
  const more = Array.from({ length: (attachments?.length ?? 0) - 1 }, () => ({ content: null, mediaUrl: null }))
  return [{ content: writtenIn(text), mediaUrl: null }, ...more]
}

/** Where an attachment stands in the text there is an object replacement character. */
function writtenIn(text: string | null | undefined): string | null {
  return textOf(text)?.replaceAll('\uFFFC', '').trim() || null
}

/** What is wrong is told by its name alone: the rest is what people wrote. */
function parse<T>(schema: z.ZodType<T>, input: unknown, at: string): T {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const name = `${at}${parsed.error.issues[0]?.path.join('.')}`.replace(/\.$/, '')
  throw new ReadbackError(
    'invalid',
    `Not a BlueBubbles webhook: ${name === '' ? 'the body' : name} is missing or wrong`,
  )
}
