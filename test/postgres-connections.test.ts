import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CustomerServer, startCustomerServer } from './support/customer-server.ts'
import { cuttingProxy, through } from './support/cutting-proxy.ts'
import { dataFolder } from './support/data-folder.ts'
import { newerVersion } from './support/newer-version.ts'
import {
  type Database,
  leases,
  locked,
  nodeSettings,
  ownServer,
  requireOwnPostgres,
  runSql,
  waiting,
} from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, type Readback, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

const OTHER_LINE = '+19175550199'
/** PostgreSQL ends a session that idles in a transaction after 5 seconds. */
const MOST_SILENT_MS = 10_000

describe('PostgreSQL', { skip: requireOwnPostgres() }, () => {
  const postgres = share(ownServer)

  test('that no longer speaks on the connection that listens is asked on a new one', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    await using stack = new AsyncDisposableStack()
    const onB = await besideNodeWithLine(database, through(database, proxy.port), stack)
    assert.equal(proxy.silence('listen readback'), 1)
    const startedAt = performance.now()
    assert.equal((await onB.settled(await onB.markRead())).state, 'sent')
    const ms = performance.now() - startedAt
    assert.ok(ms < 5_000, `it took ${ms} ms`)
    const next = performance.now()
    await onB.settled(await onB.markRead())
    assert.ok(performance.now() - next < 1_000, 'the new connection listens')
  })

  test('that says nothing on the connection that is to listen keeps no node from starting, and is asked on a new one', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    await using stack = new AsyncDisposableStack()
    proxy.silenceAfter('listen readback')
    const onB = await besideNodeWithLine(database, through(database, proxy.port), stack)
    await onB.settled(await onB.markRead())
    const startedAt = performance.now()
    await onB.settled(await onB.markRead())
    assert.ok(performance.now() - startedAt < 1_000, 'the new connection listens')
  })

  test('keeps nobody waiting for a node that falls silent while it tells of something', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    await using a = await startReadback(nodeSettings({ url: through(database, proxy.port) }))
    const onA = await customer(a)
    await using b = await startReadback(nodeSettings(database))
    const onB = enter(b.base, onA.accountId, onA.keys)
    proxy.silenceAfter('events of one transaction at a time')
    const unheard = onA.call('POST', '/simulator/messages', { number: CONTACT, to_number: LINE, content: 'From A' })
    const messages = async () => (await onB.must(200, 'GET', '/api/v2/messages')).body.data
    // PostgreSQL ends a session that idles in a transaction, after 5 seconds in which nobody else would have told of anything.
    await until('what A stored', messages, ({ length }) => length === 1, 4_000)
    await onB.write({ content: 'From B' })
    const stored: { content: string }[] = await messages()
    assert.deepEqual(new Set(stored.map(({ content }) => content)), new Set(['From A', 'From B']))
    proxy.cut()
    assert.equal((await unheard).status, 503)
  })

  test('keeps nobody waiting for a node that falls silent while it migrates', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    await using folder = await dataFolder()
    await using newer = await newerVersion()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    proxy.silenceAfter('access exclusive')
    const env = nodeSettings({ url: through(database, proxy.port) })
    const starting = assert.rejects(startProcess({ dataDir: folder.path, env, main: newer.main }))
    const silent = `select 1 from pg_stat_activity where state = 'idle in transaction' and query ~ 'access exclusive'`
    await until(
      'it to fall silent',
      () => runSql(database.url, silent),
      ({ length }) => length === 1,
    )
    const body = { number: CONTACT, from_number: LINE }
    await until(
      'a call to be taken',
      async () => (await account.call('POST', '/api/mark-read', body)).status,
      (status) => status === 200,
      MOST_SILENT_MS,
    )
    proxy.cut()
    await starting
  })

  test('whose connections are all taken makes answers 503 in time, and it goes on afterwards', async () => {
    await using database = await postgres.database()
    await using server = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '2' })
    const account = await customer(server)
    const blocking = runSql(database.url, 'begin; lock table receipts; select pg_sleep(4); commit')
    await until(
      'the lock',
      () => locks(database, 'receipts'),
      (count) => count > 0,
    )
    const startedAt = performance.now()
    const answers = await Promise.all(Array.from({ length: 8 }, () => account.call('GET', '/readback/v1/receipts')))
    const refused = answers.filter(({ status }) => status === 503)
    assert.ok(refused.length >= 6, `${refused.length} of 8`)
    assert.ok(performance.now() - startedAt < 6_000)
    assert.equal((await server.operator.call('GET', '/healthz')).status, 200)
    await blocking
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
  })

  test('whose connections were all taken when a call was accepted has the node that carries it told all the same', async () => {
    await using database = await postgres.database()
    await using a = await startReadback(nodeSettings(database))
    const onA = await customer(a)
    await until(
      'A to have the line',
      () => leases(database),
      ({ length }) => length === 1,
    )
    await using b = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '2' })
    const change = () => b.operator.call('PATCH', `/operator/accounts/${onA.accountId}`, { plan: 'ai_agent' })
    await using _accounts = await locked(database, 'select 1 from accounts for no key update')
    const conversations = await locked(database, 'lock table conversations in share mode')
    const first = change()
    await waiting(database, 1)
    const accepted = enter(b.base, onA.accountId, onA.keys).markRead()
    await waiting(database, 2)
    // These wait for a connection, ahead of the nudge.
    const others = [change(), change()]
    await b.operator.must(200, 'GET', '/healthz')
    await conversations[Symbol.asyncDispose]()
    const id = await accepted
    for (const { status } of await Promise.all([first, ...others])) assert.equal(status, 503)
    const startedAt = performance.now()
    assert.equal((await onA.settled(id)).state, 'sent')
    const ms = performance.now() - startedAt
    assert.ok(ms < 10_000, `it took ${ms} ms`)
  })

  test('that keeps lists waiting takes calls all the same', async () => {
    await using database = await postgres.database()
    await using endpoint = await startCustomerServer()
    await using server = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '2' })
    const account = await withDelivery(server, endpoint)
    const blocking = runSql(database.url, 'begin; lock table webhook_attempts; select pg_sleep(1); commit')
    await until(
      'the lock',
      () => locks(database, 'webhook_attempts'),
      (count) => count > 0,
    )
    let listed = 0
    const lists = Array.from({ length: 8 }, async () => {
      await account.call('GET', '/readback/v1/webhook-deliveries')
      listed += 1
    })
    assert.equal((await account.call('POST', '/api/mark-read', { number: CONTACT, from_number: LINE })).status, 200)
    assert.equal(listed, 0)
    await Promise.all([blocking, ...lists])
  })

  test('is asked once whether it can be written for all who ask, however many they are: calls find connections', async () => {
    await using database = await postgres.database()
    await using server = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '2' })
    const account = await customer(server)
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'lock table facts'))
    const asked = Array.from({ length: 8 }, () => server.operator.call('GET', '/readyz'))
    await waiting(database, 1)
    await account.markRead()
    await held.disposeAsync()
    assert.deepEqual(new Set((await Promise.all(asked)).map(({ status }) => status)), new Set([200]))
  })

  test('answers an account’s list while another has asked for more than all connections that lists may have', async () => {
    await using database = await postgres.database()
    await using endpoint = await startCustomerServer()
    await using server = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '6' })
    const busy = await withDelivery(server, endpoint)
    const other = await customer(server, { lines: [OTHER_LINE] })
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'lock table webhook_attempts'))
    const lists = Array.from({ length: 4 }, () => busy.call('GET', '/readback/v1/webhook-deliveries'))
    await waiting(database, 2)
    await other.must(200, 'GET', '/readback/v1/receipts')
    await held.disposeAsync()
    await Promise.all(lists)
  })

  test('gives those whom it does not know one connection, while lists wait, however many they are', async () => {
    await using database = await postgres.database()
    await using endpoint = await startCustomerServer()
    await using server = await startReadback({ ...nodeSettings(database), READBACK_POOL_SIZE: '4' })
    const account = await withDelivery(server, endpoint)
    const other = await withDelivery(server, endpoint, OTHER_LINE)
    const list = (headers = {}) => account.call('GET', '/readback/v1/webhook-deliveries', undefined, headers)
    await using held = new AsyncDisposableStack()
    held.use(await locked(database, 'lock table webhook_attempts'))
    const known = [list(), list(other.keys)]
    await waiting(database, 2)
    held.use(await locked(database, 'lock table api_keys'))
    const strangers = Array.from({ length: 8 }, (_, n) => list({ 'sb-api-key-id': `key_${n}` }))
    await waiting(database, 3)
    await server.operator.must(200, 'GET', '/readyz')
    await held.disposeAsync()
    for (const { status } of await Promise.all(known)) assert.equal(status, 200)
    for (const { status } of await Promise.all(strangers)) assert.equal(status, 401)
  })
})

