import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ApiKey } from '../core/account.ts'
import type { WebhookId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { concludeAttempt, type Delivery, type DeliveryLog, type Webhook } from '../core/webhook.ts'
import { contactOf, type Desk, desk, LINE, type Place } from './desk.contract.ts'

const OTHER_LINE = '+19175550100' as PhoneNumber
const COUNT = 6
const MINUTE_MS = 60_000

/** Which events an endpoint is told of, on every engine. */
export function describeDelivering(engine: string, place: () => Promise<Place>): void {
  describe(`deliveries on ${engine}`, () => {
    test('are each of the event that its endpoint wants, where those of several accounts are written together', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const draft = { email: 'bob@example.com', plan: 'free_api', readReceiptsEnabled: true, at: 0 }
      const { account, credentials } = await d.store.createAccount(draft)
      const newLine = { accountId: account.id, number: OTHER_LINE, connector: 'simulator', settings: {}, at: 0 }
      const { line } = await d.store.createLine(newLine)
      const [own, others] = [await endpoint(d, d.credentials), await endpoint(d, credentials)]
      const lineIds = [d.lineId, line.id]
      await Promise.all(
        Array.from({ length: COUNT }, (_, n) => d.receive(contactOf(n), n, {}, lineIds[n % lineIds.length])),
      )
      assert.deepEqual(await contacts(d, own), [0, 2, 4].map(contactOf))
      assert.deepEqual(await contacts(d, others), [1, 3, 5].map(contactOf))
    })

    test('are found by their endpoints, a few at a time: where one is due, or is to be ended', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const urls = [1, 2, 3, 4].map((n) => `https://example.com/${n}`)
      const webhooks = urls.map((url) => ({ type: 'receive', url, secret: null, numbers: null }) as const)
      const added = (await store.addWebhooks({ credentials, webhooks, at: 0 })).webhooks
      const [first, second, third, fourth] = added.map(({ id }) => id) as [WebhookId, WebhookId, WebhookId, WebhookId]
      const look = async (after: number, at: number) => {
        const { endpoints, goOnAfter } = await store.findDueEndpoints({ after, limit: 2, by: at })
        return [endpoints.map(({ id }) => id), goOnAfter]
      }
      assert.deepEqual(await look(0, 5), [[], null])
      await d.receive(contactOf(0), 5)
      assert.deepEqual(await look(0, 4), [[], second])
      assert.deepEqual(await look(0, 5), [[first, second], second])
      await store.claimDeliveries({ webhookId: third, limit: 1, at: 5, leaseUntil: 50 })
      await store.removeWebhooks({ credentials, type: 'receive', urls: urls.slice(3), at: 5 })
      assert.deepEqual(await look(second, 4), [[fourth], fourth])
      assert.deepEqual(await look(second, 50), [[third, fourth], fourth])
      assert.deepEqual(await look(fourth, 50), [[], null])
    })

    test('go to a callback until no message has named it for long, and nothing waits for it', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      await endpoint(d, d.credentials)
      for (const [at, name] of ['renewed', 'old', 'waiting'].entries()) await write(d, name, at)
      const { endpoints } = await d.store.findDueEndpoints({ after: 0, limit: 9, by: 3 })
      const [renewed, old] = endpoints.map(({ id }) => id)
      for (const webhookId of [renewed, old]) await deliver(d, webhookId as WebhookId, 3)
      await write(d, 'renewed', 60)
      await deliver(d, renewed as WebhookId, 60)
      await write(d, 'young', 70)
      await forgetEndpoints(d, 50)
      await sendAll(d, 80)
      assert.deepEqual(await toldOfAt(d, 80), ['renewed', 'renewed', 'waiting', 'young'])
      assert.equal((await d.store.listWebhooks({ credentials: d.credentials })).webhooks.length, 1)
    })

    test('go to an endpoint that is known as it is spelt, where an older version left it in two spellings', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const { store, credentials } = d
      const [odd, plain] = ['HTTPS://example.com/hook', 'https://example.com/hook']
      const drafts = [odd, plain].map((url) => ({ type: 'receive', url, secret: null, numbers: null }) as const)
      const spelt = ({ webhooks }: { webhooks: readonly Webhook[] }) => webhooks.map(({ url }) => url)
      const both = await store.addWebhooks({ credentials, webhooks: drafts, at: 0 })
      assert.deepEqual(spelt(await store.addWebhooks({ credentials, webhooks: drafts, at: 1 })), [odd, plain])
      await store.removeWebhooks({ credentials, type: 'receive', urls: [odd], at: 2 })
      assert.deepEqual(spelt(await store.listWebhooks({ credentials })), [plain])
      await d.receive(contactOf(0), 3)
      assert.deepEqual(await contacts(d, both.webhooks[1]?.id as WebhookId), [contactOf(0)])
      await store.addWebhooks({ credentials, webhooks: drafts.slice(0, 1), at: 4 })
      assert.deepEqual(spelt(await store.listWebhooks({ credentials })), [odd])
    })

    test('are listed with the endpoint that they went to until it was removed long ago', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const gone = await endpoint(d, d.credentials)
      await d.receive(contactOf(0), 1)
      await deliver(d, gone, 1)
      const [{ url, type }] = (await d.store.listWebhooks({ credentials: d.credentials })).webhooks as [Webhook]
      await d.store.removeWebhooks({ credentials: d.credentials, type, urls: [url], at: 5 })
      const other = await endpoint(d, d.credentials)
      await d.receive(contactOf(1), 6)
      await deliver(d, other, 6)
      const listed = async () =>
        (await d.store.listDeliveries({ credentials: d.credentials, limit: 9 })).map(({ webhookId }) => webhookId)
      await forgetEndpoints(d, 5)
      assert.deepEqual(await listed(), [other, gone])
      await forgetEndpoints(d, 50)
      assert.deepEqual(await listed(), [other])
      // Its lane may look once more.
      const lease = { webhookId: gone, limit: 9, at: 60, leaseUntil: 70 }
      assert.deepEqual(await d.store.claimDeliveries(lease), { deliveries: [], nextDueAt: null })
    })

    test('keep their events, however old those are, and stay while they wait', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, d.credentials)
      await d.receive(contactOf(0), 1)
      await deliver(d, webhookId, 1)
      await d.store.testWebhook({ credentials: d.credentials, id: webhookId, at: 40 })
      await d.receive(contactOf(1), 2)
      for (const kind of ['deliveries', 'events'] as const) {
        await d.store.forgetOld({ kind, before: 39, at: 50, after: 0, limit: 9 })
      }
      const { deliveries } = await d.store.claimDeliveries({ webhookId, limit: 9, at: 40, leaseUntil: 60 })
      assert.deepEqual(deliveries.map(({ event }) => event.at).sort(), [1, 2])
    })

    test('are what whoever has them tells of them, and no one who had them before', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, d.credentials)
      await d.receive(contactOf(0), 1)
      const lease = { webhookId, limit: 9, leaseUntil: 60 }
      const [late] = (await d.store.claimDeliveries({ ...lease, at: 1 })).deliveries
      const [again] = (await d.store.claimDeliveries({ ...lease, at: 60, leaseUntil: 120 })).deliveries
      const tried = (status: number) => ({ at: 61, ms: 1, status, obstacle: null, answer: '' })
      await d.store.settleDelivery(concludeAttempt(again as Delivery, tried(200), 0.5))
      await d.store.settleDelivery(concludeAttempt(late as Delivery, tried(500), 0.5))
      const [log] = await d.store.listDeliveries({ credentials: d.credentials, limit: 9 })
      assert.deepEqual([log?.state, log?.nextAttemptAt, log?.attempts.length], ['delivered', null, 2])
      // And one that a person asks for while it is under way is sent once more.
      const { id } = late as Delivery
      await d.store.redeliver({ credentials: d.credentials, id, at: 70 })
      const [underWay] = (await d.store.claimDeliveries({ ...lease, at: 70, leaseUntil: 130 })).deliveries
      await d.store.redeliver({ credentials: d.credentials, id, at: 71 })
      await d.store.settleDelivery(concludeAttempt(underWay as Delivery, tried(200), 0.5))
      assert.equal((await d.store.claimDeliveries({ ...lease, at: 72, leaseUntil: 132 })).deliveries.length, 1)
    })

    test('are tried seven times more, each after a longer wait, and then given up', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, d.credentials)
      await d.receive(contactOf(0), 0)
      const waits = []
      for (let at: number | null = 0; at !== null; ) {
        await fail(d, webhookId, at)
        const [log] = await d.store.listDeliveries({ credentials: d.credentials, limit: 1 })
        const next: number | null = log?.nextAttemptAt ?? null
        waits.push(next === null ? log?.state : (next - at) / MINUTE_MS)
        at = next
      }
      assert.deepEqual(waits, [5 / 60, 5, 30, 120, 300, 600, 600, 'failed'])
    })

    test('end where their endpoint has taken none for five days, however patient it asks to be', async () => {
      await using kept = await place()
      await using d = await desk(kept)
      const webhookId = await endpoint(d, d.credentials)
      const seen = async () => {
        const [webhook] = (await d.store.listWebhooks({ credentials: d.credentials })).webhooks
        return [webhook?.failingSince, webhook?.disabled]
      }
      const days = 5 * 24 * 60 * MINUTE_MS
      await d.receive(contactOf(0), 1)
      await fail(d, webhookId, 1, days)
      const [{ nextAttemptAt }] = (await d.store.listDeliveries({ credentials: d.credentials, limit: 1 })) as [
        DeliveryLog,
      ]
      assert.equal(nextAttemptAt, 1 + 600 * MINUTE_MS)
      await deliver(d, webhookId, nextAttemptAt)
      assert.deepEqual(await seen(), [null, null])
      const since = nextAttemptAt + 1
      for (const [n, at] of [since, since + days - 1, since + days].entries()) {
        assert.equal((await seen())[1], null)
        await d.receive(contactOf(n), at)
        await fail(d, webhookId, at)
      }
      assert.deepEqual(await seen(), [since, 'failing'])
      await endpoint(d, d.credentials)
      assert.deepEqual(await seen(), [null, null])
    })
  })
}

