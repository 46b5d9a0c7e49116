import type { ReceiptOutcome } from '../core/connector.ts'
import type { Conversation } from '../core/conversation.ts'
import type { Heard, Talk } from './bluebubbles-talk.ts'

/** What its ids of conversations begin with: `any` for all on macOS 26, the service before. */
const PREFIXES = ['any', 'iMessage', 'RCS', 'SMS']

/** What a conversation may have been called before its Mac was upgraded to macOS 26. */
export function formerIds(id: string): string[] {
  const [now, ...before] = PREFIXES
  return id.startsWith(`${now};`) ? before.map((prefix) => id.replace(/^[^;]*/, prefix)) : []
}

export interface FoundChat {
  readonly kind: 'found'
  readonly id: string
  readonly sms: boolean
}

export type NotFound = Exclude<Heard, { kind: 'done' | 'absent' }> | Extract<ReceiptOutcome, { kind: 'not_supported' }>

/**
 * BlueBubbles' own id of the conversation: as the contact's last message had it, else the first that it knows, of its service where that is
 * known. It is looked up by all of them at once: a receipt has one deadline for all that it asks of a slow Mac.
 */
export async function findChat(
  talk: () => Talk,
  { carrierConversation, kind, address, service }: Conversation,
): Promise<FoundChat | NotFound> {
  if (carrierConversation !== null) return { kind: 'found', id: carrierConversation, sms: service === 'SMS' }
  if (kind === 'group') return { kind: 'found', id: address, sms: false }
  const looks = (service ? ['any', service] : PREFIXES).map(async (prefix) => {
    const id = `${prefix};-;${address}`
    return { id, sms: prefix === 'SMS', heard: await talk()('GET', ['chat', id]) }
  })
  for (const { heard, ...chat } of await Promise.all(looks)) {
    if (heard.kind === 'done') return { kind: 'found', ...chat }
    if (heard.kind !== 'absent') return heard
  }
  return { kind: 'not_supported', reason: 'no_conversation' }
}

/**
 * What it is called since its Mac was upgraded to macOS 26, until its contact writes; undefined where it has the id that it had, and where
 * nobody says that it has not.
 */
export async function renamed(
  talk: () => Talk,
  { carrierConversation: id }: Conversation,
  first = talk,
): Promise<Pick<FoundChat, 'kind' | 'id'> | NotFound | undefined> {
  if (id === null) return undefined
  const now = id.replace(/^[^;]*/, 'any')
  if (now === id || (await first()('GET', ['chat', id])).kind !== 'absent') return undefined
  const heard = await talk()('GET', ['chat', now])
  if (heard.kind === 'absent') return undefined
  return heard.kind === 'done' ? { kind: 'found', id: now } : heard
}
