import type { Credentials } from '../core/account.ts'
import { ReadbackError } from '../core/errors.ts'

interface Waiting {
  readonly enter: () => void
  readonly timeout: NodeJS.Timeout | undefined
}

/**
 * Lets so many in at once; of the others one of each caller's in turn, in the order in which they came. So one who asks for much keeps
 * others waiting for no more than what is under way.
 */
export class Semaphore {
  #free: number
  readonly #patienceMs: number | undefined
  /** By caller; whose turn is next is first. */
  readonly #waiting = new Map<string, Set<Waiting>>()

  /** Nobody waits for longer than `patienceMs`, where that is given. */
  constructor(places: number, patienceMs?: number) {
    this.#free = places
    this.#patienceMs = patienceMs
  }

  /** Throws `unavailable` where no place is free in time. */
  async through<T>(call: unknown, work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await this.#wait(callerOf(call) ?? '')
    else this.#free -= 1
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #wait(caller: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      this.#take(caller, waiting)
      reject(new ReadbackError('unavailable', 'All connections that such calls may take are taken'))
    }
    const timeout = this.#patienceMs === undefined ? undefined : setTimeout(giveUp, this.#patienceMs)
    const waiting: Waiting = { enter: resolve, timeout }
    const theirs = this.#waiting.get(caller) ?? new Set()
    this.#waiting.set(caller, theirs.add(waiting))
    return promise
  }

  #leave(): void {
    const [first] = this.#waiting
    const [next] = first?.[1] ?? []
    if (first === undefined || next === undefined) {
      this.#free += 1
      return
    }
    const [caller, theirs] = first
    this.#take(caller, next)
    // What else they wait for comes after everybody's.
    if (this.#waiting.delete(caller)) this.#waiting.set(caller, theirs)
    clearTimeout(next.timeout)
    next.enter()
  }

  #take(caller: string, waiting: Waiting): void {
    const theirs = this.#waiting.get(caller)
    theirs?.delete(waiting)
    if (theirs?.size === 0) this.#waiting.delete(caller)
  }
}

/** With the secret: whoever knows no more than the key's id must not stand before its owner. Undefined where a call names nobody. */
export function callerOf(call: unknown): string | undefined {
  if (typeof call !== 'object' || call === null || !('credentials' in call)) return undefined
  return JSON.stringify(call.credentials as Credentials)
}
