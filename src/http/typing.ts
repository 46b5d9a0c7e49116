import { z } from 'zod'
import { RELAYED_HEADER } from '../core/mark-read.ts'
import { REASONS } from '../core/reason.ts'
import { type ShowTypingCall, showTyping, type TypingDesk } from '../core/typing.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { address, phoneNumber } from './fields.ts'

const NO_NUMBER = 'You must specify a `number` in the request body.'
/** A minute: whoever types for longer shows it again. */
const LONGEST_MS = 60_000

const BODY = z.strictObject({
  number: address(NO_NUMBER, 'You must specify a valid `number` in the request body.'),
  from_number: phoneNumber('You must specify a valid `from_number` in the request body.'),
  state: z.enum(['start', 'stop'], { error: '`state` must be start or stop' }).default('start'),
  max_duration_ms: z.int().min(1).max(LONGEST_MS).optional(),
})

const ANSWER = z.object({
  status: z.enum(['SENT', 'ERROR']),
  number: z.string(),
  error_message: z.string().nullable(),
})

/** Contacts do not wait for it: a carrier that takes longer has missed the moment. */
const PATIENCE_MS = 10_000

/** `POST /api/send-typing-indicator`: as the SDK has it. Best effort: what the carrier could not do is told, and not tried again. */
export function typingDoor(desk: TypingDesk & { readonly now: () => number }): Door {
  const shape = { summary: 'Show the contact that you type', body: BODY, answer: ANSWER, entry: 'lines' } as const
  const stops: Stops = new Map()
  return door(shape, async ({ body: { number, from_number: fromNumber, state, max_duration_ms: most }, request }) => {
    const credentials = credentialsOf(request)
    const relayed = request.headers[RELAYED_HEADER] !== undefined
    const call = { credentials, number, fromNumber, typing: state === 'start', relayed, at: desk.now() }
    const outcome = await within(showTyping(desk, call))
    if (outcome.kind === 'done') forgetStop(stops, call)
    if (outcome.kind === 'done' && call.typing && most !== undefined) stopLater(desk, stops, call, most)
    if (outcome.kind === 'done') return { status: 'SENT' as const, number, error_message: null }
    return { status: 'ERROR' as const, number, error_message: REASONS[outcome.reason].meaning }
  })
}

/** The stops to come, by line and contact. A live line's number is one account's alone, and a call that got through was its own. */
type Stops = Map<string, NodeJS.Timeout>

/** Best effort, as the indicator itself: who stops in time, or ends, has shown it all the same. */
function stopLater(desk: TypingDesk, stops: Stops, call: ShowTypingCall, ms: number): void {
  const timer = setTimeout(() => {
    stops.delete(placeOf(call))
    showTyping(desk, { ...call, typing: false }).catch(() => {})
  }, ms)
  stops.set(placeOf(call), timer.unref())
}

/** Whoever shows it anew, or has ended it, is not to be cut short by the call before. */
function forgetStop(stops: Stops, call: ShowTypingCall): void {
  clearTimeout(stops.get(placeOf(call)))
  stops.delete(placeOf(call))
}

function placeOf({ fromNumber, number }: ShowTypingCall): string {
  return `${fromNumber} ${number}`
}

async function within(asked: ReturnType<typeof showTyping>): ReturnType<typeof showTyping> {
  const { promise, resolve } = Promise.withResolvers<Awaited<typeof asked>>()
  const timer = setTimeout(() => resolve({ kind: 'unavailable', reason: 'timeout' }), PATIENCE_MS)
  return Promise.race([asked, promise]).finally(() => clearTimeout(timer))
}
