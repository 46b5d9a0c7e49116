import { ReadbackError } from '../../core/errors.ts'

/** The outcome of a call that has to be taken up again, with the next batch. */
export const AGAIN = Symbol('again')

/** So many calls share a transaction at the most: what waits behind a batch must not wait long. */
const MOST_PER_BATCH = 256

/** A round trip to a machine further away is worth so many, at the least. */
const LEAST_OF_HALF = 32

/** Of how many asked at once, after each batch. */
const REMEMBERED = 0.98

interface Waiting<Call, Outcome> {
  readonly call: Call
  readonly again: boolean
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: Error) => void
}

/** Answers for each call in order, in one transaction. `again`: some of them have been in a batch before. */
type Run<Call, Outcome> = (
  calls: readonly Call[],
  again: boolean,
) => Promise<readonly (Outcome | ReadbackError | typeof AGAIN)[]>

/**
 * Group commit: while one batch is on its way the next one gathers. A refusal is its caller's own. A store that is away refuses
 * them all, and nothing is written. Anything else is a defect in one of them: then each goes alone, so that it takes nobody along.
 */
export class Batches<Call, Outcome> {
  readonly #run: Run<Call, Outcome>
  #waiting: Waiting<Call, Outcome>[] = []
  readonly #atOnce: number
  readonly #byHalves: boolean
  #working = 0
  /** As many as asked at once lately. */
  #crowd = 0
  #ended: PromiseWithResolvers<void> | undefined

  /**
   * So many full batches are on their way at once. `byHalves`: a batch takes half of those who keep asking, so that the others are
   * answered, and ask again, while it is on its way (`docs/performance.md`).
   */
  constructor(run: Run<Call, Outcome>, { atOnce = 1, byHalves = false } = {}) {
    this.#run = run
    this.#atOnce = atOnce
    this.#byHalves = byHalves
  }

  call(call: Call): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    this.#waiting.push({ call, again: false, resolve, reject })
    const idle = this.#working === 0
    if (idle || (this.#waiting.length >= MOST_PER_BATCH && this.#working < this.#atOnce)) void this.#work()
    return promise
  }

  /** Answers when all that was asked is answered. */
  async finished(): Promise<void> {
    if (this.#working === 0) return
    this.#ended ??= Promise.withResolvers()
    await this.#ended.promise
  }

  async #work(): Promise<void> {
    this.#working += 1
    // So that the calls of this turn of the event loop go together.
    await new Promise((resolve) => setImmediate(resolve))
    // What fills no batch gathers until there is nobody else.
    while (this.#waiting.length >= (this.#working > 1 ? MOST_PER_BATCH : 1)) {
      await this.#settle(this.#waiting.splice(0, this.#mostOfBatch()))
    }
    this.#working -= 1
    if (this.#working > 0) return
    this.#ended?.resolve()
    this.#ended = undefined
  }

  #mostOfBatch(): number {
    if (!this.#byHalves) return MOST_PER_BATCH
    return Math.min(MOST_PER_BATCH, Math.max(LEAST_OF_HALF, Math.ceil(this.#crowd / 2)))
  }

  async #settle(batch: readonly Waiting<Call, Outcome>[]): Promise<void> {
    try {
      const calls = batch.map(({ call }) => call)
      const outcomes = await this.#run(
        calls,
        batch.some(({ again }) => again),
      )
      // Before they are answered, and some have asked again.
      this.#crowd = Math.max(batch.length + this.#waiting.length, this.#crowd * REMEMBERED)
      const again: Waiting<Call, Outcome>[] = []
      batch.forEach((waiting, index) => {
        const outcome = outcomes[index] as Outcome | ReadbackError | typeof AGAIN
        if (outcome === AGAIN) again.push({ ...waiting, again: true })
        else if (outcome instanceof ReadbackError) waiting.reject(outcome)
        else waiting.resolve(outcome)
      })
      this.#waiting.unshift(...again)
    } catch (error) {
      const unavailable = error instanceof ReadbackError && error.code === 'unavailable'
      if (!unavailable && batch.length > 1) for (const one of batch) await this.#settle([one])
      else for (const { reject } of batch) reject(error as Error)
    }
  }
}

/** What it answers, or its refusal: for batches in which each call has its own. */
export function outcomeOf<T>(decide: () => T): T | ReadbackError {
  try {
    return decide()
  } catch (error) {
    if (error instanceof ReadbackError) return error
    throw error
  }
}

/** Those that differ in `keyOf`, in order, and for each of all the number of its own among them. */
export function distinctBy<T>(all: readonly T[], keyOf: (one: T) => string): { distinct: T[]; numbers: number[] } {
  const known = new Map<string, number>()
  const distinct: T[] = []
  const numbers = all.map((one) => {
    const key = keyOf(one)
    const number = known.get(key) ?? distinct.push(one) - 1
    known.set(key, number)
    return number
  })
  return { distinct, numbers }
}
