import type { Credentials } from './account.ts'
import type { CarrierLine, Connector, FailedCall } from './connector.ts'
import type { Conversation } from './conversation.ts'
import { messageOf, ReadbackError } from './errors.ts'
import type { Line } from './line.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import { REASONS } from './reason.ts'
import type { LineNudges } from './send-message.ts'
import type { TypingCall } from './sending.ts'
import type { Store } from './store.ts'

/** One call for a contact to see that the line types, or no longer does. */
export interface ShowTypingCall {
  readonly credentials: Credentials
  readonly number: Address
  readonly fromNumber: PhoneNumber
  readonly typing: boolean
  readonly relayed: boolean
  readonly at: number
}

/** What processes that share a store tell each other of such a call: that it is made now, then that the carrier took it. */
export type TypingNote = Pick<ShowTypingCall, 'number' | 'fromNumber' | 'at'> & { readonly taken: boolean }

/** Where to show it, and how many receipts that released: whoever begins to reply has read. */
export interface TypingPlace {
  readonly line: Line
  readonly conversation: Conversation
  readonly released: number
}

export interface TypingDesk extends Pick<LineNudges, 'nudge'> {
  readonly store: Pick<Store, 'getTypingPlace' | 'getLine' | 'tellOfTyping'>
  readonly connectors: Readonly<Record<string, Connector>>
}

/** Where it was shown. */
export type ShownTyping = { readonly kind: 'done'; readonly conversation: Conversation } | FailedCall

/** Asks the carrier once, and answers its word: nothing of it is worth keeping. Throws `invalid` where there can be none. */
export async function showTyping(desk: TypingDesk, call: ShowTypingCall): Promise<ShownTyping> {
  const { line, conversation, released } = await desk.store.getTypingPlace(call)
  if (released > 0) desk.nudge(line.id)
  // It would announce a message that does not come. What was begun may still end.
  if (line.paused && call.typing) return { kind: 'unavailable', reason: 'line_paused' }
  return askCarrier(desk, line, { conversation, typing: call.typing }, call)
}

/** Ends what was shown, though the token that began it has ended since: whoever began it was let in. */
export async function endTyping(
  desk: TypingDesk,
  conversation: Conversation,
  call: ShowTypingCall,
): Promise<ShownTyping> {
  const line = await desk.store.getLine({ id: conversation.lineId })
  return askCarrier(desk, line, { conversation, typing: false }, call)
}

async function askCarrier(
  { store, connectors }: TypingDesk,
  line: Line,
  typing: TypingCall,
  { number, fromNumber, at }: ShowTypingCall,
): Promise<ShownTyping> {
  const carrier = connectors[line.connector]?.line(line)
  store.tellOfTyping?.({ number, fromNumber, at, taken: false })
  const outcome = await tryTyping(carrier?.sendTyping, typing)
  if (outcome.kind === 'done') {
    store.tellOfTyping?.({ number, fromNumber, at, taken: true })
    return { kind: 'done', conversation: typing.conversation }
  }
  if (outcome.kind !== 'not_supported') return outcome
  throw new ReadbackError('invalid', `There can be no typing indicator here: ${REASONS[outcome.reason].meaning}`)
}

type SendTyping = NonNullable<CarrierLine['sendTyping']>

/** A connector that throws in spite of its port counts as a carrier that failed. */
async function tryTyping(send: SendTyping | undefined, call: TypingCall): ReturnType<SendTyping> {
  try {
    return (await send?.(call)) ?? { kind: 'not_supported', reason: 'typing_not_supported' }
  } catch (error) {
    return { kind: 'unavailable', reason: 'carrier_error', detail: messageOf(error) }
  }
}
