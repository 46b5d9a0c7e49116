import { EventEmitter, once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ANSWERS, infoOf, success } from './bluebubbles-answers.ts'
import { bodyOf, type Route, routeOf } from './bluebubbles-calls.ts'
import { type Answer, type Fault, misbehave, post, send, serveCarrier } from './carrier.ts'
import { MacMessages, type Row } from './mac-messages.ts'

/** A message that the Mac was asked to send, and sent. */
interface SentMessage {
  readonly guid: string
  readonly fields: Readonly<Record<string, unknown>>
  /** The file that came with it. */
  readonly file?: { readonly name: string; readonly type: string; readonly bytes: Buffer }
}

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
  /**
   * Knobs. `tellsFirst`: the webhook that a message was delivered comes before the answer to the call that sent it. `fixedWebhooks`: it
   * has those of a file alone, as `imessage-rs` does. `behindMs`: its clock is so late.
   */
  readonly mac: {
    privateApi: boolean
    helperConnected: boolean
    showsRead: boolean
    tellsFirst: boolean
    fixedWebhooks: boolean
    behindMs: number
  }
  /** Who has iMessage. */
  readonly reachable: Set<string>
  readonly messages: MacMessages
  readonly faults: Map<Route | `${Route} ${string}`, Fault>
  /** What was called, method and path, the query left out. */
  readonly calls: readonly string[]
  /** Those that were answered with 200. */
  readonly reads: readonly Read[]
  /** What it sent, in order. */
  readonly sent: readonly SentMessage[]
  /** The conversations in which the line types. */
  readonly typing: ReadonlySet<string>
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
    sent: mac.sent,
    typing: mac.typing,
    nextRead: () => nextOf('read'),
    nextCall: () => nextOf('call'),
    deliver: (event) => Promise.all(wanting(mac.webhooks, event.type).map(({ url }) => post(url, event))),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

interface Given {
  readonly chatGuid?: string
  readonly addresses?: readonly string[]
  readonly message?: string
  readonly parts?: readonly { readonly attachment?: string; readonly text?: string }[]
  readonly attachment?: NonNullable<SentMessage['file']>
}

class Mac {
  readonly chats = new Set<string>()
  readonly webhooks: Webhook[] = []
  readonly knobs: BlueBubbles['mac'] = {
    privateApi: true,
    helperConnected: true,
    showsRead: true,
    tellsFirst: false,
    fixedWebhooks: false,
    behindMs: 0,
  }
  readonly reachable = new Set<string>()
  readonly messages = new MacMessages()
  readonly faults: BlueBubbles['faults'] = new Map()
  readonly calls: string[] = []
  readonly reads: Read[] = []
  readonly sent: SentMessage[] = []
  readonly typing = new Set<string>()
  readonly #uploads = new Map<string, SentMessage['file']>()
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
    response.setHeader('date', new Date(Date.now() - this.knobs.behindMs).toUTCString())
    const fault = route && (this.faults.get(`${route} ${decodeURIComponent(word)}`) ?? this.faults.get(route))
    const given = request.method === 'POST' && request.headers['content-type'] ? await bodyOf(request) : undefined
    if (typeof fault === 'string') return misbehave(fault, response)
    const answer =
      fault ??
      this.#answer(route, searchParams.get('password'), searchParams.get('address') ?? decodeURIComponent(word), given)
    const sent = this.sent.at(-1)
    if (route === 'text' && this.knobs.tellsFirst && sent !== undefined) await this.#tellDelivered(sent)
    send(response, answer)
  }

  #answer(route: Route | undefined, password: string | null, word: string, given: unknown): Answer {
    // A route that it does not have asks for no password.
    if (route === undefined) return ANSWERS['unknown-route']
    if (password === null || password === '') return ANSWERS['missing-password']
    if (password.trim() !== this.#password.trim()) return ANSWERS['wrong-password']
    switch (route) {
      case 'info':
        return infoOf(this.knobs)
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
      case 'text':
      case 'attachment':
      case 'multipart':
        return this.#send(given as Given)
      case 'new': {
        const sent = this.#send({ ...(given as Given), chatGuid: `iMessage;-;${(given as Given).addresses}` })
        return success('Successfully created chat!', { messages: [(sent.body as { data: object }).data] })
      }
      case 'upload': {
        const path = `folder/${(given as Given).attachment?.name}`
        this.#uploads.set(path, (given as Given).attachment)
        return success('Success', { path })
      }
      case 'type':
        this.typing.add(word)
        return success('Successfully started typing!')
      case 'stop-typing':
        this.typing.delete(word)
        return success('Successfully stopped typing!')
      case 'webhook':
        return this.#removeWebhook(Number(word))
      case 'webhooks':
        if (this.knobs.fixedWebhooks) return this.#fixedWebhooks(given)
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

  async #tellDelivered({ guid }: SentMessage): Promise<void> {
    const data = { ...this.messages.find(guid), dateDelivered: Date.now() }
    const urls = wanting(this.webhooks, 'updated-message').map(({ url }) => url)
    await Promise.all(urls.map((url) => post(url, { type: 'updated-message', data })))
  }

  /** The row is there before it answers. */
  #send({ attachment, ...fields }: Given): Answer {
    const uploaded = fields.parts?.map((part) => this.#uploads.get(part.attachment ?? '')).find(Boolean)
    const file = attachment ?? uploaded
    const text = fields.message ?? fields.parts?.find((part) => part.text)?.text ?? null
    const chats = [{ guid: fields.chatGuid ?? '' }]
    const row = this.messages.write({ isFromMe: true, text, chats, handle: null, dateDelivered: null } as Partial<Row>)
    this.sent.push({ guid: row.guid, fields, ...(file === undefined ? {} : { file }) })
    return success('Message sent!', { guid: row.guid, dateDelivered: null, error: 0 })
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

  #fixedWebhooks(given: unknown): Answer {
    if (given !== undefined) return ANSWERS['other-method']
    const listed = this.webhooks.map(({ url, events }) => ({ url, events }))
    return success('Successfully fetched webhooks!', listed)
  }

  #removeWebhook(id: number): Answer {
    const at = this.webhooks.findIndex((webhook) => webhook.id === id)
    if (at === -1) return ANSWERS['no-webhook']
    this.webhooks.splice(at, 1)
    return success('Successfully deleted webhook!')
  }
}

function wanting(webhooks: readonly Webhook[], type: string): readonly Webhook[] {
  return webhooks.filter(({ events }) => events.includes(type) || events.includes('*'))
}

/** A row as a webhook brings it. */
export function eventOf(row: Row): { readonly type: string; readonly data: Row } {
  return { type: 'new-message', data: row }
}
