import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type {
  CarrierLine,
  ConnectedLine,
  Connector,
  ParsedInbound,
  ReceiptOutcome,
  UnavailableOutcome,
} from '../core/connector.ts'
import { type Conversation, SERVICES } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Handset, HandsetDraft } from '../core/handset.ts'
import type { LineId } from '../core/id.ts'
import { type Address, parseAddress } from '../core/phone-number.ts'
import type { MessageCall, MessageOutcome, TypingCall, Writing } from '../core/sending.ts'
import type { HttpCaller } from '../outgoing/http-call.ts'
import { ID, TIME, textOf } from './carrier-fields.ts'

export const RECEIPTS: Connector['receipts'] = { iMessage: 'conversation', RCS: 'conversation' }

/** As the services have it: effects are iMessage's alone. */
export const WRITING: Writing = {
  messages: {
    iMessage: { media: true, styles: true },
    RCS: { media: true, styles: false },
    SMS: { media: true, styles: false },
  },
  typing: true,
}

/** So many calls may be under way on one line while the carrier is not paced. */
const CONCURRENCY = 32

/** A phone shows somebody who types for so long, unless they send or stop. */
const TYPING_MS = 60_000

const TEXT = z.string().transform(textOf).nullable()
const PART = z.object({ content: TEXT, mediaUrl: TEXT })
const ADDRESS = z.custom<Address>((value) => typeof value === 'string' && parseAddress(value) === value)

/** What the simulated carrier calls us with: the message as the phone that wrote it has it. */
const HOOK: z.ZodType<Omit<HandsetDraft, 'lineId'>> = z.object({
  carrierMessageId: ID,
  contact: ADDRESS,
  kind: z.enum(['direct', 'group']),
  conversationAddress: z.custom<Address>((value) => ID.safeParse(value).success),
  service: z.enum(SERVICES),
  parts: z.tuple([PART], PART),
  writtenAt: TIME,
})

/** The contact has opened the conversation. */
const OPENED = z.object({ openedBy: ADDRESS, at: TIME })
/** The contact begins to type, or ends. */
const TYPING = z.object({ typist: ADDRESS, typing: z.boolean() })

/** What a call to the simulated carrier needs. */
interface Reach {
  readonly handset: Handset
  /** Beyond it nobody waits for a carrier, whatever it is: stops and leases count on that. */
  readonly deadline: HttpCaller['deadline']
  readonly now: () => number
}

/** The connector that has no network: a simulated phone behind a port of core's, with the declaration and the duties of any other. */
export function simulator(reach: Reach): Connector {
  const { handset } = reach
  return {
    name: 'simulator',
    receipts: RECEIPTS,
    writing: WRITING,
    handset,
    settings: {},
    parseSettings(input) {
      const [unknown] = Object.keys(input)
      if (unknown !== undefined) throw new ReadbackError('invalid', `A simulator line has no setting \`${unknown}\``)
      return {}
    },
    line: (line) => simulatedLine(line, reach),
  }
}

function simulatedLine(line: ConnectedLine, reach: Reach): CarrierLine {
  const { handset } = reach
  return {
    parseInbound: ({ body }) => parseHook(body),
    sendReceipt: ({ conversation }) => sendReceipt(conversation, reach),
    sendMessage: (call) => sendMessage(call, line.id, reach),
    sendTyping: (call) => sendTyping(call, line.id, reach),
    async pace() {
      const { pacePerS } = await handset.simulatedCarrier(line.id)
      return { callsPerSecond: pacePerS ?? Number.POSITIVE_INFINITY, concurrency: CONCURRENCY }
    },
    async probe() {
      const { offline } = await handset.simulatedCarrier(line.id)
      return offline ? { status: 'OFFLINE', reason: 'unreachable' } : { status: 'ONLINE', reason: null }
    },
  }
}

/** What the knobs make of a call; null where it gets through. */
async function obstacle({ handset, deadline }: Reach, lineId: LineId): Promise<UnavailableOutcome | null> {
  const { latencyMs, failNext, failureRate, offline } = await handset.simulatedCarrier(lineId)
  const answered = latencyMs === 0 || (await answersBy(deadline(), latencyMs))
  if (offline) return { kind: 'unavailable', reason: 'unreachable' }
  if (!answered) return { kind: 'unavailable', reason: 'timeout' }
  const fails = Math.random() < failureRate || (failNext > 0 && (await handset.takeFailure(lineId)))
  return fails ? { kind: 'unavailable', reason: 'carrier_error' } : null
}

function answersBy(signal: AbortSignal, latencyMs: number): Promise<boolean> {
  return sleep(latencyMs, true, { signal }).catch(() => false)
}

async function sendReceipt(conversation: Conversation, reach: Reach): Promise<ReceiptOutcome> {
  const { lineId, kind, address } = conversation
  const failed = await obstacle(reach, lineId)
  if (failed !== null) return failed
  await reach.handset.showRead({ lineId, kind, address, at: reach.now() })
  return { kind: 'done' }
}

/** Under an id of its own on every try: a message that is sent twice is there twice, as on any phone. */
async function sendMessage(
  { conversation, service, content, mediaUrl, sendStyle }: MessageCall,
  lineId: LineId,
  reach: Reach,
): Promise<MessageOutcome> {
  const failed = await obstacle(reach, lineId)
  // Of a real carrier that was asked and did not answer nobody knows more.
  if (failed?.reason === 'timeout') return { kind: 'unknown' }
  if (failed !== null) return failed
  const carrierMessageId = randomUUID()
  const message = { carrierMessageId, service, content, mediaUrl, sendStyle, at: reach.now() }
  await reach.handset.reachPhone({ lineId, contact: conversation.address, ...message })
  return { kind: 'sent', carrierMessageId, delivered: true }
}

async function sendTyping({ conversation, typing }: TypingCall, lineId: LineId, reach: Reach): Promise<ReceiptOutcome> {
  const failed = await obstacle(reach, lineId)
  if (failed !== null) return failed
  const at = reach.now()
  await reach.handset.showTyping({ lineId, contact: conversation.address, until: typing ? at + TYPING_MS : at })
  return { kind: 'done' }
}

function parseHook(body: unknown): ParsedInbound {
  const opened = OPENED.safeParse(body).data
  if (opened !== undefined) {
    return { messages: [], news: [{ of: { contact: opened.openedBy }, status: 'READ', at: opened.at }] }
  }
  const typing = TYPING.safeParse(body).data
  if (typing !== undefined) return { messages: [], typing: [{ contact: typing.typist, typing: typing.typing }] }
  const parsed = HOOK.safeParse(body)
  if (!parsed.success) throw new ReadbackError('invalid', `Not a simulated message: ${z.prettifyError(parsed.error)}`)
  const { writtenAt, ...message } = parsed.data
  const inbound = { ...message, carrierConversation: message.conversationAddress, reaction: false, sentAt: writtenAt }
  return { messages: [inbound] }
}
