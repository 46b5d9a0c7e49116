import { readFileSync, writeFileSync } from 'node:fs'

/** A secret that was not set: made at the first start and kept in a file that its owner alone may read. */
export function keptSecret(path: string, make: () => string): string {
  try {
    // `wx`: of two processes that start at once, one makes it and both read it.
    writeFileSync(path, `${make()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return readFileSync(path, 'utf8').trim()
}
