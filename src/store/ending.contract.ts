import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EventId, WebhookId } from '../core/id.ts'
import type { Address } from '../core/phone-number.ts'
import type { Claim } from '../core/send-receipt.ts'
import type { MessageCall } from '../core/sending.ts'
import { concludeAttempt, type Delivery } from '../core/webhook.ts'
import { away, contactOf, type Desk, desk, LINE, type Place, WORDS } from './desk.contract.ts'

const URL = 'https://example.com/hook'
const MINUTE_MS = 60_000
const DAYS_MS = 3 * 24 * 60 * MINUTE_MS

/** What every engine keeps to where nobody carries it any more. */
export function describeEnding(engine: string, place: () => Promise<Place>): void {
  describe(`what waits for a line that was removed, on ${engine},`, () => {
    test('ends a piece at a time, each with its event, whether it waits for its time or for a reply', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const ids = []
      for (const n of [1, 2, 3, 4, 5]) ids.push(await d.request(contactOf(n), n))
      for (const n of [2, 3]) await d.request(contactOf(n), 6)
      ids.push(...(await awaitReplies(d, [11, 12, 13])))
      await d.store.removeLine({ id: d.lineId, at: 20 })
      assert.equal((await states(d)).queued, 8)
      assert.equal(await d.store.endRemoved({ limit: 2, at: 21 }), true)
      assert.deepEqual(await states(d), { queued: 6, skipped: 2 })
      await endAll(d, 2, 22)
      assert.deepEqual(await states(d), { skipped: 8 })
      const told = (await settledEvents(d)).map(({ receipt }) => receipt)
      assert.deepEqual(told.map(({ id }) => id).sort(), ids.sort())
      assert.deepEqual(new Set(told.map(({ reason }) => reason)), new Set(['line_removed']))
      assert.deepEqual(told.map(({ requests }) => requests).sort(), [1, 1, 1, 1, 1, 1, 2, 2])
    })

    test('is not what waits for others', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      await d.request(contactOf(1), 1)
      assert.equal(await d.store.endRemoved({ limit: 9, at: 2 }), false)
      assert.deepEqual(await states(d), { queued: 1 })
    })

    test('is left to a call that is under way, and ends where that gives it back', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const id = await d.request(contactOf(0), 0)
      const [claim] = (await d.claim(1)).claims
      await d.store.removeLine({ id: d.lineId, at: 2 })
      await endAll(d, 9, 3)
      assert.equal((await d.receipt(id)).state, 'sending')
      await d.store.settleReceipts(away(claim as Claim, 4))
      assert.equal((await d.claim(20)).line, undefined)
      await endAll(d, 9, 20)
      assert.deepEqual([(await d.receipt(id)).state, (await d.receipt(id)).settledAt], ['skipped', 20])
    })

    test('is a message, too, which its call gives back once all was looked through', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials, lineId } = d
      const sent = await store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at: 0 })
      const { call } = await d.claimMessage(1)
      const message = async () => (await store.getMessage({ credentials, id: sent.message.id })).message
      await store.removeLine({ id: lineId, at: 2 })
      await endAll(d, 9, 3)
      assert.equal((await message()).status, 'QUEUED')
      const back = { status: 'QUEUED', reason: 'timeout', nextAttemptAt: 5 } as const
      await store.settleMessage({ call: call as MessageCall, at: 4, ...back })
      await endAll(d, 9, 20)
      assert.deepEqual([(await message()).status, (await message()).reason], ['ERROR', 'line_removed'])
    })

    test('is looked through a few at a time, all of it once more after a minute, and then no more', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      for (const n of [1, 2, 3, 4, 5]) await d.receive(contactOf(n), 0)
      await d.store.removeLine({ id: d.lineId, at: 0 })
      const looks = async (at: number) => {
        for (let count = 0; ; count++) if (!(await d.store.endRemoved({ limit: 2, at }))) return count
      }
      const found = [await looks(1), await looks(2), await looks(MINUTE_MS), await looks(2 * MINUTE_MS)]
      assert.deepEqual(found, [3, 0, 3, 0])
    })
  })

  describe(`what waits for an endpoint that is given up, on ${engine},`, () => {
    test('ends a thousand at a time, but for what is under way', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpointWith(d, 1_100)
      const [gone, underWay] = await claim(d, webhookId, 2, 1)
      await settle(d, gone as Delivery, 410)
      const first = await d.store.claimDeliveries({ webhookId, limit: 9, at: 3, leaseUntil: 50 })
      assert.deepEqual(first, { deliveries: [], nextDueAt: 3 })
      const left = await deliveries(d)
      assert.ok((left.waiting ?? 0) >= 98 && (left.waiting ?? 0) <= 100, JSON.stringify(left))
      assert.deepEqual(await claimed(d, webhookId, 4), [])
      assert.deepEqual(await deliveries(d), { failed: 1_099, sending: 1 })
      await settle(d, underWay as Delivery, 500)
      assert.deepEqual(await claimed(d, webhookId, 5), [])
      assert.deepEqual(await deliveries(d), { failed: 1_100 })
    })

    test('ends where the endpoint was removed, also what is due in days', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpointWith(d, 2)
      for (const delivery of await claim(d, webhookId, 2, 1)) await settle(d, delivery, 500, DAYS_MS)
      const { credentials } = d
      await d.store.removeWebhooks({ credentials, type: 'receive', urls: [URL], at: 3 })
      assert.deepEqual(await claimed(d, webhookId, 4), [])
      assert.deepEqual(await deliveries(d), { failed: 2 })
      const looked = await d.store.findDueEndpoints({ after: 0, limit: 9, by: 5 })
      assert.deepEqual(looked, { endpoints: [], goOnAfter: null })
    })

    test('goes out where a person asks for it, to one that is disabled or removed, and is tried again by the first alone', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const webhookId = await endpointWith(d, 3)
      const [gone] = await claim(d, webhookId, 1, 1)
      await settle(d, gone as Delivery, 410)
      const { id } = gone as Delivery
      await store.redeliver({ credentials, id, at: 3 })
      await store.testWebhook({ credentials, id: webhookId, at: 3 })
      const asked = await claimed(d, webhookId, 4)
      assert.equal(asked.length, 2)
      assert.deepEqual(await deliveries(d), { failed: 2, sending: 2 })
      for (const delivery of asked) await settle(d, delivery, 500)
      const later = 10 * MINUTE_MS
      const again = await claimed(d, webhookId, later)
      assert.deepEqual(again.map((delivery) => delivery.id).sort(), asked.map((delivery) => delivery.id).sort())
      for (const delivery of again) await settle(d, delivery, 500)
      await store.removeWebhooks({ credentials, type: 'receive', urls: [URL], at: later + 1 })
      assert.deepEqual(await claimed(d, webhookId, later + DAYS_MS), [])
      assert.deepEqual(await deliveries(d), { failed: 4 })
      await store.redeliver({ credentials, id, at: later })
      assert.deepEqual(
        (await claimed(d, webhookId, later + DAYS_MS)).map((delivery) => delivery.id),
        [id],
      )
    })

    test('goes on with the rest where the endpoint is enabled again', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpointWith(d, 1_010)
      const [gone] = await claim(d, webhookId, 1, 1)
      await settle(d, gone as Delivery, 410)
      await d.store.claimDeliveries({ webhookId, limit: 9, at: 3, leaseUntil: 50 })
      await addEndpoint(d, 4)
      assert.equal((await claim(d, webhookId, 32, 5)).length, 9)
    })
  })

  describe(`an endpoint that fails, on ${engine},`, () => {
    test('is not given up for errors of ours, however long it has failed', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const endpoint = async () => {
        const [webhook] = (await store.listWebhooks({ credentials })).webhooks
        return [webhook?.failingSince, webhook?.disabled]
      }
      const webhookId = await endpointWith(d, 3)
      const [first, second, third] = (await claim(d, webhookId, 3, 1)) as [Delivery, Delivery, Delivery]
      await settleUnmade(d, first, 1)
      assert.deepEqual(await endpoint(), [null, null])
      await settle(d, second, 500)
      await settleUnmade(d, third, 3)
      assert.deepEqual(await endpoint(), [2, null])
      for (const delivery of await claim(d, webhookId, 3, 9 * DAYS_MS)) await settleUnmade(d, delivery, 9 * DAYS_MS)
      assert.deepEqual(await endpoint(), [2, null])
      assert.deepEqual(await deliveries(d), { waiting: 3 })
    })
  })
}

