import { ReadbackError } from '../../core/errors.ts'
import { type Semaphore, secretsOf } from '../semaphore.ts'
import type { Done, Telling } from './telling.ts'
import type { Isolation, Transaction } from './transactions.ts'

/**
 * The queries that engines share, as SQLite does them: what one caller asks at the same time is done one after the other. So however
 * many calls one makes, they have one connection, and the others' find one free; and they do not cross each other. Each has a transaction
 * of its own: with several in one, each holding what those before it changed, two nodes would wait for each other. All callers
 * together leave connections to lanes, to leases and to what is accepted.
 */
export class CallerTurns {
  readonly #telling: Telling
  readonly #places: Semaphore
  /** By caller: when the last of its calls is over. */
  readonly #over = new Map<string, Promise<void>>()

  constructor(telling: Telling, places: Semaphore) {
    this.#telling = telling
    this.#places = places
  }

  /** What names no caller, such as the operator's calls and our own, waits for nobody. */
  async run<T>(isolation: Isolation, call: unknown, work: (transaction: Transaction) => Promise<Done<T>>): Promise<T> {
    const caller = secretsOf(call)
    if (caller === undefined) return this.#telling(work, isolation)
    const before = this.#over.get(caller) ?? Promise.resolve()
    const done = before.then(() => this.#places.through(call, () => this.#telling(work, isolation)))
    const over = done.then(() => {}, passOn)
    // Where nobody waits behind it.
    over.catch(() => {})
    this.#over.set(caller, over)
    try {
      return await done
    } finally {
      if (this.#over.get(caller) === over) this.#over.delete(caller)
    }
  }
}

/** A store that is away refuses all who wait: none has to find out by itself. Anything else is the one call's own. */
function passOn(error: unknown): void {
  if (error instanceof ReadbackError && error.code === 'unavailable') throw error
}
