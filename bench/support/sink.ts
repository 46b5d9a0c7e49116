import { once } from 'node:events'
import { join } from 'node:path'
import { launch } from './child.ts'

/** What the sink's process says: first where it listens, then, whenever asked, what came so far. */
export type SinkReply = { readonly port: number } | Came

interface Came {
  /** From an inbound that was accepted to its webhook, one for each message, by one clock. */
  readonly waitsMs: readonly number[]
  readonly repeated: number
}

export interface Sink extends AsyncDisposable {
  readonly url: string
  came(): Promise<Came>
  /** What came so far counts for nothing. */
  forget(): void
}

export async function startSink(): Promise<Sink> {
  const child = launch({ name: 'the webhook sink', file: join(import.meta.dirname, 'webhook-sink.ts'), ipc: true })
  const next = async () => (await once(child.process, 'message'))[0]
  const { port } = (await next()) as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async came() {
      child.mustLive()
      const reply = next()
      child.process.send('what came?')
      return (await reply) as Came
    },
    forget: () => void child.process.send('forget'),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
