import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WebhookId } from '../core/id.ts'
import { concludeAttempt, type Delivery, type WebhookType } from '../core/webhook.ts'
import { contactOf, type Desk, desk, LINE, type Place, WORDS } from './desk.contract.ts'

const URL = 'https://example.com/hook'
const HOUR_MS = 3_600_000

/** Which endpoints a look finds, on every engine. */
export function describeDueEndpoints(engine: string, place: () => Promise<Place>): void {
  describe(`an endpoint that something waits for, on ${engine},`, () => {
    test('is found when the earliest is due, whatever came before that and ended, or waits for longer', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, 'receive')
      for (const status of [200, 503]) {
        await d.receive(contactOf(status), 1)
        await answer(d, webhookId, status)
      }
      assert.deepEqual(await found(d, 6), [])
      await d.receive(contactOf(0), 6)
      assert.deepEqual(await found(d, 5), [])
      const { endpoints } = await d.store.findDueEndpoints({ after: 0, limit: 9, by: 9 })
      assert.deepEqual(endpoints, [{ id: webhookId, callbackOf: null, dueAt: 6 }])
    })

    test('is found as soon as it is disabled, though nothing is due for long', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, 'receive')
      for (const status of [503, 410]) {
        assert.deepEqual(await found(d, 6), [])
        await d.receive(contactOf(status), 1)
        await answer(d, webhookId, status)
      }
      assert.deepEqual(await found(d, 6), [webhookId])
    })

    test('is found at once where the clock was set back, since a try, by more than any wait; and where not, in its time', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, 'receive')
      await d.receive(contactOf(0), 1)
      await answer(d, webhookId, 503, 24 * HOUR_MS)
      await d.store.releaseDeliveries({ at: 2 })
      assert.deepEqual(await found(d, 2), [webhookId])
      await answer(d, webhookId, 503, 2, 10 * HOUR_MS)
      await d.store.releaseDeliveries({ at: 3 })
      assert.deepEqual(await found(d, 10 * HOUR_MS), [])
    })

    test('is told first of what has been due for longest, not of what came first', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, 'receive')
      await d.receive(contactOf(0), 1)
      await answer(d, webhookId, 503)
      for (const later of [3, 2]) await d.receive(contactOf(later), later)
      const next = async () => {
        const lease = { webhookId, limit: 1, at: HOUR_MS, leaseUntil: 2 * HOUR_MS }
        const { deliveries } = await d.store.claimDeliveries(lease)
        return deliveries.flatMap(({ event: { event } }) => ('message' in event ? event.message.contact : []))
      }
      assert.deepEqual([await next(), await next(), await next()].flat(), [2, 3, 0].map(contactOf))
    })

    test('is known for a callback of its account, or for one that the account lists', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { account } = await d.store.identify({ credentials: d.credentials })
      const listed = await endpoint(d, 'outbound')
      await write(d, URL)
      const { endpoints: due } = await d.store.findDueEndpoints({ after: 0, limit: 9, by: 1 })
      assert.deepEqual(
        due.map(({ id, callbackOf }) => [id === listed, callbackOf]),
        [
          [true, null],
          [false, account.id],
        ],
      )
    })
  })
}

async function endpoint({ store, credentials }: Desk, type: WebhookType): Promise<WebhookId> {
  const draft = { type, url: URL, secret: null, numbers: null }
  const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at: 0 })
  return webhooks[0]?.id as WebhookId
}

async function found({ store }: Desk, at: number): Promise<WebhookId[]> {
  const { endpoints } = await store.findDueEndpoints({ after: 0, limit: 9, by: at })
  return endpoints.map(({ id }) => id)
}

/** What is due is answered so. */
async function answer({ store }: Desk, webhookId: WebhookId, status: number, at = 1, retryAfterMs = 0): Promise<void> {
  const lease = { webhookId, limit: 9, at, leaseUntil: at + 1 }
  const { deliveries } = await store.claimDeliveries(lease)
  const attempt = { at, ms: 0, status, obstacle: null, answer: '', retryAfterMs }
  await store.settleDelivery(concludeAttempt(deliveries[0] as Delivery, attempt, 0.5))
}

async function write({ store, credentials }: Desk, statusCallback: string): Promise<void> {
  await store.sendMessage({ credentials, number: contactOf(0), fromNumber: LINE, ...WORDS, statusCallback, at: 1 })
}
