import dns from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'
import { Agent, type Dispatcher } from 'undici'
import type { UnavailableOutcome } from '../core/connector.ts'
import { ReadbackError } from '../core/errors.ts'
import type { Reason } from '../core/reason.ts'

/** The one way in which a connector calls its carrier. Where the address leads may be a tenant's word, so it is guarded. */
export interface CarrierCaller {
  /** Never throws for what a carrier or the network may do. Follows no redirect. */
  call(call: CarrierCall): Promise<CarrierAnswer | UnavailableOutcome>
  /** One timeout from now. Calls that share it take no longer together than one alone. */
  deadline(): AbortSignal
  /** Waits for what is under way, then closes its connections. */
  close(): Promise<void>
}

export interface CarrierCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Goes out as JSON; a form where it is one. */
  readonly body?: unknown
  /** Its own one timeout where absent. */
  readonly deadline?: AbortSignal
}

/** Whatever the carrier answered, errors and redirects included. */
export interface CarrierAnswer {
  readonly kind: 'answer'
  readonly status: number
  /** Undefined where it is not JSON. */
  readonly body: unknown
  /** The carrier's clock. */
  readonly date?: number
  readonly retryAfterMs?: number
}

export interface CarrierCallOptions {
  /** For headers and body together. */
  readonly timeoutMs: number
  readonly lookup?: LookupFunction
}

/** A page of messages, with all that hangs on them. */
const LARGEST_ANSWER = 16 * 1024 * 1024
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** One for the process: it holds the open connections. */
export function createCarrierCaller({ timeoutMs, lookup = dns.lookup }: CarrierCallOptions): CarrierCaller {
  const agent = new Agent({
    connect: { timeout: timeoutMs, lookup: guarded(lookup), allowH2: false },
    // The deadline alone decides; these two would cut a longer one short.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: LARGEST_ANSWER,
  })
  // It throws for a fraction, and for more than a timer can hold.
  const wait = Math.min(Math.ceil(timeoutMs), LONGEST_TIMER_MS)
  const deadline = () => AbortSignal.timeout(wait)
  return {
    call: (given) => call(agent, given, given.deadline ?? deadline()),
    deadline,
    close: () => agent.close(),
  }
}

async function call(
  agent: Agent,
  { method, url, headers, body }: CarrierCall,
  deadline: AbortSignal,
): Promise<CarrierAnswer | UnavailableOutcome> {
  const { origin, hostname, pathname, search } = new URL(url)
  // A literal address is never looked up.
  if (isGuardedHost(hostname)) return { kind: 'unavailable', reason: 'unreachable', detail: GUARDED }
  let answered = false
  try {
    const response = await agent.request({
      origin,
      method,
      path: pathname + search,
      headers: { ...(body === undefined ? {} : { 'content-type': typeOf(body) }), ...headers },
      body: body === undefined ? null : body instanceof URLSearchParams ? body.toString() : JSON.stringify(body),
      signal: deadline,
    })
    answered = true
    return toAnswer(response, await response.body.text())
  } catch (error) {
    return { kind: 'unavailable', ...obstacleOf(error, { late: deadline.aborted, answered }) }
  }
}

function typeOf(body: unknown): string {
  return body instanceof URLSearchParams ? 'application/x-www-form-urlencoded' : 'application/json'
}

