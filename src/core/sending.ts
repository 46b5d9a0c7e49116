import type { FailedCall, UnavailableOutcome } from './connector.ts'
import type { Conversation, Service } from './conversation.ts'
import type { LineId, MessageId } from './id.ts'
import type { Line } from './line.ts'
import type { Message } from './message.ts'
import type { Address } from './phone-number.ts'
import type { Reason } from './reason.ts'
import type { SendMessageCall, TakenMessage } from './send-message.ts'
import type { ClaimCall } from './store.ts'
import type { ShowTypingCall, TypingNote, TypingPlace } from './typing.ts'

/** The effects that Messages has, by the original's words. */
export const SEND_STYLES = [
  'celebration',
  'shooting_star',
  'fireworks',
  'lasers',
  'love',
  'confetti',
  'balloons',
  'spotlight',
  'echo',
  'invisible',
  'gentle',
  'loud',
  'slam',
] as const
export type SendStyle = (typeof SEND_STYLES)[number]

/** What a connector's lines can write. */
export interface Writing {
  /** By service, what a message may hold besides a text; an absent service carries none. */
  readonly messages: Readonly<Partial<Record<Service, { readonly media: boolean; readonly styles: boolean }>>>
  /** Whether it can show a contact that the line is typing. */
  readonly typing: boolean
}

/** One message to be sent. */
export interface MessageCall extends Pick<Message, 'id' | 'service' | 'content' | 'mediaUrl'> {
  readonly conversation: Conversation
  readonly sendStyle: SendStyle | null
  /** Those that the carrier had, before this one: what comes while it is away is none. */
  readonly attempts: number
}

/**
 * What a message call can come to. Unavailable: it certainly was not sent, so it may be tried again. Unknown: it may have been sent, so
 * it is never tried again.
 */
export type MessageOutcome =
  | { readonly kind: 'sent'; readonly carrierMessageId: string; readonly delivered: boolean }
  | { readonly kind: 'not_supported'; readonly reason: Reason; readonly detail?: string }
  | { readonly kind: 'unknown'; readonly detail?: string }
  | FailedCall

/** Nothing was sent, so that whoever looks after the line now may. */
export const LINE_LEFT: UnavailableOutcome = { kind: 'unavailable', reason: 'pace', detail: 'the line was left' }

export interface TypingCall {
  readonly conversation: Conversation
  /** False ends what true began. */
  readonly typing: boolean
}

/** What became of what the line sent, as its carrier tells later. */
export interface MessageNews {
  /** One message, or all that the contact has of the line's; behind `after`, where those before it are told. */
  readonly of: { readonly carrierMessageId: string } | { readonly contact: Address; readonly after?: MessageId }
  readonly status: 'DELIVERED' | 'READ' | 'ERROR'
  readonly at: number
}

/** The contact began to type, or ended. */
export interface ContactTyping {
  readonly contact: Address
  readonly typing: boolean
}

/** What to write down after a call: how the message ended, or when to try again. */
export type MessageSettlement = { readonly call: Pick<MessageCall, 'id'>; readonly at: number } & (
  | { readonly status: 'SENT' | 'DELIVERED'; readonly carrierMessageId: string }
  | { readonly status: 'ERROR'; readonly reason: Reason }
  | { readonly status: 'QUEUED'; readonly reason: Reason; readonly nextAttemptAt: number; readonly tried?: true }
)

/** What an outcome makes of a message. */
export function concludeMessage(
  call: MessageCall,
  outcome: Exclude<MessageOutcome, UnavailableOutcome>,
  at: number,
): MessageSettlement {
  switch (outcome.kind) {
    case 'sent': {
      const { carrierMessageId, delivered } = outcome
      return { call: { id: call.id }, at, status: delivered ? 'DELIVERED' : 'SENT', carrierMessageId }
    }
    case 'unknown':
      return { call: { id: call.id }, at, status: 'ERROR', reason: 'outcome_unknown' }
    default:
      return { call: { id: call.id }, at, status: 'ERROR', reason: outcome.reason }
  }
}

/** One that a carrier could not take waits until then; its expiry is the store's to see. */
export function setMessageBack(
  call: MessageCall,
  { reason, tried }: UnavailableOutcome,
  nextAttemptAt: number,
  at: number,
): MessageSettlement {
  return { call: { id: call.id }, at, status: 'QUEUED', reason, nextAttemptAt, ...(tried && { tried }) }
}

/** What lines write, and what is heard of it. */
export interface SendingStore {
  /** Throws what `admitCaller`, `passWritingLine` and `passService` throw. */
  sendMessage(call: SendMessageCall): Promise<TakenMessage>
  /** To begin to type releases what waits for a reply. Throws what `admitCaller` and `passWritingLine` throw. */
  getTypingPlace(call: ShowTypingCall): Promise<TypingPlace>
  /** Tells the others; absent where one process has the store to itself. */
  tellOfTyping?(note: TypingNote): void
  /** Whatever is older than what is known already changes nothing. Answers what is still to be told: others get their turn before it. */
  noteNews(call: { lineId: LineId; news: readonly MessageNews[]; at: number }): Promise<readonly MessageNews[]>
  noteTyping(call: { lineId: LineId; typing: readonly ContactTyping[]; at: number }): Promise<void>
}

/** Messages that lines are to send, as the lanes see them. */
export interface MessageOutbox {
  linesWithMessages(): Promise<LineId[]>
  /** Takes the line's oldest if it is due and `ready`; ends those it finds too late. */
  claimMessage(call: Omit<ClaimCall, 'limit'> & { ready: boolean }): Promise<ClaimedMessage>
  /** Writes down what a carrier call came to. */
  settleMessage(settlement: MessageSettlement): Promise<void>
  /** Ends what was claimed by a process that is no more: it may have been sent, so nobody sends it again. */
  endInterrupted(call: { at: number }): Promise<void>
  /** Gives back what a lane claimed without hearing of it: it was not sent. Only while the lane carries nothing. */
  releaseLostMessage(call: { lineId: LineId; at: number }): Promise<void>
}

export interface ClaimedMessage {
  /** Undefined once the line was removed, or where another process looks after it. */
  readonly line: Line | undefined
  readonly call: MessageCall | null
  /** When the oldest that waits is due, and when the first expires; null when none waits. */
  readonly nextDueAt: number | null
  readonly nextExpiryAt: number | null
}
