import { readFileSync, writeFileSync } from 'node:fs'
import { ReadbackError } from './core/errors.ts'

/**
 * A secret that was not set: made at the first start and kept in a file that its owner alone may read. Throws `invalid` for a file that
 * is empty, as a start leaves it that a full disk or `kill -9` ended there: an empty token would let everybody in.
 */
export function keptSecret(path: string, make: () => string): string {
  try {
    // `wx`: of two processes that start at once, one makes it and both read it. `flush`: what is sealed with it outlives a power cut.
    writeFileSync(path, `${make()}\n`, { mode: 0o600, flag: 'wx', flush: true })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const secret = readFileSync(path, 'utf8').trim()
  if (secret !== '') return secret
  throw new ReadbackError('invalid', `There is no secret in ${path}: put it back, or delete the file for a new one`)
}
