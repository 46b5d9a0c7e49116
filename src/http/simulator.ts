import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Credentials } from '../core/account.ts'
import type { CarrierLine, Connector } from '../core/connector.ts'
import { SERVICES } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Handset, HandsetDraft, HandsetMessage, SimulatedCarrier } from '../core/handset.ts'
import type { LineId } from '../core/id.ts'
import type { Part } from '../core/inbound-message.ts'
import type { Line } from '../core/line.ts'
import { noteNews } from '../core/note-news.ts'
import type { Address, PhoneNumber } from '../core/phone-number.ts'
import { receiveInbound } from '../core/receive-inbound.ts'
import type { Store } from '../core/store.ts'
import { DONE, ok, TIME } from './answers.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { address, CONTENT, handleOf, inQuery, isoTime, MESSAGE_BODY_LIMIT, phoneNumber, text } from './fields.ts'

/** What the doors to the simulated phone need. */
export interface SimulatorDesk {
  readonly store: Pick<Store, 'getOwnLine' | 'storeInbound' | 'noteNews' | 'noteTyping'>
  readonly connectors: Readonly<Record<string, Connector>>
  readonly nudge: (lineId: LineId) => void
  readonly nudgeMessages: (lineId: LineId) => void
  readonly now: () => number
}

const contactNumber = address('`number` must be the contact’s number', '`number` is not a valid number')

const TO_NUMBER = phoneNumber('`to_number` must be a line’s number in E.164')

const MESSAGE = z.strictObject({
  number: contactNumber,
  to_number: TO_NUMBER,
  content: CONTENT.optional(),
  service: z.enum(SERVICES).default('iMessage'),
  group_id: text('group_id', 200).min(1).optional(),
  media_urls: z.array(text('media_urls', 2_000)).max(50).default([]),
  sent_at: z.iso
    .datetime({ offset: true })
    .refine((given) => Date.parse(given) > 0, { error: '`sent_at` must be after 1970-01-01T00:00:00Z' })
    .optional(),
  message_id: text('message_id', 200).min(1).optional(),
})

const FROM_NUMBER = phoneNumber('`from_number` must be a line’s number in E.164')

/** PostgreSQL keeps these knobs in four bytes, and fails on what is too small for them. */
const LEAST = 1e-6
const SHARE = z.number().min(LEAST).max(1)

const KNOBS = z.strictObject({
  from_number: FROM_NUMBER,
  latency_ms: z.number().int().min(0).max(600_000).optional(),
  pace_per_s: z.number().min(LEAST).max(100_000).nullable().optional(),
  fail_next: z.number().int().min(0).max(1_000_000).optional(),
  failure_rate: z.union([z.literal(0), SHARE], { error: '`failure_rate` must be 0, or 0.000001 to 1' }).optional(),
  offline: z.boolean().optional(),
})

const WRITTEN = ok({ messages: z.array(z.object({ message_handle: z.string().nullable(), part: z.int() })) })

const SHOWN = z.object({
  message_handle: z.string().nullable(),
  part: z.int(),
  content: z.string().nullable(),
  media_url: z.string().nullable(),
  service: z.enum(SERVICES),
  delivered_at: TIME.nullable(),
  read_at: TIME.nullable(),
  from_line: z.boolean(),
  send_style: z.string().nullable(),
})

const CARRIER = ok({
  from_number: z.string(),
  latency_ms: z.number(),
  pace_per_s: z.number().nullable(),
  fail_next: z.int(),
  failure_rate: z.number(),
  offline: z.boolean(),
})

/** `POST /simulator/messages`: a contact writes. It goes through the same door as any carrier's inbound. */
export function writeDoor(desk: SimulatorDesk): Door {
  const shape = {
    summary: 'A contact writes',
    body: MESSAGE,
    bodyLimit: MESSAGE_BODY_LIMIT,
    answer: WRITTEN,
    status: 201,
    entry: 'lines',
  } as const
  return door(shape, async ({ body, request }) => {
    const { line, carrier, handset } = await simulated(desk, credentialsOf(request), body.to_number)
    const receivedAt = desk.now()
    const draft = toDraft(body, receivedAt)
    await handset.writeOnPhone({ ...draft, lineId: line.id })
    const { messages } = carrier.parseInbound({ headers: {}, body: draft })
    const arrivals = messages.map((message) => ({ lineId: line.id, message, receivedAt, carrierNow: receivedAt }))
    const stored = await receiveInbound(desk.store, desk.nudge, arrivals)
    const handles = stored.flatMap(({ messageIds }) => messageIds)
    return { status: 'OK', messages: handles.map((id, part) => ({ message_handle: handleOf(id), part })) }
  })
}

/** `GET /simulator/handset`: what that contact's phone shows. */
export function handsetDoor(desk: SimulatorDesk): Door {
  const query = z.strictObject({
    number: inQuery('number', contactNumber),
    from_number: inQuery('from_number', FROM_NUMBER),
  })
  const answer = ok({
    number: z.string(),
    from_number: z.string(),
    typing: z.boolean(),
    messages: z.array(SHOWN),
  })
  const shape = { summary: 'What the contact’s phone shows', query, answer, entry: 'lines' } as const
  return door(shape, async ({ query: { number, from_number }, request }) => {
    const { line, handset } = await simulated(desk, credentialsOf(request), from_number)
    const messages = await handset.showPhone({ lineId: line.id, contact: number })
    const until = await handset.typingUntil({ lineId: line.id, contact: number })
    const typing = until !== null && until > desk.now()
    return { status: 'OK', number, from_number, typing, messages: messages.map(messageToWire) }
  })
}

