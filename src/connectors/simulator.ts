import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { CarrierLine, ConnectedLine, Connector, ReceiptOutcome } from '../core/connector.ts'
import type { Conversation } from '../core/conversation.ts'
import { SERVICES } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Handset, HandsetDraft } from '../core/handset.ts'
import type { InboundMessage } from '../core/inbound-message.ts'
import { type Address, parseAddress } from '../core/phone-number.ts'

export const RECEIPTS: Connector['receipts'] = { iMessage: 'conversation', RCS: 'conversation' }

/** So many calls may be under way on one line while the carrier is not paced. */
const CONCURRENCY = 32

const PART = z.object({ content: z.string().nullable(), mediaUrl: z.string().nullable() })

/** What the simulated carrier calls us with: the message as the phone that wrote it has it. */
const HOOK: z.ZodType<Omit<HandsetDraft, 'lineId'>> = z.object({
  carrierMessageId: z.string().min(1),
  contact: z.custom<Address>((value) => typeof value === 'string' && parseAddress(value) === value),
  kind: z.enum(['direct', 'group']),
  conversationAddress: z.custom<Address>((value) => typeof value === 'string' && value !== ''),
  service: z.enum(SERVICES),
  parts: z.tuple([PART], PART),
  writtenAt: z.number(),
})

/** The carrier that needs none: a simulated phone behind a core port, with the same declaration and duties as a real carrier. */
export function simulator(handset: Handset, now: () => number): Connector {
  return {
    name: 'simulator',
    receipts: RECEIPTS,
    handset,
    settings: {},
    parseSettings(input) {
      const [unknown] = Object.keys(input)
      if (unknown !== undefined) throw new ReadbackError('invalid', `A simulator line has no setting \`${unknown}\``)
      return {}
    },
    line: (line) => simulatedLine(line, handset, now),
  }
}

function simulatedLine(line: ConnectedLine, handset: Handset, now: () => number): CarrierLine {
  return {
    parseInbound: ({ body }) => ({ messages: [parseHook(body)] }),
    sendReceipt: ({ conversation }) => sendReceipt(conversation, handset, now),
    async pace() {
      const { pacePerS } = await handset.carrier(line.id)
      return { callsPerSecond: pacePerS ?? Number.POSITIVE_INFINITY, concurrency: CONCURRENCY }
    },
    async probe() {
      const { offline } = await handset.carrier(line.id)
      return offline ? { status: 'OFFLINE', reason: 'unreachable' } : { status: 'ONLINE', reason: null }
    },
  }
}

async function sendReceipt(conversation: Conversation, handset: Handset, now: () => number): Promise<ReceiptOutcome> {
  const { lineId } = conversation
  const { latencyMs, failNext, failureRate, offline } = await handset.carrier(lineId)
  if (latencyMs > 0) await sleep(latencyMs)
  if (offline) return { kind: 'unavailable', reason: 'unreachable' }
  const fails = Math.random() < failureRate || (failNext > 0 && (await handset.takeFailure(lineId)))
  if (fails) return { kind: 'unavailable', reason: 'carrier_error' }
  await handset.showRead({ lineId, kind: conversation.kind, address: conversation.address, at: now() })
  return { kind: 'done' }
}

function parseHook(body: unknown): InboundMessage {
  const parsed = HOOK.safeParse(body)
  if (!parsed.success) throw new ReadbackError('invalid', `Not a simulated message: ${z.prettifyError(parsed.error)}`)
  const { writtenAt, ...message } = parsed.data
  return { ...message, carrierConversation: message.conversationAddress, reaction: false, sentAt: writtenAt }
}
