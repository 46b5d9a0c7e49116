import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WebhookId } from '../core/id.ts'
import { concludeAttempt, type Delivery } from '../core/webhook.ts'
import { contactOf, type Desk, desk, type Place } from './desk.contract.ts'

const DAYS_MS = 5 * 24 * 3_600_000
const COUNT = 3

/** What calls that were under way together make of their endpoint, on every engine. */
export function describeDisabling(engine: string, place: () => Promise<Place>): void {
  describe(`calls of one endpoint on ${engine}`, () => {
    test('end it with a 410, but for one that was sent before it was enabled anew, and is made again', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await enable(d, 0)
      const [first, slow, last] = await take(d, webhookId, COUNT)
      assert.equal(await answer(d, first, 410, COUNT), 'gone')
      await enable(d, 10)
      assert.equal(await answer(d, slow, 410, COUNT), null)
      assert.deepEqual(await statesOf(d, [first, slow, last]), ['failed', 'waiting', 'sending'])
      assert.equal(await answer(d, last, 410, 10), 'gone')
      assert.deepEqual(await statesOf(d, [first, slow, last]), ['failed', 'waiting', 'failed'])
    })

    test('do not end it for five days of failing that are over since they were sent, and are made again', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await enable(d, 0)
      const [early] = await take(d, webhookId, COUNT)
      assert.equal(await answer(d, early, 503, COUNT), null)
      const at = DAYS_MS + COUNT
      const [taken, ...others] = await take(d, webhookId, at)
      assert.equal(others.length, 2 * COUNT - 1)
      assert.equal(await answer(d, taken, 200, at), null)
      const seen = await Promise.all(others.map((each) => answer(d, each, 503, at)))
      assert.deepEqual(new Set(seen), new Set([null]))
      assert.deepEqual(new Set(await statesOf(d, others)), new Set(['waiting']))
    })

    test('say nothing of how long it fails where they were sent before it was enabled anew', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await enable(d, 0)
      const taken = await take(d, webhookId, COUNT)
      await enable(d, 10)
      await Promise.all([COUNT, COUNT, 10].map((at, index) => answer(d, taken[index], 503, at)))
      const [webhook] = (await d.store.listWebhooks({ credentials: d.credentials })).webhooks
      assert.equal(webhook?.failingSince, 10)
    })
  })
}

async function enable({ store, credentials }: Desk, at: number): Promise<WebhookId> {
  const draft = { type: 'receive', url: 'https://example.com/hook', secret: null, numbers: null } as const
  const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at })
  return webhooks[0]?.id as WebhookId
}

/** Some more, and those that are due again. */
async function take(d: Desk, webhookId: WebhookId, at: number): Promise<readonly Delivery[]> {
  for (let n = 0; n < COUNT; n++) await d.receive(contactOf(n), at)
  return (await d.store.claimDeliveries({ webhookId, limit: 9, at, leaseUntil: at + 60 })).deliveries
}

/** Answers whether the endpoint is disabled by then, and why. */
async function answer({ store, credentials }: Desk, delivery: Delivery | undefined, status: number, at: number) {
  const attempt = { at, ms: 1, status, obstacle: null, answer: '' }
  const ended = await store.settleDelivery(concludeAttempt(delivery as Delivery, attempt, 0.5))
  const disabled = (await store.listWebhooks({ credentials })).webhooks[0]?.disabled
  assert.equal(ended, disabled !== null)
  return disabled
}

async function statesOf({ store, credentials }: Desk, deliveries: readonly (Delivery | undefined)[]) {
  const logs = await store.listDeliveries({ credentials, limit: 9 })
  return deliveries.map((delivery) => logs.find(({ id }) => id === delivery?.id)?.state)
}
