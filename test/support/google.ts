import { createHmac, createVerify, generateKeyPairSync } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, type Fault, misbehave, send, serveCarrier } from './carrier.ts'

const AGENT = 'coffee_shop_agent'
const CLIENT_TOKEN = 'client-token-to-be-found'

/** A READ event as it came over the wire. */
interface AgentEvent {
  readonly requestLine: string
  readonly body: string
  readonly eventId: string
}

export interface Google extends AsyncDisposable {
  readonly url: string
  /** What an operator gives a line. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly secrets: readonly string[]
  readonly faults: Map<'token' | 'event', Fault>
  /** Contacts without RCS. */
  readonly withoutRcs: Set<string>
  /** In place of ours. */
  readonly clock: { offMs: number }
  /** How long it takes over each event. */
  readonly pace: { eventMs: number }
  readonly tokenRequests: () => number
  /** Every event that came, whatever it was answered. */
  readonly events: readonly AgentEvent[]
  /** What contacts' phones show as read: contact and message. */
  readonly read: ReadonlySet<string>
  /** The tokens that were given are refused from now on. */
  revoke(): void
  nextEvent(): Promise<AgentEvent>
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** RBM and Google's token endpoint for tests, on a port of their own, as Google's references describe them. */
export async function startGoogle(): Promise<Google> {
  const google = new RcsBusinessMessaging()
  const server = await serveCarrier((request, response) => google.serve(request, response))
  return {
    url: server.url,
    settings: {
      agent_id: `${AGENT}@rbm.goog`,
      client_token: CLIENT_TOKEN,
      base_url: server.url,
      service_account: {
        type: 'service_account',
        project_id: 'coffee-shop',
        private_key_id: '0123456789abcdef',
        private_key: PEM,
        client_email: 'rbm@coffee-shop.iam.gserviceaccount.com',
        token_uri: `${server.url}/token`,
      },
    },
    secrets: [PEM, PEM.split('\n')[1] ?? PEM, CLIENT_TOKEN, 'token-to-be-found'],
    faults: google.faults,
    withoutRcs: google.withoutRcs,
    clock: google.clock,
    pace: google.pace,
    tokenRequests: () => google.given,
    events: google.events,
    read: google.read,
    revoke: () => google.valid.clear(),
    nextEvent: async () => (await once(google.heard, 'event'))[0],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

class RcsBusinessMessaging {
  readonly faults = new Map<'token' | 'event', Fault>()
  readonly withoutRcs = new Set<string>()
  readonly clock = { offMs: 0 }
  readonly pace = { eventMs: 0 }
  readonly events: AgentEvent[] = []
  readonly read = new Set<string>()
  readonly valid = new Set<string>()
  readonly heard = new EventEmitter<{ event: [AgentEvent] }>()
  given = 0

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '/', httpVersion, headers } = request
    const body = await text(request)
    const { pathname, searchParams } = new URL(url, 'http://google')
    const route = pathname === '/token' ? 'token' : 'event'
    if (route === 'event') {
      const event = {
        requestLine: `${method} ${url} HTTP/${httpVersion}`,
        body,
        eventId: searchParams.get('eventId') ?? '',
      }
      this.events.push(event)
      this.heard.emit('event', event)
    }
    const fault = this.faults.get(route)
    if (route === 'event') await pause(this.pace.eventMs)
    if (typeof fault === 'string') return misbehave(fault, response)
    const answer =
      fault ??
      (route === 'token' ? this.#token(body, headers.host) : this.#event(pathname, body, headers.authorization))
    const date = new Date(Date.now() + this.clock.offMs).toUTCString()
    send(response, { ...answer, headers: { date, ...answer.headers } })
  }

  /** "Using OAuth 2.0 for Server to Server Applications": the signature, the claims and their time. */
  #token(body: string, host = ''): Answer {
    const form = new URLSearchParams(body)
    const [head = '', claims = '', signature = ''] = (form.get('assertion') ?? '').split('.')
    const signed = createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url')
    const { iat, scope, aud } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    const now = (Date.now() + this.clock.offMs) / 1_000
    const meant =
      form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer' && aud === `http://${host}/token`
    const right = meant && signed
    if (!right || scope !== 'https://www.googleapis.com/auth/rcsbusinessmessaging' || Math.abs(now - iat) > 600) {
      const error_description = 'Invalid JWT: Token must be a short-lived token and in a reasonable timeframe.'
      return { status: 400, body: { error: 'invalid_grant', error_description } }
    }
    this.given += 1
    const access_token = `ya29.token-to-be-found-${this.given}`
    this.valid.add(access_token)
    return { status: 200, body: { access_token, expires_in: 3_599, token_type: 'Bearer' } }
  }

  #event(pathname: string, body: string, authorization = ''): Answer {
    if (!this.valid.has(authorization.replace('Bearer ', ''))) return refusal(401, 'UNAUTHENTICATED')
    const contact = /^\/v1\/phones\/(\+\d+)\/agentEvents$/.exec(pathname)?.[1]
    if (contact === undefined) return { status: 404, body: '<html>Not Found</html>' }
    if (this.withoutRcs.has(contact)) return refusal(404, 'NOT_FOUND')
    const { eventType, messageId } = JSON.parse(body)
    if (eventType !== 'READ' || typeof messageId !== 'string') return refusal(400, 'INVALID_ARGUMENT')
    this.read.add(`${contact} ${messageId}`)
    return { status: 200, body: { name: `phones/${contact}/agentEvents/1`, eventType, messageId } }
  }
}

/** AIP-193. */
export function refusal(code: number, status: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: code, headers, body: { error: { code, message: 'As Google words it.', status } } }
}

/** A call of Google's webhook: `data` in Pub/Sub's wrapping, signed. */
export function signedHook(data: unknown, token = CLIENT_TOKEN) {
  const bytes = Buffer.from(JSON.stringify(data))
  return {
    headers: { 'x-goog-signature': createHmac('sha512', token).update(bytes).digest('base64') },
    body: {
      message: {
        attributes: { business_id: AGENT, product: 'RBM' },
        data: bytes.toString('base64'),
        messageId: '8506244137041000',
        publishTime: '2026-03-03T10:00:00.500Z',
      },
      subscription: 'projects/coffee-shop/subscriptions/rbm',
    },
  }
}

/** A contact's text, as `data` has it. */
export function textFrom(contact: string, messageId: string, change: object = {}) {
  const sendTime = new Date().toISOString()
  return { senderPhoneNumber: contact, messageId, sendTime, text: 'Hello', agentId: `${AGENT}@rbm.goog`, ...change }
}
