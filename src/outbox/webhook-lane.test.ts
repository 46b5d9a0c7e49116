import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SILENT } from '../../test/support/lane.ts'
import type { WebhookId } from '../core/id.ts'
import type { Delivery, DeliveryOutcome } from '../core/webhook.ts'
import type { DeliveryOutbox } from '../core/webhook-store.ts'
import type { HttpAnswer, HttpCaller, NoAnswer } from '../outgoing/http-call.ts'
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

interface Given extends Partial<Omit<WebhookLaneOptions, 'store'>> {
  readonly delivery?: Delivery
  readonly store?: Partial<DeliveryOutbox>
}

/** A lane that is handed the delivery once, where the store is not told otherwise. */
function laneOf(call: HttpCaller['call'], { delivery = DELIVERY, store = {}, ...options }: Given = {}): WebhookLane {
  const deliveries = [delivery]
  return new WebhookLane({
    webhookId: 1 as WebhookId,
    store: {
      findDueEndpoints: async () => ({ endpoints: [], goOnAfter: null }),
      claimDeliveries: async () => ({ deliveries: deliveries.splice(0), nextDueAt: null }),
      settleDelivery: async () => false,
      async releaseDeliveries() {},
      ...store,
    },
    caller: { call } as unknown as HttpCaller,
    allow: [],
    bodyOf: () => ({}),
    log: SILENT,
    now: Date.now,
    share: () => 1,
    isWaitedFor: () => false,
    onEnd() {},
    ...options,
  })
}

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
      const store = {
        async settleDelivery(outcome: DeliveryOutcome) {
          settled.resolve(outcome)
          return false
        },
      }
      const lane = laneOf(() => assert.fail('it was called'), { delivery, store, bodyOf, log, now: () => 1_000 })
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
    const call: HttpCaller['call'] = async (asked) => {
      called.resolve(asked)
      return { kind: 'unavailable', reason: 'unreachable', mayHaveArrived: false }
    }
    const lane = laneOf(call, { delivery: { ...DELIVERY, url } })
    lane.nudge()
    assert.equal((await called.promise).headers?.['sb-signing-secret'], 'whsec_hidden')
    await lane.drain()
  })
}

for (const disabled of [true, false]) {
  test(`a 410 that ${disabled ? 'ended its endpoint' : 'the store spared it for'} is told ${disabled ? 'as' : 'as no'} end`, async () => {
    const gone = { kind: 'answer', status: 410, text: '', headers: {} } as unknown as HttpAnswer
    const warned: string[] = []
    const settled = Promise.withResolvers<void>()
    const log = { ...SILENT, warn: (_: object, words: string) => warned.push(words) }
    const settleDelivery = async () => {
      settled.resolve()
      return disabled
    }
    const lane = laneOf(async () => gone, { log, store: { settleDelivery } })
    lane.nudge()
    await settled.promise
    await lane.drain()
    assert.deepEqual(warned, disabled ? ['a webhook endpoint is disabled'] : [])
  })
}

test('a lane makes a try that is due, though another call of its endpoint has no end', async () => {
  const called: number[] = []
  const twice = Promise.withResolvers<void>()
  const hangs = Promise.withResolvers<NoAnswer>()
  const dueAt = Date.now() + 50
  const claimDeliveries: DeliveryOutbox['claimDeliveries'] = async ({ at }) => {
    if (called.length === 0) return { deliveries: [DELIVERY], nextDueAt: dueAt }
    return at < dueAt ? { deliveries: [], nextDueAt: dueAt } : { deliveries: [DELIVERY], nextDueAt: null }
  }
  const call = () => {
    called.push(Date.now())
    if (called.length === 2) twice.resolve()
    return hangs.promise
  }
  const lane = laneOf(call, { store: { claimDeliveries }, share: () => 32 })
  lane.nudge()
  await twice.promise
  assert.ok((called[1] ?? 0) >= dueAt)
  lane.abandon()
  hangs.resolve({ kind: 'unavailable', reason: 'unreachable', mayHaveArrived: false })
  await lane.drain()
})
