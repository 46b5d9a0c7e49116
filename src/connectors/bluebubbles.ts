import { z } from 'zod'
import type {
  CarrierLine,
  Connector,
  EnrolOutcome,
  FailedCall,
  LeaveOutcome,
  LookedUp,
  ReceiptOutcome,
} from '../core/connector.ts'
import type { Conversation } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Address } from '../core/phone-number.ts'
import { isOnThisMachine } from '../outgoing/address-guard.ts'
import type { HttpCaller } from '../outgoing/http-call.ts'
import { catchUp } from './bluebubbles-catch-up.ts'
import { findChat, renamed } from './bluebubbles-chat.ts'
import { parseInbound } from './bluebubbles-inbound.ts'
import { probe } from './bluebubbles-info.ts'
import { outcomeOf, SAID_WITHIN_MS, SETTINGS, type Settings, type Talk, talkTo, talkTwice } from './bluebubbles-talk.ts'
import { LEFT, sendMessage, sendTyping, WRITING } from './bluebubbles-writing.ts'
import { parseCarrierUrl } from './carrier-call.ts'
import type { MediaCaller } from './media.ts'

/** It has no read of one message. */
export const RECEIPTS: Connector['receipts'] = { iMessage: 'conversation', RCS: 'conversation' }

const FIELDS: Connector['settings'] = {
  url: { label: 'URL of the BlueBubbles server' },
  password: { label: 'Its password', secret: true },
}

/** It hands the Mac one action every 200 ms. */
const PACE = { callsPerSecond: 5, concurrency: 1 }

/** A Mac with BlueBubbles on it. What it sends does not name the line, so one such server is one line. */
export function bluebubbles(caller: HttpCaller, media: MediaCaller): Connector {
  return {
    name: 'bluebubbles',
    receipts: RECEIPTS,
    settings: FIELDS,
    writing: WRITING,
    parseSettings,
    onThisMachine: (settings) => isOnThisMachine(SETTINGS.parse(settings).url),
    line: ({ settings }) => bluebubblesLine(caller, media, SETTINGS.parse(settings)),
  }
}

function bluebubblesLine(caller: HttpCaller, media: MediaCaller, settings: Settings): CarrierLine {
  return {
    parseInbound,
    sendReceipt: ({ conversation }) => sendReceipt(caller, settings, conversation),
    sendMessage(call, mayCall) {
      const talk = () => talkTo(caller, settings, 'all')
      return sendMessage({ talk, twice: () => talkTwice(caller, settings, 'all'), media, mayCall }, call)
    },
    sendTyping(call) {
      const { talk, hasty, enough } = talkTwice(caller, settings)
      const timer = setTimeout(enough, SAID_WITHIN_MS)
      return sendTyping(talk, hasty, call).finally(() => clearTimeout(timer))
    },
    pace: async () => PACE,
    enrol: (inboundUrl, before) => enrol(talkTo(caller, settings, [secretOf(inboundUrl)]), inboundUrl, before),
    async leave(inboundUrl, now) {
      if (now !== null && SETTINGS.parse(now).url === settings.url) return { kind: 'done', wouldCall: false }
      return leave(talkTo(caller, settings, [secretOf(inboundUrl)]), inboundUrl)
    },
    probe: () => probe(talkTo(caller, settings)),
    catchUp: (cursor, now, mayCall) =>
      catchUp(() => (mayCall() ? talkTo(caller, settings) : LEFT), settings, cursor, now),
    lookUp: (contact) => lookUp(talkTo(caller, settings), contact),
    verify: (carrierMessageId) => verify(talkTo(caller, settings), carrierMessageId),
  }
}

function parseSettings({ url, password, ...rest }: Readonly<Record<string, unknown>>): Settings {
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw new ReadbackError('invalid', `A BlueBubbles line has no setting \`${unknown}\``)
  if (typeof password !== 'string' || password === '') {
    throw new ReadbackError('invalid', '`password` must be the password of the BlueBubbles server')
  }
  return { url: parseCarrierUrl('url', url), password }
}

/** Whole conversation, and 200 for one that does not exist too: only the exact id marks anything. */
async function sendReceipt(
  caller: HttpCaller,
  settings: Settings,
  conversation: Conversation,
): Promise<ReceiptOutcome> {
  const { talk, hasty, enough } = talkTwice(caller, settings)
  const chat = await findChat(() => talk, conversation)
  if (chat.kind !== 'found') return chat
  if (chat.sms) return { kind: 'not_supported', reason: 'sms' }
  const read = async (id: string) => outcomeOf(await talk('POST', ['chat', id, 'read']))
  // Beside each other: but for a Mac that was upgraded, the look-up is in vain.
  const looking = renamed(
    () => talk,
    conversation,
    () => hasty,
  )
  const outcome = await read(chat.id)
  const timer = setTimeout(enough, SAID_WITHIN_MS)
  const now = await looking
  clearTimeout(timer)
  if (now === undefined) return outcome
  return now.kind === 'found' ? read(now.id) : now
}

