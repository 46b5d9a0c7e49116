import { randomUUID } from 'node:crypto'
import { LONGEST_LEFT_ALONE_MS } from '../../core/clock-set-back.ts'
import type { LineId } from '../../core/id.ts'
import { CALL_SHARE, type Holding, type Leases, type LineWork } from '../../core/leases.ts'
import type { Changes } from '../../core/store.ts'
import type { Endpoint } from '../../core/webhook.ts'
import { LATE_MS, linesHaving } from '../removed-lines.ts'
import { type Clock, NOW } from './clock.ts'
import type { Nudges } from './nudges.ts'
import { plannedOnce, type Statement, type Transaction, type Transactions } from './transactions.ts'

/** A lease is renewed so often within its time: one renewal may fail, and no call is held back by it. */
const RENEWALS = 4

export interface LeaseOptions {
  readonly transactions: Transactions
  readonly clock: Clock
  readonly nudges: Pick<Nudges, 'send'>
  readonly leaseMs: number
  /**
   * What else is to be done where lines are taken, the last thing in the same transaction. Answers the endpoints that there is
   * something for.
   */
  readonly onTaken: (transaction: Transaction, lineIds: readonly LineId[]) => Promise<readonly Endpoint[]>
  readonly onChanges: (changes: Changes) => void
}

/** This process among those that share the store: its own lease, and the lines that go with it. */
export class NodeLeases implements Leases {
  readonly node = randomUUID()
  readonly leaseMs: number
  readonly everyMs: number
  readonly #options: LeaseOptions
  /** Since it began, what is left of removed lines was looked for. */
  #looked = false

  constructor(options: LeaseOptions) {
    this.#options = options
    this.leaseMs = options.leaseMs
    this.everyMs = options.leaseMs / RENEWALS
  }

  async hold({ wanted }: { wanted: readonly LineId[] }): Promise<Holding> {
    const { transactions, clock, leaseMs, onTaken, onChanges } = this.#options
    const { endpoints, ...holding } = await transactions.run('current', async (transaction) => {
      const sentAt = clock.sending()
      const [renewed] = await transaction.rows<{ now: number }>(RENEW, [this.node, leaseMs])
      if (renewed !== undefined) clock.set(renewed.now, sentAt)
      transaction.write(SHORTEN, [leaseMs])
      const [counts] = await transaction.rows<{ lines: number; nodes: number; held: number }>(COUNT, [this.node])
      const { lines, nodes, held } = counts as NonNullable<typeof counts>
      const share = Math.ceil(lines / nodes)
      const taken = await this.#take(transaction, wanted, Math.max(0, share - held))
      const leased = await transaction.rows<LeaseRow>(FIND_LEASES, [])
      const endpoints = taken.length === 0 ? [] : await onTaken(transaction, taken)
      const own = leased.filter(({ node }) => node === this.node)
      return {
        endpoints,
        held: new Map(own.map(({ line_id, next_call_at }) => [line_id, next_call_at])),
        elsewhere: new Set(leased.filter(({ node }) => node !== this.node).map(({ line_id }) => line_id)),
        surplus: Math.max(0, own.length - share),
      }
    })
    this.#looked = true
    if (endpoints.length > 0) onChanges({ endpoints, events: true, touched: 'all' })
    return holding
  }

  async release(lineIds?: readonly LineId[]): Promise<void> {
    const { transactions, nudges } = this.#options
    await transactions.run('current', async (transaction) => {
      if (lineIds === undefined) transaction.write(LEAVE, [this.node])
      await transaction.rows(RELEASE, [this.node, lineIds ?? null])
    })
    nudges.send({ freed: true })
  }

