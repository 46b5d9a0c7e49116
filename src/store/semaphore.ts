import type { Credentials } from '../core/account.ts'
import type { Caller } from '../core/caller.ts'
import { ReadbackError } from '../core/errors.ts'
import type { AccountId } from '../core/id.ts'
import { hashSecret } from './seal.ts'

/** So many credentials' accounts are remembered, which never change. */
const MOST_KNOWN = 10_000

/** Whose the credentials are; throws where they are nobody's. */
export type Identify = (call: { credentials: Credentials }) => Promise<Caller>

interface Waiting {
  readonly enter: () => void
  readonly timeout: NodeJS.Timeout | undefined
}

interface Terms {
  /** Nobody waits for longer. */
  readonly patienceMs?: number
  /** Whoever has a place leaves the last to those who have none: else a few who ask for what takes long have all, again and again. */
  readonly leavesOne?: boolean
}

/**
 * Lets so many in at once; of the others one of each account's in turn, in the order in which they came. So one who asks for much, with
 * however many keys and tokens, keeps others waiting for no more than what is under way.
 */
export class Semaphore {
  #free: number
  readonly #identify: Identify
  readonly #patienceMs: number | undefined
  readonly #leavesOne: boolean
  /** How many of each account's are let in. */
  readonly #inside = new Map<AccountId | undefined, number>()
  /** Whose turn is next is first. */
  readonly #waiting = new Map<AccountId | undefined, Set<Waiting>>()
  /** By the hash of a caller's secrets. */
  readonly #known = new Map<string, Promise<AccountId>>()

  constructor(places: number, identify: Identify, { patienceMs, leavesOne = false }: Terms = {}) {
    this.#free = places
    this.#identify = identify
    this.#patienceMs = patienceMs
    this.#leavesOne = leavesOne
  }

  /** Throws `unavailable` where no place is free in time. */
  async through<T>(call: unknown, work: () => Promise<T>): Promise<T> {
    const asked = this.#free === 0 || this.#leavesOne
    const account = asked ? await this.#accountOf(call) : undefined
    if (this.#mayEnter(account)) this.#enter(account)
    else await this.#wait(account)
    try {
      return await work()
    } finally {
      this.#leave(account)
    }
  }

  #mayEnter(account: AccountId | undefined): boolean {
    return this.#free > (this.#leavesOne && this.#inside.has(account) ? 1 : 0)
  }

  #enter(account: AccountId | undefined): void {
    this.#free -= 1
    this.#inside.set(account, (this.#inside.get(account) ?? 0) + 1)
  }

  async #accountOf(call: unknown): Promise<AccountId | undefined> {
    const secrets = secretsOf(call)
    if (secrets === undefined) return undefined
    const caller = hashSecret(secrets)
    const known = this.#known.get(caller)
    if (known !== undefined) return known
    const { credentials } = call as { credentials: Credentials }
    const asked = this.#identify({ credentials }).then(({ account }) => account.id)
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.set(caller, asked)
    // Whoever asks again is refused, or known, by what is then so.
    asked.catch(() => this.#known.delete(caller))
    return asked
  }

  #wait(account: AccountId | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      this.#take(account, waiting)
      reject(new ReadbackError('unavailable', 'All connections that such a call may take are taken'))
    }
    const timeout = this.#patienceMs === undefined ? undefined : setTimeout(giveUp, this.#patienceMs)
    const waiting: Waiting = { enter: resolve, timeout }
    const theirs = this.#waiting.get(account) ?? new Set()
    this.#waiting.set(account, theirs.add(waiting))
    return promise
  }

  #leave(account: AccountId | undefined): void {
    this.#free += 1
    const left = (this.#inside.get(account) ?? 0) - 1
    if (left > 0) this.#inside.set(account, left)
    else this.#inside.delete(account)
    // More than one, where the last that was left free is for whoever has just left.
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#letIn(...next)
  }

  #next(): [AccountId | undefined, Set<Waiting>] | undefined {
    return this.#waiting.entries().find(([account]) => this.#mayEnter(account))
  }

  #letIn(account: AccountId | undefined, theirs: Set<Waiting>): void {
    const [next] = theirs
    if (next === undefined) return
    this.#enter(account)
    this.#take(account, next)
    // What else they wait for comes after everybody's.
    if (this.#waiting.delete(account)) this.#waiting.set(account, theirs)
    clearTimeout(next.timeout)
    next.enter()
  }

  #take(account: AccountId | undefined, waiting: Waiting): void {
    const theirs = this.#waiting.get(account)
    theirs?.delete(waiting)
    if (theirs?.size === 0) this.#waiting.delete(account)
  }
}

/** With the secret: whoever knows no more than the key's id must not stand before its owner. Undefined where a call names nobody. */
export function secretsOf(call: unknown): string | undefined {
  if (typeof call !== 'object' || call === null || !('credentials' in call)) return undefined
  return JSON.stringify(call.credentials as Credentials)
}
