import { ReadbackError } from '../core/errors.ts'
import type { Changes, Store } from '../core/store.ts'
import type { StoreRules } from './session.ts'
import { openSqliteStore } from './sqlite/store.ts'

export interface StoreOptions {
  /** `sqlite:<path>`. */
  readonly url: string
  /** 64 hex digits. */
  readonly secretKey: string
  readonly rules: StoreRules
  /** Hears of a store that broke for good while it served: the process cannot go on without. */
  readonly onDeath: (error: Error) => void
  /** Hears of what a commit left for others to do. */
  readonly onChanges: (changes: Changes) => void
}

/** Opens the engine that the URL names, and brings its tables up to date. */
export function openStore({ url, secretKey, rules, onDeath, onChanges }: StoreOptions): Promise<Store> {
  if (!url.startsWith('sqlite:')) throw new ReadbackError('invalid', 'DATABASE_URL must begin with sqlite:')
  return openSqliteStore({ path: url.slice('sqlite:'.length), secretKey, rules }, { onDeath, onChanges })
}