/** An account with a webhook that was delivered: what came of it is a list that nothing else looks at. */
async function withDelivery(server: Readback, endpoint: CustomerServer, line = LINE): Promise<Customer> {
  const account = await customer(server, { lines: [line] })
  await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [endpoint.url], type: 'receive' })
  await account.write()
  const deliveries = () => account.must(200, 'GET', '/readback/v1/webhook-deliveries')
  await until('its webhook to be written down', deliveries, ({ body }) => body.data[0]?.state === 'delivered')
  return account
}

async function locks({ url }: Database, table: string): Promise<number> {
  const held = `select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = '${table}'::regclass`
  return (await runSql(url, held)).length
}

/** Two nodes, of which the first has the line and reaches the database at `url`: its customer at the second. */
async function besideNodeWithLine(database: Database, url: string, stack: AsyncDisposableStack): Promise<Customer> {
  const short = { READBACK_LEASE_S: '2', READBACK_CARRIER_TIMEOUT_S: '1' }
  const a = stack.use(await startReadback({ ...nodeSettings({ url }), ...short }))
  const onA = await customer(a)
  // Not by a receipt: its lane would look again by itself a second later.
  await until(
    'the first to have the line',
    () => leases(database),
    ({ length }) => length === 1,
  )
  const b = stack.use(await startReadback({ ...nodeSettings(database), ...short }))
  return enter(b.base, onA.accountId, onA.keys)
}
