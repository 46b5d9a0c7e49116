import { createHmac } from 'node:crypto'
import { z } from 'zod'
import type { InboundHook, ParsedInbound } from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Part } from '../core/inbound-message.ts'
import { parseJson } from '../core/json.ts'
import { type Address, parseAddress } from '../core/phone-number.ts'
import { ID, textOf } from './carrier-fields.ts'
import { sameSecret } from './same-secret.ts'

export interface InboundKey {
  readonly agent_id: string
  readonly client_token: string
}

/** Google's hand-shake: it sends what it was given at the agent's creation, and wants the secret back. */
const HANDSHAKE = z.object({ clientToken: z.string(), secret: z.string().max(1_024) })

/** A Pub/Sub message: what counts is in `data`, as JSON in base64. */
const PUSH = z.object({ message: z.object({ data: z.base64() }) })

const EVENT = z.object({
  eventType: z.string(),
  agentId: z.string().optional(),
  senderPhoneNumber: z.string().optional(),
})

const MESSAGE = z.object({
  agentId: z.string(),
  senderPhoneNumber: z.string(),
  messageId: ID,
  sendTime: z.iso.datetime({ offset: true }),
  text: z.string().optional(),
  userFile: z.object({ payload: z.object({ fileUri: z.string() }) }).optional(),
  // A coordinate of zero is left out, as JSON of protocol buffers does.
  location: z.object({ latitude: z.number().default(0), longitude: z.number().default(0) }).optional(),
  suggestionResponse: z.object({ text: z.string().optional(), postbackData: z.string().optional() }).optional(),
})
type Message = z.infer<typeof MESSAGE>

/** RBM's webhook: the hand-shake, a contact's message, or an event. Its signature covers no time: repeats are told by their id. */
export function parseInbound({ headers, body }: InboundHook, key: InboundKey): ParsedInbound {
  const handshake = HANDSHAKE.safeParse(body).data
  if (handshake !== undefined) {
    if (!sameSecret(handshake.clientToken, key.client_token)) throw refused('the client token is wrong')
    return { messages: [], dropped: 'handshake', answer: handshake.secret }
  }
  const push = PUSH.safeParse(body).data
  // Who cannot sign learns nothing of what a right call looks like.
  const data = Buffer.from(push?.message.data ?? '', 'base64')
  const signature = createHmac('sha512', key.client_token).update(data).digest('base64')
  if (!sameSecret(headers['x-goog-signature'], signature)) throw refused('the signature is missing or wrong')
  return parseData(parseJson(data.toString('utf8')), key)
}

function parseData(data: unknown, { agent_id }: InboundKey): ParsedInbound {
  const event = EVENT.safeParse(data).data
  if (event !== undefined) return parseEvent(event, agent_id)
  const parsed = MESSAGE.safeParse(data)
  if (!parsed.success) throw malformed(parsed.error.issues[0]?.path.join('.') || 'data')
  const message = parsed.data
  // One webhook can serve all agents of a partner.
  if (agentIdOf(message.agentId) !== agent_id) return { messages: [], dropped: 'other_line' }
  const contact = parseAddress(message.senderPhoneNumber)
  const part = partOf(message)
  if (contact === undefined) return { messages: [], dropped: 'address' }
  return part === undefined
    ? { messages: [], dropped: 'other_event' }
    : { messages: [toInbound(message, contact, part)] }
}

/** The others are of what agents send. */
function parseEvent({ eventType, agentId, senderPhoneNumber }: z.infer<typeof EVENT>, agent: string): ParsedInbound {
  const contact = parseAddress(senderPhoneNumber ?? '')
  if (eventType !== 'IS_TYPING' || contact === undefined) return { messages: [], dropped: 'other_event' }
  if (agentIdOf(agentId ?? '') !== agent) return { messages: [], dropped: 'other_line' }
  return { messages: [], typing: [{ contact, typing: true }] }
}

/** In its settings and in calls an agent's id stands without the domain that Google's webhooks give it. */
export function agentIdOf(given: string): string {
  return given.replace(/@rbm\.goog$/, '')
}

function toInbound({ messageId, sendTime }: Message, contact: Address, part: Part): ParsedInbound['messages'][number] {
  return {
    carrierMessageId: joinMessageId(contact, messageId),
    service: 'RCS',
    contact,
    kind: 'direct',
    conversationAddress: contact,
    carrierConversation: contact,
    reaction: false,
    parts: [part],
    sentAt: Date.parse(sendTime),
  }
}

/** Google's id of a message is unique together with its sender alone. */
function joinMessageId(contact: Address, messageId: string): string {
  return `${contact} ${messageId}`
}

export function messageIdOf(carrierMessageId: string): string {
  return carrierMessageId.slice(carrierMessageId.indexOf(' ') + 1)
}

/** Undefined for what is no message that we know. A place is told as RFC 5870 has it. */
function partOf({ text, userFile, location, suggestionResponse }: Message): Part | undefined {
  if (userFile !== undefined) return { content: null, mediaUrl: textOf(userFile.payload.fileUri) }
  const place = location && `geo:${location.latitude},${location.longitude}`
  const chosen = suggestionResponse && (suggestionResponse.text ?? suggestionResponse.postbackData ?? '')
  const content = text ?? place ?? chosen
  return content === undefined ? undefined : { content: textOf(content), mediaUrl: null }
}

function refused(what: string): ReadbackError {
  return new ReadbackError('unauthorized', `Not a call of Google's: ${what}`)
}

function malformed(name: string): ReadbackError {
  return new ReadbackError('invalid', `Not an RBM message: ${name} is missing or wrong`)
}
