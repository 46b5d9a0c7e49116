import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { listen } from './support/event-reader.ts'
import { type Database, nodeSettings, postgresServer, requirePostgres, runSql } from './support/postgres.ts'
import { type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

/** `npm run chaos` sets 2,000. */
const TOGGLES = Number(process.env.CHAOS_TOGGLES ?? 200)
const PATH = '/accounts/settings/auto-mark-read'

describe('several nodes on one PostgreSQL', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('start at the same instant on an empty database', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const starting = Array.from({ length: 3 }, async () => stack.use(await startReadback(nodeSettings(database))))
    const [first, ...others] = await Promise.all(starting)
    const account = await customer(first as NonNullable<typeof first>)
    for (const { base } of others) await enter(base, account.accountId, account.keys).must(200, 'GET', PATH)
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
      // Without the nudge it would be half a minute.
      assert.ok(ms < 10_000, `nudged by the other node it took ${ms} ms`)
      assert.deepEqual(await onA.phone(), await onB.phone())
      assert.notEqual((await caller.phone()).at(-1)?.read_at, null)
    }
  })

  test('have no stale setting: on or off at one, the next inbound at another obeys', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const { callers } = await startThree(database, stack)
    let expected = 0
    for (let round = 0; round < TOGGLES; round++) {
      const on = round % 2 === 0
      const [one, another] = [callers[round % 3], callers[(round + 1) % 3]] as [Customer, Customer]
      await one.must(200, 'POST', PATH, { auto_mark_read: on })
      await another.write({ number: `+1415${5_550_100 + (round % 100)}`, message_id: `message ${round}` })
      expected += on ? 1 : 0
    }
    const [{ requests } = { requests: 0 }] = await runSql<{ requests: number }>(
      database.url,
      `select sum(requests)::int as requests from receipts where trigger = 'auto'`,
    )
    assert.equal(requests, expected)
  })

  test('lose none of the calls that they take for the same conversations at the same moment', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const { operator, callers } = await startThree(database, stack)
    await operator.must(200, 'PATCH', `/operator/lines/${encodeURIComponent(LINE)}`, { paused: true })
    const ids = await Promise.all(
      Array.from({ length: 600 }, (_, call) => (callers[call % 3] as Customer).markRead(`+1415555010${call % 5}`)),
    )
    const stored = await runSql<{ id: number; requests: number }>(database.url, 'select id, requests from receipts')
    assert.equal(stored.length, 5)
    assert.equal(new Set(ids).size, 5)
    assert.equal(
      stored.reduce((sum, { requests }) => sum + Number(requests), 0),
      600,
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

  test('tell of events wherever one listens', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    await using reader = await listen(b.base, onA.keys)
    const [handle] = await onA.write()
    assert.equal((await reader.at(0)).data.message_handle, handle)
    const id = await onA.markRead()
    assert.equal((await reader.at(1)).data.receipt_id, id)
  })

  test('show that a line types for as long as the last call says, whichever of them took the one before', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    await using b = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    const onB = enter(b.base, onA.accountId, onA.keys)
    for (const [number, latency_ms] of [
      ['+14155550101', 0],
      // On its way when the one before it ends.
      ['+14155550102', 1_500],
    ] as const) {
      const place = { number, from_number: LINE }
      const show = (by: Customer, max_duration_ms: number) =>
        by.must(200, 'POST', '/api/send-typing-indicator', { ...place, max_duration_ms })
      await show(onA, 1_000)
      await onA.carrier({ latency_ms })
      await show(onB, 3_000)
      const shownAt = performance.now()
      await onA.carrier({ latency_ms: 0 })
      await until(
        'it to end by itself',
        async () => (await onB.must(200, 'GET', `/simulator/handset?${new URLSearchParams(place)}`)).body.typing,
        (seen) => !seen,
      )
      const ms = performance.now() - shownAt
      assert.ok(ms > 2_000, `it ended after ${ms} ms`)
    }
  })
})

/** One account, by each of three nodes. */
async function startThree(database: Database, stack: AsyncDisposableStack) {
  const quiet = { ...nodeSettings(database), LOG_LEVEL: 'warn' }
  const a = stack.use(await startReadback(quiet))
  const others = [stack.use(await startReadback(quiet)), stack.use(await startReadback(quiet))]
  const onA = await customer(a)
  const callers = [onA, ...others.map(({ base }) => enter(base, onA.accountId, onA.keys))]
  return { operator: a.operator, callers }
}
