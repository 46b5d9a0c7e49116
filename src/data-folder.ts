import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder that its owner alone may look into, and those above it. Node's own way never ends where a file system makes none and
 * says that it is not there, as /proc does.
 */
export function makeFolder(path: string): void {
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
