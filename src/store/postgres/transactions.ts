import { setTimeout as pause } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { DEFAULT_MIGRATION_LOCK_TABLE } from 'kysely/migration'
import type { Pool, PoolClient } from 'pg'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import type { Tables } from '../tables.ts'
import { asUnavailable, cleaning, toKysely, toParameter, wasCrossed } from './connection.ts'

/** A hot statement. The name has it parsed and planned once for each connection; what has nothing to plan is cheaper without. */
export interface Statement {
  readonly name?: string
  readonly text: string
}

/**
 * A statement that has one plan, whatever the values that it names the types of. For a few rows, or the end of a table, PostgreSQL takes
 * a plan of their own to be cheaper, by less than it costs to plan anew each time: that was 1.6 ms of the 5.7 that a single message and
 * its receipt cost it, and half of what a batch of joins did. Into a sub-select it cannot look.
 */
export function plannedOnce({ name, text }: Required<Statement>): Statement {
  return { name, text: text.replaceAll(/\$\d+::(\w+(?:\[\])?)/g, '(select $&)::$1') }
}

/**
 * One transaction: statements by hand, and the queries that engines share. All go out as they are asked, in that order, whether or
 * not those before are answered.
 */
export interface Transaction {
  rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  /** One whose answer nobody waits for: where it fails, the transaction does. `onRows` hears it before the transaction is done. */
  write<Row>(statement: Statement, values: readonly unknown[], onRows?: (rows: Row[]) => void): void
  readonly db: Kysely<Tables>
}

/**
 * A table that is there for its lock alone. Every transaction has it shared and a migration has it to itself: else the two would meet
 * half way, each with a table that the other wants next, and a migration over many tables would never get through.
 */
export const MIGRATION_LOCK = DEFAULT_MIGRATION_LOCK_TABLE
const ENTER = `lock table ${MIGRATION_LOCK} in access share mode`

/**
 * `none`: each statement for itself. `current` sees what others commit from one statement to the next, and locks what it decides
 * by. `snapshot` fails, and is begun again, where it would overwrite what it has not seen. A database may have another default.
 */
const BEGIN = {
  none: undefined,
  current: { text: `begin isolation level read committed; ${ENTER}` },
  snapshot: { text: `begin isolation level repeatable read; ${ENTER}` },
} as const satisfies Readonly<Record<string, Statement | undefined>>

/** Of what is a transaction, and not each statement for itself. */
export type Isolation = Exclude<keyof typeof BEGIN, 'none'>

interface Attempt<T> {
  readonly isolation: keyof typeof BEGIN
  readonly work: (transaction: Transaction) => Promise<T>
}

const COMMIT: Statement = { text: 'commit' }
/** By this it can be asked afterwards what became of a transaction. Null where nothing was written. */
const IDENTIFY: Statement = { text: 'select pg_current_xact_id_if_assigned()::text as xid' }
const STATUS = 'select pg_xact_status($1::xid8) as status'
/** A connection that broke at the commit: so long it is asked on others what became of it. */
const LONGEST_IN_DOUBT_MS = 2_000

/**
 * For a transaction that takes a piece of much, in an index's order: by statistics of a moment when there was little, all of it would be
 * fetched and sorted for each piece, 48 ms where 200,000 wait.
 */
export const IN_ORDER: Statement = { text: 'set local enable_bitmapscan = off' }

/** Transactions that cross each other are begun again side by side so often, and then one after the other, for so long. */
const TRIES_SIDE_BY_SIDE = 3
const LONGEST_CROSSED_MS = 5_000
const LONGEST_PAUSE_MS = 50

/**
 * Runs transactions on a pool. Throws `unavailable` where the store is away: then nothing was written; or, where it went in the moment
 * of the commit and did not come back soon, nobody can know.
 */
