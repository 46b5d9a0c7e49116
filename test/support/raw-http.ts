import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends these bytes over a connection of their own, and answers the first answer once the server has closed it. */
export async function sendRaw(base: string, bytes: Buffer): Promise<RawAnswer | undefined> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(bytes)
  return parse(await text(socket))
}

/** Sends these bytes and goes, without waiting for an answer. */
export async function sendAndLeave(base: string, bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.end(bytes)
  socket.resume()
  await once(socket, 'close')
}

/** Sends these bytes, and breaks the connection off once something is answered. */
export async function sendAndReset(base: string, bytes: Buffer): Promise<void> {
  const { hostname, port } = new URL(base)
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.write(bytes)
  await once(socket, 'data')
  socket.resetAndDestroy()
  await once(socket, 'close')
}

function parse(received: string): RawAnswer | undefined {
  const [head = '', ...rest] = received.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]
  if (status === undefined) return undefined
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  return { status: Number(status), headers, body: rest.join('\r\n\r\n') }
}
