import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { client } from './support/client.ts'
import { locked, nodeSettings, ownServer, requireOwnPostgres, runSql, waiting } from './support/postgres.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { bearer, mint } from './support/tokens.ts'
import { until } from './support/until.ts'
import { WEBHOOKS } from './support/webhooks.ts'

const OTHER_LINE = '+19175550199'

describe('transactions on PostgreSQL that cross each other', { skip: requireOwnPostgres() }, () => {
  const postgres = share(ownServer)

  test('are all done: a hundred changes of one account at once', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const change = { auto_mark_read_timing: { mode: 'on_reply' } }
    const answers = Array.from({ length: 100 }, () => account.call('PATCH', '/readback/v1/settings', change))
    assert.deepEqual(new Set((await Promise.all(answers)).map(({ status }) => status)), new Set([200]))
    const { body } = await account.must(200, 'GET', '/readback/v1/settings')
    assert.equal(body.auto_mark_read_timing.mode, 'on_reply')
  })

  test('are all done: a hundred messages at once for a contact who writes without a pause, and each is sent once', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const contents = Array.from({ length: 100 }, (_, n) => `Message ${n}`)
    const send = (content: string) =>
      account.must(200, 'POST', '/api/send-message', { number: CONTACT, from_number: LINE, content })
    let over = false
    const writing = Array.from({ length: 16 }, async () => {
      while (!over) await account.write()
    })
    await Promise.all(contents.map(send))
    over = true
    await Promise.all(writing)
    // All of the phone: it shows the newest alone.
    const phone = `select content from handset_messages where content <> 'Hello'`
    const sent = async () => (await runSql<{ content: string }>(database.url, phone)).map(({ content }) => content)
    const shown = await until('all to be on the phone', sent, ({ length }) => length >= contents.length)
    assert.deepEqual(shown.sort(), contents.sort())
  })

  test('leave every other account a connection, however many calls of one wait for each other', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const other = await customer(server, { lines: [OTHER_LINE] })
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'select 1 from accounts for update'))
    const change = { webhooks: ['https://example.com'], type: 'receive' }
    const changes = Array.from({ length: 30 }, () => account.call('POST', WEBHOOKS, change))
    await waiting(database, 1)
    await server.operator.must(200, 'GET', '/healthz')
    assert.equal((await other.call('POST', '/api/mark-read', { number: CONTACT, from_number: OTHER_LINE })).status, 200)
    await held.disposeAsync()
    for (const { status } of await Promise.all(changes)) assert.equal(status, 200)
  })

  test('leave connections to what is accepted, however many accounts make changes at once', async () => {
    await using database = await postgres.database()
    await using server = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '6' })
    const other = await customer(server, { lines: [OTHER_LINE] })
    const accounts = await Promise.all(Array.from({ length: 12 }, () => customer(server, { lines: [] })))
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'select 1 from accounts for update'))
    const change = { webhooks: ['https://example.com'], type: 'receive' }
    const changes = accounts.map((account) => account.call('POST', WEBHOOKS, change))
    await waiting(database, 4)
    const accepted = await other.call('POST', '/api/mark-read', { number: CONTACT, from_number: OTHER_LINE })
    assert.equal(accepted.status, 200)
    await held.disposeAsync()
    for (const { status } of await Promise.all(changes)) assert.equal(status, 200)
  })

  test('keep no contact waiting for a message that is written to another', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const [first, second, ...others] = Array.from({ length: 6 }, (_, n) => `+1415555010${n}`)
    const send = (number = '') =>
      account.call('POST', '/api/send-message', { number, from_number: LINE, content: 'Hello' })
    for (const number of [first, second, ...others]) assert.equal((await send(number)).status, 200)
    const hold = (number = '') => locked(database, `select 1 from conversations where address = '${number}' for update`)
    await using held = new AsyncDisposableStack()
    held.use(await hold(second))
    const gate = await hold(first)
    const answers = [send(first)]
    await waiting(database, 1)
    answers.push(...others.map(send), send(second))
    await server.operator.must(200, 'GET', '/healthz')
    await gate[Symbol.asyncDispose]()
    await waiting(database, 1, '.*conversations')
    for (const number of others) await account.write({ number })
    await held.disposeAsync()
    for (const { status } of await Promise.all(answers)) assert.equal(status, 200)
  })

  test('leave one list of webhooks where several replace it at once, and no more of them than an account may have', async () => {
    await using database = await postgres.database()
    await using one = await startReadback(nodeSettings(database))
    await using other = await startReadback(nodeSettings(database))
    const account = await customer(one)
    const nodes = [account, enter(other.base, account.accountId, account.keys)]
    const urls = (change: number) => Array.from({ length: 60 }, (_, n) => `https://example.com/${change}/${n}`)
    const changes = <T>(change: (node: Customer, number: number) => T) =>
      Promise.all([0, 1, 2, 3].map((number) => change(nodes[number % 2] as Customer, number)))
    await changes((node, n) => node.must(200, 'PUT', WEBHOOKS, { webhooks: { receive: urls(n) } }))
    const listed = async () => (await account.must(200, 'GET', WEBHOOKS)).body.webhooks
    const { receive } = await listed()
    assert.deepEqual([...receive].sort(), urls(Number(receive[0].split('/')[3])).sort())
    await account.must(200, 'PUT', WEBHOOKS, { webhooks: {} })
    const answers = await changes((node, n) => node.call('POST', WEBHOOKS, { webhooks: urls(n) }))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400, 400])
    assert.equal((await listed()).receive.length, 60)
  })

  test('leave the secret that an account gives itself, where a message’s callback asks for one at that moment', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    const { body } = await server.operator.must(201, 'POST', `/operator/accounts/${account.accountId}/keys`)
    const keys = { 'sb-api-key-id': body.api_key_id, 'sb-api-secret-key': body.api_secret_key }
    const second = enter(server.base, account.accountId, keys)
    const status_callback = 'https://example.com/callback'
    const message = { number: CONTACT, from_number: LINE, content: 'Hello', status_callback }
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'select 1 from accounts for no key update'))
    const given = account.must(200, 'POST', WEBHOOKS, { webhooks: [], globalSecret: 'the-global-secret' })
    await waiting(database, 1)
    const sent = second.must(200, 'POST', '/api/send-message', message)
    await waiting(database, 2)
    await held.disposeAsync()
    await Promise.all([given, sent])
    assert.equal((await account.must(200, 'GET', WEBHOOKS)).body.webhooks.globalSecret, 'the-global-secret')
  })

  test('leave nothing to a token that is made while its key is deleted', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'lock table tokens in share mode'))
    const made = mint(account)
    await waiting(database, 1, 'insert')
    const path = `/operator/accounts/${account.accountId}/keys/${account.keys['sb-api-key-id']}`
    const deleted = server.operator.must(200, 'DELETE', path)
    await waiting(database, 1, 'delete')
    await held.disposeAsync()
    const [{ token }] = await Promise.all([made, deleted])
    const holding = client(server.base, bearer(token))
    await holding.must(401, 'POST', '/api/mark-read', { number: CONTACT, from_number: LINE })
    await holding.must(401, 'GET', '/api/lines')
  })

  for (const code of ['40001', '40P01']) {
    test(`are begun again where one is ended with ${code}`, async () => {
      await using database = await postgres.database()
      await using server = await startReadback(nodeSettings(database))
      const account = await customer(server)
      const [handle] = await account.write()
      await runSql(
        database.url,
        `create sequence failures; create function fail() returns trigger language plpgsql as $$ begin
           if nextval('failures') <= 3 then raise exception 'crossed' using errcode = '${code}'; end if; return new; end $$;
         create trigger failing before insert or update on receipts for each row execute function fail();
         create trigger failing before update on accounts for each row execute function fail()`,
      )
      const { state, read_up_to } = await account.settled(await account.markRead())
      assert.deepEqual([state, read_up_to], ['sent', handle])
      await runSql(database.url, 'alter sequence failures restart')
      await account.must(200, 'POST', '/accounts/settings/auto-mark-read', { auto_mark_read: true })
    })
  }
})
