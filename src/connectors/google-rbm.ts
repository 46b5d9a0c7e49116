import { createPrivateKey } from 'node:crypto'
import { v5 as uuidV5 } from 'uuid'
import { z } from 'zod'
import type {
  CarrierLine,
  ConnectedLine,
  Connector,
  FailedCall,
  ReceiptCall,
  ReceiptOutcome,
} from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import type { LineHealth } from '../core/line.ts'
import type { HttpAnswer, HttpCaller } from '../outgoing/http-call.ts'
import { excerpt, parseCarrierUrl, tryLater } from './carrier-call.ts'
import { agentIdOf, messageIdOf, parseInbound } from './google-rbm-inbound.ts'
import { createGoogleTokens, type GoogleTokens } from './google-token.ts'

/** RBM's agentEvents: a READ event names one message, and says nothing about those before it. */
export const RECEIPTS: Connector['receipts'] = { RCS: 'message' }

/** Google tells no limit for events; each receipt here is up to {@link MOST_MARKED} calls. */
const PACE = { callsPerSecond: 20, concurrency: 4 }

/** So many of one conversation's events are under way together: fifty, one after another, would outlast the timeout. */
const SIDE_BY_SIDE = 10

const REGIONS = ['us', 'europe', 'asia'] as const

const SETTINGS = z.object({
  agent_id: z.string(),
  client_token: z.string(),
  service_account: z.object({ client_email: z.string(), private_key: z.string(), token_uri: z.string() }),
  base_url: z.string(),
})
type Settings = z.infer<typeof SETTINGS>

const FIELDS: Connector['settings'] = {
  agent_id: { label: 'Agent id' },
  client_token: { label: 'Client token of its webhook', secret: true },
  service_account: { label: 'Service account, the JSON that Google gave', json: true, secret: true },
  region: { label: 'Region', optional: true, options: REGIONS },
  base_url: { label: 'Base URL, in place of the region', optional: true },
}

/** A line that is an agent of Google's RCS for Business. An agent has no number: the operator gives the line one. */
export function googleRbm(caller: HttpCaller): Connector {
  const tokens = createGoogleTokens(caller)
  const line: Connector['line'] = (connected) => rbmLine({ caller, tokens }, connected)
  return { name: 'google_rbm', receipts: RECEIPTS, settings: FIELDS, parseSettings, line }
}

interface Reach {
  readonly caller: HttpCaller
  readonly tokens: GoogleTokens
}

function rbmLine(reach: Reach, { settings: given }: ConnectedLine): CarrierLine {
  const settings = SETTINGS.parse(given)
  return {
    parseInbound: (hook) => parseInbound(hook, settings),
    sendReceipt: (call) => sendReceipt(reach, settings, call),
    pace: async () => PACE,
    probe: () => probe(reach, settings),
  }
}

/** Every message of the call, the newest first: what becomes of it decides, the older ones follow it. */
async function sendReceipt(
  reach: Reach,
  settings: Settings,
  { conversation, carrierMessageIds, begun }: ReceiptCall,
): Promise<ReceiptOutcome> {
  const [newest] = carrierMessageIds
  if (newest === undefined) return { kind: 'not_supported', reason: 'no_conversation' }
  // One for all: however many calls it takes, a receipt takes no longer than one.
  const deadline = reach.caller.deadline()
  const mark = (id: string) => sendRead(reach, settings, conversation.address, messageIdOf(id), deadline)
  const outcome = begun ? DONE : await mark(newest)
  if (outcome.kind !== 'done') return outcome
  const marked = begun ? [] : [newest]
  while (marked.length < carrierMessageIds.length) {
    const round = carrierMessageIds.slice(marked.length, marked.length + SIDE_BY_SIDE)
    const outcomes = await Promise.all(round.map(mark))
    const obstacle = outcomes.find(isObstacle)
    marked.push(...round.filter((_, index) => outcomes[index] !== undefined && !isObstacle(outcomes[index])))
    if (obstacle === undefined) continue
    return obstacle.kind === 'rejected' || marked.length === 0 ? obstacle : { ...obstacle, marked }
  }
  return outcome
}

const DONE: ReceiptOutcome = { kind: 'done' }

/**
 * Whether an older one may be taken later, or by nobody who calls so. One that Google will not have is no reason to fail what it took.
 */
function isObstacle(outcome: ReceiptOutcome): outcome is FailedCall {
  return outcome.kind === 'unavailable' || (outcome.kind === 'rejected' && outcome.reason !== 'rejected')
}

/** Names the event ids of this server among all UUIDs (RFC 9562, 5.5). */
const EVENT_IDS = '5d0fc8f4-0f3b-4a51-9a3e-6a2d6c9f4c10'

