import { after, before } from 'node:test'
import { type Readback, startReadback } from './readback.ts'

/**
 * One server for the tests of a suite, or of a file, each with an account and lines of its own. To be called there: it runs once the
 * tests do.
 */
export function shareReadback(env: Readonly<Record<string, string>> = {}): Readback {
  const server = {} as Readback
  before(async () => {
    Object.assign(server, await startReadback(env))
  })
  after(() => server[Symbol.asyncDispose]())
  return server
}

let lines = 0

/** A number that no other test of the file has. */
export function ownLine(): string {
  lines += 1
  return `+1917555${2_000 + lines}`
}
