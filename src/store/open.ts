import { ReadbackError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
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
}

/** Opens the engine that the URL names, and brings its tables up to date. */
export function openStore({ url, secretKey, rules, onDeath }: StoreOptions): Promise<Store> {
  if (!url.startsWith('sqlite:')) throw new ReadbackError('invalid', 'DATABASE_URL must begin with sqlite:')
  return openSqliteStore({ path: url.slice('sqlite:'.length), secretKey, rules }, onDeath)
}
