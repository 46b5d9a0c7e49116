import { setTimeout as pause } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { messageOf, ReadbackError } from '../../core/errors.ts'
import type { Tables } from '../tables.ts'
import { asUnavailable, cleaning, toKysely, wasCrossed, withoutNul } from './connection.ts'

/** A hot statement. The name has it parsed and planned once for each connection. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** One transaction: statements by hand, and the queries that engines share. */
export interface Transaction {
  rows<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  readonly db: Kysely<Tables>
}

/**
 * `none`: each statement for itself. `current` sees what others commit from one statement to the next, and locks what it decides
 * by. `snapshot` fails, and is begun again, where it would overwrite what it has not seen.
 */
const BEGIN = { none: undefined, current: 'begin', snapshot: 'begin isolation level repeatable read' } as const

/** Transactions that cross another node's are begun again so often. */
const MOST_TRIES = 10
const LONGEST_PAUSE_MS = 50

/** Runs transactions on a pool. Throws `unavailable` where the store is away: then nothing was written, or nobody can know. */
export class Transactions {
  readonly #pool: Pool
  readonly #kyselys = new WeakMap<PoolClient, Kysely<Tables>>()
  commits = 0

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** The work may be done several times; only what it answers last is kept. */
  async run<T>(isolation: keyof typeof BEGIN, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#try(isolation, work)
      } catch (error) {
        if (!wasCrossed(error) || tries === MOST_TRIES) throw asReadbackError(error)
        await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** tries))
      }
    }
  }

  async #try<T>(isolation: keyof typeof BEGIN, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    const onError = (error: Error) => (broken = error)
    client.on('error', onError)
    try {
      const begin = BEGIN[isolation]
      if (begin !== undefined) await client.query(begin)
      const done = await work(this.#transactionOn(client))
      if (begin !== undefined) await client.query('commit')
      this.commits += 1
      return done
    } catch (error) {
      // A connection of which nobody knows how far it got is not used again.
      if (asUnavailable(error) !== undefined) broken ??= error as Error
      else if (isolation !== 'none') await client.query('rollback').catch(onError)
      throw error
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }

  #transactionOn(client: PoolClient): Transaction {
    const known = this.#kyselys.get(client)
    const db = known ?? toKysely({ connect: async () => cleaning(client), end: async () => {} } as never)
    this.#kyselys.set(client, db)
    return {
      db,
      async rows<Row>({ name, text }: Statement, values: readonly unknown[]) {
        return (await client.query({ name, text, values: withoutNul(values) as unknown[] })).rows as Row[]
      },
    }
  }
}

/** In the one class of errors there is. */
function asReadbackError(error: unknown): ReadbackError {
  if (error instanceof ReadbackError) return error
  return asUnavailable(error) ?? new ReadbackError('internal', messageOf(error), { cause: error })
}
