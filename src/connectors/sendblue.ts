import { z } from 'zod'
import type {
  CarrierLine,
  ConnectedLine,
  Connector,
  InboundHook,
  ParsedInbound,
  ReceiptCall,
  ReceiptOutcome,
  Reply,
} from '../core/connector.ts'
import { SERVICES } from '../core/conversation.ts'
import { ReadbackError } from '../core/errors.ts'
import type { LineHealth } from '../core/line.ts'
import { RELAY_LOOP, RELAYED_HEADER } from '../core/mark-read.ts'
import { type Address, type PhoneNumber, parseAddress } from '../core/phone-number.ts'
import type { HttpAnswer, HttpCaller } from '../outgoing/http-call.ts'
import { excerpt, parseCarrierUrl, tryLater } from './carrier-call.ts'
import { sameSecret } from './same-secret.ts'

/** As its page has it: the conversation, on iMessage and RCS. */
export const RECEIPTS: Connector['receipts'] = { iMessage: 'conversation', RCS: 'conversation' }

const ORIGINAL = 'https://api.sendblue.com'

/** The page sets no limit; one line's calls may as well go side by side. */
const PACE = { callsPerSecond: 20, concurrency: 4 }

const SETTINGS = z.object({
  api_key_id: z.string(),
  api_secret_key: z.string(),
  signing_secret: z.string(),
  base_url: z.string(),
})
type Settings = z.infer<typeof SETTINGS>

const FIELDS: Connector['settings'] = {
  api_key_id: { label: 'API key id of the account there' },
  api_secret_key: { label: 'API secret key', secret: true },
  signing_secret: { label: 'Signing secret of its webhooks', secret: true },
  base_url: { label: 'Base URL, where it is another server', optional: true },
}

/** A line that lives at Sendblue, or at another server that speaks its API. */
export function sendblue(caller: HttpCaller): Connector {
  const line: Connector['line'] = (connected) => sendblueLine(caller, connected)
  return { name: 'sendblue', receipts: RECEIPTS, settings: FIELDS, parseSettings, line }
}

function sendblueLine(caller: HttpCaller, { number, settings: given }: ConnectedLine): CarrierLine {
  const settings = SETTINGS.parse(given)
  return {
    parseInbound: (hook) => parseInbound(hook, settings, number),
    sendReceipt: (call) => sendReceipt(caller, settings, number, call),
    pace: async () => PACE,
    probe: () => probe(caller, settings, number),
  }
}

function parseSettings(input: Readonly<Record<string, unknown>>): Settings {
  const { base_url = ORIGINAL, ...keys } = input
  const unknown = Object.keys(keys).find((name) => !Object.hasOwn(SETTINGS.shape, name))
  if (unknown !== undefined) throw new ReadbackError('invalid', `A Sendblue line has no setting \`${unknown}\``)
  const text = (name: 'api_key_id' | 'api_secret_key' | 'signing_secret') => {
    const value = keys[name]
    // A header cannot carry anything else.
    if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) return value
    throw new ReadbackError('invalid', `\`${name}\` must be the account's at Sendblue`)
  }
  return {
    api_key_id: text('api_key_id'),
    api_secret_key: text('api_secret_key'),
    signing_secret: text('signing_secret'),
    base_url: parseCarrierUrl('base_url', base_url),
  }
}

function keysOf({ api_key_id, api_secret_key }: Settings): Readonly<Record<string, string>> {
  return { 'sb-api-key-id': api_key_id, 'sb-api-secret-key': api_secret_key }
}

async function sendReceipt(
  caller: HttpCaller,
  settings: Settings,
  from_number: PhoneNumber,
  { conversation: { kind, address } }: ReceiptCall,
): Promise<ReceiptOutcome> {
  // Its call names a contact; a group has no number.
  if (kind === 'group') return { kind: 'not_supported', reason: 'group' }
  const answer = await caller.call({
    method: 'POST',
    url: `${settings.base_url}/api/mark-read`,
    headers: { ...keysOf(settings), [RELAYED_HEADER]: '1' },
    body: { number: address, from_number },
  })
  return answer.kind === 'answer' ? sortAnswer(answer, settings) : answer
}

const REPLY = z.object({ status: z.string(), message: z.string().optional() })

