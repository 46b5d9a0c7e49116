import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { locked, postgresServer, requirePostgres, runSql } from '../../../test/support/postgres.ts'
import { share } from '../../../test/support/shared.ts'
import type { DeliveryId, WebhookId } from '../../core/id.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import type { Claim } from '../../core/send-receipt.ts'
import type { Changes } from '../../core/store.ts'
import { concludeAttempt, type Delivery } from '../../core/webhook.ts'
import { contactOf, desk, deskAt, done, LINE, open, RULES, WORDS } from '../desk.contract.ts'
import { openStore } from '../open.ts'

const HOUR_MS = 3_600_000
const OPTIONS = { poolSize: 4, leaseMs: 30_000, secretKey: '0'.repeat(64), rules: RULES, onNotice() {}, onDeath() {} }

describe('lanes on PostgreSQL', { skip: requirePostgres() }, () => {
  const postgres = share(postgresServer)

  test('claim nothing, and give back nothing that is under way, once another node has their line', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const { store, credentials, lineId } = d
    await d.receive(contactOf(0), 1)
    await d.request(contactOf(0), 1)
    await store.sendMessage({ credentials, fromNumber: LINE, number: contactOf(0), ...WORDS, at: 1 })
    await using stack = new AsyncDisposableStack()
    const other = stack.adopt(await open(database), (opened) => opened.close())
    await store.leases?.release()
    await other.leases?.hold({ wanted: [lineId] })
    const turn = { lineId, ready: true, obstacle: 'pace', servedFrom: 0, nextCallAt: 0, at: 2 } as const
    assert.deepEqual([(await d.claim(2)).line, (await store.claimMessage(turn)).line], [undefined, undefined])
    const { claims } = await other.claimReceipts({ ...turn, limit: 9 })
    const { call } = await other.claimMessage(turn)
    assert.ok(claims.length === 1 && call !== null)
    await store.releaseLost({ lineId, carried: [], at: 3 })
    await store.releaseLostMessage({ lineId, at: 3 })
    const underWay = await runSql(
      database.url,
      'select next_attempt_at from receipts union all select next_attempt_at from messages where outbound = 1',
    )
    assert.deepEqual(underWay, [{ next_attempt_at: null }, { next_attempt_at: null }])
  })

  test('of a line that was removed leave no lease, once nothing of it is under way', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const leased = () => runSql(database.url, 'select 1 from line_leases')
    await d.request(contactOf(0), 1)
    const [claim] = (await d.claim(2)).claims
    await d.store.removeLine({ id: d.lineId, at: 3 })
    while (await d.store.endRemoved({ limit: 9, at: 4 }));
    assert.equal((await leased()).length, 1)
    await d.store.settleReceipts(done(claim as Claim, 5))
    while (await d.store.endRemoved({ limit: 9, at: 60_003 }));
    assert.deepEqual(await leased(), [])
  })

  test('of lines that were removed are ended by several nodes side by side', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const other = await deskAt(d.store, '+19175550100' as PhoneNumber)
    const ids = [await d.request(contactOf(0), 1), await other.request(contactOf(0), 1)] as const
    for (const { lineId } of [d, other]) await d.store.removeLine({ id: lineId, at: 2 })
    await using _first = await locked(database, `select 1 from lines where id = ${d.lineId} for update`)
    assert.equal(await d.store.endRemoved({ limit: 9, at: 3 }), true)
    assert.deepEqual([(await d.receipt(ids[0])).state, (await other.receipt(ids[1])).state], ['queued', 'skipped'])
  })

  test('of endpoints go on where the clock is set back, but for what another has at hand', async () => {
    await using database = await postgres.database()
    await using d = await desk(database)
    const { store, credentials } = d
    const draft = { type: 'receive', url: 'https://example.com', secret: null, numbers: null } as const
    const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at: 0 })
    const take = async (limit: number, at: number) => {
      const turn = { webhookId: webhooks[0]?.id as WebhookId, limit, at, leaseUntil: at + 60_000 }
      return (await store.claimDeliveries(turn)).deliveries.map(({ id }) => id)
    }
    for (const n of [0, 1]) await d.receive(contactOf(n), HOUR_MS)
    const [lost] = await take(1, HOUR_MS)
    await d.receive(contactOf(2), 5)
    const [atHand] = await take(1, 5)
    await store.releaseDeliveries({ at: 6 })
    const again = await take(9, 6)
    assert.ok(again.length === 2 && again.includes(lost as DeliveryId) && !again.includes(atHand as DeliveryId))
  })

  test('of an endpoint that is given up say whose webhooks ended', async () => {
    await using database = await postgres.database()
    const told: Changes[] = []
    await using stack = new AsyncDisposableStack()
    const onChanges = (changes: Changes) => told.push(changes)
    const store = stack.adopt(await openStore({ ...OPTIONS, url: database.url, onChanges }), (opened) => opened.close())
    const { credentials, receive } = await deskAt(store, LINE)
    const draft = { type: 'receive', url: 'https://example.com', secret: null, numbers: null } as const
    const { webhooks } = await store.addWebhooks({ credentials, webhooks: [draft], at: 0 })
    for (const n of [0, 1]) await receive(contactOf(n), 1)
    const turn = { webhookId: webhooks[0]?.id as WebhookId, limit: 1, at: 2, leaseUntil: 60_000 }
    const [gone] = (await store.claimDeliveries(turn)).deliveries
    const attempt = { at: 2, ms: 1, status: 410, obstacle: null, answer: '' }
    await store.settleDelivery(concludeAttempt(gone as Delivery, attempt, 0.5))
    told.length = 0
    await store.claimDeliveries(turn)
    const [account] = await store.listAccounts()
    assert.deepEqual(
      told.map(({ touched }) => touched),
      [[account?.id]],
    )
  })
})
