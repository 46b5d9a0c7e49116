import assert from 'node:assert/strict'
import dns from 'node:dns'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { readConfig } from '../src/config.ts'
import { startCustomerServer } from './support/customer-server.ts'
import { cuttingProxy, through } from './support/cutting-proxy.ts'
import { dataFolder } from './support/data-folder.ts'
import {
  type Database,
  locked,
  nodeSettings,
  ownServer,
  requireOwnPostgres,
  runSql,
  waiting,
} from './support/postgres.ts'
import { startProcess } from './support/process.ts'
import { CONTACT, type Customer, customer, enter, LINE, startReadback } from './support/readback.ts'
import { share } from './support/shared.ts'
import { until } from './support/until.ts'

const BODY = { number: CONTACT, from_number: LINE }
/** So soon it serves again by itself, once the database does. */
const RECOVERY_MS = 2_000

describe('PostgreSQL', { skip: requireOwnPostgres() }, () => {
  const postgres = share(ownServer)

  const encodedAs = async (database: Database, encoding: string) => {
    const encoded = new URL(database.url)
    encoded.pathname += `_${encoding.toLowerCase()}`
    const name = encoded.pathname.slice(1)
    await runSql(database.url, `create database ${name} encoding '${encoding}' locale 'C' template template0`)
    return nodeSettings({ url: encoded.href })
  }

  test('that cannot hold what contacts write is no place for a store', async () => {
    await using database = await postgres.database()
    const settings = await encodedAs(database, 'LATIN1')
    await assert.rejects(startReadback(settings), /encoding LATIN1: make one with UTF8/)
  })

  test('that gives back whatever it is given is one', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(await encodedAs(database, 'SQL_ASCII'))
    const account = await customer(server)
    await account.write({ content: 'Grüße \u{1f44b}' })
    assert.equal((await account.phone())[0]?.content, 'Grüße \u{1f44b}')
  })

  test('that is away by a name of two addresses is no fault of ours', async (t) => {
    t.mock.method(dns, 'lookup', lookup)
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings({ url: database.url.replace('127.0.0.1', TWO_ADDRESSES) }))
    const account = await customer(server)
    await postgres.stop()
    const away = await account.call('POST', '/api/mark-read', BODY)
    await postgres.start()
    assert.deepEqual([away.status, away.headers.get('retry-after')], [503, '1'])
  })

  test('that is away makes answers 503 with retry-after, and it goes on by itself within 2 seconds', async () => {
    await using database = await postgres.database()
    await using server = await startReadback(nodeSettings(database))
    const account = await customer(server)
    await account.write()
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
    await postgres.stop()
    const away = await account.call('POST', '/api/mark-read', BODY)
    assert.deepEqual([away.status, away.body.status, away.headers.get('retry-after')], [503, 'ERROR', '1'])
    assert.equal((await server.operator.call('GET', '/readyz')).status, 503)
    assert.equal((await server.operator.call('GET', '/healthz')).status, 200)
    await postgres.start()
    const startedAt = performance.now()
    await until(
      'it to serve again',
      () => markRead(account),
      (answer) => answer.status === 200,
    )
    const id = await account.markRead()
    assert.equal((await account.settled(id)).state, 'sent')
    const ms = performance.now() - startedAt
    assert.ok(ms < RECOVERY_MS, `it took ${ms} ms`)
  })

  for (const [how, signal] of [
    ['restarted', 'SIGINT'],
    ['crashes', 'SIGQUIT'],
  ] as const) {
    test(`that ${how} under load loses nothing that was accepted, and no inbound is stored twice`, async () => {
      await using database = await postgres.database()
      await using server = await startReadback({ ...nodeSettings(database), LOG_LEVEL: 'warn' })
      const account = await customer(server)
      await mustKeep(account, database, async () => {
        await postgres.stop(signal)
        await pause(200)
        await postgres.start()
      })
    })
  }

  test('whose connections are cut in the middle of transactions loses nothing that was accepted', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    const settings = nodeSettings({ url: through(database, proxy.port) })
    await using server = await startReadback({ ...settings, LOG_LEVEL: 'warn' })
    const account = await customer(server)
    await mustKeep(account, database, async () => {
      for (let cuts = 0; cuts < 20; cuts++) {
        await pause(37)
        proxy.cut()
      }
    })
  })

  test('that shuts down in the same breath as it answers ends no process, and loses nothing', async () => {
    await using database = await postgres.database()
    await using proxy = await cuttingProxy(postgres.port)
    const settings = nodeSettings({ url: through(database, proxy.port) })
    await using server = await startReadback({ ...settings, LOG_LEVEL: 'warn' })
    const account = await customer(server)
    await mustKeep(account, database, () => proxy.dismiss(100))
  })

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
    const account = await customer(server)
    await account.must(200, 'POST', '/api/account/webhooks', { webhooks: [endpoint.url], type: 'receive' })
    await account.write()
    const deliveries = () => account.must(200, 'GET', '/readback/v1/webhook-deliveries')
    await until('its webhook to be written down', deliveries, ({ body }) => body.data[0]?.state === 'delivered')
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
    assert.equal((await markRead(account)).status, 200)
    assert.equal(listed, 0)
    await Promise.all([blocking, ...lists])
  })

  test('has the time: a node whose clock is 5 minutes ahead takes no line too early and expires nothing', async () => {
    await using database = await postgres.database()
    await using folder = await dataFolder()
    const env = { ...nodeSettings(database), READBACK_RECEIPT_TTL_S: '60' }
    await using right = await startReadback(env)
    const account = await customer(right)
    assert.equal((await account.settled(await account.markRead())).state, 'sent')
    const ahead = join(import.meta.dirname, 'support/clock-ahead.mjs')
    await using wrong = await startProcess({ dataDir: folder.path, env: { ...env, NODE_OPTIONS: `--import ${ahead}` } })
    const there = enter(wrong.base, account.accountId, account.keys)
    const [lease] = await leases(database)
    await account.carrier({ offline: true })
    const waiting = await account.markRead()
    const id = await there.markRead('+14155550100')
    await until(
      'a try',
      () => account.receipt(waiting),
      ({ attempts }) => attempts > 0,
    )
    await account.carrier({ offline: false })
    const receipts = await Promise.all([account.settled(waiting), there.settled(id)])
    assert.deepEqual(
      receipts.map(({ state }) => state),
      ['sent', 'sent'],
    )
    for (const { settled_at } of receipts) assert.ok(Math.abs(Date.parse(settled_at ?? '') - Date.now()) < 60_000)
    assert.deepEqual((await leases(database))[0], lease)
  })
})

