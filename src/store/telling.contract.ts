import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AccountId, WebhookId } from '../core/id.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { Changes, Store } from '../core/store.ts'
import { contactOf, deskAt, LINE, open, type Place } from './desk.contract.ts'

/** Whom every engine tells of what was committed, for them to look again. */
export function describeTelling(engine: string, place: () => Promise<Place>): void {
  describe(`what changed in the store on ${engine}`, () => {
    test('is told with whose it was, also where no event tells of it, and nothing is where nothing did', async () => {
      await using kept = await place()
      await using heard = await listening(kept)
      const { store, changes } = heard
      const { credentials, receive, request, claim } = await deskAt(store, LINE)
      const draft = { type: 'receive', url: 'https://example.com', secret: null, numbers: null } as const
      const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at: 0 })
      const [account] = await store.listAccounts()
      const touched = [account?.id]

      const endpoints = [{ id: webhooks[0]?.id, callbackOf: null }]
      assert.deepEqual(await changes(() => receive(contactOf(0), 1)), [{ endpoints, events: true, touched }])
      await request(contactOf(0), 2)
      assert.deepEqual(await changes(() => claim(3)), [{ endpoints: [], events: false, touched }])
      assert.deepEqual(await changes(() => claim(4)), [])
      const webhookId = webhooks[0]?.id as WebhookId
      assert.deepEqual(await changes(() => store.claimDeliveries({ webhookId, limit: 1, at: 0, leaseUntil: 1 })), [])
    })

    test('is told to everybody where it is rare, and a call that was refused tells nobody', async () => {
      await using kept = await place()
      await using heard = await listening(kept)
      const { store, changes } = heard
      const { credentials, lineId } = await deskAt(store, LINE)
      const [account] = await store.listAccounts()
      const accountId = account?.id as AccountId
      const stranger = { keyId: 'a stranger', secret: 'a guess' }
      const toAll = [{ endpoints: [], events: false, touched: 'all' }]
      const at = 1
      const draft = { accountId, number: '+19175550100' as PhoneNumber, connector: 'simulator', settings: {}, at }

      assert.deepEqual(await changes(() => store.setAutoMarkRead({ credentials, autoMarkRead: true })), toAll)
      assert.deepEqual(await changes(() => store.createLine(draft)), toAll)
      assert.deepEqual(await changes(() => store.updateLine({ id: lineId, paused: true })), toAll)
      for (const refused of [
        () => store.setAutoMarkRead({ credentials: stranger, autoMarkRead: false }),
        () => store.makeKey({ credentials: stranger, at }),
        () => store.addWebhooks({ credentials: stranger, webhooks: [], at }),
        () => store.createLine(draft),
        () => store.deleteKey({ accountId, keyId: 'nobody has it' }),
        () => store.updateLine({ id: -1 as typeof lineId, paused: false }),
      ])
        assert.deepEqual(await changes(() => assert.rejects(refused)), [], String(refused))
    })
  })
}

/** What is heard while something is done. */
async function listening(place: Place) {
  const told: Changes[] = []
  const store: Store = await open(place, { onChanges: (changes) => told.push(changes) })
  const changes = async (work: () => Promise<unknown>) => {
    told.length = 0
    await work()
    return told
  }
  return { store, changes, [Symbol.asyncDispose]: () => store.close() }
}
