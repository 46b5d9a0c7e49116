import { finished, Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { RecordedEvent } from '../core/account-event.ts'
import type { AccountId } from '../core/id.ts'
import type { EventHub } from './event-hub.ts'

export interface EventStreamOptions {
  readonly hub: Pick<EventHub, 'subscribe'>
  /** Whose events; null for those of all. */
  readonly accountId: AccountId | null
  /** What goes over the wire for an event; undefined where nothing does. */
  readonly toWire: (event: RecordedEvent) => { readonly id: string } | undefined
  /** Asked at every heartbeat; never throws. Whoever may not enter any more hears no more. */
  readonly mayStay: () => Promise<boolean>
  /** It ends no later than this from now. */
  readonly lifetimeMs: number
}

/** `docs/api.md`, "GET /api/v2/events": a comment, which keeps what lies between from taking the connection for dead. */
const HEARTBEAT_MS = 15_000
/** As the original's: it ends, and the client comes again. */
const ROTATION_MS = 900_000
/** Whoever leaves more than this unread is let go: what it misses it can list. */
const MOST_UNREAD_BYTES = 1024 * 1024
/** A client that does not read the end is let go after this long. */
const GRACE_MS = 1_000

/** Server-sent events (WHATWG HTML, 9.2), from now on, until the client goes, falls behind, or its time is over. */
export async function openEventStream(reply: FastifyReply, options: EventStreamOptions): Promise<Readable> {
  const { hub, accountId, toWire, mayStay, lifetimeMs } = options
  const stream = new Readable({ read() {} })
  let open = true
  const undo: (() => void)[] = []
  const close = () => {
    open = false
    for (const each of undo.splice(0)) each()
  }
  const write = (text: string): boolean => {
    if (!open) return true
    if (stream.readableLength <= MOST_UNREAD_BYTES) return stream.push(text)
    close()
    reply.log.info('a listener left too much unread, and was let go')
    reply.raw.destroy()
    return true
  }
  const end = () => {
    if (!open) return
    close()
    stream.push(null)
    setTimeout(() => reply.raw.destroy(), GRACE_MS).unref()
  }
  const onEvent = (event: RecordedEvent) => {
    const told = toWire(event)
    return told === undefined || write(`id: ${told.id}\ndata: ${JSON.stringify(told)}\n\n`)
  }
  undo.push(await hub.subscribe({ accountId, onEvent, onEnd: end }))
  const heartbeat = setInterval(async () => {
    if (await mayStay()) write(': heartbeat\n\n')
    else end()
  }, HEARTBEAT_MS)
  const rotation = setTimeout(end, Math.min(lifetimeMs, ROTATION_MS))
  undo.push(
    () => clearInterval(heartbeat),
    () => clearTimeout(rotation),
  )
  // The answer to HEAD is over at once, perhaps by now, and takes no stream along.
  finished(reply.raw, () => stream.destroy())
  stream.once('close', close)
  reply.headers(HEADERS)
  write(': from here on\n\n')
  return stream
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx and those who follow it gather an answer unless they are told not to.
  'x-accel-buffering': 'no',
  // When the stream ends, nothing holds up a server that stops.
  connection: 'close',
} as const
