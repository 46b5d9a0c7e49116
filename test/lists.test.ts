import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { type Client, client } from './support/client.ts'
import { dataFolder } from './support/data-folder.ts'
import { type Filling, fillingPostgres, fillingSqlite } from './support/filling.ts'
import { postgresServer, requirePostgres } from './support/postgres.ts'
import { type Customer, customer, LINE, startReadback } from './support/readback.ts'
import { until } from './support/until.ts'
import { keysOf, signIn } from './support/visitor.ts'

const OTHER_LINE = '+19175550199'
const MESSAGES = 40_000
const AT_ONCE = 60
const LIST = '/api/v2/messages?limit=100'
const LINES = 200

test('an account that asks for many long lists at once keeps no other waiting on SQLite', async () => {
  await using folder = await dataFolder()
  await keepsNoOtherWaiting(fillingSqlite(folder))
})

test('an account that asks for many long lists at once keeps no other waiting on PostgreSQL', {
  skip: requirePostgres(),
}, async () => {
  await using server = await postgresServer()
  await using database = await server.database()
  await using filling = await fillingPostgres(database)
  await keepsNoOtherWaiting(filling)
})

test('an account with many lines whose dashboards all look at them keeps no other waiting on SQLite', async () => {
  await using folder = await dataFolder()
  await linesKeepNoOtherWaiting(fillingSqlite(folder))
})

test('an account with many lines whose dashboards all look at them keeps no other waiting on PostgreSQL', {
  skip: requirePostgres(),
}, async () => {
  await using server = await postgresServer()
  await using database = await server.database()
  await using filling = await fillingPostgres(database)
  await linesKeepNoOtherWaiting(filling)
})

test('a list that a message comes into while it is made never says that there is no more, on PostgreSQL', {
  skip: requirePostgres(),
}, async () => {
  await using server = await postgresServer()
  await using database = await server.database()
  await using filling = await fillingPostgres(database)
  await using readback = await startReadback({ ...filling.env, LOG_LEVEL: 'warn' })
  const account = await customer(readback)
  await account.write()
  const held = new pg.Client(database.url)
  await held.connect()
  // Who counts does without this table; who shows does not.
  await held.query('begin; lock table conversations')
  const listed = account.must(200, 'GET', '/api/v2/messages?limit=1')
  await until(
    'the list to wait',
    () => filling.count('count(*) from pg_locks where not granted'),
    (waiting) => waiting > 0,
  )
  await held.query(
    `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, outbound, service, status,
       reaction, sent_at, received_at, updated_at)
     select account_id, line_id, conversation_id, 'copy', 0, contact, 0, service, status,
       reaction, sent_at, received_at, updated_at from messages`,
  )
  await held.query('commit')
  await held.end()
  assert.deepEqual((await listed).body.pagination, { hasMore: true, limit: 1, offset: 0, total: 2 })
})

async function linesKeepNoOtherWaiting({ env, fill }: Filling): Promise<void> {
  await using server = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  const busy = await customer(server)
  await busy.write()
  const { settled_at } = await busy.settled(await busy.markRead())
  await fill(
    LINES - 1,
    `insert into lines (account_id, number, connector, settings, inbound_secret, inbound_secret_hash, to_enrol, paused, status,
       created_at)
     select account_id, '+1415' || (5550100 + n), connector, settings, inbound_secret, 'copy-' || n, 0, 1, status,
       created_at from lines, series where id = 1`,
  )
  const other = await customer(server, { lines: [OTHER_LINE] })
  const [page, otherPage] = [await pageOf(server.base, busy), await pageOf(server.base, other)]
  const { data } = (await page.must(200, 'GET', '/console/lines')).body
  assert.equal(data.length, LINES)
  assert.equal(data.find(({ number }: { number: string }) => number === LINE).last_receipt_at, settled_at)
  // Each over a connection that is there: a turn of the event loop takes in one new one alone, and who calls last would come last.
  await Promise.all(Array.from({ length: AT_ONCE + 1 }, () => page.must(200, 'GET', '/healthz')))
  let answered = 0
  const looks = Array.from({ length: AT_ONCE }, () => page.call('GET', '/console/lines').then(() => (answered += 1)))
  await otherPage.must(200, 'GET', '/console/lines')
  const before = answered
  await Promise.all(looks)
  assert.ok(before < AT_ONCE / 2, `${before} of the busy account's looks came first`)
}

function pageOf(base: string, account: Customer) {
  return signIn(base, keysOf(account))
}

async function keepsNoOtherWaiting({ env, fill }: Filling): Promise<void> {
  await using server = await startReadback({ ...env, LOG_LEVEL: 'warn' })
  const busy = await customer(server)
  await busy.write()
  await fill(
    MESSAGES,
    `insert into messages (account_id, line_id, conversation_id, carrier_message_id, part, contact, outbound, service, status,
       reaction, sent_at, received_at, updated_at)
     select account_id, line_id, conversation_id, 'copy-' || n, 0, contact, 0, service, status,
       reaction, sent_at, received_at, updated_at from messages, series where id = 1`,
  )
  const other = await customer(server, { lines: [OTHER_LINE] })
  await other.write({ to_number: OTHER_LINE })
  const tokens = await Promise.all(Array.from({ length: AT_ONCE }, () => busy.must(201, 'POST', '/v3/auth/tokens')))
  const holders: Client[] = tokens.map(({ body }) => client(server.base, { authorization: `Bearer ${body.token}` }))
  for (const callers of [tokens.map(() => busy), holders]) {
    let answered = 0
    const lists = callers.map((one) => one.call('GET', LIST).then(() => (answered += 1)))
    const { body } = await other.must(200, 'GET', LIST)
    const before = answered
    await Promise.all(lists)
    assert.equal(body.pagination.total, 1)
    assert.ok(before < AT_ONCE / 2, `${before} of the busy account's lists came first`)
  }
}
