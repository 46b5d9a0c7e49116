import assert from 'node:assert/strict'
import { test } from 'node:test'
import { carriedBy, laneOn, rest } from '../../test/support/lane.ts'
import type { CarrierLine, ReceiptOutcome } from '../core/connector.ts'
import type { ConversationId, LineId, ReceiptId } from '../core/id.ts'
import type { Line } from '../core/line.ts'
import type { Address } from '../core/phone-number.ts'
import type { Claim } from '../core/send-receipt.ts'
import type { Outbox } from '../core/store.ts'

test('a lane looks again after a call where there is something to look for, and not where it carried all there was', async () => {
  const done = { kind: 'done' } as const
  const away = { kind: 'unavailable', reason: 'carrier_error' } as const
  assert.equal(await looksAround(done, { nudges: 0, nextDueAt: null }), 1)
  // One for what came behind, while the call is under way, and one when it is not any more.
  assert.equal(await looksAround(done, { nudges: 1, nextDueAt: null }), 3)
  assert.equal(await looksAround(done, { nudges: 0, nextDueAt: 3_600_000 }), 2)
  assert.equal(await looksAround(away, { nudges: 0, nextDueAt: null }), 2)
})

/** How often a lane claims that is nudged for one receipt, and so often more while the carrier is called for it. */
async function looksAround(
  outcome: ReceiptOutcome,
  { nudges, nextDueAt }: { nudges: number; nextDueAt: number | null },
): Promise<number> {
  let claims = 0
  let at = 0
  const settled = Promise.withResolvers<void>()
  const store: Partial<Outbox> = {
    async claimReceipts() {
      claims += 1
      const line = { connector: 'test', paused: false } as Line
      return { line, claims: claims === 1 ? [CLAIM] : [], nextDueAt }
    },
    async settleReceipts() {
      // Whatever a carrier that is away is spared, is over.
      at = 3_000_000
      settled.resolve()
    },
  }
  const called = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<ReceiptOutcome>()
  const connectors = calledBy(() => {
    called.resolve()
    return answer.promise
  })
  const lane = laneOn(store, { now: () => at, connectors })
  lane.nudge()
  await called.promise
  for (let count = 0; count < nudges; count++) lane.nudge()
  await rest()
  answer.resolve(outcome)
  await settled.promise
  await rest()
  await lane.drain({ ending: true })
  return claims
}

test('a lane leaves what it claimed where its lease is too old by then, and gives it back before it claims again', async () => {
  const did: string[] = []
  const claimed = Promise.withResolvers<void>()
  const settled = Promise.withResolvers<void>()
  const store: Partial<Outbox> = {
    async claimReceipts() {
      did.push('claimed')
      return { line: { connector: 'test', paused: false } as Line, claims: [CLAIM], nextDueAt: null }
    },
    async releaseLost() {
      did.push('gave back')
    },
    settleReceipts: async () => settled.resolve(),
  }
  const connectors = calledBy(async () => {
    did.push('called')
    return { kind: 'done' }
  })
  let ours = false
  const mayCall = () => {
    claimed.resolve()
    return ours
  }
  const lane = laneOn(store, { connectors, mayCall })
  lane.nudge()
  await claimed.promise
  await rest()
  ours = true
  lane.nudge()
  await settled.promise
  await lane.drain({ ending: true })
  assert.deepEqual(did.slice(0, 4), ['claimed', 'gave back', 'claimed', 'called'])
})

test('a lane looks for what was set back once the calls beside it are over, though those came to their end', async () => {
  let at = 0
  let claims = 0
  const settled = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const store: Partial<Outbox> = {
    async claimReceipts() {
      claims += 1
      return { line: { connector: 'test', paused: false } as Line, claims: claims === 1 ? PAIR : [], nextDueAt: null }
    },
    settleReceipts: async ({ state }) => settled[state === 'sending' ? 0 : 1].resolve(),
  }
  const answers = PAIR.map(() => Promise.withResolvers<ReceiptOutcome>())
  const called = Promise.withResolvers<void>()
  const connectors = calledBy(({ conversation: { id } }) => {
    if (id === 2) called.resolve()
    return (answers[id - 1] as (typeof answers)[number]).promise
  })
  const lane = laneOn(store, { now: () => at, connectors })
  lane.nudge()
  await called.promise
  answers[0]?.resolve({ kind: 'unavailable', reason: 'carrier_error' })
  await settled[0].promise
  await rest()
  at = 3_000_000
  answers[1]?.resolve({ kind: 'done' })
  await settled[1].promise
  await rest()
  assert.equal(claims, 2)
  await lane.drain({ ending: true })
})

test('a lane goes on where its clock is set back, as after a start', async () => {
  let at = 0
  let settled = Promise.withResolvers<void>()
  const line = { id: 1, connector: 'test', paused: false } as unknown as Line
  const store: Partial<Outbox> = {
    claimReceipts: async () => ({ line, claims: [CLAIM], nextDueAt: null }),
    settleReceipts: async () => settled.resolve(),
  }
  const calledAt: number[] = []
  const connectors = calledBy(async () => {
    calledAt.push(at)
    return { kind: 'unavailable', reason: 'unreachable' }
  })
  const lane = laneOn(store, { now: () => at, connectors })
  for (at of [3_600_000, 1_000_000, 0]) {
    settled = Promise.withResolvers()
    lane.nudge()
    await settled.promise
    await rest()
  }
  assert.deepEqual(calledAt, [3_600_000, 1_000_000, 0])
  await lane.drain({ ending: true })
})

const CLAIM: Claim = {
  conversation: {
    ...{ id: 1 as ConversationId, lineId: 1 as LineId, kind: 'direct', address: '+14155550101' as Address },
    ...{ service: 'iMessage', carrierConversation: null, lastMessageId: null, readThrough: null },
  },
  ...{ carrierMessageIds: [], messageIds: [], begun: false },
  receipts: [{ id: 1 as ReceiptId, state: 'queued', requests: 1, setbacks: 0, lastAttemptAt: null }],
  readUpTo: null,
}

const PAIR = [CLAIM, { ...CLAIM, conversation: { ...CLAIM.conversation, id: 2 as ConversationId } }]

/** Two calls at a time, as fast as they come. */
function calledBy(sendReceipt: CarrierLine['sendReceipt']) {
  const pace = async () => ({ callsPerSecond: Number.POSITIVE_INFINITY, concurrency: 2 })
  return carriedBy({ pace, sendReceipt }, { receipts: { iMessage: 'conversation' } })
}
