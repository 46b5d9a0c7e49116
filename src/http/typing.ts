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
  const stops: Stops = { later: new Map(), underWay: new Map() }
  return door(shape, async ({ body: { number, from_number: fromNumber, state, max_duration_ms: most }, request }) => {
    const credentials = credentialsOf(request)
    const relayed = request.headers[RELAYED_HEADER] !== undefined
    const call = { credentials, number, fromNumber, typing: state === 'start', relayed, at: desk.now() }
    const outcome = await show(desk, stops, call)
    if (outcome.kind === 'done' && call.typing && most !== undefined) stopLater(desk, stops, call, most)
    if (outcome.kind === 'done') return { status: 'SENT' as const, number, error_message: null }
    return { status: 'ERROR' as const, number, error_message: REASONS[outcome.reason].meaning }
  })
}

/** By line and contact. A live line's number is one account's alone, and a call that got through was its own. */
interface Stops {
  /** Those to come. */
  readonly later: Map<string, NodeJS.Timeout>
  /** The calls under way, whoever's: one of them may be one that puts off a stop. */
  readonly underWay: Map<string, Set<Promise<unknown>>>
}

/** Whoever shows it anew, or has ended it, is not to be cut short by the call before. */
async function show(desk: TypingDesk, { later, underWay }: Stops, call: ShowTypingCall) {
  const place = placeOf(call)
  const shown = within(showTyping(desk, call)).then((outcome) => {
    if (outcome.kind !== 'done') return outcome
    clearTimeout(later.get(place))
    later.delete(place)
    return outcome
  })
  const calls = underWay.get(place) ?? new Set()
  underWay.set(place, calls.add(shown))
  try {
    return await shown
  } finally {
    calls.delete(shown)
    if (calls.size === 0) underWay.delete(place)
  }
}

/** Best effort, as the indicator itself: who stops in time, or ends, has shown it all the same. */
function stopLater(desk: TypingDesk, stops: Stops, call: ShowTypingCall, ms: number): void {
  const { later, underWay } = stops
  const place = placeOf(call)
  const stop = async () => {
    // Not for those that come meanwhile: anybody could keep it waiting.
    await Promise.allSettled(underWay.get(place) ?? [])
    if (later.get(place) !== timer) return
    later.delete(place)
    await showTyping(desk, { ...call, typing: false }).catch(() => {})
  }
  const timer = setTimeout(() => void stop(), ms).unref()
  later.set(place, timer)
}

function placeOf({ fromNumber, number }: ShowTypingCall): string {
  return `${fromNumber} ${number}`
}

async function within(asked: ReturnType<typeof showTyping>): ReturnType<typeof showTyping> {
  const { promise, resolve } = Promise.withResolvers<Awaited<typeof asked>>()
  const timer = setTimeout(() => resolve({ kind: 'unavailable', reason: 'timeout' }), PATIENCE_MS)
  return Promise.race([asked, promise]).finally(() => clearTimeout(timer))
}
