import type { AccountId, WebhookId } from '../core/id.ts'

/** So many of one account's callbacks have a lane at once, and make some so many calls together. */
export const AT_ONCE = 256
/** An id takes some 50 bytes. One that finds no room here is found again by those who look for what is due. */
const MOST_WAITING = 10_000

interface Account {
  lanes: number
  readonly waiting: Set<WebhookId>
}

/**
 * Which of an account's callbacks have a lane. An account lists a hundred endpoints at the most; but each message may name a callback
 * of its own, and a thousand lanes whose host hangs would take the process's connections from everybody.
 */
export class Callbacks {
  readonly #accounts = new Map<AccountId, Account>()

  /** Whether it may have a lane now. Where not, it comes out of {@link leave} in its turn. */
  enter(id: WebhookId, accountId: AccountId): boolean {
    const account = this.#accounts.get(accountId) ?? { lanes: 0, waiting: new Set() }
    this.#accounts.set(accountId, account)
    if (account.lanes < AT_ONCE) {
      account.lanes += 1
      return true
    }
    if (account.waiting.size < MOST_WAITING) account.waiting.add(id)
    return false
  }

  /** How many calls one of the account's lanes makes side by side. */
  share(accountId: AccountId): number {
    return Math.floor(AT_ONCE / (this.#accounts.get(accountId)?.lanes ?? 1))
  }

  /** Whether one of the account's waits for a lane: then none keeps its own for longer than what it took. */
  isWaitedFor(accountId: AccountId): boolean {
    return (this.#accounts.get(accountId)?.waiting.size ?? 0) > 0
  }

  /** One of the account's lanes ended. Answers who has the next. */
  leave(accountId: AccountId): WebhookId | undefined {
    const account = this.#accounts.get(accountId)
    if (account === undefined) return undefined
    const [next] = account.waiting
    if (next !== undefined) account.waiting.delete(next)
    else account.lanes -= 1
    if (account.lanes === 0) this.#accounts.delete(accountId)
    return next
  }
}
