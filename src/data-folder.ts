import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf, ReadbackError } from './core/errors.ts'

/** Makes `READBACK_DATA_DIR` where there is none; throws `unavailable` where that cannot be. */
export function makeDataFolder(path: string): void {
  try {
    makeFolder(path)
  } catch (error) {
    throw new ReadbackError('unavailable', `READBACK_DATA_DIR: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * Makes a folder that its owner alone may look into, and those above it. Node's own way never ends where a file system makes none and
 * says that it is not there, as /proc does.
 */
function makeFolder(path: string): void {
  const isThere = () => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (isThere()) return
  const above = dirname(path)
  if (above !== path) makeFolder(above)
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Of two processes that start at once, one makes it.
    if (!isThere()) throw error
  }
}
