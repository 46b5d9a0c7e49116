import assert from 'node:assert/strict'
import { test } from 'node:test'
import { carriedBy, rest, SILENT } from '../../test/support/lane.ts'
import type { CarrierLine } from '../core/connector.ts'
import type { LineId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { ClaimedMessage, MessageOutbox, MessageOutcome, MessageSettlement } from '../core/sending.ts'
import { MessageLane, type MessageLaneOptions } from './message-lane.ts'

const LINE = { id: 1 as LineId, connector: 'test', paused: false } as Partial<Line> as Line

test('a lane whose line is gone ends with its last look, not with one that another follows', async () => {
  const happened: string[] = []
  const ended = Promise.withResolvers<void>()
  const gone: ClaimedMessage = { line: undefined, call: null, nextDueAt: null, nextExpiryAt: null }
  const store = {
    async claimMessage() {
      await Promise.resolve()
      happened.push('look')
      // While the store looks there is news.
      if (happened.length === 1) lane.nudge()
      return gone
    },
  } as Partial<MessageOutbox> as MessageOutbox
  const onEnd = () => {
    happened.push('end')
    ended.resolve()
  }
  const lane = laneOn(store, { onEnd })
  lane.nudge()
  await ended.promise
  await lane.drain({ ending: true })
  assert.deepEqual(happened, ['look', 'look', 'end'])
})

test('a lane whose line may be another’s by now sends nothing, and leaves the message to whoever has it', async () => {
  const written = Promise.withResolvers<unknown>()
  let sent = 0
  const store = {
    claimMessage: async () => ({ line: LINE, call: { id: 7 }, nextDueAt: null, nextExpiryAt: null }),
    settleMessage: async (settlement: unknown) => written.resolve(settlement),
  } as unknown as MessageOutbox
  const carrier: Partial<CarrierLine> = {
    pace: async () => ({ callsPerSecond: Number.POSITIVE_INFINITY, concurrency: 1 }),
    async sendMessage() {
      sent += 1
      return { kind: 'unknown' }
    },
  }
  const lane = laneOn(store, { connectors: carriedBy(carrier), mayCall: () => false })
  lane.nudge()
  const { status } = (await written.promise) as { status: string }
  await lane.drain({ ending: true })
  assert.deepEqual([status, sent], ['QUEUED', 0])
})

test('a lane goes on where its clock is set back, as after a start', async () => {
  let at = 0
  let written = Promise.withResolvers<void>()
  const store = {
    claimMessage: async ({ ready }: { ready: boolean }) => {
      return { line: LINE, call: ready ? { id: 7 } : null, nextDueAt: null, nextExpiryAt: null }
    },
    settleMessage: async () => written.resolve(),
  } as unknown as MessageOutbox
  const carrier: Partial<CarrierLine> = {
    pace: async () => ({ callsPerSecond: 5, concurrency: 1 }),
    sendMessage: async () => ({ kind: 'unavailable', reason: 'unreachable' }),
  }
  const lane = laneOn(store, { connectors: carriedBy(carrier), now: () => at })
  for (at of [3_600_000, 0]) {
    written = Promise.withResolvers()
    lane.nudge()
    await written.promise
  }
  await lane.drain({ ending: true })
})

test('a carrier that took one is left alone for a second again where it is away, and stands in nobody’s way until then', async () => {
  let at = 0
  let outcome: MessageOutcome | undefined
  let written = Promise.withResolvers<MessageSettlement>()
  const obstacles: string[] = []
  const store = {
    claimMessage: async ({ ready, obstacle }: { ready: boolean; obstacle: string }) => {
      const claims = ready && outcome !== undefined
      if (claims) obstacles.push(obstacle)
      return { line: LINE, call: claims ? { id: 7 } : null, nextDueAt: null, nextExpiryAt: null }
    },
    settleMessage: async (settlement: MessageSettlement) => written.resolve(settlement),
  } as unknown as MessageOutbox
  const carrier: Partial<CarrierLine> = {
    pace: async () => ({ callsPerSecond: Number.POSITIVE_INFINITY, concurrency: 1 }),
    async sendMessage() {
      const now = outcome
      outcome = undefined
      return now ?? assert.fail('it was not claimed')
    },
  }
  const lane = laneOn(store, { connectors: carriedBy(carrier), now: () => at })
  const away = { kind: 'unavailable', reason: 'unreachable' } as const
  const waits: (number | string)[] = []
  for (outcome of [away, away, { kind: 'sent', carrierMessageId: 'X', delivered: false } as const, away]) {
    written = Promise.withResolvers()
    lane.nudge()
    const settled = await written.promise
    waits.push(settled.status === 'QUEUED' ? settled.nextAttemptAt - at : settled.status)
    if (settled.status === 'QUEUED') at = settled.nextAttemptAt
  }
  await lane.drain({ ending: true })
  assert.deepEqual(waits, [1_000, 2_000, 'SENT', 1_000])
  assert.deepEqual(obstacles, ['pace', 'unreachable', 'unreachable', 'pace'])
})

test('a lane keeps its carrier’s pace, and looks for what expires while that wants to be left alone for longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let at = 0
  let lookedAt = 0
  const calledAt: number[] = []
  const outcomes: MessageOutcome[] = [
    { kind: 'sent', carrierMessageId: 'X', delivered: false },
    { kind: 'unavailable', reason: 'rate_limited', retryAfterMs: 60_000 },
  ]
  const store = {
    async claimMessage({ ready }: { ready: boolean }) {
      lookedAt = at
      return { line: LINE, call: ready ? { id: 7 } : null, nextDueAt: 0, nextExpiryAt: 5_000 }
    },
    async settleMessage() {},
  } as unknown as MessageOutbox
  const carrier: Partial<CarrierLine> = {
    pace: async () => ({ callsPerSecond: 5, concurrency: 1 }),
    async sendMessage() {
      calledAt.push(at)
      return outcomes.shift() ?? assert.fail('it was to be left alone')
    },
  }
  const lane = laneOn(store, { connectors: carriedBy(carrier), now: () => at })
  lane.nudge()
  while (at < 5_000) {
    await rest()
    at += 100
    t.mock.timers.tick(100)
  }
  await rest()
  await lane.drain({ ending: true })
  assert.deepEqual([calledAt, lookedAt], [[0, 200], 5_000])
})

