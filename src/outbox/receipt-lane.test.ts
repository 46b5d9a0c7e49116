import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { laneOn, rest } from '../../test/support/lane.ts'
import type { ReceiptId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { OVERDUE_AT_ONCE, type Overdue } from '../core/overdue.ts'
import type { Outbox } from '../core/store.ts'

test('a lane of a paused line looks again now and then, however often it is nudged, and goes on once it may', async () => {
  let looks = 0
  let paused = true
  const goesOn = Promise.withResolvers<void>()
  const store: Partial<Outbox> = {
    async claimReceipts() {
      looks += 1
      if (!paused) goesOn.resolve()
      return { line: { paused } as Line, claims: [], nextDueAt: paused ? 0 : null }
    },
  }
  const lane = laneOn(store, { now: () => performance.now() })
  for (let nudges = 0; nudges < 1_000; nudges++) {
    lane.nudge()
    await turn()
  }
  assert.ok(looks < 100, `${looks} looks`)
  paused = false
  lane.nudge()
  await goesOn.promise
  await lane.drain({ ending: true })
})

test('a lane looks for the overdue a stretch a second, at once where there may be more, and from the front when the next is too late', async () => {
  const many = Array.from({ length: OVERDUE_AT_ONCE }, (_, index) => index as ReceiptId)
  const [first, second] = [1 as ReceiptId, 2 as ReceiptId]
  const stretches: readonly (readonly [at: number, after: number | null, Overdue])[] = [
    [0, null, { receiptIds: many, nextExpiryAt: null, goOnAfter: null }],
    [0, null, { receiptIds: [first], nextExpiryAt: 5_000, goOnAfter: 70 }],
    [1_000, 70, { receiptIds: many, nextExpiryAt: null, goOnAfter: 70 }],
    [1_000, 70, { receiptIds: [], nextExpiryAt: 3_500, goOnAfter: 90 }],
    [2_000, 90, { receiptIds: [second], nextExpiryAt: 6_000, goOnAfter: null }],
    // The earliest of all stretches.
    [3_500, null, { receiptIds: [], nextExpiryAt: 4_900, goOnAfter: null }],
    // No sooner than a second later, and after a second also where nothing waited.
    [4_900, null, { receiptIds: [], nextExpiryAt: 5_000, goOnAfter: null }],
    [5_900, null, { receiptIds: [], nextExpiryAt: null, goOnAfter: null }],
    [6_900, null, { receiptIds: [], nextExpiryAt: null, goOnAfter: null }],
  ]
  let at = 0
  let stepped = Promise.withResolvers<void>()
  const looks: unknown[] = []
  const expired: ReceiptId[] = []
  const store: Partial<Outbox> = {
    async findOverdue({ after }) {
      const found = stretches[looks.length]?.[2]
      looks.push([at, after])
      return found ?? { receiptIds: [], nextExpiryAt: null, goOnAfter: null }
    },
    async expireReceipts({ receiptIds }) {
      expired.push(...receiptIds)
    },
    async claimReceipts() {
      stepped.resolve()
      return { line: {} as Line, claims: [], nextDueAt: null }
    },
  }
  const lane = laneOn(store, { now: () => at })
  for (; at <= 7_000; at += 100) {
    // More often than it has to look.
    for (let steps = 0; steps < 3; steps++) {
      stepped = Promise.withResolvers()
      lane.nudge()
      await stepped.promise
      await turn()
    }
  }
  await lane.drain({ ending: true })
  assert.deepEqual(
    looks,
    stretches.map(([at, after]) => [at, after]),
  )
  assert.deepEqual(expired, [...many, first, ...many, second])
})

test('a lane that nobody came to in time says of what was too late by then that nobody did, and of nothing else', async () => {
  let at = 0
  const served: number[] = []
  const store: Partial<Outbox> = {
    findOverdue: async () => ({ receiptIds: [1 as ReceiptId], nextExpiryAt: at + 2_000, goOnAfter: null }),
    expireReceipts: async ({ servedFrom }) => void served.push(servedFrom),
    claimReceipts: async () => ({ line: {} as Line, claims: [], nextDueAt: null }),
  }
  const lane = laneOn(store, { now: () => at })
  for (at of [10_000, 12_000, 14_900, 60_000, 62_000]) {
    lane.nudge()
    await rest()
  }
  await lane.drain({ ending: true })
  assert.deepEqual(served, [5_000, 5_000, 5_000, 55_000, 55_000])
})

test('a lane whose line another had meanwhile waits for as long as that one was told to', async () => {
  let at = 0
  let allowedAt = 0
  const claimedAt: number[] = []
  const claimed = Promise.withResolvers<void>()
  const store: Partial<Outbox> = {
    async claimReceipts() {
      claimedAt.push(at)
      if (at > 0) claimed.resolve()
      return { line: {} as Line, claims: [], nextDueAt: null }
    },
  }
  const lane = laneOn(store, { now: () => at, nextCallAt: () => allowedAt })
  for (const [time, allowed] of [
    [0, 0],
    [10, 50],
    [40, 50],
    [50, 50],
  ] as const) {
    at = time
    allowedAt = allowed
    lane.nudge()
    await rest()
  }
  await claimed.promise
  await lane.drain({ ending: true })
  assert.deepEqual(claimedAt, [0, 50])
})