export class Transactions {
  readonly #pool: Pool
  readonly #kyselys = new WeakMap<PoolClient, Kysely<Tables>>()
  /** The last of those that go one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  commits = 0

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** The work may be done several times; only what it answers last is kept. */
  async run<T>(isolation: keyof typeof BEGIN, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + LONGEST_CROSSED_MS
    const attempt = () => this.#try(() => ({ isolation, work }))
    for (let tries = 1; ; tries++) {
      try {
        return await (tries <= TRIES_SIDE_BY_SIDE ? attempt() : this.#inTurn(attempt))
      } catch (error) {
        if (!wasCrossed(error)) throw asReadbackError(error)
        if (performance.now() > giveUpAt) throw new ReadbackError('unavailable', messageOf(error), { cause: error })
        await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** tries))
      }
    }
  }

  /** A hundred who want the same row cross each other time and again: of those who did so one goes at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /**
   * In a snapshot with nothing locked, or as one statement, hoping that nobody crosses it; where somebody does, with locks. For what can
   * be repeated without harm: what became of a commit whose answer was lost is asked of the second alone.
   */
  async runUnlocked<T>(unlocked: () => Attempt<T>, locked: Attempt<T>['work']): Promise<T> {
    try {
      return await this.#try(unlocked, { repeatable: true })
    } catch (error) {
      if (!wasCrossed(error)) throw asReadbackError(error)
    }
    return this.run('current', locked)
  }

  /** `next` is asked once there is a connection: what is remembered may be forgotten while one is waited for. */
  async #try<T>(
    next: () => Attempt<T>,
    { repeatable }: { readonly repeatable: boolean } = { repeatable: false },
  ): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    const onError = (error: Error) => (broken = error)
    client.on('error', onError)
    const exchange = new Exchange(client)
    let begin: Statement | undefined
    let inDoubt: { readonly done: T; readonly xid: Promise<string | null> } | undefined
    let reason: unknown
    try {
      const { isolation, work } = next()
      begin = BEGIN[isolation]
      if (begin !== undefined) exchange.write(begin, [])
      const done = await work({ ...exchange.transaction, db: this.#kyselyOn(client) })
      if (begin !== undefined) {
        if (!repeatable) inDoubt = { done, xid: exchange.xid() }
        exchange.write(COMMIT, [])
      }
      await exchange.answers()
      this.commits += 1
      return done
    } catch (error) {
      reason = await exchange.reasonOf(error)
      // A connection of which nobody knows how far it got is not used again.
      if (asUnavailable(reason) !== undefined) broken ??= reason as Error
      else {
        if (begin !== undefined) await client.query('rollback').catch(onError)
        throw reason
      }
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
    if (inDoubt === undefined || !(await this.#wasCommitted(await inDoubt.xid))) throw reason
    this.commits += 1
    return inDoubt.done
  }

  /** Whoever is told that nothing was stored does it again: a message would go out twice. */
  async #wasCommitted(xid: string | null): Promise<boolean> {
    const giveUpAt = performance.now() + LONGEST_IN_DOUBT_MS
    while (xid !== null && performance.now() < giveUpAt) {
      try {
        const { rows } = await this.#pool.query<{ status: string }>(STATUS, [xid])
        if (rows[0]?.status !== 'in progress') return rows[0]?.status === 'committed'
      } catch (error) {
        // Another server took over, which has not come so far: it is not there.
        if (asUnavailable(error) === undefined) return false
      }
      await pause(LONGEST_PAUSE_MS)
    }
    return false
  }

  #kyselyOn(client: PoolClient): Kysely<Tables> {
    const known = this.#kyselys.get(client)
    const db = known ?? toKysely({ connect: async () => cleaning(client), end: async () => {} } as never)
    this.#kyselys.set(client, db)
    return db
  }
}

/** What a connection was asked by hand in a transaction. */
class Exchange {
  readonly transaction: Omit<Transaction, 'db'>
  readonly #client: PoolClient
  readonly #answers: Promise<unknown>[] = []

  constructor(client: PoolClient) {
    this.#client = client
    this.transaction = {
      rows: async <Row>(statement: Statement, values: readonly unknown[]) =>
        (await this.#ask(statement, values)).rows as Row[],
      write: (statement, values, onRows) => this.write(statement, values, onRows),
    }
  }

  write<Row>(statement: Statement, values: readonly unknown[], onRows?: (rows: Row[]) => void): void {
    const answer = this.#ask(statement, values)
    if (onRows !== undefined)
      answer.then(
        ({ rows }) => onRows(rows),
        () => {},
      )
  }

  /** Null where it did not come through, too. */
  async xid(): Promise<string | null> {
    return this.#ask(IDENTIFY, []).then(
      ({ rows }) => rows[0]?.xid ?? null,
      () => null,
    )
  }

  async answers(): Promise<void> {
    await Promise.all(this.#answers)
  }

  /** The first that failed is why the others did: PostgreSQL takes nothing more in a transaction that failed. */
  async reasonOf(error: unknown): Promise<unknown> {
    const answers = await Promise.allSettled(this.#answers)
    return answers.find((answer) => answer.status === 'rejected')?.reason ?? error
  }

  #ask({ name, text }: Statement, values: readonly unknown[]) {
    const answer = this.#client.query({ name, text, values: values.map(toParameter) })
    // Heard of by whoever waits for the transaction.
    answer.catch(() => {})
    this.#answers.push(answer)
    return answer
  }
}

/** In the one class of errors there is. */
function asReadbackError(error: unknown): ReadbackError {
  if (error instanceof ReadbackError) return error
  return asUnavailable(error) ?? new ReadbackError('internal', messageOf(error), { cause: error })
}
