import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataFolder } from './support/data-folder.ts'
import { type Filling, fillingPostgres, fillingSqlite } from './support/filling.ts'
import { postgresServer, requirePostgres } from './support/postgres.ts'
import { customer, startReadback } from './support/readback.ts'

const OTHER_LINE = '+19175550199'
const MESSAGES = 40_000
const AT_ONCE = 60
const LIST = '/api/v2/messages?limit=100'

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
  let answered = 0
  const lists = Array.from({ length: AT_ONCE }, () => busy.call('GET', LIST).then(() => (answered += 1)))
  const { body } = await other.must(200, 'GET', LIST)
  const before = answered
  await Promise.all(lists)
  assert.equal(body.pagination.total, 1)
  assert.ok(before < AT_ONCE / 2, `${before} of the busy account's lists came first`)
}