async function endpoint({ store }: Desk, credentials: ApiKey): Promise<WebhookId> {
  const draft = { type: 'receive', url: 'https://example.com/hook', secret: null, numbers: null } as const
  const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at: 0 })
  return webhooks[0]?.id as WebhookId
}

/** Of whom it is told. */
async function contacts({ store }: Desk, webhookId: WebhookId): Promise<string[]> {
  const { deliveries } = await store.claimDeliveries({ webhookId, limit: COUNT, at: COUNT, leaseUntil: 2 * COUNT })
  return deliveries.flatMap(({ event: { event } }) => ('message' in event ? event.message.contact : [])).sort()
}

const CALLBACKS = 'https://example.com/'

async function write({ store, credentials }: Desk, callback: string, at: number): Promise<void> {
  const words = { content: 'Hello', mediaUrl: null, sendStyle: null, statusCallback: `${CALLBACKS}${callback}` }
  await store.sendMessage({ credentials, number: contactOf(0), fromNumber: LINE, ...words, relayed: false, at })
}

async function deliver({ store }: Desk, webhookId: WebhookId, at: number): Promise<void> {
  const { deliveries } = await store.claimDeliveries({ webhookId, limit: 9, at, leaseUntil: at + 1 })
  const attempt = { at, ms: 1, status: 200, obstacle: null, answer: '' }
  for (const delivery of deliveries) await store.settleDelivery(concludeAttempt(delivery, attempt, 0.5))
}

