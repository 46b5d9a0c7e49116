import { z } from 'zod'
import type { CarrierLine, Connector, EnrolOutcome, ReceiptOutcome, UnavailableOutcome } from '../core/connector.ts'
import type { Conversation } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { LineHealth } from '../core/line.ts'
import type { Reason } from '../core/reason.ts'
import { parseInbound } from './bluebubbles-inbound.ts'
import {
  type CarrierAnswer,
  type CarrierCall,
  type CarrierCaller,
  excerpt,
  isOnThisMachine,
  parseCarrierUrl,
} from './carrier-call.ts'

/** It has no read of one message. */
export const RECEIPTS: Connector['receipts'] = { iMessage: 'conversation', RCS: 'conversation' }

/** It hands the Mac one action every 200 ms. */
const PACE = { callsPerSecond: 5, concurrency: 1 }

/** What its ids of conversations begin with: `any` for all on macOS 26, the service before. */
const PREFIXES = ['any', 'iMessage', 'RCS', 'SMS']

const SETTINGS = z.object({ url: z.string(), password: z.string() })
type Settings = z.infer<typeof SETTINGS>

/** A Mac with BlueBubbles on it. What it sends does not name the line, so one such server is one line. */
export function bluebubbles(caller: CarrierCaller): Connector {
  return {
    name: 'bluebubbles',
    receipts: RECEIPTS,
    parseSettings,
    onThisMachine: (settings) => isOnThisMachine(SETTINGS.parse(settings).url),
    line: ({ settings }) => bluebubblesLine(caller, SETTINGS.parse(settings)),
  }
}

