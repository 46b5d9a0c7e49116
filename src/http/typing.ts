import { z } from 'zod'
import { RELAYED_HEADER } from '../core/mark-read.ts'
import { REASONS } from '../core/reason.ts'
import type { Changes } from '../core/store.ts'
import { endTyping, type ShownTyping, type ShowTypingCall, showTyping, type TypingDesk } from '../core/typing.ts'
import { credentialsOf } from './auth.ts'
import { type Door, door } from './door.ts'
import { CONTACT_AND_LINE } from './fields.ts'

/** A minute: whoever types for longer shows it again. */
const LONGEST_MS = 60_000

const BODY = z.strictObject({
  ...CONTACT_AND_LINE,
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

export interface TypingDoorDesk extends TypingDesk {
  readonly typingStops: TypingStops
  readonly now: () => number
}

/** `POST /api/send-typing-indicator`: as the SDK has it. Best effort: what the carrier could not do is told, and not tried again. */
export function typingDoor(desk: TypingDoorDesk): Door {
  const shape = { summary: 'Show the contact that you type', body: BODY, answer: ANSWER, entry: 'lines' } as const
  return door(shape, async ({ body: { number, from_number: fromNumber, state, max_duration_ms: most }, request }) => {
    const credentials = credentialsOf(request)
    const relayed = request.headers[RELAYED_HEADER] !== undefined
    const call = { credentials, number, fromNumber, typing: state === 'start', relayed, at: desk.now() }
    const outcome = await desk.typingStops.around(call, within(showTyping(desk, call)))
    if (outcome.kind === 'done' && call.typing && most !== undefined) {
      desk.typingStops.add(call, most, () => endTyping(desk, outcome.conversation, call))
    }
    if (outcome.kind === 'done') return { status: 'SENT' as const, number, error_message: null }
    return { status: 'ERROR' as const, number, error_message: REASONS[outcome.reason].meaning }
  })
}

type Shown = Promise<ShownTyping>

type Place = Pick<ShowTypingCall, 'fromNumber' | 'number'>

/** One to come. */
interface Stop {
  readonly timer: NodeJS.Timeout
  /** When the call was made that it ends. */
  readonly at: number
}

/** By line and contact. A live line's number is one account's alone, and a call that got through was its own. */
export class TypingStops {
  readonly #later = new Map<string, Stop>()
  /** The calls under way, whoever's: one of them may be one that puts off a stop. */
  readonly #underWay = new Map<string, Set<Shown>>()

  /** Whoever shows it anew, or has ended it, is not to be cut short by the call before. */
  async around(call: Place, showing: Shown): Shown {
    const place = placeOf(call)
    const shown = showing.then((outcome) => {
      if (outcome.kind === 'done') this.#callOff(place)
      return outcome
    })
    const calls = this.#underWay.get(place) ?? new Set()
    this.#underWay.set(place, calls.add(shown))
    try {
      return await shown
    } finally {
      calls.delete(shown)
      if (calls.size === 0) this.#underWay.delete(place)
    }
  }

  /** Best effort, as the indicator itself: who stops in time, or ends, has shown it all the same. */
  add(call: ShowTypingCall, ms: number, end: () => Promise<unknown>): void {
    const place = placeOf(call)
    const go = async () => {
      // Not for those that come meanwhile: anybody could keep it waiting.
      await Promise.allSettled(this.#underWay.get(place) ?? [])
      if (this.#later.get(place) !== stop) return
      this.#later.delete(place)
      await end().catch(() => {})
    }
    const stop: Stop = { timer: setTimeout(() => void go(), ms).unref(), at: call.at }
    this.#later.set(place, stop)
  }

  /** Another process calls for a place of ours: as one that is under way here, and then as one that got through. */
  changed({ typing = [] }: Pick<Changes, 'typing'>): void {
    for (const note of typing) {
      const place = placeOf(note)
      const stop = this.#later.get(place)
      if (stop === undefined || stop.at >= note.at) continue
      if (note.taken) this.#callOff(place)
      else void this.around(note, within(new Promise(() => {})))
    }
  }

  #callOff(place: string): void {
    clearTimeout(this.#later.get(place)?.timer)
    this.#later.delete(place)
  }
}

function placeOf({ fromNumber, number }: Place): string {
  return `${fromNumber} ${number}`
}

async function within(asked: Shown): Shown {
  const { promise, resolve } = Promise.withResolvers<ShownTyping>()
  const timer = setTimeout(() => resolve({ kind: 'unavailable', reason: 'timeout' }), PATIENCE_MS).unref()
  return Promise.race([asked, promise]).finally(() => clearTimeout(timer))
}
