import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export interface NameServer extends AsyncDisposable {
  /** As `dns.setServers` takes it. */
  readonly address: string
  /** Names that it was asked for, each as often as it was. */
  readonly asked: readonly string[]
}

const HEAD = 12
const QUERY_END = 5
const TYPE_A = 1
/** RFC 1035, 4.1.1: an answer, with recursion; and the same with the code for no such name. */
const FOUND = 0x8180
const NO_SUCH_NAME = 0x8183

/** A server of names, on loopback, that knows the addresses that it is given, and says nothing of names that begin with `silent`. */
export async function startNameServer(known: Readonly<Record<string, string>>): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (query, { port, address }) => {
    const name = nameIn(query)
    asked.push(name)
    if (!name.startsWith('silent')) socket.send(answerTo(query, name, known[name]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    async [Symbol.asyncDispose]() {
      socket.close()
    },
  }
}

function nameIn(query: Buffer): string {
  const labels: string[] = []
  for (let at = HEAD; query[at] !== 0; at += (query[at] as number) + 1) {
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] as number)))
  }
  return labels.join('.').toLowerCase()
}

/** The question once more, and behind it the address where it is one of IPv4 that is asked for. */
function answerTo(query: Buffer, name: string, address: string | undefined): Buffer {
  const question = query.subarray(HEAD, HEAD + name.length + 2 + QUERY_END - 1)
  const has = address !== undefined && query.readUInt16BE(HEAD + name.length + 2) === TYPE_A
  const head = Buffer.alloc(HEAD)
  query.copy(head, 0, 0, 2)
  head.writeUInt16BE(address === undefined ? NO_SUCH_NAME : FOUND, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(has ? 1 : 0, 6)
  if (!has) return Buffer.concat([head, question])
  // A pointer to the name, type A, class IN, a minute, four bytes.
  const record = Buffer.from([0xc0, HEAD, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
  return Buffer.concat([head, question, record])
}
