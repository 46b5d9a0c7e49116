import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Database, postgresServer, requirePostgres, runSql } from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import type { LineId } from '../../core/id.ts'
import type { Arrival } from '../../core/inbound-message.ts'
import type { Address } from '../../core/phone-number.ts'
import { contactOf, desk, messageOf, open, RULES } from '../desk.contract.ts'
import { openPool } from './connection.ts'
import { storeArrivals } from './inbound.ts'
import { type Transaction, Transactions } from './transactions.ts'

describe('what contacts write, on PostgreSQL', { skip: requirePostgres() }, () => {
  const server = share(postgresServer)

  test('is stored in two round trips, three with receipts, and one more where it opens a conversation', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    const told = arrivalsAt(d.lineId)
    const [known, fresh, another] = [contactOf(0), contactOf(1), contactOf(2)]
    await using node = await counting(database)
    assert.equal(await node.store([told(known, 'a')]), 3)
    assert.equal(await node.store([told(known, 'b'), told(known, 'c')]), 2)
    assert.equal(await node.store([told(known, 'c')]), 1)
    await d.store.setAutoMarkRead({ credentials: d.credentials, autoMarkRead: true })
    assert.equal(await node.store([told(known, 'd')]), 3)
    // It joins the receipt that waits.
    assert.equal(await node.store([told(known, 'e')]), 2)
    assert.equal(await node.store([told(fresh, 'f'), told(another, 'g'), told(known, 'h')]), 4)
    const rows = await runSql(database.url, 'select requests::int from receipts order by id')
    assert.deepEqual(rows, [{ requests: 3 }, { requests: 1 }, { requests: 1 }])
  })

  test('is stored once where two nodes bring it at the same moment, to a conversation that there was not', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    const other = await open(database)
    const told = arrivalsAt(d.lineId)
    const brought = Array.from({ length: 40 }, (_, number) => [told(contactOf(number), `message ${number}`)])
    const stored = await Promise.all([d.store, other].flatMap((node) => brought.map((one) => node.storeInbound(one))))
    const [ours, theirs] = [stored.slice(0, 40).flat(), stored.slice(40).flat()]
    assert.deepEqual(
      ours.map(({ messageIds }) => messageIds),
      theirs.map(({ messageIds }) => messageIds),
    )
    assert.equal(new Set(ours.flatMap(({ messageIds }) => messageIds)).size, 40)
    const repeats = ours.map(({ repeated }, number) => Number(repeated) + Number(theirs[number]?.repeated))
    assert.deepEqual(new Set(repeats), new Set([1]))
    await other.close()
  })
})

function arrivalsAt(lineId: LineId) {
  return (contact: Address, carrierMessageId: string): Arrival => {
    return { lineId, message: messageOf(contact, carrierMessageId, 5), receivedAt: 5, carrierNow: 5 }
  }
}

/** Stores what is brought, and answers how often it waited for the database before it committed. */
async function counting({ url }: Database) {
  const pool = openPool(url, 1)
  const transactions = new Transactions(pool)
  const store = async (arrivals: readonly Arrival[]) => {
    let trips = 0
    await transactions.run('current', async (transaction) => {
      let waiting = false
      const rows: Transaction['rows'] = async (statement, values) => {
        if (!waiting) trips += 1
        waiting = true
        const found = await transaction.rows(statement, values)
        waiting = false
        return found as never
      }
      await storeArrivals({ ...transaction, rows }, [arrivals], RULES)
    })
    return trips
  }
  return { store, [Symbol.asyncDispose]: () => pool.end() }
}
