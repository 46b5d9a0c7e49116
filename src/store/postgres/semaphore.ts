import { ReadbackError } from '../../core/errors.ts'

interface Waiting {
  readonly enter: () => void
  readonly timeout: NodeJS.Timeout
}

/** Lets so many in at once; the others wait in the order in which they came, and for no longer than `patienceMs`. */
export class Semaphore {
  #free: number
  readonly #patienceMs: number
  readonly #waiting = new Set<Waiting>()

  constructor(places: number, patienceMs: number) {
    this.#free = places
    this.#patienceMs = patienceMs
  }

  /** Throws `unavailable` where no place is free in time. */
  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await this.#wait()
    else this.#free -= 1
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #wait(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      this.#waiting.delete(waiting)
      reject(new ReadbackError('unavailable', 'All connections that such calls may take are taken'))
    }
    const waiting: Waiting = { enter: resolve, timeout: setTimeout(giveUp, this.#patienceMs) }
    this.#waiting.add(waiting)
    return promise
  }

  /** Whoever waits longest has the place. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free += 1
      return
    }
    this.#waiting.delete(next)
    clearTimeout(next.timeout)
    next.enter()
  }
}