/** What contacts write, what became of what the line wrote, and who types. */
const EVENTS = ['new-message', 'updated-message', 'typing-indicator']

/** Those that `imessage-rs` was started with have no id. */
const WEBHOOK = z.object({ id: z.number().optional(), url: z.string(), events: z.array(z.string()).catch([]) })
type Webhook = z.infer<typeof WEBHOOK>

/**
 * The same URL registered again keeps the events it had, so what is there goes first, but for what is as it should be: another node may
 * have put it there just now. A renewed secret's old URL goes, too, and that of where we were reached before. Whoever takes none
 * (`imessage-rs` does not) is well all the same: what no hook brings is fetched.
 */
async function enrol(talk: Talk, inboundUrl: string, before: string | null): Promise<EnrolOutcome> {
  const listed = await listWebhooks(talk)
  if (listed.kind !== 'webhooks') return listed
  const ours = [folderOf(inboundUrl), ...(before === null ? [] : [folderOf(before)])]
  const isAsItShould = ({ url, events }: Webhook) =>
    url === inboundUrl && events.toSorted().join() === EVENTS.toSorted().join()
  for (const webhook of listed.webhooks) {
    const { id, url } = webhook
    if (id === undefined || !ours.includes(folderOf(url)) || isAsItShould(webhook)) continue
    const removed = await talk('DELETE', ['webhook', String(id)])
    if (removed.kind !== 'done' && removed.kind !== 'absent') return removed
  }
  if (listed.webhooks.some(isAsItShould)) return { kind: 'done', told: 'before' }
  const added = await talk('POST', ['webhook'], { url: inboundUrl, events: EVENTS })
  if (added.kind === 'absent') return { kind: 'done', told: 'never' }
  return added.kind === 'done' ? { kind: 'done', told: 'now' } : outcomeOf(added)
}

/** That one alone: whatever else leads to us there is of a line that came in this one's place. */
async function leave(talk: Talk, inboundUrl: string): Promise<LeaveOutcome> {
  const listed = await listWebhooks(talk)
  if (listed.kind !== 'webhooks') return listed
  let wouldCall = false
  for (const { id, url } of listed.webhooks) {
    if (id === undefined || url !== inboundUrl) continue
    const removed = await talk('DELETE', ['webhook', String(id)])
    if (removed.kind !== 'done' && removed.kind !== 'absent') return removed
    wouldCall = true
  }
  return { kind: 'done', wouldCall }
}

async function listWebhooks(talk: Talk): Promise<{ kind: 'webhooks'; webhooks: Webhook[] } | FailedCall> {
  const listed = await talk('GET', ['webhook'])
  if (listed.kind === 'absent') return { kind: 'rejected', reason: 'rejected', detail: listed.detail }
  if (listed.kind !== 'done') return listed
  const { data: webhooks } = z.array(WEBHOOK).safeParse(listed.data)
  if (webhooks !== undefined) return { kind: 'webhooks', webhooks }
  return { kind: 'unavailable', reason: 'carrier_error', detail: 'no list of webhooks' }
}

function secretOf(inboundUrl: string): string {
  return inboundUrl.split('/').at(-1) ?? ''
}

/** All but the last word of a URL, which in ours is the secret. */
function folderOf(url: string): string | undefined {
  return URL.parse('.', url)?.href
}

const AVAILABILITY = z.object({ available: z.boolean() })

async function lookUp(talk: Talk, contact: Address): Promise<LookedUp | FailedCall> {
  const query = `&address=${encodeURIComponent(contact)}`
  const heard = await talk('GET', ['handle', 'availability', 'imessage'], undefined, query)
  if (heard.kind === 'absent') return { kind: 'rejected', reason: 'rejected', detail: heard.detail }
  if (heard.kind !== 'done') return heard
  const { data } = AVAILABILITY.safeParse(heard.data)
  if (data === undefined) return { kind: 'unavailable', reason: 'carrier_error', detail: 'no availability' }
  return { kind: 'done', service: data.available ? 'iMessage' : 'SMS' }
}

const READ_MESSAGE = z.object({ dateRead: z.number().nullish() })

/** Its 200 does not mean marked: the message itself says, some seconds later, whether Messages took it. */
async function verify(talk: Talk, carrierMessageId: string): Promise<boolean | undefined> {
  const heard = await talk('GET', ['message', carrierMessageId])
  const message = heard.kind === 'done' ? READ_MESSAGE.safeParse(heard.data).data : undefined
  return message && (message.dateRead ?? 0) > 0
}
