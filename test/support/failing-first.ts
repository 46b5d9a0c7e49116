import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { listening } from './listening.ts'

/** Whoever stands between a client and the server, and refuses the next calls by itself. */
export interface FailingFirst extends AsyncDisposable {
  readonly base: string
  /** What came, in order: method and path. */
  readonly calls: readonly string[]
  /** So many of the next calls are answered with that status, and not passed on. */
  fail(count: number, status: number, headers?: Readonly<Record<string, string>>): void
}

export async function startFailingFirst(target: string): Promise<FailingFirst> {
  const calls: string[] = []
  const failures: { status: number; headers: Readonly<Record<string, string>> }[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    calls.push(`${request.method} ${request.url}`)
    const body = await buffer(request)
    const failure = failures.shift()
    if (failure !== undefined) {
      const headers = { 'content-type': 'application/json', ...failure.headers }
      response.writeHead(failure.status, headers).end('{"status":"ERROR","message":"In between"}')
      return
    }
    const answer = await passOn(target, request, body)
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(await answer.text())
  }
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  const { url, ...ending } = await listening(server)
  return {
    ...ending,
    base: url,
    calls,
    fail: (count, status, headers = {}) => failures.push(...Array.from({ length: count }, () => ({ status, headers }))),
  }
}

const OWN_HEADERS = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive']

function passOn(target: string, { method = 'GET', url, headers }: IncomingMessage, body: Buffer): Promise<Response> {
  const passed = Object.entries(headers).filter(([name]) => !OWN_HEADERS.includes(name)) as [string, string][]
  return fetch(`${target}${url}`, { method, headers: passed, ...(body.length === 0 ? {} : { body }) })
}
