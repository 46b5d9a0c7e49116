import { realpathSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { ReadbackError } from '../../core/errors.ts'
import { makePrivately } from './connection.ts'

/**
 * Keeps a second process off the store: two writers would each take the other's carrier calls for their own. The lock is
 * SQLite's own on a small file beside the store, which the system lets go of however this process ends, `kill -9` included.
 * Throws `unavailable` where another process holds it.
 */
export function lockFile(path: string): { release(): void } {
  const beside = `${realPath(path)}.lock`
  // Whoever may read it could hold it, and keep the server from starting.
  makePrivately(beside)
  const lock = new DatabaseSync(beside, { timeout: 0 })
  try {
    lock.exec('begin exclusive')
  } catch (error) {
    lock.close()
    throw new ReadbackError('unavailable', `Another process serves the store ${path}, or it cannot be locked`, {
      cause: error,
    })
  }
  return { release: () => lock.close() }
}

/** By whatever links it is named. One that is not there yet has none. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