/** Callers call without end while something happens; then whatever got a 200 or 201 must be there, once. */
async function mustKeep(account: Customer, { url }: Database, happen: () => Promise<void>): Promise<void> {
  const accepted = new Set<string>()
  const handles: string[] = []
  let over = false
  const callers = Array.from({ length: 16 }, async (_, caller) => {
    for (let call = 0; !over; call++) {
      const number = `+1415${5_550_100 + ((caller * 31 + call) % 100)}`
      const marked = await account.call('POST', '/api/mark-read', { ...BODY, number })
      if (marked.status === 200) accepted.add(marked.headers.get('readback-receipt-id') ?? '')
      else assert.equal(marked.status, 503)
      const message = { number, to_number: LINE, content: 'Hello', message_id: `${caller} ${call}` }
      // The carrier brings it until it is taken.
      for (let status = 0; status !== 201; ) {
        const written = await account.call('POST', '/simulator/messages', message)
        status = written.status
        if (status === 201) handles.push(written.body.messages[0].message_handle)
      }
    }
  })
  await pause(300)
  await happen()
  await pause(300)
  over = true
  await Promise.all(callers)
  assert.ok(accepted.size > 0)
  const receipts = await Promise.all([...accepted].map((id) => account.settled(id)))
  assert.deepEqual(
    receipts.filter(({ state }) => state !== 'sent'),
    [],
  )
  const twice = 'select carrier_message_id from messages group by line_id, carrier_message_id having count(*) > 1'
  assert.deepEqual(await runSql(url, twice), [])
  const shown = await Promise.all(Array.from({ length: 100 }, (_, index) => account.phone(`+1415${5_550_100 + index}`)))
  const onPhones = shown.flat().map(({ message_handle }) => message_handle)
  assert.deepEqual(new Set(handles).difference(new Set(onPhones)), new Set())
}

function markRead(account: Customer) {
  return account.call('POST', '/api/mark-read', BODY)
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

function leases({ url }: Database): Promise<{ node: string; epoch: string }[]> {
  return runSql(url, 'select node, epoch from line_leases')
}

const TWO_ADDRESSES = 'two.example'

/** A name that has two addresses, in the place of the system's. */
function lookup(name: string, _: object, answer: (error: Error | null, ...found: unknown[]) => void): void {
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  if (name === TWO_ADDRESSES) process.nextTick(answer, null, addresses)
  else process.nextTick(answer, null, name, 4)
}

describe('a start on PostgreSQL', () => {
  const url = 'postgres://readback@127.0.0.1:1/readback'

  test('is refused without the secrets that every node has to have alike', () => {
    const READBACK_OPERATOR_TOKEN = 'a token of the operator'
    assert.throws(() => readConfig({ DATABASE_URL: url, READBACK_OPERATOR_TOKEN }), /READBACK_SECRET_KEY must be set/)
    const READBACK_SECRET_KEY = '0'.repeat(64)
    assert.throws(() => readConfig({ DATABASE_URL: url, READBACK_SECRET_KEY }), /READBACK_OPERATOR_TOKEN must be set/)
  })

  test('says that the database cannot be reached, and not its password', { skip: requireOwnPostgres() }, async () => {
    const secret = 'not-to-be-shown'
    const start = startReadback(nodeSettings({ url: url.replace('@', `:${secret}@`) }))
    await assert.rejects(start, (error: Error) => /ECONNREFUSED/.test(error.message) && !error.message.includes(secret))
  })

  test('names the setting whatever keeps it from the database', { skip: requireOwnPostgres() }, async (t) => {
    await using server = await ownServer()
    t.mock.method(dns, 'lookup', lookup)
    const reasons = {
      [url]: 'The store cannot be written or read: connect ECONNREFUSED 127.0.0.1:1',
      [`postgres://readback@${TWO_ADDRESSES}:1/readback`]:
        'The store cannot be written or read: connect ECONNREFUSED 127.0.0.1:1',
      [`postgres://postgres@127.0.0.1:${server.port}/none`]: 'database "none" does not exist',
    }
    for (const [wrong, reason] of Object.entries(reasons)) {
      await assert.rejects(startReadback(nodeSettings({ url: wrong })), {
        message: `${reason}: is DATABASE_URL right?`,
      })
    }
  })

  test('does not wait for ever where nobody answers', { skip: requireOwnPostgres() }, async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const start = startReadback(nodeSettings({ url: `postgres://readback@127.0.0.1:${port}/readback` }))
    await assert.rejects(start, /timeout: is DATABASE_URL right\?$/)
    silent.close()
  })
})