test('what waits is told no longer that its line is paused, once that goes on', async () => {
  const obstacles: string[] = []
  let paused = true
  const store = {
    async claimMessage({ obstacle }: { obstacle: string }) {
      obstacles.push(obstacle)
      return { line: { ...LINE, paused }, call: null, nextDueAt: null, nextExpiryAt: null }
    },
  } as unknown as MessageOutbox
  const lane = laneOn(store)
  for (paused of [true, false, false]) {
    lane.nudge()
    await rest()
  }
  await lane.drain({ ending: true })
  assert.deepEqual(obstacles, ['pace', 'line_paused', 'pace'])
})

test('a lane that nobody came to in time says so of what was too late by then, unless nothing waited', async () => {
  let at = 0
  const served: number[] = []
  const store = {
    async claimMessage({ servedFrom }: { servedFrom: number }) {
      served.push(servedFrom)
      return { line: LINE, call: null, nextDueAt: at < 60_000 ? at + 1_000 : null, nextExpiryAt: at + 2_000 }
    },
  } as unknown as MessageOutbox
  const lane = laneOn(store, { now: () => at })
  for (at of [10_000, 12_000, 60_000, 120_000]) {
    lane.nudge()
    await rest()
  }
  await lane.drain({ ending: true })
  assert.deepEqual(served, [5_000, 5_000, 55_000, 55_000])
})

test('a lane gives back what it claimed and never heard of before it ends', async () => {
  let given = 0
  const store = {
    async claimMessage() {
      throw new Error('the store is away')
    },
    async releaseLostMessage() {
      given += 1
    },
  } as unknown as MessageOutbox
  const lane = laneOn(store)
  lane.nudge()
  await lane.drain({ ending: true })
  assert.equal(given, 1)
})

/** A lane that may call its carrier at once, where nothing else is said. */
function laneOn(store: MessageOutbox, options: Partial<MessageLaneOptions> = {}): MessageLane {
  return new MessageLane({
    lineId: LINE.id,
    store,
    connectors: {},
    log: SILENT,
    now: Date.now,
    nextCallAt: () => 0,
    mayCall: () => true,
    onSent() {},
    onEnd() {},
    ...options,
  })
}
