import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WebhookId } from '../core/id.ts'
import type { Delivery, DeliveryOutcome } from '../core/webhook.ts'
import type { DeliveryOutbox } from '../core/webhook-store.ts'
import type { HttpCaller, NoAnswer } from '../outgoing/http-call.ts'
import { WebhookLane, type WebhookLaneOptions } from './webhook-lane.ts'

const WORDS = ['whsec_hidden', '+14155550123', 'Hello']
const fails = () => {
  throw new TypeError(WORDS.join(' '))
}
const DELIVERY = {
  id: 1,
  url: 'https://example.com',
  type: 'receive',
  secrets: ['whsec_hidden'],
  attempts: 0,
  failingSince: null,
} as unknown as Delivery
const CIRCLE: Record<string, unknown> = {}
CIRCLE.self = CIRCLE

const BROKEN: readonly [where: string, bodyOf: WebhookLaneOptions['bodyOf'], delivery: Delivery][] = [
  ['found its words', fails, DELIVERY],
  ['written as JSON', () => CIRCLE, DELIVERY],
  ['signed', () => ({}), { ...DELIVERY, secrets: [null as unknown as string] }],
]

describe('a webhook that cannot be', () => {
  for (const [where, bodyOf, delivery] of BROKEN) {
    test(`${where} is settled all the same, and the log has the error without what it says`, async () => {
      const settled = Promise.withResolvers<DeliveryOutcome>()
      const logged: string[] = []
      const log = { info() {}, warn() {}, error: (...told: unknown[]) => logged.push(JSON.stringify(told)) }
      const deliveries = [delivery]
      const store: DeliveryOutbox = {
        findDueEndpoints: async () => ({ endpoints: [], goOnAfter: null }),
        claimDeliveries: async () => ({ deliveries: deliveries.splice(0), nextDueAt: null }),
        settleDelivery: async (outcome) => settled.resolve(outcome),
        async releaseDeliveries() {},
      }
      const caller = { call: () => assert.fail('it was called') } as unknown as HttpCaller
      const lane = new WebhookLane({
        webhookId: 1 as WebhookId,
        store,
        caller,
        allow: [],
        bodyOf,
        log,
        now: () => 1_000,
        share: () => 1,
        isWaitedFor: () => false,
        onEnd() {},
      })
      lane.nudge()
      const { state, attempt, disable } = await settled.promise
      await lane.drain()
      assert.deepEqual([state, attempt.status, attempt.obstacle, disable], ['waiting', null, 'internal', null])
      assert.equal(logged.length, 1)
      assert.match(logged[0] ?? '', /TypeError.*dlv_|dlv_.*TypeError/)
      for (const word of WORDS) assert.ok(!logged[0]?.includes(word), logged[0])
    })
  }
})

for (const url of ['https://example.com', 'HTTPS://example.com', ' https://example.com']) {
  test(`the secret itself goes over https, however its URL is written: "${url}"`, async () => {
    const called = Promise.withResolvers<Parameters<HttpCaller['call']>[0]>()
    const deliveries = [{ ...DELIVERY, url }]
    const store: DeliveryOutbox = {
      findDueEndpoints: async () => ({ endpoints: [], goOnAfter: null }),
      claimDeliveries: async () => ({ deliveries: deliveries.splice(0), nextDueAt: null }),
      async settleDelivery() {},
      async releaseDeliveries() {},
    }
    const caller = {
      async call(asked: Parameters<HttpCaller['call']>[0]): Promise<NoAnswer> {
        called.resolve(asked)
        return { kind: 'unavailable', reason: 'unreachable', mayHaveArrived: false }
      },
    } as unknown as HttpCaller
    const lane = new WebhookLane({
      webhookId: 1 as WebhookId,
      store,
      caller,
      allow: [],
      bodyOf: () => ({}),
      log: { info() {}, warn() {}, error() {} },
      now: Date.now,
      share: () => 1,
      isWaitedFor: () => false,
      onEnd() {},
    })
    lane.nudge()
    assert.equal((await called.promise).headers?.['sb-signing-secret'], 'whsec_hidden')
    await lane.drain()
  })
}

test('a lane makes a try that is due, though another call of its endpoint has no end', async () => {
  const called: number[] = []
  const twice = Promise.withResolvers<void>()
  const hangs = Promise.withResolvers<NoAnswer>()
  const dueAt = Date.now() + 50
  const store: DeliveryOutbox = {
    findDueEndpoints: async () => ({ endpoints: [], goOnAfter: null }),
    async claimDeliveries({ at }) {
      if (called.length === 0) return { deliveries: [DELIVERY], nextDueAt: dueAt }
      return at < dueAt ? { deliveries: [], nextDueAt: dueAt } : { deliveries: [DELIVERY], nextDueAt: null }
    },
    async settleDelivery() {},
    async releaseDeliveries() {},
  }
  const caller = {
    call() {
      called.push(Date.now())
      if (called.length === 2) twice.resolve()
      return hangs.promise
    },
  } as unknown as HttpCaller
  const lane = new WebhookLane({
    webhookId: 1 as WebhookId,
    store,
    caller,
    allow: [],
    bodyOf: () => ({}),
    log: { info() {}, warn() {}, error() {} },
    now: Date.now,
    share: () => 32,
    isWaitedFor: () => false,
    onEnd() {},
  })
  lane.nudge()
  await twice.promise
  assert.ok((called[1] ?? 0) >= dueAt)
  lane.abandon()
  hangs.resolve({ kind: 'unavailable', reason: 'unreachable', mayHaveArrived: false })
  await lane.drain()
})
