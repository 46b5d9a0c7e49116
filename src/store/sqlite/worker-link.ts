import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import type { Answer, Call } from './batch.ts'
import type { WorkerStart } from './worker.ts'

/** So many calls share a transaction at the most: what waits behind a batch must not wait long. */
const MOST_PER_BATCH = 512

interface Pending extends Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** This thread's end of a worker. Group commit happens here: while one batch is in flight, the next one gathers. */
export class WorkerLink {
  readonly #worker: Worker
  readonly #onDeath: (error: Error) => void
  #waiting: Pending[] = []
  #inFlight: Pending[] = []
  #scheduled = false
  #closing: (() => void) | undefined
  #dead: Error | undefined

  private constructor(worker: Worker, onDeath: (error: Error) => void) {
    this.#worker = worker
    this.#onDeath = onDeath
    worker.on('message', (answers: string) => this.#settle(JSON.parse(answers)))
    worker.on('error', (error) => this.#die(error))
    worker.on('exit', () => this.#die(new Error('A thread of the store ended')))
  }

  /** Throws what kept the worker from opening the store. `onDeath` hears of a worker that ended unasked later. */
  static async start(start: WorkerStart, onDeath: (error: Error) => void): Promise<WorkerLink> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: start })
    await once(worker, 'message')
    return new WorkerLink(worker, onDeath)
  }

  call(name: string, argument: unknown): Promise<unknown> {
    if (this.#dead !== undefined || this.#closing !== undefined) return Promise.reject(gone(this.#dead))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.push({ name, argument, resolve, reject })
    this.#flush()
    return promise
  }

  /** Finishes what was asked, then ends the thread. */
  async close(): Promise<void> {
    if (this.#dead !== undefined) return
    const idle = new Promise<void>((resolve) => {
      this.#closing = resolve
    })
    this.#post()
    await idle
    const exit = once(this.#worker, 'exit')
    this.#worker.postMessage(null)
    await exit
  }

  /** At the end of this turn of the event loop: calls that arrived with it share the first batch. */
  #flush(): void {
    if (this.#scheduled || this.#inFlight.length > 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#post()
    })
  }

  #post(): void {
    if (this.#inFlight.length > 0) return
    if (this.#waiting.length === 0) {
      this.#closing?.()
      return
    }
    this.#inFlight = this.#waiting.splice(0, MOST_PER_BATCH)
    // As one JSON text: copying it costs less than half of cloning the objects.
    this.#worker.postMessage(JSON.stringify(this.#inFlight.map(({ name, argument }) => ({ name, argument }))))
  }

  #settle(answers: readonly Answer[]): void {
    const settled = this.#inFlight
    this.#inFlight = []
    this.#post()
    settled.forEach(({ resolve, reject }, index) => {
      const answer = answers[index]
      if (answer === undefined) reject(gone())
      else if ('refused' in answer) reject(new ReadbackError(answer.refused.code, answer.refused.message))
      else resolve(answer.value)
    })
  }

  #die(error: Error): void {
    if (this.#dead !== undefined) return
    this.#dead = error
    for (const { reject } of [...this.#inFlight, ...this.#waiting]) reject(gone(error))
    if (this.#closing === undefined) this.#onDeath(error)
    this.#closing?.()
  }
}

function gone(cause?: Error): ReadbackError {
  return new ReadbackError('unavailable', `The store is closed${cause === undefined ? '' : `: ${messageOf(cause)}`}`)
}