/** The first that is due. */
async function fail({ store }: Desk, webhookId: WebhookId, at: number, retryAfterMs?: number): Promise<void> {
  const { deliveries } = await store.claimDeliveries({ webhookId, limit: 1, at, leaseUntil: at + 1 })
  const attempt = { at, ms: 0, status: 503, obstacle: null, answer: '', retryAfterMs }
  await store.settleDelivery(concludeAttempt(deliveries[0] as Delivery, attempt, 0.5))
}

async function forgetEndpoints({ store }: Desk, before: number): Promise<void> {
  for (let after: number | null = 0; after !== null; )
    after = await store.forgetOld({ kind: 'endpoints', before, at: 99, after, limit: 2 })
}

async function sendAll({ store, claimMessage }: Desk, at: number): Promise<void> {
  for (;;) {
    const { call } = await claimMessage(at)
    if (call === null) return
    await store.settleMessage({ call, at, status: 'SENT', carrierMessageId: `${call.id}` })
  }
}

async function toldOfAt({ store, credentials }: Desk, at: number): Promise<string[]> {
  const deliveries = await store.listDeliveries({ credentials, limit: 99 })
  return deliveries.flatMap(({ url, createdAt }) => (createdAt === at ? url.slice(CALLBACKS.length) : [])).sort()
}
