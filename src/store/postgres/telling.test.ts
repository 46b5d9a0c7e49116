import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { postgresServer, requirePostgres } from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import type { WebhookId } from '../../core/id.ts'
import type { Changes } from '../../core/store.ts'
import { contactOf, deskAt, LINE, RULES } from '../desk.contract.ts'
import { openStore } from '../open.ts'

describe('what changed on PostgreSQL', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('is told with whose it was, also where no event tells of it, and nothing is where nothing did', async () => {
    await using database = await postgres.database()
    await using stack = new AsyncDisposableStack()
    const told: Changes[] = []
    const onChanges = (changes: Changes) => told.push(changes)
    const options = { url: database.url, poolSize: 4, leaseMs: 30_000, secretKey: '0'.repeat(64), rules: RULES }
    const opened = openStore({ ...options, onChanges, onNotice() {}, onDeath: assert.ifError })
    const store = stack.adopt(await opened, (store) => store.close())
    const { credentials, receive, request, claim } = await deskAt(store, LINE)
    const draft = { type: 'receive', url: 'https://example.com', secret: null, numbers: null } as const
    const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at: 0 })
    const [account] = await store.listAccounts()
    const touched = [account?.id]
    const changes = async (work: () => Promise<unknown>) => {
      told.length = 0
      await work()
      return told
    }

    const endpoints = [{ id: webhooks[0]?.id, callbackOf: null }]
    assert.deepEqual(await changes(() => receive(contactOf(0), 1)), [{ endpoints, events: true, touched }])
    await request(contactOf(0), 2)
    assert.deepEqual(await changes(() => claim(3)), [{ endpoints: [], events: false, touched }])
    assert.deepEqual(await changes(() => claim(4)), [])
    const webhookId = webhooks[0]?.id as WebhookId
    assert.deepEqual(await changes(() => store.claimDeliveries({ webhookId, limit: 1, at: 0, leaseUntil: 1 })), [])
  })
})