function toAnswer({ statusCode, headers }: Dispatcher.ResponseData, text: string): CarrierAnswer {
  const date = finite(Date.parse(String(headers.date)))
  const retryAfterMs = parseRetryAfter(String(headers['retry-after']), date ?? Date.now())
  return {
    kind: 'answer',
    status: statusCode,
    body: parseJson(text),
    ...(date === undefined ? {} : { date }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  }
}

/** Seconds, or a date by the carrier's own clock (RFC 9110, 10.2.3). */
function parseRetryAfter(given: string, now: number): number | undefined {
  if (/^\d+$/.test(given)) return finite(Number(given) * 1_000)
  // Date.parse alone would take "-1" for a month.
  return given.endsWith('GMT') ? finite(Math.max(0, Date.parse(given) - now)) : undefined
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The error's code is all that is told of it: its message can hold the URL, and the URL a password. */
function obstacleOf(
  error: unknown,
  { late, answered }: { late: boolean; answered: boolean },
): Pick<UnavailableOutcome, 'reason' | 'detail'> {
  const detail = codeOf(error)
  if (late || detail === 'UND_ERR_CONNECT_TIMEOUT' || detail === 'ETIMEDOUT') return { reason: 'timeout' }
  // Bytes came that are no HTTP.
  const garbled = detail.startsWith('HPE_') || detail === 'UND_ERR_HEADERS_OVERFLOW'
  return { reason: answered || garbled ? 'carrier_error' : 'unreachable', detail }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** An answer that is no use now, by what its status means wherever it comes from (RFC 9110, 15; RFC 6585). */
export function tryLater({ status, retryAfterMs }: CarrierAnswer, detail: string, reason?: Reason): UnavailableOutcome {
  const byStatus = status === 429 ? 'rate_limited' : status === 408 || status === 504 ? 'timeout' : 'carrier_error'
  const waiting = retryAfterMs === undefined ? {} : { retryAfterMs }
  return { kind: 'unavailable', reason: reason ?? byStatus, detail, ...waiting }
}

const EXCERPT_LENGTH = 200

/** What a carrier said, short and on one line, without the secrets: an answer may echo the call. */
export function excerpt(said: string, secrets: readonly string[]): string {
  const spellings = secrets.flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())])
  const clean = spellings.reduce((text, secret) => text.replaceAll(secret, '…'), said)
  return clean.replace(/[\p{C}\s]+/gu, ' ').slice(0, EXCERPT_LENGTH)
}

/**
 * The base of a carrier's URL, without the slash at its end. Private and loopback addresses are allowed: a Mac stands at home.
 * Throws `invalid` that names the setting.
 */
export function parseCarrierUrl(name: string, input: unknown): string {
  const url = typeof input === 'string' ? URL.parse(input) : null
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new ReadbackError('invalid', `\`${name}\` must be an http or https URL`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new ReadbackError('invalid', `\`${name}\` must hold no user name and no password`)
  }
  if (/[?#]/.test(url.href)) throw new ReadbackError('invalid', `\`${name}\` must end before any ? or #`)
  if (isGuardedHost(url.hostname)) {
    const message = `\`${name}\` must not lead to a link-local, cloud metadata, unspecified or multicast address`
    throw new ReadbackError('invalid', message)
  }
  return url.href.replace(/\/+$/, '')
}

/** Whether a carrier with that URL runs on this machine. */
export function isOnThisMachine(url: string): boolean {
  const host = bareHost(new URL(url).hostname)
  if (ipaddr.isValid(host)) return ipaddr.process(host).range() === 'loopback'
  return host === 'localhost' || host.endsWith('.localhost')
}

const GUARDED = 'GUARDED_ADDRESS'

function guarded(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, answer, family) => {
      const answers = typeof answer === 'string' ? [answer] : (answer ?? []).map(({ address }) => address)
      const refusal = answers.some(isGuarded) ? Object.assign(new Error('Guarded address'), { code: GUARDED }) : null
      callback(error ?? refusal, answer, family)
    })
}

const METADATA_HOST = 'metadata.google.internal'

/** Google's, Amazon's, Alibaba's, Azure's and Oracle's, where they are not link-local. */
const METADATA_ADDRESSES = ['fd20:ce::254', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16', '192.0.0.192'].map(
  (address) => ipaddr.parse(address).toString(),
)

const GUARDED_RANGES = ['linkLocal', 'unspecified', 'multicast', 'broadcast']

/** Where in an IPv6 address of these ranges an IPv4 address is hidden: mapped, translated (NAT64) and 6to4. */
const HIDDEN_AT: Readonly<Record<string, number>> = { ipv4Mapped: 12, rfc6145: 12, rfc6052: 12, '6to4': 2 }

/** As the URL parser has it: any notation of an IPv4 address has become four decimals by then. */
function isGuardedHost(hostname: string): boolean {
  const host = bareHost(hostname)
  return ipaddr.isValid(host) ? isGuarded(host) : host === METADATA_HOST
}

function bareHost(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.+$/, '')
}

function isGuarded(address: string): boolean {
  if (!ipaddr.isValid(address)) return true
  const parsed = ipaddr.parse(address)
  const hiddenAt = HIDDEN_AT[parsed.range()]
  if (hiddenAt !== undefined) {
    const hidden = parsed.toByteArray().slice(hiddenAt, hiddenAt + 4)
    return isGuarded(hidden.join('.'))
  }
  return GUARDED_RANGES.includes(parsed.range()) || METADATA_ADDRESSES.includes(parsed.toString())
}