async function endAll({ store }: Desk, limit: number, at: number): Promise<void> {
  while (await store.endRemoved({ limit, at }));
}

async function awaitReplies(d: Desk, contacts: readonly number[]) {
  const { store, credentials } = d
  await store.setAutoMarkRead({ credentials, autoMarkRead: true })
  await store.setAutoTiming({ credentials, timing: { mode: 'on_reply' } })
  const ids = []
  for (const n of contacts) ids.push(...(await d.receive(contactOf(n), n)).flatMap(({ receiptId }) => receiptId ?? []))
  assert.equal(ids.length, contacts.length)
  return ids
}

async function states({ store, credentials }: Desk): Promise<Readonly<Record<string, number>>> {
  return counted((await store.listReceipts({ credentials, filter: { limit: 99 } })).map(({ state }) => state))
}

async function deliveries({ store, credentials }: Desk): Promise<Readonly<Record<string, number>>> {
  return counted((await store.listDeliveries({ credentials, limit: 5_000 })).map(({ state }) => state))
}

function counted(states: readonly string[]): Readonly<Record<string, number>> {
  const byState = Map.groupBy(states.toSorted(), (state) => state)
  return Object.fromEntries([...byState].map(([state, all]) => [state, all.length]))
}

async function settledEvents({ store }: Desk) {
  const events = await store.listEvents({ after: 0 as EventId, limit: 99 })
  return events.flatMap(({ event }) => (event.type === 'receipt.settled' ? [event] : []))
}

