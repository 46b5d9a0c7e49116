import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { locked, postgresServer, requirePostgres, runSql, waiting } from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import type { WebhookId } from '../../core/id.ts'
import { contactOf, desk, open } from '../desk.contract.ts'

describe('what is old, on PostgreSQL', { skip: requirePostgres() }, () => {
  const server = share(postgresServer)

  test('is not forgotten where it is sent once more in that moment', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await d.receive(contactOf(0), 1)
    const draft = { type: 'receive', url: 'https://example.com/hook', secret: null, numbers: null } as const
    const { webhooks } = await d.store.addWebhooks({ credentials: d.credentials, webhooks: [draft], at: 1 })
    const { id } = webhooks[0] as { id: WebhookId }
    const other = await open(database)
    const events = await locked(database, 'select 1 from events for update')
    const forgetting = other.forgetOld({ kind: 'events', before: 100, at: 200, after: 0, limit: 500 })
    await waiting(database, 1)
    const testing = d.store.testWebhook({ credentials: d.credentials, id, at: 200 })
    await Promise.race([testing, waiting(database, 2)])
    await events[Symbol.asyncDispose]()
    // Or it is gone, and whoever asked is told so.
    const [tested] = await Promise.allSettled([testing, forgetting])
    const { deliveries } = await d.store.claimDeliveries({ webhookId: id, limit: 9, at: 201, leaseUntil: 300 })
    assert.equal(deliveries.length, tested.status === 'fulfilled' ? 1 : 0)
    await other.close()
  })

  test('is forgotten a piece at a time where sessions ended, by whoever signs in', async () => {
    await using database = await server.database()
    await using d = await desk(database)
    await runSql(
      database.url,
      'insert into sessions (token_hash, created_at, expires_at) select n, 0, n from generate_series(1, 900) as k (n)',
    )
    const left = () => runSql<{ n: number }>(database.url, 'select count(*)::int as n from sessions')
    for (const n of [400 + 1, 2]) {
      await d.store.openSession({ opener: d.credentials, at: d.store.now() })
      assert.deepEqual(await left(), [{ n }])
    }
  })
})
