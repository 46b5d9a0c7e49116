import { EventEmitter, once } from 'node:events'

interface ToldEvent {
  readonly id: string
  readonly type: string
  readonly occurred_at: string
  readonly version: number
  readonly data: Readonly<Record<string, unknown>>
}

const PATIENCE_MS = 20_000

/** Whoever listens to the event stream with bare fetch. */
export interface EventReader extends AsyncDisposable {
  readonly status: number
  readonly headers: Headers
  /** What came so far, as it came. */
  text(): string
  readonly events: readonly ToldEvent[]
  /** What came, or comes next, at that place in the order of coming. */
  at(index: number): Promise<ToldEvent>
  /** Settled once the server has ended it. */
  readonly ended: Promise<void>
}

export async function listen(
  base: string,
  headers: Readonly<Record<string, string>>,
  query = '',
): Promise<EventReader> {
  const leaving = new AbortController()
  const response = await fetch(`${base}/api/v2/events${query}`, { headers, signal: leaving.signal })
  const events: ToldEvent[] = []
  const heard = new EventEmitter().setMaxListeners(0)
  let text = ''
  const read = async () => {
    let unread = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk
      const frames = (unread + chunk).split('\n\n')
      unread = frames.pop() ?? ''
      for (const frame of frames) {
        const data = /^data: (.*)$/m.exec(frame)?.[1]
        if (data !== undefined) events.push(JSON.parse(data))
      }
      heard.emit('heard')
    }
  }
  const ended = read().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error
  })
  const over = ended.then(() => {
    throw new Error(`The stream ended; it told ${text}`)
  })
  over.catch(() => {})
  return {
    status: response.status,
    headers: response.headers,
    text: () => text,
    events,
    ended,
    async at(index) {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      while (events.length <= index) {
        const next = once(heard, 'heard', { signal }).catch(() => {
          throw new Error(`Event ${index} did not come; the stream told ${text}`)
        })
        await Promise.race([next, over])
      }
      return events[index] as ToldEvent
    },
    async [Symbol.asyncDispose]() {
      leaving.abort()
      await ended
    },
  }
}
