import { z } from 'zod'
import type { Connector, ParsedInbound } from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import { formatId, type LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { noteNews } from '../core/note-news.ts'
import { noteReplies } from '../core/note-replies.ts'
import { receiveInbound } from '../core/receive-inbound.ts'
import type { Store } from '../core/store.ts'
import { DONE } from './answers.ts'
import { type Door, door, type Entered } from './door.ts'

/** Carriers write long messages with all their participants in them. */
const BODY_LIMIT = 1024 * 1024

/** What the door to carriers needs. */
export interface InboundDesk {
  readonly store: Pick<Store, 'getLine' | 'storeInbound' | 'noteReplies' | 'noteNews' | 'noteTyping'>
  readonly connectors: Readonly<Record<string, Connector>>
  readonly nudge: (lineId: LineId) => void
  /** There is something to be fetched from this line's carrier. */
  readonly catchUp: (lineId: LineId, delayMs: number) => void
  readonly now: () => number
}

/** What a message lacks is seldom there sooner. */
const LATE_MS = 1_000

/** Or what the carrier wants to hear. */
const ANSWER = z.union([DONE, z.string()])

/** `POST /readback/v1/inbound/{secret}`: a carrier calls us. The secret names the line. */
export function inboundDoor({ store, connectors, nudge, catchUp, now }: InboundDesk): Door {
  const params = z.object({ secret: z.string() })
  const shape = { summary: 'A carrier calls', params, body: z.unknown(), bodyLimit: BODY_LIMIT, answer: ANSWER }
  return door(shape, async ({ params: { secret }, ...entered }) => {
    const line = await store.getLine({ inboundSecret: secret })
    const parsed = parseInbound(line, connectors, entered)
    const { messages, dropped, late, replies = [], answer } = parsed
    const tag = { line: formatId('line', line.id) }
    if (late) {
      catchUp(line.id, LATE_MS)
      return { status: 'OK' }
    }
    if (dropped !== undefined) entered.request.log.info({ ...tag, dropped }, 'an inbound call held no message')
    const receivedAt = now()
    const carrierNow = carrierClock(entered) ?? receivedAt
    const arrivals = messages.map((message) => ({ lineId: line.id, message, receivedAt, carrierNow }))
    const stored = await receiveInbound(store, nudge, arrivals)
    await noteReplies(store, nudge, { lineId: line.id, replies, at: receivedAt })
    await noteNews(store, parsed, { lineId: line.id, at: receivedAt })
    if (stored.some(({ repeated }) => repeated)) entered.request.log.debug(tag, 'an inbound message came again')
    return answer ?? { status: 'OK' }
  })
}

function parseInbound(
  line: Line,
  connectors: Readonly<Record<string, Connector>>,
  { body, request }: Pick<Entered, 'body' | 'request'>,
): ParsedInbound {
  const connector = connectors[line.connector]
  if (connector === undefined) throw new Error(`There is no connector ${line.connector}`)
  try {
    return connector.line(line).parseInbound({ headers: request.headers, body })
  } catch (error) {
    if (error instanceof ReadbackError) {
      const refused = { line: formatId('line', line.id), reason: error.message }
      request.log.warn(refused, 'an inbound call was refused')
    }
    throw error
  }
}

/** `docs/api.md`, "/accounts/settings/auto-mark-read": age is measured against the carrier's clock, from its `Date` header. */
function carrierClock({ request }: Pick<Entered, 'request'>): number | undefined {
  const at = Date.parse(request.headers.date ?? '')
  return Number.isFinite(at) ? at : undefined
}
