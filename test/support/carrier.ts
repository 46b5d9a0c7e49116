import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { join } from 'node:path'
import { listening } from './listening.ts'

/** Text is sent as it stands, anything else as JSON. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer in place of the right one, or none: the connection hangs, breaks, breaks off midway, or never stops sending. */
export type Fault = Answer | 'hang' | 'reset' | 'cut-short' | 'oversize'

/** A carrier on a port of its own. Whatever its handler throws breaks the connection. */
export async function serveCarrier(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  return listening(server)
}

export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': type, ...headers }).end(text)
}

export function misbehave(fault: Extract<Fault, string>, response: ServerResponse): void {
  if (fault === 'hang') return
  if (fault === 'reset') return void response.socket?.resetAndDestroy()
  if (fault === 'cut-short') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 })
    response.write('{"status":200,', () => response.socket?.destroy())
    return
  }
  response.writeHead(200, { 'content-type': 'application/json' })
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', more)
  more()
}

/** Whoever stands between us and a carrier, with a certificate that it made itself. */
export async function serveUntrusted(): Promise<AsyncDisposable & { readonly url: string; requests(): number }> {
  const pem = (name: string) => readFile(join(import.meta.dirname, `../fixtures/tls/self-signed.${name}.pem`))
  let requests = 0
  const server = createTlsServer({ key: await pem('key'), cert: await pem('cert') }, (_request, response) => {
    requests += 1
    response.end()
  })
  return { ...(await listening(server, 'https')), requests: () => requests }
}

/** A carrier's call; undefined where nobody listens. */
export async function post(url: string, event: unknown): Promise<number | undefined> {
  try {
    const body = JSON.stringify(event)
    return (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status
  } catch {
    return undefined
  }
}