async function addEndpoint({ store, credentials }: Desk, at: number): Promise<WebhookId> {
  const draft = { type: 'receive', url: URL, secret: null, numbers: null } as const
  const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at })
  return webhooks[0]?.id as WebhookId
}

/** With so many deliveries that wait for it. */
async function endpointWith(d: Desk, count: number): Promise<WebhookId> {
  const webhookId = await addEndpoint(d, 0)
  const contacts = Array.from({ length: count }, (_, n) => `+1415${5_550_000 + n}` as Address)
  await Promise.all(contacts.map((contact) => d.receive(contact, 1)))
  return webhookId
}

async function claim({ store }: Desk, webhookId: WebhookId, limit: number, at: number): Promise<readonly Delivery[]> {
  return (await store.claimDeliveries({ webhookId, limit, at, leaseUntil: at + MINUTE_MS })).deliveries
}

/** What a lane takes, which comes again as long as it is told to. */
async function claimed({ store }: Desk, webhookId: WebhookId, at: number): Promise<readonly Delivery[]> {
  for (;;) {
    const call = { webhookId, limit: 32, at, leaseUntil: at + MINUTE_MS }
    const { deliveries, nextDueAt } = await store.claimDeliveries(call)
    if (deliveries.length > 0 || nextDueAt !== at) return deliveries
  }
}

async function settle({ store }: Desk, delivery: Delivery, status: number, retryAfterMs?: number): Promise<void> {
  const attempt = { at: 2, ms: 1, status, obstacle: null, answer: '', retryAfterMs }
  await store.settleDelivery(concludeAttempt(delivery, attempt, 0.5))
}

/** An error of ours: there was no call. */
async function settleUnmade({ store }: Desk, delivery: Delivery, at: number): Promise<void> {
  const attempt = { at, ms: 0, status: null, obstacle: 'internal', answer: '' } as const
  await store.settleDelivery(concludeAttempt(delivery, attempt, 0.5))
}
