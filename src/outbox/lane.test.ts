import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { Outbox } from '../core/store.ts'
import { Lane } from './lane.ts'

test('a lane of a paused line looks again now and then, however often it is nudged, and goes on once it may', async () => {
  let looks = 0
  let paused = true
  const goesOn = Promise.withResolvers<void>()
  const store = {
    findOverdue: async () => ({ receiptIds: [], nextExpiryAt: null }),
    async claimReceipts() {
      looks += 1
      if (!paused) goesOn.resolve()
      return { line: { paused } as Line, claims: [], nextDueAt: paused ? 0 : null }
    },
  } as Partial<Outbox> as Outbox
  const log = { info() {}, warn() {}, error() {} }
  const lineId = 1 as LineId
  const now = () => performance.now()
  const lane = new Lane({ lineId, store, connectors: {}, log, now, nextCallAt: 0, onSent() {}, onEnd() {} })
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
