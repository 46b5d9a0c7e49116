import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { until } from './until.ts'

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number
  /** Ends every connection that is there now. */
  cut(): void
  /** From now on nothing more comes through the connection whose client said these words, in either direction; it is not closed. */
  silence(words: string): number
  /** The next packet in which a client says these words comes through, and nothing after it in either direction. */
  silenceAfter(words: string): void
  /** The next transaction in which a client says these words is committed, and its connection ends before the client hears of it. */
  loseCommit(words: string): void
  /** The next transaction in which a client says these words is committed, and this done before the client hears of it. */
  onCommit(words: string, act: () => void): void
  /** Whether a commit was lost. */
  readonly lost: boolean
  /** So many answers, whoever's, carry in the same packet that the database shuts down, and their connection ends; resolves after them. */
  dismiss(answers: number): Promise<void>
}

/** ReadyForQuery: the end of an answer, and of a connection's start. */
const READY = Buffer.from('Z\0\0\0\u0005', 'latin1')
/** Type and length, ahead of what a message holds. */
const MESSAGE_HEAD = 5
/** The answer to COMMIT. */
const COMMITTED = Buffer.from('COMMIT\0', 'latin1')
/** An ErrorResponse. */
const SHUTTING_DOWN = (() => {
  const fields = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
  const head = Buffer.from('E\0\0\0\0', 'latin1')
  head.writeUInt32BE(4 + fields.length, 1)
  return Buffer.concat([head, Buffer.from(fields, 'latin1')])
})()

/** The same database, by way of a proxy. */
export function through({ url }: { readonly url: string }, port: number): string {
  const changed = new URL(url)
  changed.port = String(port)
  return changed.href
}

/** Stands between a node and PostgreSQL. */
export async function cuttingProxy(target: number): Promise<CuttingProxy> {
  const pairs = new Set<Pair>()
  let dismissals = 0
  const waiting: Waiting = { toLose: undefined, toSilence: undefined, toTell: undefined, lost: false }
  const isDismissed = () => dismissals > 0 && dismissals-- > 0
  const server = createServer((client) => {
    const pair = new Pair(client, connect(target, '127.0.0.1'), { isDismissed, waiting }, () => pairs.delete(pair))
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
    silenceAfter(words) {
      waiting.toSilence = words
    },
    loseCommit(words) {
      Object.assign(waiting, { toLose: words, lost: false })
    },
    onCommit(words, act) {
      waiting.toTell = { words, act }
    },
    get lost() {
      return waiting.lost
    },
    async dismiss(answers) {
      dismissals = answers
      await until(
        'the last of them',
        () => dismissals,
        (left) => left === 0,
      )
    },
    async [Symbol.asyncDispose]() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What is to happen to whoever next says these words. */
interface Waiting {
  toLose: string | undefined
  toSilence: string | undefined
  toTell: { readonly words: string; readonly act: () => void } | undefined
  lost: boolean
}

class Pair {
  readonly #client: Socket
  readonly #database: Socket
  #words = ''
  #silent = false
  #losing = false
  #onCommit: (() => void) | undefined

  constructor(
    client: Socket,
    database: Socket,
    { isDismissed, waiting }: { isDismissed: () => boolean; waiting: Waiting },
    onEnd: () => void,
  ) {
    this.#client = client
    this.#database = database
    client.on('data', (bytes) => {
      const said = bytes.toString('latin1')
      this.#words = `${this.#words}${said}`.slice(0, 10_000)
      if (waiting.toLose !== undefined && said.includes(waiting.toLose)) {
        waiting.toLose = undefined
        this.#losing = true
      }
      if (waiting.toTell !== undefined && said.includes(waiting.toTell.words)) {
        this.#onCommit = waiting.toTell.act
        waiting.toTell = undefined
      }
      if (!this.#silent) database.write(bytes)
      if (waiting.toSilence !== undefined && said.includes(waiting.toSilence)) {
        waiting.toSilence = undefined
        this.#silent = true
      }
    })
    database.on('data', (bytes) => {
      if (this.#silent) return
      const committed = this.#losing || this.#onCommit !== undefined ? bytes.indexOf(COMMITTED) : -1
      if (committed >= 0) {
        this.#onCommit?.()
        this.#onCommit = undefined
      }
      if (committed >= 0 && this.#losing) {
        waiting.lost = true
        // What was answered before it comes through, even in the same packet.
        client.end(bytes.subarray(0, committed - MESSAGE_HEAD))
        return void database.resetAndDestroy()
      }
      if (!bytes.subarray(-6, -1).equals(READY) || !isDismissed()) client.write(bytes)
      else client.end(Buffer.concat([bytes, SHUTTING_DOWN]))
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