  async beginAnew(lineId: LineId): Promise<void> {
    await this.#options.transactions.run('current', async (transaction) => {
      transaction.write(BEGIN_ANEW, [lineId, this.node])
    })
  }

  tell(work: LineWork, lineIds: readonly LineId[]): void {
    this.#options.nudges.send({ lineIds: { [work]: lineIds } })
  }

  /**
   * Whether this node may call the line's carrier now; until when it may not again is kept with the lease. In the transaction that
   * claims, so that no other can take the line before that is known to all.
   */
  async permits(transaction: Transaction, lineId: LineId, nextCallAt: number): Promise<boolean> {
    const left = this.#options.leaseMs * CALL_SHARE
    const rows = await transaction.rows(PERMIT, [lineId, this.node, left, Math.ceil(nextCallAt)])
    return rows.length > 0
  }

  /**
   * Whether the line is still this node's, however old its lease: nobody else took it up, and until this transaction's end nobody
   * does. Waits for a claim of the line's that is not over yet.
   */
  async keeps(transaction: Transaction, lineId: LineId): Promise<boolean> {
    return (await transaction.rows(KEEP, [lineId, this.node])).length > 0
  }

  /** A removed line's, once nothing of it is under way: each renewal looks at all that its node has. */
  forget(transaction: Transaction, lineId: LineId, at: number): void {
    transaction.write(FORGET, [lineId, at])
  }

  /**
   * Lines of nodes that are no more; what they had claimed is due again, on those that were removed, too: for that all that is under way
   * is looked at, and so only where a node is gone. Dead nodes are locked, so that none of them comes back at this moment, and the lines
   * of those alone are taken: one whose lease runs out only now may be renewed meanwhile, and one that has just begun is not seen yet.
   */
  async #take(transaction: Transaction, wanted: readonly LineId[], room: number): Promise<LineId[]> {
    const dead = (await transaction.rows<{ id: string }>(LOCK_DEAD, [])).map(({ id }) => id)
    const take = room > 0 || wanted.length > 0
    const look = dead.length > 0 || !this.#looked
    const [taken, left] = await Promise.all([
      take ? transaction.rows<{ line_id: LineId }>(TAKE, [this.node, wanted, room, dead]) : [],
      look ? transaction.rows<{ line_id: LineId }>(FIND_LEFT, []) : [],
    ])
    const lineIds = [...taken, ...left].map(({ line_id }) => line_id)
    if (lineIds.length > 0) transaction.write(TAKE_UP, [lineIds])
    if (dead.length > 0) transaction.write(FORGET_DEAD, [dead])
    return lineIds
  }
}

interface LeaseRow {
  readonly line_id: LineId
  readonly node: string
  readonly next_call_at: number
}

const LIVING = `(select id from nodes where until > ${NOW})`

const RECEIPT_UNDER_WAY = `state = 'sending' and settled_at is null and next_attempt_at is null`
const MESSAGE_UNDER_WAY = `status = 'QUEUED' and next_attempt_at is null`
/** The lines that something is under way of. */
const UNDER_WAY = `array(${linesHaving('receipts', RECEIPT_UNDER_WAY)} union ${linesHaving('messages', MESSAGE_UNDER_WAY)})`

const RENEW: Statement = {
  name: 'renew lease',
  text: `insert into nodes (id, until) values ($1, ${NOW} + $2::bigint)
    on conflict (id) do update set until = excluded.until returning until - $2::bigint as now`,
}
/**
 * No node's lease is longer, but where all have longer ones. What is later was written before the clock was set back: a node that died
 * since would keep its lines for as long as that. One that lives renews its own, in time.
 */