/** Google ignores an id that it has had: so the same message has the same one on every try, after a crash too. */
async function sendRead(
  { caller, tokens }: Reach,
  { agent_id, base_url, service_account }: Settings,
  contact: string,
  messageId: string,
  deadline: AbortSignal,
): Promise<ReceiptOutcome> {
  const eventId = uuidV5(`${agent_id} ${contact} ${messageId} READ`, EVENT_IDS)
  const url = `${base_url}/v1/phones/${contact}/agentEvents?${new URLSearchParams({ eventId, agentId: agent_id })}`
  for (let renewed = false; ; renewed = true) {
    const token = await tokens.get(service_account, deadline)
    if (token.kind !== 'token') return token
    const headers = { authorization: `Bearer ${token.text}` }
    const body = { eventType: 'READ', messageId }
    const answer = await caller.call({ method: 'POST', url, headers, body, deadline })
    if (answer.kind !== 'answer') return answer
    if (answer.status === 401) token.refused = true
    if (answer.status !== 401 || renewed) return sortAnswer(answer, [token.text, service_account.private_key])
  }
}

const REFUSAL = z.object({ error: z.object({ status: z.string(), message: z.string().optional() }) })

/** Google's errors, AIP-193. */
function sortAnswer(answer: HttpAnswer, secrets: readonly string[]): ReceiptOutcome {
  const { status, body } = answer
  if (status === 200 && z.looseObject({}).safeParse(body).success) return { kind: 'done' }
  const refusal = REFUSAL.safeParse(body).data?.error
  const detail = excerpt(`${status} ${refusal?.status ?? ''} ${refusal?.message ?? ''}`.trim(), secrets)
  // In words that are not Google's it is a proxy on the way that refuses.
  if (refusal === undefined) return tryLater(answer, detail)
  if (status === 404 && refusal.status === 'NOT_FOUND') return { kind: 'not_supported', reason: 'no_rcs', detail }
  if (status === 401) return { kind: 'rejected', reason: 'wrong_password', detail }
  if (status === 403) return { kind: 'rejected', reason: 'access_denied', detail }
  if (status === 400) return { kind: 'rejected', reason: 'rejected', detail }
  return tryLater(answer, detail)
}

/** Whether Google gives a token. RBM has no call that asks after an agent alone. */
async function probe({ caller, tokens }: Reach, { service_account }: Settings): Promise<LineHealth> {
  const token = await tokens.get(service_account, caller.deadline())
  if (token.kind !== 'token') return { status: 'OFFLINE', reason: token.reason }
  return { status: 'ONLINE', reason: null }
}

function parseSettings(input: Readonly<Record<string, unknown>>): Settings {
  const { agent_id, client_token, service_account, region, base_url, ...rest } = input
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) throw invalid(`A Google RBM line has no setting \`${unknown}\``)
  if (typeof agent_id !== 'string' || !/^[\w.-]{1,200}$/.test(agentIdOf(agent_id))) {
    throw invalid('`agent_id` must be the agent’s id, as Google’s console shows it')
  }
  if (typeof client_token !== 'string' || client_token === '') {
    throw invalid('`client_token` must be the one that the agent’s webhook was set up with')
  }
  return {
    agent_id: agentIdOf(agent_id),
    client_token,
    service_account: parseServiceAccount(service_account),
    base_url: base_url === undefined ? regionUrl(region) : parseCarrierUrl('base_url', base_url),
  }
}

/** RBM's service endpoints, one for each region and one for all. */
function regionUrl(region: unknown): string {
  if (region === undefined) return 'https://rcsbusinessmessaging.googleapis.com'
  const known = REGIONS.find((name) => name === region)
  if (known === undefined) throw invalid(`\`region\` must be one of ${REGIONS.join(', ')}`)
  return `https://${known}-rcsbusinessmessaging.googleapis.com`
}

const TOKEN_URI = 'https://oauth2.googleapis.com/token'

/** Of Google's JSON what signs in; the rest is not kept. */
function parseServiceAccount(input: unknown): Settings['service_account'] {
  const parsed = z
    .looseObject({
      type: z.literal('service_account'),
      client_email: z.string().min(1),
      private_key: z.string().refine(isPrivateKey),
      token_uri: z.string().default(TOKEN_URI),
    })
    .safeParse(input)
  if (!parsed.success) {
    const name = ['service_account', ...(parsed.error.issues[0]?.path ?? [])].join('.')
    throw invalid(`\`${name}\` must be as in the JSON file that Google gave for the service account`)
  }
  const { client_email, private_key, token_uri } = parsed.data
  return { client_email, private_key, token_uri: parseCarrierUrl('service_account.token_uri', token_uri) }
}

function isPrivateKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa'
  } catch {
    return false
  }
}

function invalid(message: string): ReadbackError {
  return new ReadbackError('invalid', message)
}
