import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { ask, launch } from './child.ts'
import type { QueueOrder, QueueReply } from './queue-peer.ts'

/** Something that work waits in, until it is let go all at once. */
export interface Queue extends AsyncDisposable {
  fill(jobs: number): Promise<void>
  /** From here on what waits is taken. */
  work(): Promise<void>
  /** Nothing is taken any more. */
  rest(): Promise<void>
  /** Whether anything waits or is under way, by the database. */
  busy(): Promise<boolean>
}

interface QueuePeer {
  readonly name: 'readback' | 'pg-boss' | 'graphile-worker'
  readonly url: string
  readonly env?: Readonly<Record<string, string>>
  /** The rows that are still to be done. */
  readonly open: string
}

/** In a process of its own. */
export async function startQueue({ name, url, env, open }: QueuePeer): Promise<Queue> {
  await using undo = new AsyncDisposableStack()
  const file = join(import.meta.dirname, `../peers/${name}.ts`)
  const child = undo.use(launch({ name, file, env: { DATABASE_URL: url, ...env }, ipc: true }))
  const order = async (what: QueueOrder) => {
    const reply = (await ask(child, what)) as QueueReply
    if ('failure' in reply) throw new Error(`${name}: ${reply.failure}`)
    return reply.handled
  }
  let expected = 0
  const look = undo.use(await looking(url, open))
  const kept = undo.move()
  return {
    async fill(jobs) {
      await order({ fill: jobs })
      expected += jobs
    },
    work: async () => void (await order('work')),
    async rest() {
      const handled = await order('rest')
      if (handled !== expected) throw new Error(`${name} ran ${handled} jobs of ${expected}`)
    },
    busy: () => look.any(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Asks a PostgreSQL database whether rows are left, by an index, so that the question costs nothing beside what is measured. */
export async function looking(url: string, open: string) {
  const client = new Client({ connectionString: url, options: '-c enable_seqscan=off' })
  await client.connect()
  return {
    async any(): Promise<boolean> {
      const { rows } = await client.query<{ any: boolean }>(`select exists (select 1 from ${open}) as any`)
      return rows[0]?.any === true
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

const LOOK_EVERY_MS = 10
const PATIENCE_MS = 300_000

/** How long, in seconds, from letting go until nothing is left. */
export async function drainTime(queue: Pick<Queue, 'work' | 'busy'>): Promise<number> {
  const start = performance.now()
  await queue.work()
  while (await queue.busy()) {
    if (performance.now() - start > PATIENCE_MS) throw new Error(`work is left after ${PATIENCE_MS / 1000} s`)
    await sleep(LOOK_EVERY_MS)
  }
  return (performance.now() - start) / 1000
}
