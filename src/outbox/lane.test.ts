import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { LineId, ReceiptId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import { OVERDUE_AT_ONCE, type Overdue } from '../core/overdue.ts'
import type { Outbox } from '../core/store.ts'
import { Lane } from './lane.ts'

test('a lane of a paused line looks again now and then, however often it is nudged, and goes on once it may', async () => {
  let looks = 0
  let paused = true
  const goesOn = Promise.withResolvers<void>()
  const store = {
    findOverdue: async () => ({ receiptIds: [], nextExpiryAt: null, goOnAfter: null }),
    async claimReceipts() {
      looks += 1
      if (!paused) goesOn.resolve()
      return { line: { paused } as Line, claims: [], nextDueAt: paused ? 0 : null }
    },
  } as Partial<Outbox> as Outbox
  const lane = laneOn(store, () => performance.now())
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
    [4_900, null, { receiptIds: [], nextExpiryAt: null, goOnAfter: null }],
  ]
  let at = 0
  let stepped = Promise.withResolvers<void>()
  const looks: unknown[] = []
  const expired: ReceiptId[] = []
  const store = {
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
  } as Partial<Outbox> as Outbox
  const lane = laneOn(store, () => at)
  for (; at <= 5_000; at += 100) {
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

function laneOn(store: Outbox, now: () => number): Lane {
  const log = { info() {}, warn() {}, error() {} }
  const options = { lineId: 1 as LineId, store, connectors: {}, log, now, nextCallAt: 0 }
  return new Lane({ ...options, onSent() {}, onEnd() {} })
}
