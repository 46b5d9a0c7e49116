import type { AccountId } from '../../core/id.ts'
import type { Changes } from '../../core/store.ts'

/** Rings for whoever looks at an account in which something changed. */
export class ChangeFeed {
  readonly #listeners = new Map<() => void, AccountId | null>()

  /** Null hears of every account. Answers how to end it. */
  subscribe(accountId: AccountId | null, onChange: () => void): () => void {
    this.#listeners.set(onChange, accountId)
    return () => this.#listeners.delete(onChange)
  }

  changed({ touched }: Pick<Changes, 'touched'>): void {
    if (touched.length === 0 || this.#listeners.size === 0) return
    for (const [onChange, accountId] of this.#listeners) {
      if (touched === 'all' || accountId === null || touched.includes(accountId)) onChange()
    }
  }
}
