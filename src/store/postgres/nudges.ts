import { randomUUID } from 'node:crypto'
import { Socket } from 'node:net'
import { Client, type Pool } from 'pg'
import { z } from 'zod'
import type { AccountId, LineId } from '../../core/id.ts'
import { parseJson } from '../../core/json.ts'
import { LINE_WORK } from '../../core/leases.ts'
import type { Changes } from '../../core/store.ts'
import type { TypingNote } from '../../core/typing.ts'
import { connectionOptions } from './connection.ts'

const CHANNEL = 'readback'
/** Nudges of so long go together: one NOTIFY a commit inside the accepting transaction cost more than half of its throughput. */
const GATHER_MS = 3
/** What only people look at: one NOTIFY for each batch that opens receipts were as many transactions again. */
const GATHER_FOR_PEOPLE_MS = 50
/** PostgreSQL's NOTIFY takes 8,000 bytes; an id has 16 digits at the most. */
const MOST_IDS = 400
/** Of two addresses each, the one of up to 254 characters. */
const MOST_NOTES = 8
/** A connection that says nothing may be dead: it is asked so often, and given up when it does not answer in that time. */
const CHECK_MS = 1_000
const RECONNECT_MS = 250

/** What nodes tell each other. */
interface Nudge {
  readonly touched?: Changes['touched']
  readonly lineIds?: NonNullable<Changes['lineIds']>
  readonly typing?: readonly TypingNote[]
  readonly events?: boolean
  readonly freed?: boolean
}

const TYPING = z.object({ number: z.string(), fromNumber: z.string(), at: z.number(), taken: z.boolean() })

/** Anybody who may use the database can say something on its channels. */
const HEARD = z.object({
  from: z.string(),
  touched: z.union([z.literal('all'), z.array(z.number())]).default([]),
  lineIds: z.partialRecord(z.enum(LINE_WORK), z.array(z.number())).default({}),
  typing: z.array(TYPING).default([]),
  events: z.boolean().default(false),
  freed: z.boolean().default(false),
})

/**
 * LISTEN on a connection of its own, NOTIFY through the pool. Nudges are a hint: what one was lost for is found by the lanes' own
 * rounds, and after a new connection everything is looked at again.
 */
export class Nudges {
  readonly #url: string
  readonly #pool: Pick<Pool, 'query'>
  readonly #onChanges: (changes: Changes) => void
  readonly #self = randomUUID()
  readonly #lines = { receipts: new Set<LineId>(), messages: new Set<LineId>(), inbound: new Set<LineId>() }
  readonly #typing: TypingNote[] = []
  #events = false
  #freed = false
  readonly #touched = new Set<AccountId>()
  #touchedAll = false
  #gathering: NodeJS.Timeout | undefined
  #flushAt = Number.POSITIVE_INFINITY
  #connection: { readonly client: Client; readonly socket: Socket } | undefined
  #next: NodeJS.Timeout | undefined
  #closed = false

  constructor(url: string, pool: Pick<Pool, 'query'>, onChanges: (changes: Changes) => void) {
    this.#url = url
    this.#pool = pool
    this.#onChanges = onChanges
  }

  send({ lineIds = {}, typing = [], events = false, freed = false, touched = [] }: Nudge): void {
    this.#touchedAll ||= touched === 'all'
    if (touched !== 'all') for (const id of touched) this.#touched.add(id)
    for (const work of LINE_WORK) for (const id of lineIds[work] ?? []) this.#lines[work].add(id)
    this.#typing.push(...typing)
    this.#events ||= events
    this.#freed ||= freed
    const waited = events || freed || typing.length > 0 || Object.keys(lineIds).length > 0
    this.#flushIn(waited ? GATHER_MS : GATHER_FOR_PEOPLE_MS)
  }

  #flushIn(ms: number): void {
    const at = performance.now() + ms
    if (this.#closed || at >= this.#flushAt) return
    clearTimeout(this.#gathering)
    this.#flushAt = at
    this.#gathering = setTimeout(() => void this.#flush(), ms)
  }

  /** Listens from its answer on; or from a moment later, as after a loss: of nodes that all begin at once some are kept waiting. */
  async start(): Promise<void> {
    await this.#connect().catch(() => {})
    this.#checkLater()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#next)
    clearTimeout(this.#gathering)
    await this.#flush()
    await this.#connection?.client.end()
  }

  async #flush(): Promise<void> {
    this.#flushAt = Number.POSITIVE_INFINITY
    const chunks: Nudge[] = LINE_WORK.flatMap((work) => {
      const lines = [...this.#lines[work]]
      this.#lines[work].clear()
      return Array.from({ length: Math.ceil(lines.length / MOST_IDS) }, (_, index) => {
        return { lineIds: { [work]: lines.slice(index * MOST_IDS, (index + 1) * MOST_IDS) } }
      })
    })
    while (this.#typing.length > 0) chunks.push({ typing: this.#typing.splice(0, MOST_NOTES) })
    const touched: Changes['touched'] = this.#touchedAll || this.#touched.size > MOST_IDS ? 'all' : [...this.#touched]
    const flags = { events: this.#events, freed: this.#freed, touched }
    this.#touched.clear()
    this.#touchedAll = false
    this.#events = false
    this.#freed = false
    if (flags.events || flags.freed || touched.length > 0) chunks.push(flags)
    for (const chunk of chunks) {
      const payload = JSON.stringify({ from: this.#self, ...chunk })
      await this.#pool.query('select pg_notify($1, $2)', [CHANNEL, payload]).catch(() => this.#sendLater(chunk))
    }
  }

  /** The database is away, or the pool's connections are all taken: what was accepted ahead of that waits for the nudge. */
  #sendLater(nudge: Nudge): void {
    if (!this.#closed) setTimeout(() => this.send(nudge), RECONNECT_MS).unref()
  }

  async #connect(): Promise<void> {
    const socket = new Socket()
    const client = new Client({
      ...connectionOptions(this.#url),
      stream: () => socket,
      query_timeout: CHECK_MS,
      connectionTimeoutMillis: CHECK_MS,
    })
    client.on('error', () => this.#lost(client))
    client.on('end', () => this.#lost(client))
    client.on('notification', ({ payload = '' }) => this.#hear(payload))
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      this.#connection = { client, socket }
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  #hear(payload: string): void {
    const heard = HEARD.safeParse(parseJson(payload)).data as (Required<Nudge> & { from: string }) | undefined
    if (heard === undefined || heard.from === this.#self) return
    const { from: _, ...nudge } = heard
    // Not in the midst of a start, when nobody is there yet to hear it.
    setImmediate(() => this.#onChanges({ endpoints: [], ...nudge }))
  }

  #lost(client: Client): void {
    if (client === this.#connection?.client) this.#connection = undefined
  }

  #checkLater(): void {
    if (this.#closed) return
    this.#next = setTimeout(() => void this.#check(), this.#connection === undefined ? RECONNECT_MS : CHECK_MS)
  }

  async #check(): Promise<void> {
    const connection = this.#connection
    try {
      if (connection !== undefined) await connection.client.query('select 1')
      else {
        await this.#connect()
        this.#onChanges({ endpoints: [], events: true, touched: 'all', freed: true, missed: true })
      }
    } catch {
      // One that does not answer would not say goodbye either.
      connection?.socket.destroy()
      this.#connection = undefined
    }
    if (this.#closed) await this.#connection?.client.end()
    this.#checkLater()
  }
}
