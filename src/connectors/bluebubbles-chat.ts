import type { ReceiptOutcome } from '../core/connector.ts'
import type { Conversation } from '../core/conversation.ts'
import type { Heard, Talk } from './bluebubbles-talk.ts'

/** What its ids of conversations begin with: `any` for all on macOS 26, the service before. */
const PREFIXES = ['any', 'iMessage', 'RCS', 'SMS']

export interface FoundChat {
  readonly kind: 'found'
  readonly id: string
  readonly sms: boolean
}

type NotFound = Exclude<Heard, { kind: 'done' | 'absent' }> | Extract<ReceiptOutcome, { kind: 'not_supported' }>

/**
 * BlueBubbles' own id of the conversation: as the contact's last message had it, else the first that it knows, of its service where that is
 * known. `talk` is asked for each look-up: four of a slow Mac's may take longer than one deadline.
 */
export async function findChat(
  talk: () => Talk,
  { carrierConversation, kind, address, service }: Conversation,
): Promise<FoundChat | NotFound> {
  if (carrierConversation !== null) return { kind: 'found', id: carrierConversation, sms: service === 'SMS' }
  if (kind === 'group') return { kind: 'found', id: address, sms: false }
  for (const prefix of service ? ['any', service] : PREFIXES) {
    const id = `${prefix};-;${address}`
    const heard = await talk()('GET', ['chat', id])
    if (heard.kind === 'done') return { kind: 'found', id, sms: prefix === 'SMS' }
    if (heard.kind !== 'absent') return heard
  }
  return { kind: 'not_supported', reason: 'no_conversation' }
}

/** What it is called since its Mac was upgraded to macOS 26, until its contact writes; undefined where it has the id that it had. */
export async function renamed(talk: () => Talk, id: string): Promise<string | undefined> {
  const now = id.replace(/^[^;]*/, 'any')
  if (now === id || (await talk()('GET', ['chat', id])).kind !== 'absent') return undefined
  return (await talk()('GET', ['chat', now])).kind === 'done' ? now : undefined
}
