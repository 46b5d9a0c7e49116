import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import type { StoreOptions } from '../context.ts'
import type { Answer, Call } from './batch.ts'
import type { Outcome, WorkerReady, WorkerStart } from './worker.ts'

interface Pending extends Call {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** They hear of a commit after its callers do. */
export type LinkListeners = Pick<StoreOptions, 'onDeath' | 'onChanges' | 'onNotice'>

/** This thread's end of a worker: the calls of one turn of the event loop go over together, answers come back in order. */
export class WorkerLink {
  readonly #worker: Worker
  readonly #onDeath: (error: Error) => void
  readonly #gathering: Pending[] = []
  readonly #asked: Pending[] = []
  #closing = false
  #dead: Error | undefined

  private constructor(worker: Worker, { onDeath, onChanges }: LinkListeners) {
    this.#worker = worker
    this.#onDeath = onDeath
    worker.on('message', (text: string) => {
      const { answers, changes } = JSON.parse(text) as Outcome
      this.#settle(answers)
      if (changes.events || changes.endpoints.length > 0 || changes.touched.length > 0) onChanges(changes)
    })
    worker.on('error', (error) => this.#die(error))
    worker.on('exit', () => this.#die(new Error('A thread of the store ended')))
  }

  /** Throws what kept the worker from opening the store. */
  static async start(start: WorkerStart, listeners: LinkListeners): Promise<WorkerLink> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: start,
      // Its garbage is small and short-lived; the default would let it pile up to 48 MB a thread.
      resourceLimits: { maxYoungGenerationSizeMb: 12 },
    })
    const [notices] = (await once(worker, 'message')) as [WorkerReady]
    for (const notice of notices) listeners.onNotice(notice)
    return new WorkerLink(worker, listeners)
  }

  call(name: string, argument: unknown): Promise<unknown> {
    if (this.#dead !== undefined || this.#closing) return Promise.reject(gone(this.#dead))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    if (this.#gathering.length === 0) setImmediate(() => this.#post())
    this.#gathering.push({ name, argument, resolve, reject })
    return promise
  }

  /** Finishes what was asked, then ends the thread. */
  async close(): Promise<void> {
    if (this.#dead !== undefined) return
    this.#closing = true
    this.#post()
    const exit = once(this.#worker, 'exit')
    this.#worker.postMessage(null)
    await exit
  }

  #post(): void {
    if (this.#gathering.length === 0) return
    // As one JSON text: copying it costs less than half of cloning the objects.
    this.#worker.postMessage(JSON.stringify(this.#gathering.map(({ name, argument }) => ({ name, argument }))))
    this.#asked.push(...this.#gathering.splice(0))
  }

  #settle(answers: readonly Answer[]): void {
    this.#asked.splice(0, answers.length).forEach(({ resolve, reject }, index) => {
      const answer = answers[index]
      if (answer === undefined) reject(gone())
      else if ('refused' in answer) reject(new ReadbackError(answer.refused.code, answer.refused.message))
      else resolve(answer.value)
    })
  }

  #die(error: Error): void {
    if (this.#dead !== undefined) return
    this.#dead = error
    for (const { reject } of [...this.#asked, ...this.#gathering]) reject(gone(error))
    if (!this.#closing) this.#onDeath(error)
  }
}

function gone(cause?: Error): ReadbackError {
  return new ReadbackError('unavailable', `The store is closed${cause === undefined ? '' : `: ${messageOf(cause)}`}`)
}