const LONGEST_LEASE_MS = 300_000
const SHORTEN: Statement = {
  name: 'shorten leases',
  text: `with longest as (select ${NOW} + greatest($1::bigint, ${LONGEST_LEASE_MS}) as until)
    update nodes set until = (select until from longest) where id in (
      select id from nodes where until > (select until from longest) for update skip locked)`,
}
const COUNT: Statement = {
  name: 'count lines and nodes',
  text: `select (select count(*) from lines where removed_at is null) as lines, (select count(*) from nodes where until > ${NOW}) as nodes,
    (select count(*) from line_leases x join lines l on l.id = x.line_id where x.node = $1 and l.removed_at is null) as held`,
}
const LOCK_DEAD: Statement = {
  name: 'lock dead nodes',
  text: `select id from nodes where until <= ${NOW} order by id for update`,
}
const TAKE: Statement = {
  name: 'take lines',
  text: `insert into line_leases as held (line_id, node, epoch, next_call_at)
    with free as (select id from lines l where removed_at is null
      and not exists (select 1 from line_leases x where x.line_id = l.id and x.node is not null and x.node <> all($4::text[])))
    select id, $1, 1, 0 from free where id = any($2::bigint[]) or id in (select id from free order by id limit $3)
    order by id
    on conflict (line_id) do update set node = excluded.node, epoch = held.epoch + 1
      where held.node is null or held.node = any($4::text[]) returning line_id`,
}
/** Those with nothing to be taken any more: by its own row a line is known to be a dead node's. */
const FORGET_DEAD: Statement = {
  name: 'forget dead nodes',
  text: `delete from nodes n where id = any($1::text[]) and not exists (select 1 from line_leases x
    join lines l on l.id = x.line_id where x.node = n.id and l.removed_at is null)
    and not exists (select 1 from line_leases x where x.node = n.id and x.line_id = any(${UNDER_WAY}))`,
}
/** A claim that still saw the line may not be committed yet, until then. */
const FORGET = plannedOnce({
  name: 'forget lease',
  text: `delete from line_leases x using lines l where x.line_id = $1::bigint and l.id = x.line_id
    and l.removed_at <= $2::bigint - ${LATE_MS}
    and not exists (select 1 from receipts where line_id = $1::bigint and ${RECEIPT_UNDER_WAY})
    and not exists (select 1 from messages where line_id = $1::bigint and ${MESSAGE_UNDER_WAY})`,
})
/** Removed lines with something under way that nobody carries any more; `RemovedLines` ends it once it is due. */
const FIND_LEFT: Statement = {
  name: 'find what is left of removed lines',
  text: `select l.id as line_id from lines l where l.id = any(${UNDER_WAY}) and removed_at is not null
    and not exists (select 1 from line_leases x where x.line_id = l.id and x.node in ${LIVING})
    order by l.id for update of l skip locked`,
}
const TAKE_UP: Statement = {
  name: 'take up what dead nodes had claimed',
  text: `update receipts set next_attempt_at = ${NOW} where id in (
    select id from receipts where line_id = any($1::bigint[]) and state = 'sending' and settled_at is null
      and next_attempt_at is null order by id for update)`,
}
const NEXT_CALL_AT = `case when x.next_call_at > ${NOW} + ${LONGEST_LEFT_ALONE_MS} then 0 else x.next_call_at end`

const FIND_LEASES: Statement = {
  name: 'find leases',
  text: `select x.line_id, x.node, ${NEXT_CALL_AT} as next_call_at from line_leases x join lines l on l.id = x.line_id
    where x.node in ${LIVING} and l.removed_at is null`,
}
const RELEASE: Statement = {
  name: 'release lines',
  text: `update line_leases set node = null where node = $1 and ($2::bigint[] is null or line_id = any($2::bigint[]))
    and not exists (select 1 from nodes where id = $1 and until = 0)`,
}
/** As one that died, where something is left on its removed lines: else nobody would look. */
const LEAVE: Statement = {
  name: 'leave',
  text: `with left_behind as (select 1 from line_leases x join lines l on l.id = x.line_id
      where x.node = $1 and l.removed_at is not null and l.id = any(${UNDER_WAY}) limit 1),
    gone as (delete from nodes where id = $1 and not exists (select 1 from left_behind))
    update nodes set until = 0 where id = $1 and exists (select 1 from left_behind)`,
}
const KEEP: Statement = {
  name: 'keep line',
  text: 'select 1 from line_leases where line_id = $1 and node = $2 for update',
}
const BEGIN_ANEW: Statement = {
  name: 'begin a line anew',
  text: 'update line_leases set next_call_at = 0 where line_id = $1 and node = $2',
}
const PERMIT: Statement = {
  name: 'permit calls',
  text: `update line_leases x set next_call_at = greatest(${NEXT_CALL_AT}, $4::bigint) from nodes n
    where x.line_id = $1 and x.node = $2 and n.id = x.node and n.until >= ${NOW} + $3::bigint returning x.epoch`,
}
