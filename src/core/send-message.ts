import type { Credentials } from './account.ts'
import type { Conversation, Service } from './conversation.ts'
import { ReadbackError } from './errors.ts'
import type { LineId } from './id.ts'
import type { Line } from './line.ts'
import { RELAY_LOOP } from './mark-read.ts'
import type { OwnMessage } from './message.ts'
import type { Address, PhoneNumber } from './phone-number.ts'
import type { SendStyle, Writing } from './sending.ts'
import type { Store } from './store.ts'

/** One call for a line to write. */
export interface SendMessageCall {
  readonly credentials: Credentials
  readonly number: Address
  readonly fromNumber: PhoneNumber
  readonly content: string | null
  readonly mediaUrl: string | null
  readonly sendStyle: SendStyle | null
  readonly statusCallback: string | null
  /** Another server that speaks this API made the call for a line of its own. */
  readonly relayed: boolean
  readonly at: number
}

/** A message that was taken, and how many receipts it released. */
export interface TakenMessage extends OwnMessage {
  readonly released: number
}

/** Who is to hear of new work for a line. */
export interface LineNudges {
  readonly nudge: (lineId: LineId) => void
  readonly nudgeMessages: (lineId: LineId) => void
}

/**
 * Records the message durably, tells the line's lane, and answers; the carrier is never waited for. Whoever writes has read: receipts
 * that waited for a reply go too.
 */
export async function sendMessage(
  store: Pick<Store, 'sendMessage'>,
  { nudge, nudgeMessages }: LineNudges,
  call: SendMessageCall,
): Promise<OwnMessage> {
  const { released, ...taken } = await store.sendMessage(call)
  if (released > 0) nudge(taken.message.lineId)
  nudgeMessages(taken.message.lineId)
  return taken
}

/** What connectors declare of what their lines can write, by their names. */
export interface WritingRules {
  readonly writing: Readonly<Record<string, Writing | undefined>>
  /** Those that relay. */
  readonly relays: readonly string[]
}

/** The line that a call names, if it is this account's and may write. Another's is as good as none. */
export function passWritingLine<L extends Pick<Line, 'connector'>>(
  line: L | undefined,
  { writing, relays }: WritingRules,
  relayed: boolean,
): { readonly line: L; readonly writing: Writing } {
  if (line === undefined) throw new ReadbackError('not_found', 'The from_number is not registered')
  const declared = writing[line.connector]
  if (declared === undefined) throw new ReadbackError('invalid', 'The from_number cannot send messages')
  if (relayed && relays.includes(line.connector)) throw new ReadbackError('invalid', RELAY_LOOP)
  return { line, writing: declared }
}

/** The service that a message goes by: the contact's last, or the line's first where nobody has written. */
export function passService(
  { messages }: Writing,
  conversation: Pick<Conversation, 'service'> | undefined,
  wanted: Pick<SendMessageCall, 'mediaUrl' | 'sendStyle'>,
): Service {
  const [first] = Object.keys(messages) as Service[]
  const service = conversation?.service ?? first
  const able = service === undefined ? undefined : messages[service]
  if (service === undefined || able === undefined) {
    throw new ReadbackError('invalid', `The from_number cannot send by ${service}, by which this contact last wrote`)
  }
  if (wanted.mediaUrl !== null && !able.media) {
    throw new ReadbackError('invalid', `\`media_url\`: the from_number cannot send media by ${service}`)
  }
  if (wanted.sendStyle !== null && !able.styles) {
    throw new ReadbackError('invalid', `\`send_style\`: the from_number has none by ${service}`)
  }
  return service
}
