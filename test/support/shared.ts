import { after, before } from 'node:test'
import { type Readback, startReadback } from './readback.ts'

/** A server for the tests of a suite, or of a file. To be called there: it runs once the tests do. */
export function share<Server extends AsyncDisposable>(start: () => Promise<Server>): Server {
  const server = {} as Server
  before(async () => {
    Object.assign(server, await start())
  })
  after(() => server[Symbol.asyncDispose]())
  return server
}

/** Each test has an account and lines of its own. */
export function shareReadback(env: Readonly<Record<string, string>> = {}): Readback {
  return share(() => startReadback(env))
}

let lines = 0

/** A number that no other test of the file has. */
export function ownLine(): string {
  lines += 1
  return `+1917555${2_000 + lines}`
}
