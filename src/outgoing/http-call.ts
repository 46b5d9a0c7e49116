import dns from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, DecoratorHandler, type Dispatcher, FormData } from 'undici'
import type { UnavailableOutcome } from '../core/connector.ts'
import { parseJson } from '../core/json.ts'
import { type AddressPolicy, GUARDED, guardedLookup, isRefusedHost } from './address-guard.ts'
import { customersLookup } from './name-lookup.ts'

/** The one way out. Where an address leads may be anybody's word, so it is guarded; no redirect is followed. */
export interface HttpCaller {
  /** Never throws for what the other end or the network may do. */
  call(call: HttpCall): Promise<HttpAnswer | NoAnswer>
  /** What is there, as bytes; more than is read is none. Never throws either. */
  download(url: string): Promise<HttpFile | NoAnswer>
  /** One timeout from now. Calls that share it take no longer together than one alone. */
  deadline(): AbortSignal
  /** Waits for what is under way, then closes its connections. */
  close(): Promise<void>
  /** Ends what is under way, which answers `unreachable`, and its connections. */
  abandon(): Promise<void>
}

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  /** Goes out as JSON; a form, with files or without, as one; a text as it stands. */
  readonly body?: unknown
  /** Its own one timeout where absent. */
  readonly deadline?: AbortSignal
}

/** None came, or none that makes sense. */
export interface NoAnswer extends UnavailableOutcome {
  /** Whether any of the call may have reached the other end: false where not even a connection was made. */
  readonly mayHaveArrived: boolean
}

interface HttpFile {
  readonly kind: 'file'
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
}

/** Whatever came back, errors and redirects included. */
export interface HttpAnswer {
  readonly kind: 'answer'
  readonly status: number
  readonly text: string
  /** The text as JSON; undefined where it is none. */
  readonly body: unknown
  /** The other end's clock. */
  readonly date?: number
  readonly retryAfterMs?: number
}

export interface HttpCallerOptions {
  /** For headers and body together. */
  readonly timeoutMs: number
  readonly policy: AddressPolicy
  /** More of an answer is not read, and either makes it none or is cut off. */
  readonly largestAnswer: { readonly bytes: number; readonly beyond: 'refuse' | 'cut' }
  readonly lookup?: LookupFunction
}

/** What is told of an answer of which more came than is read. */
export const TOO_LARGE = 'TOO_LARGE'

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A name's servers get half of the time of a call to a customer (2.5 s, then twice that): the system may know it still. */
const RESOLVER = { timeout: 2_500, tries: 2 }
/** One for all of the process's callers. */
const CUSTOMERS_LOOKUP = customersLookup(new dns.promises.Resolver(RESOLVER), (...asked) => dns.lookup(...asked))

