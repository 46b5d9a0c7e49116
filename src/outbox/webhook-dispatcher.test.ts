import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { SILENT } from '../../test/support/lane.ts'
import type { WebhookId } from '../core/id.ts'
import type { DueEndpoints } from '../core/webhook-store.ts'
import { WebhookDispatcher, type WebhookDispatcherOptions } from './webhook-dispatcher.ts'

test('what waits for a time of a clock that is set back is taken up as after a start, and by nothing else', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let at = 3_600_000
  const takenUp: number[] = []
  const dispatcher = new WebhookDispatcher({
    store: {
      async releaseDeliveries(call: { at: number }) {
        takenUp.push(call.at)
      },
      findDueEndpoints: async () => ({ endpoints: [], goOnAfter: null }),
    } as Partial<WebhookDispatcherOptions['store']>,
    log: SILENT,
    now: () => at,
  } as Partial<WebhookDispatcherOptions> as WebhookDispatcherOptions)
  const lookAt = async (time: number) => {
    at = time
    t.mock.timers.tick(30_000)
    await turn()
  }
  await dispatcher.start()
  await lookAt(3_630_000)
  assert.deepEqual(takenUp, [3_600_000])
  await lookAt(60_000)
  await dispatcher.drain()
  assert.deepEqual(takenUp, [3_600_000, 60_000])
})

test('what is due before the next look has a timer, and no lane until then', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const claimed: WebhookId[] = []
  const dispatcher = new WebhookDispatcher({
    store: {
      releaseDeliveries: async () => {},
      findDueEndpoints: async ({ by }) => ({
        endpoints: [endpointDue(1, 0), endpointDue(2, 10_000)].filter(({ dueAt }) => dueAt <= by),
        goOnAfter: null,
      }),
      async claimDeliveries({ webhookId }) {
        claimed.push(webhookId)
        return { deliveries: [], nextDueAt: null }
      },
    } as Partial<WebhookDispatcherOptions['store']>,
    log: SILENT,
    now: () => 0,
  } as Partial<WebhookDispatcherOptions> as WebhookDispatcherOptions)
  const after = async (ms: number) => {
    t.mock.timers.tick(ms)
    await turn()
    return [...claimed]
  }
  await dispatcher.start()
  assert.deepEqual(await after(0), [1])
  assert.deepEqual(await after(9_999), [1])
  assert.deepEqual(await after(1), [1, 2])
  await dispatcher.drain()
})

test('of endpoints without end for which something is due soon, ten thousand have a timer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const looks: number[] = []
  const dispatcher = new WebhookDispatcher({
    store: {
      releaseDeliveries: async () => {},
      async findDueEndpoints({ after, limit, by }) {
        looks.push(by)
        const endpoints = Array.from({ length: limit }, (_, index) => endpointDue(after + 1 + index, 20_000))
        return { endpoints: endpoints.filter(({ dueAt }) => dueAt <= by), goOnAfter: after + limit }
      },
    } as Partial<WebhookDispatcherOptions['store']>,
    log: SILENT,
    now: () => 0,
  } as Partial<WebhookDispatcherOptions> as WebhookDispatcherOptions)
  await dispatcher.start()
  for (let look = 1; look < 12; look++) {
    t.mock.timers.tick(200)
    await turn()
  }
  await dispatcher.drain()
  assert.deepEqual(looks, [...Array(10).fill(30_000), 0, 0])
})

test('what is found as the server ends keeps it from ending no longer', async () => {
  const found = Promise.withResolvers<DueEndpoints>()
  const dispatcher = new WebhookDispatcher({
    store: {
      releaseDeliveries: async () => {},
      findDueEndpoints: () => found.promise,
    } as Partial<WebhookDispatcherOptions['store']>,
    log: SILENT,
    now: () => 0,
  } as Partial<WebhookDispatcherOptions> as WebhookDispatcherOptions)
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const started = dispatcher.start()
  await dispatcher.drain()
  found.resolve({ endpoints: [endpointDue(1, 10_000)], goOnAfter: null })
  await started
  assert.equal(timers(), before)
})

function endpointDue(id: number, dueAt: number) {
  return { id: id as WebhookId, callbackOf: null, dueAt }
}