/** `POST /simulator/handset/open`: the contact opens the conversation, and has read what the line wrote there. */
export function openDoor(desk: SimulatorDesk): Door {
  const body = z.strictObject({ number: contactNumber, from_number: FROM_NUMBER })
  const shape = { summary: 'The contact opens the conversation', body, answer: DONE, entry: 'lines' } as const
  return door(shape, async ({ body: { number, from_number }, request }) => {
    const { line, carrier, handset } = await simulated(desk, credentialsOf(request), from_number)
    const at = desk.now()
    await handset.contactReads({ lineId: line.id, contact: number, at })
    const told = carrier.parseInbound({ headers: {}, body: { openedBy: number, at } })
    await noteNews(desk.store, told, { lineId: line.id, at })
    return { status: 'OK' }
  })
}

/** `POST /simulator/typing`: the contact types, or no longer does. */
export function typingDoor(desk: SimulatorDesk): Door {
  const body = z.strictObject({ number: contactNumber, to_number: TO_NUMBER, typing: z.boolean() })
  const shape = { summary: 'The contact types, or no longer does', body, answer: DONE, entry: 'lines' } as const
  return door(shape, async ({ body: { number, to_number, typing }, request }) => {
    const { line, carrier } = await simulated(desk, credentialsOf(request), to_number)
    const told = carrier.parseInbound({ headers: {}, body: { typist: number, typing } })
    await noteNews(desk.store, told, { lineId: line.id, at: desk.now() })
    return { status: 'OK' }
  })
}

/** `PUT /simulator/carrier`: makes the carrier slow, paced, faulty or absent. What is left out stays as it is. */
export function carrierDoor(desk: SimulatorDesk): Door {
  const shape = {
    summary: 'Make the carrier slow, paced, faulty or absent',
    body: KNOBS,
    answer: CARRIER,
    entry: 'lines',
  } as const
  return door(shape, async ({ body: { from_number, ...knobs }, request }) => {
    const { line, handset } = await simulated(desk, credentialsOf(request), from_number)
    const tuned = await handset.turnKnobs({ lineId: line.id, knobs: toKnobs(knobs) })
    desk.nudge(line.id)
    desk.nudgeMessages(line.id)
    return { status: 'OK', from_number, ...knobsToWire(tuned) }
  })
}

/** `GET` on the same path: the knobs as they stand. */
export function carrierStateDoor(desk: SimulatorDesk): Door {
  const query = z.strictObject({ from_number: inQuery('from_number', FROM_NUMBER) })
  const shape = { summary: 'The carrier’s knobs as they stand', query, answer: CARRIER, entry: 'lines' } as const
  return door(shape, async ({ query: { from_number }, request }) => {
    const { line, handset } = await simulated(desk, credentialsOf(request), from_number)
    return { status: 'OK', from_number, ...knobsToWire(await handset.simulatedCarrier(line.id)) }
  })
}

interface Simulated {
  readonly line: Line
  readonly carrier: CarrierLine
  readonly handset: Handset
}

/** The account's own line with a simulated phone behind it; no other has these doors. */
async function simulated(desk: SimulatorDesk, credentials: Credentials, number: PhoneNumber): Promise<Simulated> {
  const line = await desk.store.getOwnLine({ credentials, number })
  const connector = desk.connectors[line.connector]
  if (connector?.handset !== undefined) return { line, carrier: connector.line(line), handset: connector.handset }
  throw new ReadbackError('invalid', 'That line has a real carrier, not a simulated phone')
}

function toDraft(body: z.output<typeof MESSAGE>, now: number): Omit<HandsetDraft, 'lineId'> {
  const { number, content, service, group_id, media_urls, sent_at, message_id } = body
  const [firstUrl, ...otherUrls] = media_urls
  const first: Part = { content: content ?? null, mediaUrl: firstUrl ?? null }
  return {
    contact: number,
    kind: group_id === undefined ? 'direct' : 'group',
    conversationAddress: group_id === undefined ? number : (group_id as Address),
    carrierMessageId: message_id ?? randomUUID(),
    service,
    parts: [first, ...otherUrls.map((mediaUrl) => ({ content: null, mediaUrl }))],
    writtenAt: sent_at === undefined ? now : Date.parse(sent_at),
  }
}

function messageToWire(message: HandsetMessage): z.output<typeof SHOWN> {
  return {
    message_handle: handleOf(message.messageId),
    part: message.part,
    content: message.content,
    media_url: message.mediaUrl,
    service: message.service,
    delivered_at: isoTime(message.deliveredAt),
    read_at: isoTime(message.readAt),
    from_line: message.fromLine,
    send_style: message.sendStyle,
  }
}

function toKnobs(knobs: Omit<z.output<typeof KNOBS>, 'from_number'>): Partial<SimulatedCarrier> {
  const { latency_ms, pace_per_s, fail_next, failure_rate, offline } = knobs
  return {
    ...(latency_ms === undefined ? {} : { latencyMs: latency_ms }),
    ...(pace_per_s === undefined ? {} : { pacePerS: pace_per_s }),
    ...(fail_next === undefined ? {} : { failNext: fail_next }),
    ...(failure_rate === undefined ? {} : { failureRate: failure_rate }),
    ...(offline === undefined ? {} : { offline }),
  }
}

function knobsToWire({ latencyMs, pacePerS, failNext, failureRate, offline }: SimulatedCarrier) {
  return {
    latency_ms: latencyMs,
    pace_per_s: pacePerS,
    fail_next: failNext,
    failure_rate: failureRate,
    offline,
  }
}
