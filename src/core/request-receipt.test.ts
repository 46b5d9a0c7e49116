import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MessageId } from './id.ts'
import { type QueuedReceipt, type ReceiptRequest, requestReceipt } from './request-receipt.ts'

const LIFETIME_MS = 900
const seed = Date.now() & 0x7fffffff

test('the first request queues a receipt that is due at once', () => {
  const first = requestReceipt(
    undefined,
    { trigger: 'auto', readUpTo: 7 as MessageId, at: 100, dueAt: 100 },
    LIFETIME_MS,
  )
  assert.deepEqual(first, { trigger: 'auto', requests: 1, readUpTo: 7, nextAttemptAt: 100, expiresAt: 1_000 })
})

test('a request joins: counted, forward, renewed, under the first one’s trigger', () => {
  const first = requestReceipt(
    undefined,
    { trigger: 'auto', readUpTo: 7 as MessageId, at: 100, dueAt: 100 },
    LIFETIME_MS,
  )
  const joined = requestReceipt(first, { trigger: 'api', readUpTo: 9 as MessageId, at: 200, dueAt: 200 }, LIFETIME_MS)
  assert.deepEqual(joined, { trigger: 'auto', requests: 2, readUpTo: 9, nextAttemptAt: 100, expiresAt: 1_100 })
})

test(`requests come to the same in whatever order they join, but for whose trigger it is (seed ${seed})`, () => {
  const request: fc.Arbitrary<ReceiptRequest> = fc.record({
    trigger: fc.constantFrom('api', 'auto', 'dashboard'),
    readUpTo: fc.option(fc.integer({ min: 1, max: 9 })) as fc.Arbitrary<MessageId | null>,
    at: fc.integer({ min: 0, max: 99 }),
    dueAt: fc.option(fc.integer({ min: 100, max: 199 })),
  })
  const fold = (requests: readonly ReceiptRequest[]) =>
    requests.reduce<QueuedReceipt | undefined>((queued, next) => requestReceipt(queued, next, LIFETIME_MS), undefined)
  const property = fc.property(fc.array(request, { minLength: 1 }), (requests) => {
    const { trigger, ...folded } = fold(requests) as QueuedReceipt
    assert.equal(trigger, requests[0]?.trigger)
    assert.deepEqual({ ...fold([...requests].reverse()), trigger }, { trigger, ...folded })
    assert.equal(folded.requests, requests.length)
    assert.equal(folded.expiresAt, Math.max(...requests.map(({ at, dueAt }) => dueAt ?? at)) + LIFETIME_MS)
    const times = requests.flatMap(({ dueAt }) => dueAt ?? [])
    assert.equal(folded.nextAttemptAt, times.length === 0 ? null : Math.min(...times))
  })
  fc.assert(property, { seed })
})
