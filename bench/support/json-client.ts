import { Agent, request } from 'node:http'

/** Calls a server with JSON over kept connections, and throws on every status but the one expected. */
export interface JsonClient extends Disposable {
  call(method: string, path: string, expected: number, body?: unknown): Promise<unknown>
}

type Headers = Readonly<Record<string, string>>

const JSON_TYPE = { 'content-type': 'application/json' }

export function jsonClient(base: string, headers: Headers, connections = 4): JsonClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  return {
    async call(method, path, expected, body) {
      const { status, text } = await exchange(agent, new URL(path, base), method, headers, body)
      if (status !== expected) throw new Error(`${method} ${path} answered ${status} instead of ${expected}: ${text}`)
      return JSON.parse(text)
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function exchange(agent: Agent, url: URL, method: string, headers: Headers, body: unknown) {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const length = payload === undefined ? {} : { ...JSON_TYPE, 'content-length': Buffer.byteLength(payload) }
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const sent = request(url, { agent, method, headers: { ...headers, ...length } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(payload)
  })
}

/** Runs `work` for 0 … count − 1, so many at a time. */
export async function each(count: number, atOnce: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const lanes = Array.from({ length: Math.min(atOnce, count) }, async () => {
    while (next < count) await work(next++)
  })
  await Promise.all(lanes)
}
