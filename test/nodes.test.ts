import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { nodeSettings, type PostgresServer, postgresServer, requirePostgres } from './support/postgres.ts'
import { customer, enter, LINE, startReadback } from './support/readback.ts'

const PATH = '/accounts/settings/auto-mark-read'

describe('several nodes on one PostgreSQL', { skip: requirePostgres() }, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await postgresServer()
  })
  after(() => postgres[Symbol.asyncDispose]())

  test('start at the same instant on an empty database', async () => {
    await using database = await postgres.database()
    const started = await Promise.all(Array.from({ length: 3 }, () => startReadback(nodeSettings(database))))
    const [first, ...others] = started
    const account = await customer(first as NonNullable<typeof first>)
    for (const { base } of others) await enter(base, account.accountId, account.keys).must(200, 'GET', PATH)
    await Promise.all(started.map((node) => node.stop()))
  })

  test('send what any of them accepts, and show the same phone', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    const onB = enter(b.base, onA.accountId, onA.keys)
    for (const [writer, caller] of [
      [onA, onB],
      [onB, onA],
    ] as const) {
      await writer.write()
      const startedAt = performance.now()
      const id = await caller.markRead()
      assert.equal((await writer.settled(id)).state, 'sent')
      const ms = performance.now() - startedAt
      assert.ok(ms < 1_000, `nudged by the other node it took ${ms} ms`)
      assert.deepEqual(await onA.phone(), await onB.phone())
      assert.notEqual((await caller.phone()).at(-1)?.read_at, null)
    }
  })

  test('have no stale setting: on or off at one, the next inbound at another obeys', async () => {
    await using database = await postgres.database()
    await using a = await startReadback({ ...nodeSettings(database), LOG_LEVEL: 'warn' })
    await using b = await startReadback({ ...nodeSettings(database), LOG_LEVEL: 'warn' })
    const onA = await customer(a)
    const onB = enter(b.base, onA.accountId, onA.keys)
    let expected = 0
    for (let round = 0; round < 200; round++) {
      const on = round % 2 === 0
      await onA.must(200, 'POST', PATH, { auto_mark_read: on })
      await onB.write({ number: `+1415${5_550_100 + (round % 100)}`, message_id: `message ${round}` })
      expected += on ? 1 : 0
    }
    const { body } = await onB.must(200, 'GET', '/readback/v1/receipts?limit=200&trigger=auto')
    assert.equal(
      body.data.reduce((sum: number, { requests }: { requests: number }) => sum + requests, 0),
      expected,
    )
  })

  test('refuse a key that was revoked at another by the very next call', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    const path = `/operator/accounts/${onA.accountId}/keys`
    for (let round = 0; round < 20; round++) {
      const { body } = await a.operator.must(201, 'POST', path)
      const keys = { 'sb-api-key-id': body.api_key_id, 'sb-api-secret-key': body.api_secret_key }
      const onB = enter(b.base, onA.accountId, keys)
      await onB.markRead()
      await a.operator.must(200, 'DELETE', `${path}/${body.api_key_id}`)
      const refused = await onB.call('POST', '/api/mark-read', { number: '+14155551234', from_number: LINE })
      assert.equal(refused.status, 401)
    }
  })
})
