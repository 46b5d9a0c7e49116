import { finished, PassThrough } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { ConsoleStore } from '../../core/console.ts'
import { type Door, door } from '../door.ts'
import type { ChangeFeed } from './change-feed.ts'
import { sessionOf, visitorOf } from './entrance.ts'

/** What the door to changes needs. */
export interface ChangesDesk {
  readonly store: Pick<ConsoleStore, 'getVisitor'>
  readonly operatorToken: string
  readonly changes: ChangeFeed
}

/** A page that is told more often than this would do nothing but fetch. */
const PAUSE_MS = 200
const HEARTBEAT_MS = 15_000

/**
 * `GET /console/events`: says that something changed, at once and never more often than the pause; the page fetches what it shows.
 * Ends with its session, at the latest with the next heartbeat.
 */
export function changesDoor(app: FastifyInstance, desk: ChangesDesk): Door {
  const open = new Set<PassThrough>()
  // A server that stops would wait for streams that never end.
  app.addHook('preClose', async () => {
    for (const stream of open) stream.end()
  })
  return door({}, async ({ request, reply }) => {
    const session = sessionOf(request)
    const visitor = await visitorOf(desk, session)
    const stream = new PassThrough()
    open.add(stream)
    const bell = new Bell(stream, () => visitorOf(desk, session))
    const unsubscribe = desk.changes.subscribe(visitor.kind === 'account' ? visitor.account.id : null, () =>
      bell.ring(),
    )
    stream.on('close', () => {
      unsubscribe()
      bell.stop()
      open.delete(stream)
    })
    // The answer to HEAD is over at once, perhaps by now, and takes no stream along.
    finished(reply.raw, () => stream.destroy())
    reply.header('content-type', 'text/event-stream').header('cache-control', 'no-store')
    stream.write('retry: 1000\nevent: hello\ndata:\n\n')
    return stream
  })
}

/** Writes down that something changed, as long as whoever listens still may. */
class Bell {
  readonly #stream: PassThrough
  readonly #admit: () => Promise<unknown>
  readonly #heartbeat: NodeJS.Timeout
  #pause: NodeJS.Timeout | undefined
  #again = false

  constructor(stream: PassThrough, admit: () => Promise<unknown>) {
    this.#stream = stream
    this.#admit = admit
    this.#heartbeat = setInterval(() => void this.#say('event: beat\ndata:\n\n'), HEARTBEAT_MS)
  }

  ring(): void {
    if (this.#pause !== undefined) {
      this.#again = true
      return
    }
    void this.#say('event: change\ndata:\n\n')
    this.#pause = setTimeout(() => {
      this.#pause = undefined
      if (!this.#again) return
      this.#again = false
      this.ring()
    }, PAUSE_MS)
  }

  stop(): void {
    clearInterval(this.#heartbeat)
    clearTimeout(this.#pause)
  }

  async #say(words: string): Promise<void> {
    try {
      await this.#admit()
    } catch {
      this.#stream.end()
      return
    }
    // Whoever does not read has this still to come: one says as much as many.
    if (this.#stream.writable && !this.#stream.writableNeedDrain) this.#stream.write(words)
  }
}
