import type { Conversation, Service } from './conversation.ts'
import type { Handset } from './handset.ts'
import type { LineId } from './id.ts'
import type { InboundMessage } from './inbound-message.ts'
import type { LineHealth, LineSettings } from './line.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { Reason } from './reason.ts'
import type { ContactTyping, MessageCall, MessageNews, MessageOutcome, TypingCall, Writing } from './sending.ts'

/** What one receipt call marks: the whole conversation, or one message. */
type ReceiptScope = 'conversation' | 'message'

/**
 * The port to a carrier. A connector keeps no state, so any node can serve any line. What it can do it declares here, and code
 * asks the declaration, never the name.
 */
export interface Connector {
  readonly name: string
  /** By service, how receipts are sent; an absent service has none. */
  readonly receipts: Readonly<Partial<Record<Service, ReceiptScope>>>
  /** What its lines can write; absent: nothing. */
  readonly writing?: Writing
  /** The phone at the other end, where the carrier is a simulated one. */
  readonly handset?: Handset
  /** What an operator is asked for; {@link parseSettings} judges it. */
  readonly settings: Readonly<Record<string, SettingField>>
  /** Checks what an operator gave. Throws `ReadbackError('invalid')` that names the bad setting. */
  parseSettings(input: Readonly<Record<string, unknown>>): LineSettings
  /** Whether the carrier of a line with these settings runs on this machine, and so can call its loopback; absent = it cannot. */
  onThisMachine?(settings: LineSettings): boolean
  /** The connector bound to one line. Makes no call. */
  line(line: ConnectedLine): CarrierLine
}

/** A setting, as a form shows it. */
interface SettingField {
  readonly label: string
  /** Where one that is left out means something. */
  readonly optional?: true
  /** Not to be read over a shoulder. */
  readonly secret?: true
  /** Given as JSON, not as text. */
  readonly json?: true
  readonly options?: readonly string[]
}

/** What a connector may know of a line. */
export interface ConnectedLine {
  readonly id: LineId
  readonly number: PhoneNumber
  readonly settings: LineSettings
}

export interface CarrierLine {
  /** Verifies, normalises, touches nothing. Throws `ReadbackError` for what is no message of this carrier's. */
  parseInbound(hook: InboundHook): ParsedInbound
  /** Never throws for what a carrier may do: that is what {@link ReceiptOutcome} is for. */
  sendReceipt(call: ReceiptCall): Promise<ReceiptOutcome>
  /**
   * Never throws for what a carrier may do. There where {@link Connector.writing} is. One that has something to do before it sends asks
   * `mayCall` once more right before it sends: the line may be another process's by then.
   */
  sendMessage?(call: MessageCall, mayCall: () => boolean): Promise<MessageOutcome>
  /** Shows the contact that the line types, or no longer does. */
  sendTyping?(call: TypingCall): Promise<ReceiptOutcome>
  /** How much of the carrier one lane may take. */
  pace(): Promise<Pace>
  /**
   * Tells the carrier where to call us, and to call no more where it was told `before`, in the same folder. Repeating it is harmless.
   */
  enrol?(inboundUrl: string, before: string | null): Promise<EnrolOutcome>
  /** Tells the carrier to call us there no more, unless it is the one that the line has `now`; null where the line was removed. */
  leave?(inboundUrl: string, now: LineSettings | null): Promise<LeaveOutcome>
  /** Asks the carrier whether this line can work. */
  probe?(): Promise<LineHealth>
  /**
   * Fetches what the carrier has beyond the cursor, so that nothing is missed that no hook brought. Null begins behind the newest
   * there is: no history is fetched. `now` is our clock. It asks `mayCall` before each further call: a stop waits for one alone.
   */
  catchUp?(cursor: string | null, now: number, mayCall: () => boolean): Promise<CaughtUp | FailedCall>
  /** By what the carrier would reach a contact: `SMS` where it is sure that there is nothing better. */
  lookUp?(contact: Address): Promise<LookedUp | FailedCall>
  /** Whether the carrier shows a message as read; undefined where it cannot be asked now. */
  verify?(carrierMessageId: string): Promise<boolean | undefined>
}

