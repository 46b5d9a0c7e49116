import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import recorded from '../fixtures/bluebubbles/macos15-rest.json' with { type: 'json' }
import { type Answer, type Fault, misbehave, post, send, serveCarrier } from './carrier.ts'
import { MacMessages, type Row } from './mac-messages.ts'

/** Answers of BlueBubbles 1.9.9; those that `recorded` lacks are as its code and `recorded` have it. */
export const ANSWERS = {
  ...recorded,
  'private-api-off': {
    status: 500,
    body: {
      ...recorded['helper-disconnected'].body,
      error: { type: 'iMessage Error', message: 'iMessage Private API is not enabled!' },
    },
  },
  'timed-out': {
    status: 504,
    body: {
      status: 504,
      message: 'The server took too long to response!',
      error: { type: 'Gateway Timeout', message: 'Gateway Timeout' },
    },
  },
  'no-webhook': {
    status: 404,
    body: { ...recorded['unknown-chat'].body, error: { type: 'Database Error', message: 'Webhook does not exist!' } },
  },
  'unknown-route': { status: 404, body: 'Not Found' },
} as const satisfies Record<string, Answer>

type Route = 'info' | 'chat' | 'read' | 'webhooks' | 'webhook' | 'query' | 'message' | 'availability'

interface Read {
  readonly id: string
  /** Whether the Mac has it: BlueBubbles answers 200 all the same. */
  readonly known: boolean
  readonly at: number
}

interface Webhook {
  readonly id: number
  readonly url: string
  readonly events: readonly string[]
}

export interface BlueBubbles extends AsyncDisposable {
  readonly url: string
  readonly password: string
  /** The ids of the conversations on the Mac. */
  readonly chats: Set<string>
  readonly webhooks: Webhook[]
  /** Knobs. */
  readonly mac: { privateApi: boolean; helperConnected: boolean; showsRead: boolean }
  /** Who has iMessage. */
  readonly reachable: Set<string>
  readonly messages: MacMessages
  readonly faults: Map<Route, Fault>
  /** What was called, method and path, the query left out. */
  readonly calls: readonly string[]
  /** Those that were answered with 200. */
  readonly reads: readonly Read[]
  /** The read that comes next. */
  nextRead(): Promise<Read>
  /** The call that comes next, whatever it is answered. */
  nextCall(): Promise<string>
  /** Posts to each webhook that wants the event, once; answers the statuses, undefined where nobody listens. */
  deliver(event: { readonly type: string }): Promise<(number | undefined)[]>
}

