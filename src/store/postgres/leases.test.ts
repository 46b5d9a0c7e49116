import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type PostgresServer, postgresServer, requirePostgres, runSql } from '../../../test/support/postgres.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import { contactOf, desk, open } from '../desk.contract.ts'

describe('leases on lines', { skip: requirePostgres() }, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await postgresServer()
  })
  after(() => postgres[Symbol.asyncDispose]())

  test('are taken on as many lines as there are, however many were removed', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    await d.store.removeLine({ id: d.lineId, at: 1 })
    const [account] = await d.store.listAccounts()
    assert.ok(account)
    const draft = { accountId: account.id, connector: 'simulator', settings: {}, at: 2 }
    const { line } = await d.store.createLine({ ...draft, number: '+19175551235' as PhoneNumber })
    const holding = await d.store.leases?.hold({ wanted: [] })
    assert.deepEqual([...(holding?.held.keys() ?? [])], [line.id])
  })

  test('of a node that died leave nothing under way on a line that was removed', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const id = await d.request(contactOf(0), 1)
    await d.claim(2)
    await d.store.removeLine({ id: d.lineId, at: 3 })
    await using stack = new AsyncDisposableStack()
    const other = await open(database)
    stack.defer(() => other.close())
    await other.leases?.hold({ wanted: [] })
    while (await other.endRemoved({ limit: 9, at: 4 }));
    assert.equal((await d.receipt(id)).state, 'sending')
    await runSql(database.url, 'update nodes set until = 0')
    await other.leases?.hold({ wanted: [] })
    while (await other.endRemoved({ limit: 9, at: 5 }));
    const { state, reason } = await d.receipt(id)
    assert.deepEqual([state, reason], ['skipped', 'line_removed'])
  })
})
