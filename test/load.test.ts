import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { customer, startReadback } from './support/readback.ts'

describe('a carrier that takes 5 a second', () => {
  test('costs 1,000 concurrent calls over 50 conversations no wait, and at most 100 carrier calls', async () => {
    await using server = await startReadback({ LOG_LEVEL: 'warn' })
    const account = await customer(server)
    const numbers = Array.from({ length: 50 }, (_, index) => `+1415${5_550_100 + index}`)
    for (const number of numbers) await account.write({ number })
    await account.carrier({ pace_per_s: 5 })

    const ids = await Promise.all(Array.from({ length: 1_000 }, (_, call) => account.markRead(numbers[call % 50])))
    // Whoever waited for the carrier would be answered when its receipt is settled.
    const waiting = await account.must(200, 'GET', '/readback/v1/receipts?state=queued&limit=200')
    assert.ok(waiting.body.data.length > 0, 'all are answered before all are carried')

    await account.allSettled()
    const receipts = await Promise.all([...new Set(ids)].map((id) => account.receipt(id)))
    assert.deepEqual(
      receipts.filter(({ state }) => state !== 'sent'),
      [],
    )
    assert.equal(
      receipts.reduce((sum, { requests }) => sum + requests, 0),
      1_000,
    )
    // A receipt that rode along on another's call has an attempt too, so this counts no fewer than there were.
    const carrierCalls = receipts.reduce((sum, { attempts }) => sum + attempts, 0)
    assert.ok(carrierCalls <= 100, `${carrierCalls} carrier calls`)
    for (const number of numbers) assert.notEqual((await account.phone(number))[0]?.read_at, null)
  })
})

describe('a revoked key', () => {
  test('is refused by the very next call, while others of its account go on', async () => {
    await using server = await startReadback()
    const account = await customer(server)
    const path = `/operator/accounts/${account.accountId}/keys`
    for (let round = 0; round < 50; round++) {
      const { body } = await server.operator.must(201, 'POST', path)
      const keys = { 'sb-api-key-id': body.api_key_id, 'sb-api-secret-key': body.api_secret_key }
      const call = () => account.call('GET', '/accounts/settings/auto-mark-read', undefined, keys)
      assert.equal((await call()).status, 200)
      await server.operator.must(200, 'DELETE', `${path}/${body.api_key_id}`)
      assert.equal((await call()).status, 401)
      const marked = await account.call('POST', '/api/mark-read', { number: 'x', from_number: 'y' }, keys)
      assert.equal(marked.status, 401)
    }
    await account.markRead()
  })
})