function bluebubblesLine(caller: CarrierCaller, settings: Settings): CarrierLine {
  return {
    parseInbound,
    sendReceipt: (conversation) => sendReceipt(talkTo(caller, settings), conversation),
    pace: async () => PACE,
    enrol: (inboundUrl) => enrol(talkTo(caller, settings), inboundUrl),
    probe: () => probe(talkTo(caller, settings)),
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
async function sendReceipt(talk: Talk, conversation: Conversation): Promise<ReceiptOutcome> {
  const id = await findId(talk, conversation)
  return typeof id === 'string' ? outcomeOf(await talk('POST', ['chat', id, 'read'])) : id
}

/** BlueBubbles' own id of the conversation: as the contact's last message had it, else the first that it knows. */
async function findId(
  talk: Talk,
  { carrierConversation, kind, address }: Conversation,
): Promise<string | Exclude<ReceiptOutcome, { kind: 'done' }>> {
  if (carrierConversation !== null) return carrierConversation
  if (kind === 'group') return address
  for (const prefix of PREFIXES) {
    const id = `${prefix};-;${address}`
    const heard = await talk('GET', ['chat', id])
    if (heard.kind === 'done') return prefix === 'SMS' ? { kind: 'not_supported', reason: 'sms' } : id
    if (heard.kind !== 'absent') return heard
  }
  return { kind: 'not_supported', reason: 'no_conversation' }
}

const WEBHOOKS = z.array(z.object({ id: z.number(), url: z.string() }))

/** The same URL registered again keeps the events it had, so what is there goes first; a renewed secret's old URL with it. */
async function enrol(talk: Talk, inboundUrl: string): Promise<EnrolOutcome> {
  const listed = await talk('GET', ['webhook'])
  if (listed.kind !== 'done') return outcomeOf(listed)
  const webhooks = WEBHOOKS.safeParse(listed.data)
  if (!webhooks.success) return { kind: 'unavailable', reason: 'carrier_error', detail: 'no list of webhooks' }
  for (const { id } of webhooks.data.filter(({ url }) => folderOf(url) === folderOf(inboundUrl))) {
    const removed = await talk('DELETE', ['webhook', String(id)])
    if (removed.kind !== 'done' && removed.kind !== 'absent') return removed
  }
  return outcomeOf(await talk('POST', ['webhook'], { url: inboundUrl, events: ['new-message'] }))
}

/** All but the last word of a URL, which in ours is the secret. */
function folderOf(url: string): string | undefined {
  return URL.parse('.', url)?.href
}

const SERVER_INFO = z.object({ private_api: z.boolean(), helper_connected: z.boolean() })

async function probe(talk: Talk): Promise<LineHealth> {
  const outcome = await talk('GET', ['server', 'info'])
  if (outcome.kind === 'absent') return { status: 'OFFLINE', reason: 'carrier_error' }
  if (outcome.kind !== 'done') return { status: 'OFFLINE', reason: outcome.reason }
  const info = SERVER_INFO.safeParse(outcome.data)
  if (!info.success) return { status: 'OFFLINE', reason: 'carrier_error' }
  if (!info.data.private_api) return { status: 'DEGRADED', reason: 'private_api_off' }
  if (!info.data.helper_connected) return { status: 'DEGRADED', reason: 'helper_disconnected' }
  return { status: 'ONLINE', reason: null }
}

/** One call to the server. Those of one talk share a deadline: many take no longer than one. */
type Talk = (method: CarrierCall['method'], path: readonly string[], body?: unknown) => Promise<Heard>

type Rejected = Extract<ReceiptOutcome, { kind: 'rejected' }>
type Heard =
  | { readonly kind: 'done'; readonly data: unknown }
  /** BlueBubbles is there, but not what was asked for. */
  | { readonly kind: 'absent'; readonly detail: string }
  | Rejected
  | UnavailableOutcome

function talkTo(caller: CarrierCaller, { url, password }: Settings): Talk {
  const deadline = caller.deadline()
  return async (method, path, body) => {
    const route = path.map(encode).join('/')
    const answer = await caller.call({
      method,
      url: `${url}/api/v1/${route}?password=${encode(password)}`,
      ...(body === undefined ? {} : { body }),
      deadline,
    })
    return answer.kind === 'answer' ? sortAnswer(answer, password) : answer
  }
}

/** Half a surrogate pair, as JSON can bring one, would throw. */
function encode(word: string): string {
  return encodeURIComponent(word.toWellFormed())
}

function outcomeOf(heard: Heard): EnrolOutcome {
  if (heard.kind === 'done') return { kind: 'done' }
  return heard.kind === 'absent' ? { kind: 'rejected', reason: 'rejected', detail: heard.detail } : heard
}

/** What every answer of BlueBubbles' own looks like. */
const REPLY = z.object({
  status: z.number(),
  message: z.string().optional(),
  error: z.object({ message: z.string() }).optional().catch(undefined),
  data: z.unknown().optional(),
})
type Reply = z.infer<typeof REPLY>

function sortAnswer({ status, body, retryAfterMs }: CarrierAnswer, password: string): Heard {
  const reply = REPLY.safeParse(body).data
  if (status === 200 && reply?.status === 200) return { kind: 'done', data: reply.data }
  const detail = excerpt(`${status} ${reply?.error?.message ?? reply?.message ?? ''}`.trim(), [password])
  if (status === 401 || status === 403) return { kind: 'rejected', reason: 'wrong_password', detail }
  const obstacle = obstacleOf(status, reply)
  if (obstacle !== null) {
    return { kind: 'unavailable', reason: obstacle, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  }
  return status === 404 ? { kind: 'absent', detail } : { kind: 'rejected', reason: 'rejected', detail }
}

/** Why to try again later; null where that is of no use. */
function obstacleOf(status: number, reply: Reply | undefined): Reason | null {
  if (status === 429) return 'rate_limited'
  if (status === 408 || status === 504) return 'timeout'
  const complaint = (status >= 500 && reply?.error?.message) || ''
  if (complaint.includes('Private API is not enabled')) return 'private_api_off'
  if (complaint.includes('Helper is not connected')) return 'helper_disconnected'
  // A 404 in plain text is a route that BlueBubbles does not have, or not BlueBubbles at all.
  return status >= 400 && status < 500 && reply !== undefined ? null : 'carrier_error'
}