/** One receipt to be sent. */
export interface ReceiptCall {
  /** By the service of what was asked for. Where that is not its newest message's, nobody knows the carrier's word for it. */
  readonly conversation: Conversation
  /**
   * The carrier's ids of the messages that it marks, newest first: those unread up to where it was asked, {@link MOST_MARKED} at
   * the most, or the newest again. For a connector that works by conversation the newest alone; none where nobody has written.
   */
  readonly carrierMessageIds: readonly string[]
  /** The carrier took the newest in a try before: these are what it did not come to then. */
  readonly begun: boolean
}

export const MOST_MARKED = 50

/** A call that a carrier made to us. */
export interface InboundHook {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Parsed JSON, whatever its shape. */
  readonly body: unknown
}

export interface ParsedInbound {
  readonly messages: readonly InboundMessage[]
  /** Why there is no message in it, for the log: `own_message`, `system_event`, … */
  readonly dropped?: string
  /** The message is not whole yet: {@link CarrierLine.catchUp} will bring it. */
  readonly late?: boolean
  /** Where the line itself wrote, by whatever means. */
  readonly replies?: readonly Reply[]
  /** What became of what the line sent. */
  readonly news?: readonly MessageNews[]
  /** Contacts who type, or no longer do. */
  readonly typing?: readonly ContactTyping[]
  /** What the carrier wants to hear in place of our usual answer. */
  readonly answer?: string
}

/** The line wrote. */
export interface Reply {
  /** The carrier's word for the conversation. */
  readonly carrierConversation: string
  /** To whom, where that is no group: a carrier may have several words for one contact's, and ours is the newest message's. */
  readonly contact?: Address | undefined
  /** By the carrier's clock. */
  readonly sentAt: number
}

export interface CaughtUp extends Required<Pick<ParsedInbound, 'messages' | 'replies' | 'news'>> {
  readonly kind: 'done'
  /** What was wrong with those that could not be understood, for the log. */
  readonly refused: readonly string[]
  /** Where to go on. Opaque to all but the connector; to be kept once the messages are stored. */
  readonly cursor: string
  /** When to come again, where that is sooner than usual: 0 while there is more. */
  readonly comeBackMs: number | null
  /** The carrier's clock. */
  readonly carrierNow?: number
  /** What an operator should know of it. */
  readonly warning?: string
}

export interface Pace {
  /** Infinity where the carrier sets no limit. */
  readonly callsPerSecond: number
  readonly concurrency: number
}

/**
 * What a receipt call can come to. `detail` is what the carrier said: for the log alone, never for a tenant.
 * Done: the carrier took it. Not supported: this conversation can have no receipt. Rejected: no use in trying again.
 * Unavailable: try again later.
 */
export type ReceiptOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'not_supported'; readonly reason: Reason; readonly detail?: string }
  | { readonly kind: 'rejected'; readonly reason: Reason; readonly detail?: string }
  | UnavailableOutcome

export interface UnavailableOutcome {
  readonly kind: 'unavailable'
  readonly reason: Reason
  readonly detail?: string
  /** The carrier's own `retry-after`. */
  readonly retryAfterMs?: number
  /** Of a receipt's messages those that it took all the same, by its ids: the next try is about the others. */
  readonly marked?: readonly string[]
  /** It had what comes before a message, and could not do it: that is one of the message's tries. */
  readonly tried?: true
}

/** A call that was of no use, now or at all. */
export type FailedCall = Exclude<ReceiptOutcome, { kind: 'done' | 'not_supported' }>

export interface LookedUp {
  readonly kind: 'done'
  readonly service: Service
}

/** Whether it had to be told; `never` where it takes no such word by a call. */
export type WhenTold = 'now' | 'before' | 'never'

export type EnrolOutcome = { readonly kind: 'done'; readonly told?: WhenTold } | FailedCall

/** Whether it would have called us. */
export type LeaveOutcome = { readonly kind: 'done'; readonly wouldCall: boolean } | FailedCall
