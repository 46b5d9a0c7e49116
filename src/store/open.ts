import { messageOf, ReadbackError } from '../core/errors.ts'
import type { Store } from '../core/store.ts'
import type { StoreOptions } from './context.ts'
import { openPostgresStore } from './postgres/store.ts'
import { isOfSqlite } from './sqlite/connection.ts'
import { openSqliteStore } from './sqlite/store.ts'

const SQLITE_URL = /^sqlite:(.+)$/
const POSTGRES_URL = /^postgres(ql)?:\/\/./

/** Opens the engine that the URL names, and brings its tables up to date. Throws `unavailable` where that cannot be. */
export async function openStore({ url, onDeath, ...options }: StoreOptions): Promise<Store> {
  if (POSTGRES_URL.test(url)) return openPostgresStore({ url, ...options })
  const path = SQLITE_URL.exec(url)?.[1]
  if (path === undefined) throw new ReadbackError('invalid', 'DATABASE_URL must begin with sqlite: or postgres://')
  const { secretKey, rules, onChanges, onNotice } = options
  try {
    return await openSqliteStore({ path, secretKey, rules }, { onDeath, onChanges, onNotice })
  } catch (error) {
    if (!isOfSqlite(error)) throw error
    // It does not say which file it means.
    throw new ReadbackError('unavailable', `The store ${path} cannot be opened: ${messageOf(error)}`, { cause: error })
  }
}