/** A BlueBubbles server for tests, on a port of its own: the recorded answers, a Mac in memory, and faults on demand. */
export async function startBlueBubbles({ password = 'secret of the Mac' } = {}): Promise<BlueBubbles> {
  const mac = new Mac(password)
  const server = await serveCarrier((request, response) => mac.serve(request, response))
  const nextOf = async (event: 'read' | 'call') => (await once(mac.heard, event))[0]
  return {
    url: server.url,
    password,
    chats: mac.chats,
    webhooks: mac.webhooks,
    mac: mac.knobs,
    reachable: mac.reachable,
    messages: mac.messages,
    faults: mac.faults,
    calls: mac.calls,
    reads: mac.reads,
    nextRead: () => nextOf('read'),
    nextCall: () => nextOf('call'),
    deliver: (event) => Promise.all(wanting(mac.webhooks, event.type).map(({ url }) => post(url, event))),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

class Mac {
  readonly chats = new Set<string>()
  readonly webhooks: Webhook[] = []
  readonly knobs = { privateApi: true, helperConnected: true, showsRead: true }
  readonly reachable = new Set<string>()
  readonly messages = new MacMessages()
  readonly faults = new Map<Route, Fault>()
  readonly calls: string[] = []
  readonly reads: Read[] = []
  readonly heard = new EventEmitter<{ read: [Read]; call: [string] }>()
  readonly #password: string
  #lastWebhook = 0

  constructor(password: string) {
    this.#password = password
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://mac')
    const call = `${request.method} ${pathname}`
    this.calls.push(call)
    this.heard.emit('call', call)
    const { route, word = '' } = routeOf(call) ?? {}
    const fault = route && this.faults.get(route)
    if (typeof fault === 'string') return misbehave(fault, response)
    const given = request.method === 'POST' && request.headers['content-type'] ? await json(request) : undefined
    send(
      response,
      fault ??
        this.#answer(
          route,
          searchParams.get('password'),
          searchParams.get('address') ?? decodeURIComponent(word),
          given,
        ),
    )
  }

  #answer(route: Route | undefined, password: string | null, word: string, given: unknown): Answer {
    // A route that it does not have asks for no password.
    if (route === undefined) return ANSWERS['unknown-route']
    if (password === null || password === '') return ANSWERS['missing-password']
    if (password.trim() !== this.#password.trim()) return ANSWERS['wrong-password']
    switch (route) {
      case 'info':
        return success('Success', { private_api: this.knobs.privateApi, helper_connected: this.knobs.helperConnected })
      case 'chat':
        return this.chats.has(word) ? success('Success', { guid: word }) : ANSWERS['unknown-chat']
      case 'availability':
        return success('Success', { available: this.reachable.has(word) })
      case 'read':
        return this.#read(word)
      case 'query':
        return success('Successfully fetched messages!', this.messages.query(given as object))
      case 'message': {
        const row = this.messages.find(word)
        return row === undefined ? ANSWERS['unknown-chat'] : success('Success', row)
      }
      case 'webhook':
        return this.#removeWebhook(Number(word))
      case 'webhooks':
        return given === undefined
          ? success('Successfully fetched webhooks!', this.webhooks)
          : this.#addWebhook(given as Webhook)
    }
  }

  #read(id: string): Answer {
    const read = { id, known: this.chats.has(id), at: performance.now() }
    if (this.knobs.showsRead) this.messages.markRead(id, Date.now())
    this.reads.push(read)
    this.heard.emit('read', read)
    return ANSWERS.read
  }

  /** A URL that it has already keeps the events it had. */
  #addWebhook({ url, events }: Pick<Webhook, 'url' | 'events'>): Answer {
    const known = this.webhooks.find((webhook) => webhook.url === url)
    if (known !== undefined) return success('Successfully created webhook!', known)
    this.#lastWebhook += 1
    const webhook = { id: this.#lastWebhook, url, events }
    this.webhooks.push(webhook)
    return success('Successfully created webhook!', webhook)
  }

  #removeWebhook(id: number): Answer {
    const at = this.webhooks.findIndex((webhook) => webhook.id === id)
    if (at === -1) return ANSWERS['no-webhook']
    this.webhooks.splice(at, 1)
    return success('Successfully deleted webhook!')
  }
}

const ROUTES: readonly [RegExp, Route][] = [
  [/^GET \/api\/v1\/server\/info$/, 'info'],
  [/^GET \/api\/v1\/handle\/availability\/imessage$/, 'availability'],
  [/^POST \/api\/v1\/chat\/([^/]+)\/read$/, 'read'],
  [/^GET \/api\/v1\/chat\/([^/]+)$/, 'chat'],
  [/^POST \/api\/v1\/message\/query$/, 'query'],
  [/^GET \/api\/v1\/message\/([^/]+)$/, 'message'],
  [/^(?:GET|POST) \/api\/v1\/webhook$/, 'webhooks'],
  [/^DELETE \/api\/v1\/webhook\/([^/]+)$/, 'webhook'],
]

function routeOf(call: string): { route: Route; word?: string } | undefined {
  for (const [pattern, route] of ROUTES) {
    const word = pattern.exec(call)
    if (word !== null) return word[1] === undefined ? { route } : { route, word: word[1] }
  }
  return undefined
}

function success(message: string, data?: unknown): Answer {
  return { status: 200, body: { status: 200, message, ...(data === undefined ? {} : { data }) } }
}

function wanting(webhooks: readonly Webhook[], type: string): readonly Webhook[] {
  return webhooks.filter(({ events }) => events.includes(type) || events.includes('*'))
}

/** A row as a webhook brings it. */
export function eventOf(row: Row): { readonly type: string; readonly data: Row } {
  return { type: 'new-message', data: row }
}