/** The page's errors; all else is worth another try. */
function sortAnswer(answer: HttpAnswer, settings: Settings): ReceiptOutcome {
  const { status, body } = answer
  const reply = REPLY.safeParse(body).data
  if (status === 200 && reply?.status === 'OK') return { kind: 'done' }
  const secrets = [settings.api_key_id, settings.api_secret_key, settings.signing_secret]
  const detail = excerpt(`${status} ${reply?.message ?? ''}`.trim(), secrets)
  if (status === 401) return { kind: 'rejected', reason: 'wrong_password', detail }
  if (status === 403) return { kind: 'rejected', reason: 'access_denied', detail }
  if (reply?.message === RELAY_LOOP) return { kind: 'rejected', reason: 'relay_loop', detail }
  if (status === 404 && reply?.status === 'ERROR') return { kind: 'rejected', reason: 'not_registered', detail }
  if (status === 400 && reply?.status === 'ERROR') return { kind: 'rejected', reason: 'rejected', detail }
  return tryLater(answer, detail)
}

const LINES = z.object({ numbers: z.array(z.string()) })

async function probe(caller: HttpCaller, settings: Settings, number: PhoneNumber): Promise<LineHealth> {
  const url = `${settings.base_url}/api/lines`
  const answer = await caller.call({ method: 'GET', url, headers: keysOf(settings) })
  if (answer.kind !== 'answer') return { status: 'OFFLINE', reason: answer.reason }
  const lines = LINES.safeParse(answer.body).data
  if (answer.status === 200 && lines !== undefined) {
    if (lines.numbers.includes(number)) return { status: 'ONLINE', reason: null }
    return { status: 'OFFLINE', reason: 'not_registered' }
  }
  const outcome = sortAnswer(answer, settings)
  return { status: 'OFFLINE', reason: outcome.kind === 'done' ? 'carrier_error' : outcome.reason }
}

const ID = z
  .string()
  .min(1)
  .max(512)
  .refine((id) => !id.includes('\0'))

/** Of the 25 fields of its `receive` webhook those that we keep. */
const RECEIVED = z.object({
  is_outbound: z.boolean(),
  message_handle: ID,
  content: z.string().nullish(),
  media_url: z.string().nullish(),
  from_number: z.string(),
  to_number: z.string(),
  sendblue_number: z.string().nullish(),
  group_id: z.string().max(512).nullish(),
  service: z.enum(SERVICES),
  date_sent: z.iso.datetime({ offset: true }),
})
type Received = z.infer<typeof RECEIVED>

/** Its `receive` webhook: for one message, or one attachment of it, each with a handle of its own. */
function parseInbound(
  { headers, body }: InboundHook,
  { signing_secret }: Settings,
  number: PhoneNumber,
): ParsedInbound {
  if (!sameSecret(headers['sb-signing-secret'], signing_secret)) {
    throw new ReadbackError('unauthorized', 'Invalid sb-signing-secret')
  }
  const parsed = RECEIVED.safeParse(body)
  if (!parsed.success) {
    const name = parsed.error.issues[0]?.path.join('.') || 'the body'
    throw new ReadbackError('invalid', `Not a receive webhook: ${name} is missing or wrong`)
  }
  const message = parsed.data
  // One webhook serves all lines of an account there.
  if ((message.sendblue_number || message.to_number) !== number) return { messages: [], dropped: 'other_line' }
  if (message.is_outbound) return { messages: [], dropped: 'own_message', replies: [replyOf(message)] }
  const contact = parseAddress(message.from_number)
  return contact === undefined ? { messages: [], dropped: 'address' } : { messages: [toInbound(message, contact)] }
}

function replyOf({ group_id, to_number, date_sent }: Received): Reply {
  return { carrierConversation: group_id || to_number, sentAt: Date.parse(date_sent) }
}

function toInbound(message: Received, contact: Address): ParsedInbound['messages'][number] {
  const group = message.group_id || null
  return {
    carrierMessageId: message.message_handle,
    service: message.service,
    contact,
    kind: group === null ? 'direct' : 'group',
    conversationAddress: group === null ? contact : (group as Address),
    carrierConversation: group ?? contact,
    reaction: false,
    parts: [{ content: message.content?.replaceAll('\0', '') || null, mediaUrl: message.media_url || null }],
    sentAt: Date.parse(message.date_sent),
  }
}
