import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number
  /** Ends every connection that is there now. */
  cut(): void
  /** From now on nothing more comes through the connection whose client said these words, in either direction; it is not closed. */
  silence(words: string): number
}

/** Stands between a node and PostgreSQL. */
export async function cuttingProxy(target: number): Promise<CuttingProxy> {
  const pairs = new Set<Pair>()
  const server = createServer((client) => {
    const pair = new Pair(client, connect(target, '127.0.0.1'), () => pairs.delete(pair))
    pairs.add(pair)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const pair of pairs) pair.end()
  }
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    silence(words) {
      const saying = [...pairs].filter((pair) => pair.said(words))
      for (const pair of saying) pair.silence()
      return saying.length
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

class Pair {
  readonly #client: Socket
  readonly #database: Socket
  #words = ''
  #silent = false

  constructor(client: Socket, database: Socket, onEnd: () => void) {
    this.#client = client
    this.#database = database
    client.on('data', (bytes) => {
      this.#words = `${this.#words}${bytes.toString('latin1')}`.slice(0, 10_000)
      if (!this.#silent) database.write(bytes)
    })
    database.on('data', (bytes) => {
      if (!this.#silent) client.write(bytes)
    })
    for (const [one, other] of [
      [client, database],
      [database, client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => {
        other.destroy()
        onEnd()
      })
    }
  }

  said(words: string): boolean {
    return this.#words.includes(words)
  }

  silence(): void {
    this.#silent = true
  }

  end(): void {
    this.#client.resetAndDestroy()
    this.#database.resetAndDestroy()
  }
}
