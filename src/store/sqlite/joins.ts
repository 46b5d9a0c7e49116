import type { DatabaseSync } from 'node:sqlite'
import type { ReceiptId } from '../../core/id.ts'
import { furthest, type QueuedReceipt } from '../../core/request-receipt.ts'

/** What a request that joins changes in a queued receipt. Each of it only ever grows, so merging is taking the larger. */
export type Joined = Pick<QueuedReceipt, 'requests' | 'readUpTo' | 'expiresAt'>

/** So many joins go to one log before the other takes over; together they are what a start has to read. */
const MOST_PER_LOG = 16_384

/**
 * Joins, on their way into the rows they change. Written into its row at once, each would cost a page of its own somewhere in a
 * large table, and a commit costs by the page: a log takes a batch of them on one or two. `docs/performance.md` has the
 * figures. What a log holds is folded into the rows in the order of the table, one for each that is added, so that neighbours
 * share a page and the logs never grow beyond two times {@link MOST_PER_LOG}.
 */
export class Joins {
  readonly #statements: ReturnType<typeof prepare>
  #filling: Log
  #folding: Log
  /** Ids of `#folding`, the smallest last. */
  #queue: ReceiptId[] = []
  #torn = false

  constructor(database: DatabaseSync) {
    this.#statements = prepare(database)
    const [filling, folding] = this.#statements.logs
    this.#filling = { ...filling, joined: new Map(), length: 0 }
    this.#folding = { ...folding, joined: new Map(), length: 0 }
    this.#read()
  }

  /** A transaction begins: if the last one was rolled back, what is remembered here is not what the logs hold. */
  begin(): void {
    if (this.#torn) this.#read()
  }

  rolledBack(): void {
    this.#torn = true
  }

  find(id: ReceiptId): Joined | undefined {
    return merge(this.#filling.joined.get(id), this.#folding.joined.get(id))
  }

  add(id: ReceiptId, joined: Joined): void {
    if (this.#filling.length >= MOST_PER_LOG) this.#swap()
    this.#filling.add.run(id, joined.requests, joined.readUpTo, joined.expiresAt)
    this.#filling.joined.set(id, joined)
    this.#filling.length += 1
    const next = this.#queue.pop()
    if (next !== undefined) this.#foldFrom(this.#folding, next)
  }

  /** Brings one receipt's row up to date, before anybody decides by it; answers whether it was not. */
  fold(id: ReceiptId): boolean {
    const filled = this.#foldFrom(this.#filling, id)
    return this.#foldFrom(this.#folding, id) || filled
  }

  foldAll(): void {
    for (const log of [this.#filling, this.#folding]) for (const id of [...log.joined.keys()]) this.#foldFrom(log, id)
  }

  #foldFrom({ joined }: Log, id: ReceiptId): boolean {
    const held = joined.get(id)
    if (held === undefined) return false
    joined.delete(id)
    this.#statements.fold.run(held.requests, held.readUpTo, held.expiresAt, id)
    return true
  }

  /** The full log begins to be folded; the other was folded meanwhile, and is emptied. */
  #swap(): void {
    for (const id of this.#queue) this.#foldFrom(this.#folding, id)
    this.#folding.empty.run()
    const emptied = { ...this.#folding, joined: new Map(), length: 0 }
    this.#folding = this.#filling
    this.#filling = emptied
    this.#queue = inOrder(this.#folding)
  }

  /** Whatever is in them is folded again where it was already: the larger wins, so that is harmless. */
  #read(): void {
    for (const log of [this.#filling, this.#folding]) {
      log.joined.clear()
      const rows = log.read.all() as unknown as (Joined & { id: ReceiptId })[]
      for (const { id, ...joined } of rows) log.joined.set(id, merge(joined, log.joined.get(id)) ?? joined)
      log.length = rows.length
    }
    this.#queue = inOrder(this.#folding)
    this.#torn = false
  }
}

interface Log extends ReturnType<typeof prepareLog> {
  readonly joined: Map<ReceiptId, Joined>
  length: number
}

/** What a receipt's row would say if its joins were in it. */
export function merge<Row extends Joined>(row: Row, joined: Joined | undefined): Row
export function merge(row: Joined | undefined, joined: Joined | undefined): Joined | undefined
export function merge(row: Joined | undefined, joined: Joined | undefined): Joined | undefined {
  if (row === undefined || joined === undefined) return row ?? joined
  return {
    ...row,
    requests: Math.max(row.requests, joined.requests),
    readUpTo: furthest(row.readUpTo, joined.readUpTo),
    expiresAt: Math.max(row.expiresAt, joined.expiresAt),
  }
}

function inOrder({ joined }: Log): ReceiptId[] {
  return [...joined.keys()].sort((a, b) => b - a)
}

function prepare(database: DatabaseSync) {
  return {
    logs: [prepareLog(database, 'receipt_joins_a'), prepareLog(database, 'receipt_joins_b')] as const,
    fold: database.prepare(
      `update receipts set requests = max(requests, ?1), read_up_to = max(coalesce(read_up_to, ?2), coalesce(?2, read_up_to)),
       expires_at = max(expires_at, ?3) where id = ?4 and settled_at is null`,
    ),
  }
}

function prepareLog(database: DatabaseSync, table: string) {
  return {
    add: database.prepare(`insert into ${table} (receipt_id, requests, read_up_to, expires_at) values (?, ?, ?, ?)`),
    read: database.prepare(
      `select receipt_id as id, requests, read_up_to as readUpTo, expires_at as expiresAt from ${table} order by rowid`,
    ),
    empty: database.prepare(`delete from ${table}`),
  }
}