/** One for each use: it holds the open connections. */
export function createHttpCaller(options: HttpCallerOptions): HttpCaller {
  const { timeoutMs, policy, lookup = policy.of === 'customer' ? CUSTOMERS_LOOKUP : dns.lookup } = options
  const agent = new Agent({
    connect: { timeout: timeoutMs, lookup: guardedLookup(lookup, policy), allowH2: false },
    // The deadline alone decides; these two would cut a longer one short.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  // It throws for a fraction, and for more than a timer can hold.
  const wait = Math.min(Math.ceil(timeoutMs), LONGEST_TIMER_MS)
  const deadline = () => AbortSignal.timeout(wait)
  return {
    call: (given) => call(agent, options, given, given.deadline ?? deadline(), toAnswer),
    download: (url) => call(agent, options, { method: 'GET', url }, deadline(), toFile),
    deadline,
    // It throws for one that is closed already.
    close: async () => (agent.destroyed ? undefined : agent.close()),
    abandon: () => agent.destroy(),
  }
}

async function call<A>(
  agent: Agent,
  { policy, largestAnswer }: HttpCallerOptions,
  { method, url, headers, body }: HttpCall,
  deadline: AbortSignal,
  toAnswer: (response: Dispatcher.ResponseData, bytes: Buffer) => A,
): Promise<A | NoAnswer> {
  const { origin, hostname, pathname, search } = new URL(url)
  if (isRefusedHost(hostname, policy)) {
    return { kind: 'unavailable', reason: 'unreachable', detail: GUARDED, mayHaveArrived: false }
  }
  let mayHaveArrived = false
  let answered = false
  try {
    const noticing = agent.compose((dispatch) => (given, handler) => {
      return dispatch(given, new Noticing(handler, () => (mayHaveArrived = true)))
    })
    const response = await noticing.request({
      origin,
      method,
      path: pathname + search,
      headers: { ...typeOf(body), ...headers },
      body: body === undefined ? null : body instanceof FormData ? body : textOf(body),
      signal: deadline,
    })
    answered = true
    return toAnswer(response, await read(response.body, largestAnswer, deadline))
  } catch (error) {
    return { kind: 'unavailable', ...obstacleOf(error, { late: deadline.aborted, answered }), mayHaveArrived }
  }
}

/** Tells when the call begins to be written to a connection. */
class Noticing extends DecoratorHandler implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler
  readonly #notice: () => void

  constructor(handler: Dispatcher.DispatchHandler, notice: () => void) {
    super(handler)
    this.#handler = handler
    this.#notice = notice
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#notice()
    this.#handler.onRequestStart?.(controller, context)
  }
}

/** A form with files names its own boundary. */
function typeOf(body: unknown): Record<string, string> {
  if (body === undefined || body instanceof FormData) return {}
  return { 'content-type': body instanceof URLSearchParams ? 'application/x-www-form-urlencoded' : 'application/json' }
}

function textOf(body: unknown): string {
  if (typeof body === 'string') return body
  return body instanceof URLSearchParams ? body.toString() : JSON.stringify(body)
}

/** Leaving the loop ends the connection. */
async function read(
  body: AsyncIterable<Buffer>,
  { bytes, beyond }: HttpCallerOptions['largestAnswer'],
  deadline: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let left = bytes
  try {
    for await (const chunk of body) {
      chunks.push(chunk.subarray(0, left))
      left -= chunk.length
      if (left < 0 && beyond === 'refuse') throw Object.assign(new Error('Too large'), { code: TOO_LARGE })
      if (left <= 0) break
    }
  } catch (error) {
    // Where the beginning is enough, it is so of an answer that does not end, too.
    if (beyond === 'refuse' || !deadline.aborted) throw error
  }
  return Buffer.concat(chunks)
}

function toFile({ statusCode, headers }: Dispatcher.ResponseData, bytes: Buffer): HttpFile {
  return { kind: 'file', status: statusCode, type: String(headers['content-type'] ?? ''), bytes }
}

function toAnswer({ statusCode, headers }: Dispatcher.ResponseData, bytes: Buffer): HttpAnswer {
  const text = bytes.toString('utf8')
  const date = finite(Date.parse(String(headers.date)))
  const retryAfterMs = parseRetryAfter(String(headers['retry-after']), date ?? Date.now())
  return {
    kind: 'answer',
    status: statusCode,
    text,
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

const GARBLED: readonly string[] = ['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']

/** The error's code is all that is told of it: its message can hold the URL, and the URL a password. */
function obstacleOf(
  error: unknown,
  { late, answered }: { late: boolean; answered: boolean },
): Pick<UnavailableOutcome, 'reason' | 'detail'> {
  const detail = codeOf(error)
  if (late || detail === 'UND_ERR_CONNECT_TIMEOUT' || detail === 'ETIMEDOUT') return { reason: 'timeout' }
  // Bytes came that are no HTTP, whatever the parser has to say of them.
  const garbled = (error instanceof Error && error.name === 'HTTPParserError') || GARBLED.includes(detail)
  return { reason: answered || garbled ? 'carrier_error' : 'unreachable', detail }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
