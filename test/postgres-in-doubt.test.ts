import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { client } from './support/client.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { cuttingProxy, through } from './support/cutting-proxy.ts'
import { type Database, nodeSettings, ownServer, requireOwnPostgres, runSql } from './support/postgres.ts'
import { CONTACT, customer, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'
import { addWebhooks, deliveries } from './support/webhooks.ts'

const BODY = { number: CONTACT, from_number: LINE }

describe('PostgreSQL', { skip: requireOwnPostgres() }, () => {
  const postgres = share(ownServer)

  test('that takes a claim and dies before it says so has what was claimed sent all the same, and once', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    await using server = await startReadback(nodeSettings({ url: through(database, proxy.port) }))
    const account = await customer(server)
    proxy.loseCommit('send receipts')
    const receipt = await account.settled(await account.markRead())
    assert.deepEqual([receipt.state, receipt.attempts, proxy.lost], ['sent', 1, true])
    proxy.loseCommit('update "messages" set "next_attempt_at" = $1 where "id"')
    const { body } = await account.must(200, 'POST', '/api/send-message', { ...BODY, content: 'Hello' })
    await until(
      'the phone to show it',
      () => account.phone(),
      ({ length }) => length > 0,
    )
    const status = async () => (await account.must(200, 'GET', `/api/status?handle=${body.message_handle}`)).body.status
    await until('it to be told', status, (seen) => seen === 'DELIVERED' || seen === 'SENT')
    assert.deepEqual([(await account.phone()).length, proxy.lost], [1, true])
  })

  test('that takes a call and dies before it says so is asked again, and the call answered: nothing is done twice', async () => {
    await using sink = await startCustomerServer()
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    await using server = await startReadback(nodeSettings({ url: through(database, proxy.port) }))
    const account = await customer(server)
    proxy.loseCommit('insert into "messages"')
    const message = { ...BODY, content: 'Your code is 1234' }
    const { body } = await account.must(200, 'POST', '/api/send-message', message)
    assert.ok(proxy.lost)
    await until(
      'the phone to show it',
      () => account.phone(),
      ([shown]) => shown?.message_handle === body.message_handle,
    )
    proxy.loseCommit('insert into "accounts"')
    const draft = { email: 'second@example.com' }
    const second = await server.operator.must(201, 'POST', '/operator/accounts', draft)
    assert.ok(proxy.lost && second.body.api_secret_key)
    assert.equal((await server.operator.must(200, 'GET', '/operator/accounts')).body.data.length, 2)
    await addWebhooks(account, [sink.url])
    proxy.loseCommit('insert attempts')
    await account.write()
    const [told] = await until(
      'the webhook to be delivered',
      () => deliveries(account, '?state=delivered'),
      ({ length }) => length === 1,
    )
    assert.deepEqual([told.attempts.length, sink.received.length, proxy.lost], [1, 1, true])
  })

  test('that was made to take no more writes is not ready, and answers 503 until it takes them', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const ready = async () => (await server.operator.call('GET', '/readyz')).status
    await order(database, 'set default_transaction_read_only = on')
    await until('it to be not ready', ready, (status) => status === 503)
    assert.equal((await account.call('POST', '/api/mark-read', BODY)).status, 503)
    await order(database, 'reset default_transaction_read_only')
    await until('it to be ready', ready, (status) => status === 200)
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })

  test('whose standby has to have all that is written, and is away, is not ready until that is taken back', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const ready = async () => (await server.operator.call('GET', '/readyz')).status
    await using demand = new AsyncDisposableStack()
    demand.defer(() => order(database, 'reset synchronous_standby_names'))
    await order(database, `set synchronous_standby_names = 'away'`)
    await until('it to be not ready', ready, (status) => status === 503)
    await demand.disposeAsync()
    await until('it to be ready', ready, (status) => status === 200)
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })

  test('passes on what other programs say on the channel of the nodes, and no node minds', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    for (const payload of [
      '',
      'hello',
      'null',
      '[]',
      '{"from":1}',
      '{"from":"x","touched":5,"lineIds":{"receipts":"y"}}',
    ]) {
      await runSql(database.url, `select pg_notify('readback', '${payload}')`)
    }
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })

  test('never lets in a token whose key is gone, as where both were written at once', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const { token } = (await account.must(201, 'POST', '/v3/auth/tokens')).body
    const bearer = client(server.base, { authorization: `Bearer ${token}` })
    await bearer.must(200, 'GET', '/api/lines')
    await runSql(database.url, 'delete from api_keys')
    for (const [method, path, body] of [
      ['POST', '/api/mark-read', BODY],
      ['GET', '/api/lines', undefined],
    ] as const) {
      assert.equal((await bearer.call(method, path, body)).status, 401)
    }
  })
})

/** What an administrator sets for the whole server. */
async function order({ url }: Database, command: string): Promise<void> {
  await runSql(url, `alter system ${command}`)
  await runSql(url, 'select pg_reload_conf()')
}
