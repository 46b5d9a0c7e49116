import type { Credentials } from '../../core/account.ts'
import type { Told } from '../events.ts'
import { Batches, refusal } from './batches.ts'
import type { Done, Telling } from './telling.ts'
import type { Transaction } from './transactions.ts'

type Isolation = 'current' | 'snapshot'
type Work<T> = (transaction: Transaction) => Promise<Done<T>>

/** While they are done the rows that they changed are theirs, and one comes after the other: a contact's message may wait for it. */
const MOST_TOGETHER = 32

/**
 * The queries that engines share, as SQLite does them: what one caller asks at the same time goes into one transaction, one after the
 * other. So however many calls one makes, they have a connection or two, and the others' find one free; and they do not cross each other.
 * A refusal is its own: they check before they write.
 */
export class CallerBatches {
  readonly #telling: Telling
  readonly #callers = new Map<string, { readonly batches: Batches<Work<unknown>, unknown>; calls: number }>()

  constructor(telling: Telling) {
    this.#telling = telling
  }

  /** What names no caller, such as the operator's calls and our own, has a transaction to itself. */
  async run<T>(isolation: Isolation, call: unknown, work: Work<T>): Promise<T> {
    const credentials = credentialsOf(call)
    if (credentials === undefined) return this.#telling(work, isolation)
    // With the secret: whoever knows no more than the key's id must not stand before its owner.
    const key = `${isolation} ${JSON.stringify(credentials)}`
    const caller = this.#callers.get(key) ?? { batches: this.#batches(isolation), calls: 0 }
    this.#callers.set(key, caller)
    caller.calls += 1
    try {
      return (await caller.batches.call(work)) as T
    } finally {
      caller.calls -= 1
      if (caller.calls === 0) this.#callers.delete(key)
    }
  }

  #batches(isolation: Isolation): Batches<Work<unknown>, unknown> {
    return new Batches((works) => this.#telling((transaction) => doAll(works, transaction), isolation), {
      most: MOST_TOGETHER,
    })
  }
}

async function doAll(works: readonly Work<unknown>[], transaction: Transaction) {
  const outcomes: unknown[] = []
  const happenings: Told[] = []
  for (const work of works) {
    const done = await work(transaction).catch(refusal)
    if (done instanceof Error) outcomes.push(done)
    else {
      outcomes.push(done.outcome)
      happenings.push(...done.happenings)
    }
  }
  return { outcome: outcomes, happenings }
}

function credentialsOf(call: unknown): Credentials | undefined {
  return typeof call === 'object' && call !== null && 'credentials' in call
    ? (call.credentials as Credentials)
    : undefined
}
