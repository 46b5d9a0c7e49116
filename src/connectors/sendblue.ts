import { z } from 'zod'
import type { CarrierLine, ConnectedLine, Connector, ReceiptCall, ReceiptOutcome } from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import type { LineHealth } from '../core/line.ts'
import { RELAY_LOOP, RELAYED_HEADER } from '../core/mark-read.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { MessageCall, MessageOutcome, TypingCall, Writing } from '../core/sending.ts'
import type { HttpAnswer, HttpCaller } from '../outgoing/http-call.ts'
import { excerpt, parseCarrierUrl, REFUSED_UNREAD, tryLater, type Unsaid } from './carrier-call.ts'
import { ID } from './carrier-fields.ts'
import { parseInbound, REFUSED_STATUSES } from './sendblue-inbound.ts'

/** As its page has it: the conversation, on iMessage and RCS. */
export const RECEIPTS: Connector['receipts'] = { iMessage: 'conversation', RCS: 'conversation' }

/** Effects are iMessage's alone. */
export const WRITING: Writing = {
  messages: {
    iMessage: { media: true, styles: true },
    RCS: { media: true, styles: false },
    SMS: { media: true, styles: false },
  },
  typing: true,
}

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
  return {
    name: 'sendblue',
    receipts: RECEIPTS,
    writing: WRITING,
    settings: FIELDS,
    parseSettings,
    line: (line) => sendblueLine(caller, line),
  }
}

function sendblueLine(caller: HttpCaller, { number, settings: given }: ConnectedLine): CarrierLine {
  const settings = SETTINGS.parse(given)
  return {
    parseInbound: (hook) => parseInbound(hook, settings, number),
    sendReceipt: (call) => sendReceipt(caller, settings, number, call),
    sendMessage: (call) => sendMessage(caller, settings, number, call),
    sendTyping: (call) => sendTyping(caller, settings, number, call),
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

function secretsOf({ api_key_id, api_secret_key, signing_secret }: Settings): Unsaid {
  return [api_key_id, api_secret_key, signing_secret]
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
  return answer.kind === 'answer' ? sortAnswer(answer, secretsOf(settings)) : answer
}

const QUEUED = z.object({ message_handle: z.union([ID, z.literal('')]).nullish(), status: z.string() })

/** A handle means that it has the message; what becomes of it comes by its `outbound` webhook. */
async function sendMessage(
  caller: HttpCaller,
  settings: Settings,
  from_number: PhoneNumber,
  { conversation: { address }, content, mediaUrl, sendStyle }: MessageCall,
): Promise<MessageOutcome> {
  const answer = await caller.call({
    method: 'POST',
    url: `${settings.base_url}/api/send-message`,
    headers: { ...keysOf(settings), [RELAYED_HEADER]: '1' },
    body: {
      number: address,
      from_number,
      ...(content === null ? {} : { content }),
      ...(mediaUrl === null ? {} : { media_url: mediaUrl }),
      ...(sendStyle === null ? {} : { send_style: sendStyle }),
    },
  })
  if (answer.kind !== 'answer') {
    return answer.mayHaveArrived ? { kind: 'unknown', detail: answer.reason } : answer
  }
  const queued = QUEUED.safeParse(answer.body).data
  const taken = answer.status >= 200 && answer.status < 300
  if (queued !== undefined && (taken || queued.message_handle)) {
    const { status, message_handle: carrierMessageId } = queued
    if (REFUSED_STATUSES.includes(status)) return { kind: 'rejected', reason: 'rejected' }
    if (taken && carrierMessageId) return { kind: 'sent', carrierMessageId, delivered: status === 'DELIVERED' }
  }
  const outcome = sortAnswer(answer, 'all')
  if (outcome.kind === 'done') return { kind: 'unknown', detail: 'no handle in the answer' }
  const refused = outcome.kind !== 'unavailable' || REFUSED_UNREAD.includes(answer.status)
  return refused ? outcome : { kind: 'unknown', detail: outcome.reason }
}

/** Its pages disagree: the one on typing indicators says QUEUED, the reference of its SDK SENT or ERROR. */
const SHOWN = z.object({ status: z.enum(['SENT', 'QUEUED']) })

async function sendTyping(
  caller: HttpCaller,
  settings: Settings,
  from_number: PhoneNumber,
  { conversation: { kind, address }, typing }: TypingCall,
): Promise<ReceiptOutcome> {
  if (kind === 'group') return { kind: 'not_supported', reason: 'group' }
  const answer = await caller.call({
    method: 'POST',
    url: `${settings.base_url}/api/send-typing-indicator`,
    headers: { ...keysOf(settings), [RELAYED_HEADER]: '1' },
    // To begin is what it does where nothing is said.
    body: { number: address, from_number, ...(typing ? {} : { state: 'stop' }) },
  })
  if (answer.kind !== 'answer') return answer
  const shown = answer.status === 200 && SHOWN.safeParse(answer.body).success
  return shown ? { kind: 'done' } : sortAnswer(answer, secretsOf(settings))
}

/** The page's own words. */
const NOT_REGISTERED = 'The from_number is not registered'

const REPLY = z.object({ status: z.string(), message: z.string().optional() })

/** The page's errors; all else is worth another try. */
function sortAnswer(answer: HttpAnswer, unsaid: Unsaid): ReceiptOutcome {
  const { status, body } = answer
  const reply = REPLY.safeParse(body).data
  if (status === 200 && reply?.status === 'OK') return { kind: 'done' }
  const detail = `${status} ${excerpt(reply?.message ?? '', unsaid)}`.trim()
  // It speaks JSON, whatever the shape: in other words it is a proxy on the way that refuses.
  const isItself = z.looseObject({}).safeParse(body).success
  if (status === 401 && isItself) return { kind: 'rejected', reason: 'wrong_password', detail }
  if (status === 403 && isItself) return { kind: 'rejected', reason: 'access_denied', detail }
  if (reply?.message === RELAY_LOOP) return { kind: 'rejected', reason: 'relay_loop', detail }
  // A base_url with a path too many leads to routes that are not there, in the same envelope.
  if (status === 404 && reply?.message === NOT_REGISTERED) return { kind: 'rejected', reason: 'not_registered', detail }
  if ((status === 400 || status === 404) && reply?.status === 'ERROR') {
    return { kind: 'rejected', reason: 'rejected', detail }
  }
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
  const outcome = sortAnswer(answer, secretsOf(settings))
  return { status: 'OFFLINE', reason: outcome.kind === 'done' ? 'carrier_error' : outcome.reason }
}
